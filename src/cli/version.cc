#include "cli/version.h"

#include "cli/arguments.h"
#include "server/setting_value.h"

namespace lifeboat::cli {
namespace {

#ifdef __clang__
constexpr std::string_view kCompiler = "clang " __clang_version__;
#else
constexpr std::string_view kCompiler = "gcc " __VERSION__;
#endif

}  // namespace

int run_version(const Command& self, Words words, Process& process) {
  std::string output = "text";
  Arguments arguments;
  arguments.choice("-o,--output", output, {"text", "json"});
  if (const auto done = arguments.parse(self, words, process)) return *done;
  std::string text;
  if (output == "json") {
    text.append("{\"version\":").append(server::quoted(LIFEBOAT_VERSION));
    text.append(",\"compiler\":").append(server::quoted(kCompiler)).append("}\n");
  } else {
    text.append("lifeboat ").append(LIFEBOAT_VERSION).append(" (").append(kCompiler).append(")\n");
  }
  process.out(text);
  return kFine;
}

}  // namespace lifeboat::cli
