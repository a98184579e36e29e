#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>

#include "test/sim/house.h"
#include "test/sim/network_watch.h"
#include "test/sim/report.h"
#include "test/sim/sim_exchange.h"
#include "test/sim/sim_registry.h"

namespace lifeboat::sim {

/// What a client asks for.
struct Question {
  const SimHost* host = nullptr;
  const SimRepository* repository = nullptr;
  enum class Kind { manifest, blob } kind = Kind::manifest;
  std::string reference;  ///< a digest, or of a manifest a tag
  bool is_head = false;
  uint64_t from = 0;  ///< of a Range to the end of a blob

  bool is_tag() const { return kind == Kind::manifest && !reference.starts_with("sha256:"); }
  std::string to_string() const;
};

/// The promises of the house, compared with every answer: what was given once is given again at once, whatever the
/// upstreams do; an outage is never "not found"; nobody waits long; no body lies. What each answer adds to what is owed
/// is remembered here, across restarts.
class Promises {
 public:
  Promises(NetworkWatch& watch, Report& report) : watch_(watch), report_(report) {}

  /// What was so before the answer.
  struct Before {
    Duration at{};
    bool is_owed = false;               ///< somebody got it whole
    std::optional<std::size_t> newest;  ///< version of the tag that somebody got
    bool is_newest_whole = false;       ///< and all that it names
    bool is_any_whole = false;          ///< or all that an earlier one names
    bool are_breakers_open = false;
    bool is_asking = false;  ///< an upstream of the host, for somebody
    uint64_t requests = 0;
  };
  Before before(const Question& question, const House& house) const;
  void compare(const Question& question, const Before& before, const SimReply& reply, const House& house);

  /// What is owed to clients, by host: repository → digests, for a look at all of it.
  const std::set<std::string>& manifests_owed(const SimHost& host, const SimRepository& repository) const;
  const std::set<std::string>& blobs_owed(const SimHost& host, const SimRepository& repository) const;
  bool is_tag_owed(const SimHost& host, const SimRepository& repository, const std::string& tag) const;

 private:
  struct Owed {
    std::set<std::string> manifests;
    std::set<std::string> blobs;
    std::map<std::string, std::size_t> tags;  ///< the newest version given
  };
  struct Case;  ///< one comparison
  void check_status(const Case& it);
  void check_time(const Case& it, const House& house);
  void check_not_found(const Case& it);
  void check_tag(const Case& it);
  void check_gone(const Case& it, const SimTag& tag);
  void check_manifest(const Case& it);
  void check_blob(const Case& it);
  bool may_be_gone(const Question& question) const;
  bool is_whole(const Question& question, const std::string& digest) const;
  bool is_whole_manifest(const Question& question, const std::string& digest) const;
  void fault(const Case& it, const std::string& text);
  static std::string key_of(const SimHost& host, const SimRepository& repository);
  const Owed* find(const SimHost& host, const SimRepository& repository) const;

  NetworkWatch& watch_;
  Report& report_;
  std::map<std::string, Owed> owed_;
};

}  // namespace lifeboat::sim
