#pragma once

#include <string_view>
#include <vector>

#include "server/assignment.h"
#include "server/load.h"

namespace lifeboat::server {

/// A key that people put secrets under. No setting is called so; it gets an error that shows the right way.
bool is_secret_key(std::string_view section, std::string_view key);

/// A Config while assignments arrive: every new record starts with the table's defaults.
class Draft {
 public:
  /// One of a list within an upstream.
  template <class Record>
  struct Entry {
    Record config;
    Origins origins;
    Origin declared;
  };
  using Endpoint = Entry<EndpointConfig>;
  using Rule = Entry<RuleConfig>;
  using Probe = Entry<ProbeConfig>;
  using Retention = Entry<RetentionConfig>;
  struct Upstream {
    UpstreamConfig config;  ///< its lists are empty: see below
    std::vector<Endpoint> endpoints;
    std::vector<Rule> rules;
    Origins origins;
    Origin declared;
  };

  explicit Draft(Problems& problems);

  /// Unknown keys, values that do not fit and numbers that leave a gap go into the problems.
  void apply(const Assignment& assignment);
  /// A new upstream or endpoint with defaults.
  static Upstream make_upstream(Origin declared);
  static Endpoint make_endpoint(Origin declared);

  Config config;  ///< without upstreams, probes and retention
  Origins origins;
  std::vector<Upstream> upstreams;
  std::vector<Probe> probes;
  std::vector<Retention> retention;

 private:
  void set(const Setting& setting, Slot slot, Origin& origin, const Assignment& assignment);
  void apply_to_upstream(const Assignment& assignment, const Setting* setting);
  template <class Record>
  void apply_to_list(std::vector<Entry<Record>>& list, const Assignment& assignment, const Setting* setting);
  bool is_gap(const Assignment& assignment, std::size_t index, std::size_t size);
  void refuse_unknown(const Assignment& assignment);

  Problems& problems_;
};

}  // namespace lifeboat::server
