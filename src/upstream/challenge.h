#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lifeboat::upstream {

/// One challenge of a `WWW-Authenticate` field (RFC 9110 §11.6.1), e.g. `Bearer realm="…",service="…",scope="…"`.
struct Challenge {
  std::string scheme;                                           ///< lower case: "bearer", "basic"
  std::vector<std::pair<std::string, std::string>> parameters;  ///< names in lower case, values unquoted

  std::optional<std::string_view> find(std::string_view name) const;
  friend bool operator==(const Challenge&, const Challenge&) = default;
};

/// Reads the challenges of a field (several fields joined by ", "). The field comes from outside: reading stops at the
/// first thing that is no challenge, and what was complete until there is given. At most 8 challenges of 16 parameters,
/// out of at most 8 KiB.
std::vector<Challenge> parse_challenges(std::string_view field);

}  // namespace lifeboat::upstream
