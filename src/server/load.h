#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "server/assignment.h"
#include "server/config.h"
#include "server/environment.h"

namespace lifeboat::server {

/// What the command line says; it wins over all else.
struct ConfigFlags {
  std::optional<std::string> listen;   ///< --listen ADDR:PORT
  std::optional<std::string> data;     ///< --data DIR
  std::vector<std::string> upstreams;  ///< --upstream [HOST=]URL, in order

  friend bool operator==(const ConfigFlags&, const ConfigFlags&) = default;
};

/// Everything a Config is made from, read beforehand.
struct ConfigSources {
  std::string file_name = "lifeboat.toml";  ///< how errors call the file
  std::optional<std::string> file_text;     ///< nothing: there is no file
  Environment environment;
  ConfigFlags flags;
  bool is_root = false;  ///< whether the process runs as root: decides where data is kept by default
};

/// Where the values of a Config came from, by key; a key that is missing has its default.
using Origins = std::map<std::string, Origin, std::less<>>;
struct UpstreamOrigins {
  Origins keys;
  std::vector<Origins> endpoints;
  std::vector<Origins> rules;
};
struct ConfigOrigins {
  Origins process;  ///< "server.listen"
  std::vector<UpstreamOrigins> upstreams;
  std::optional<UpstreamOrigins> default_upstream;
  std::optional<UpstreamOrigins> any_upstream;
  std::vector<Origins> probes;
  std::vector<Origins> retention;
};

struct LoadedConfig {
  Config config;
  ConfigOrigins origins;              ///< of the same shape as `config`
  std::vector<std::string> warnings;  ///< for the log; none of them changes what the configuration means
};

/// Flags win over the environment, which wins over the file, which wins over the defaults. Pure: the same sources give
/// the same result, at the start and at every reload. invalid: one line for each thing that is wrong, as in
/// `lifeboat.toml:12: unknown key 'upstrem' (did you mean 'upstream'?)`. Whether files exist that the settings name is
/// not looked at.
Result<LoadedConfig> load_config(const ConfigSources& sources);

/// The settings that differ and that a reload does not apply: "server.listen", in the table's order.
std::vector<std::string> restart_needed(const Config& old, const Config& fresh);

}  // namespace lifeboat::server
