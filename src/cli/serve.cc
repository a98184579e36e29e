#include "cli/serve.h"

#include "cli/config_options.h"

namespace lifeboat::cli {

int run_serve(const Command& self, Words words, Process& process) {
  ConfigOptions options;
  Arguments arguments;
  options.declare(arguments);
  if (const auto done = arguments.parse(self, words, process)) return *done;

  const auto load = [&]() -> Result<server::LoadedConfig> {
    LB_TRY(const server::ConfigSources sources, read_sources(options, process));
    return server::load_config(sources);
  };
  const auto loaded = load();
  if (!loaded) {
    process.err(loaded.error().message() + "\n");
    return loaded.error().code() == ErrorCode::invalid ? kUsage : kCouldNotFindOut;
  }
  const server::ReloadConfig reload = [&]() -> Result<server::Config> {
    LB_TRY(server::LoadedConfig fresh, load());
    return std::move(fresh.config);
  };
  return process.serve(loaded->config, reload, loaded->warnings);
}

}  // namespace lifeboat::cli
