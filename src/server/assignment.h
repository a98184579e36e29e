#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <utility>

#include "server/setting_value.h"

namespace lifeboat::server {

/// Where a value came from; later ones win.
struct Origin {
  enum class Kind { default_value, file, environment, flag };
  Kind kind = Kind::default_value;
  std::string where;  ///< "lifeboat.toml:12", "LIFEBOAT_SERVER_LISTEN", "--listen"
  unsigned line = 0;  ///< of the file
};

/// How a problem with such a value begins: "lifeboat.toml:12", "environment variable LIFEBOAT_SERVER_LISTEN".
std::string spoken(const Origin& origin);

/// One value for one setting, not yet checked. A file, the environment and the flags all become a list of these.
struct Assignment {
  std::string section;  ///< as in Setting; "" for a key outside of any section
  std::string key;      ///< "" declares an upstream or an endpoint without saying anything about it
  UpstreamIndex index;
  GivenValue value;
  Origin origin;
};

/// What is wrong with a configuration, all of it, in the order of the file.
class Problems {
 public:
  void add(const Origin& origin, std::string_view text);
  bool empty() const { return problems_.empty(); }
  /// One line each: `lifeboat.toml:12: unknown key 'upstrem' (did you mean 'upstream'?)`. Not for an empty list.
  Error to_error() const;

 private:
  std::multimap<std::pair<Origin::Kind, unsigned>, std::string> problems_;  // by source and line, else as they came
};

}  // namespace lifeboat::server
