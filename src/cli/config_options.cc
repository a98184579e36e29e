#include "cli/config_options.h"

#include <cerrno>
#include <cstdio>
#include <memory>

#include "base/bytes.h"

namespace lifeboat::cli {
namespace {

constexpr std::size_t kFileMaxBytes = kMiB;

struct CloseFile {
  void operator()(std::FILE* file) const { (void)std::fclose(file); }
};

Result<std::string> read_text(const std::string& path) {
  const std::string what = "cannot read configuration '" + path + "'";
  const std::unique_ptr<std::FILE, CloseFile> file(std::fopen(path.c_str(), "rbe"));
  if (!file) return fail_errno(errno, what);
  std::string text(kFileMaxBytes + 1, '\0');
  text.resize(std::fread(text.data(), 1, text.size(), file.get()));
  if (std::ferror(file.get()) != 0) return fail_errno(errno, what);
  if (text.size() > kFileMaxBytes) return fail(ErrorCode::unsupported, what + ": it is too large (want at most 1MiB)");
  return text;
}

std::optional<std::string> variable(const server::Environment& environment, std::string_view name) {
  for (const auto& [key, value] : environment) {
    if (key == name && !value.empty()) return value;
  }
  return std::nullopt;
}

}  // namespace

void ConfigOptions::declare(Arguments& arguments) {
  arguments.option("--config", file);
  arguments.option("--listen", flags.listen);
  arguments.option("--data", flags.data);
  arguments.list("--upstream", flags.upstreams);
}

Result<server::ConfigSources> read_sources(const ConfigOptions& options, const Process& process) {
  server::ConfigSources sources;
  sources.environment = process.environment;
  sources.flags = options.flags;
  sources.is_root = process.is_root;
  const auto file = options.file ? options.file : variable(process.environment, "LIFEBOAT_CONFIG");
  if (file) {
    LB_TRY(sources.file_text, read_text(*file));
    sources.file_name = *file;
  }
  return sources;
}

}  // namespace lifeboat::cli
