#include <string>

#include "fuzz.h"
#include "server/load.h"
#include "server/show.h"

using namespace lifeboat;

namespace {

server::ConfigSources sources_of(std::string file) {
  server::ConfigSources sources;
  sources.file_text = std::move(file);
  sources.is_root = true;
  return sources;
}

}  // namespace

/// Any file either explains itself or means the same after it was shown.
LB_FUZZ(text) {
  const auto loaded = server::load_config(sources_of(std::string(text)));
  if (!loaded) {
    LB_ASSERT(loaded.error().code() == ErrorCode::invalid);
    LB_ASSERT(!loaded.error().message().empty());
    return;
  }
  const auto again = server::load_config(sources_of(server::render_toml(*loaded)));
  LB_ASSERT(again.has_value());
  LB_ASSERT(again->config == loaded->config);
  LB_ASSERT(server::restart_needed(loaded->config, again->config).empty());
  LB_ASSERT(!server::render_json(*loaded).empty());
}
