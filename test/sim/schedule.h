#pragma once

#include <string_view>
#include <vector>

#include "base/time.h"
#include "test/sim/random.h"

namespace lifeboat::sim {

/// What a server does instead of its work.
enum class Fault {
  none,
  refused,         ///< connection refused
  black_hole,      ///< packets vanish: no connection, and nothing more on those there are
  no_name,         ///< its name does not resolve
  bad_tls,         ///< the handshake fails
  hangs,           ///< takes the request and says nothing
  error_500,       ///< JSON of a registry
  error_502_html,  ///< of a proxy in front of it
  error_503,
  portal_200,     ///< a login page instead of everything
  portal_404,     ///< a web server that knows no such path, in HTML
  refuses_401,    ///< whatever the credentials
  refuses_403,    ///< the same, with an OCI error
  limits_429,     ///< with Retry-After
  slow_head,      ///< seconds to the status line
  slow_body,      ///< a few KiB/s
  cuts_body,      ///< the connection ends in the middle
  stalls_body,    ///< nothing more comes in the middle
  short_body,     ///< announces less than there is and ends there
  long_body,      ///< announces more than there is
  wrong_bytes,    ///< one byte of the content is another; digest headers are the true ones
  wrong_digest,   ///< a tag's HEAD names a digest that nobody has
  garbage_token,  ///< of a token realm: 200 with what is no token
};
std::string_view to_string(Fault fault);
/// No HTTP answer comes at all.
bool is_dead(Fault fault);

/// Every fault of a registry's server, and of a token realm.
const std::vector<Fault>& registry_faults();
const std::vector<Fault>& realm_faults();

/// When which fault holds; times are since the start of the run.
class Schedule {
 public:
  struct Span {
    Duration begin{};
    Duration end{};
    Fault fault = Fault::none;
  };
  void add(Span span) { spans_.push_back(span); }
  /// The last one added that covers the time.
  Fault at(Duration time) const;
  /// When the fault that holds at `time` ends; `time` when none does.
  Duration end_of(Duration time) const;
  const std::vector<Span>& spans() const { return spans_; }

 private:
  const Span* find(Duration time) const;
  std::vector<Span> spans_;
};

/// Healthy and faulty stretches in turn until `until`, out of these faults.
Schedule random_schedule(Random random, const std::vector<Fault>& faults, Duration until);

}  // namespace lifeboat::sim
