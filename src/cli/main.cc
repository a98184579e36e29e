#include <unistd.h>

#include <cstdio>
#include <exception>
#include <string_view>

#include "cli/command.h"
#include "server/offline.h"

namespace {

lifeboat::server::Environment read_environment(char** variables) {
  lifeboat::server::Environment environment;
  for (; *variables != nullptr; ++variables) {
    const std::string_view entry = *variables;
    const std::size_t equals = entry.find('=');
    if (equals == std::string_view::npos) continue;
    environment.emplace_back(entry.substr(0, equals), entry.substr(equals + 1));
  }
  return environment;
}

void write_to(std::FILE* file, std::string_view text) {
  (void)std::fwrite(text.data(), 1, text.size(), file);
  (void)std::fflush(file);
}

}  // namespace

int main(int count, char** words) try {
  using namespace lifeboat;
  cli::Process process{.environment = read_environment(environ),
                       .is_root = geteuid() == 0,
                       .is_terminal = isatty(STDOUT_FILENO) == 1 && isatty(STDERR_FILENO) == 1,
                       .out = [](std::string_view text) { write_to(stdout, text); },
                       .err = [](std::string_view text) { write_to(stderr, text); },
                       .serve = server::run,
                       .collect = server::collect_offline,
                       .scrub = server::scrub};
  const std::vector<std::string> arguments(words + (count > 0 ? 1 : 0), words + count);
  return cli::dispatch(arguments, process);
} catch (const std::exception& unexpected) {
  (void)std::fprintf(stderr, "lifeboat: %s\n", unexpected.what());
  return lifeboat::cli::kCouldNotFindOut;
}
