#pragma once

#include <string>
#include <utility>
#include <vector>

#include "server/assignment.h"

namespace lifeboat::server {

using Environment = std::vector<std::pair<std::string, std::string>>;

/// The settings among the variables: `LIFEBOAT_<SECTION>_<KEY>`, `LIFEBOAT_UPSTREAM_<n>_<KEY>` and
/// `LIFEBOAT_UPSTREAM_<n>_ENDPOINTS_<m>_<KEY>`, and `LIFEBOAT_PROBE_<n>_<KEY>`, records in the order of their numbers.
/// A variable of a section that has no such key is a problem; any other `LIFEBOAT_…` is left alone, with a warning when
/// it looks like a mistyped one. What Kubernetes sets for services called lifeboat-… (`LIFEBOAT_SERVER_PORT_5000_TCP`
/// and the like) is not ours.
std::vector<Assignment> parse_environment(const Environment& environment, Problems& problems,
                                          std::vector<std::string>& warnings);

}  // namespace lifeboat::server
