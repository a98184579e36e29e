#include <algorithm>
#include <filesystem>

#include "cli/archive_actions.h"
#include "cli/archive_text.h"
#include "cli/arguments.h"
#include "cli/human.h"
#include "cli/printable.h"
#include "cli/progress_line.h"
#include "cli/whole_number.h"
#include "registry/archive/output.h"

namespace lifeboat::cli {
namespace {

namespace archive = registry::archive;

constexpr uint64_t kKeepMax = 10'000;

/// A `latest` link is the archive it leads to: its checksum stands beside that.
sys::Path real_path(const std::string& word) {
  std::error_code error;
  const sys::Path real = std::filesystem::canonical(word, error);
  return error ? sys::Path(word) : real;
}

/// The file itself, or the archives in a directory.
Result<std::vector<sys::Path>> archives_at(sys::FileSystem& files, const std::string& word) {
  const sys::Path path = real_path(word);
  LB_TRY(const sys::FileInfo info, files.info(path));
  if (!info.is_directory) return std::vector{path};
  LB_TRY(const auto standing, archive::archives_in(files, path));
  if (standing.empty()) {
    return fail(ErrorCode::not_found, "cannot verify archives in '" + word + "': there are none");
  }
  std::vector<sys::Path> paths;
  for (const archive::Standing& one : standing) paths.push_back(path / one.file);
  return paths;
}

Result<std::vector<archive::Standing>> standing_at(sys::FileSystem& files, const std::string& word) {
  const sys::Path path = real_path(word);
  LB_TRY(const sys::FileInfo info, files.info(path));
  if (info.is_directory) return archive::archives_in(files, path);
  LB_TRY(auto one, archive::look_at(files, path));
  return std::vector{std::move(one)};
}

Result<archive::CheckReport> check_one(sys::FileSystem& files, const sys::Path& path,
                                       const archive::CheckOptions& options, ProgressLine& line) {
  uint64_t done = 0;
  return archive::check(files, path, options, [&](uint64_t bytes) {
    done += bytes;
    line.show([&] { return path.filename().native() + ": " + human_size(done); });
  });
}

int could_not_look(const Error& error, Process& process) {
  process.err(printable(error.message()) + "\n");
  return kCouldNotFindOut;
}

struct PruneFlags {
  std::vector<std::string> words{};
  std::optional<std::string> keep{};
  bool is_dry_run = false;
  std::string output = "text";
};

Result<Pruned> prune(sys::FileSystem& files, const sys::Path& directory, std::size_t keep, bool is_dry_run) {
  LB_TRY(const auto archives, archive::archives_in(files, directory));
  const auto is_good = [&](const archive::Standing& one) {
    const auto report = archive::check(files, directory / one.file, {}, [](uint64_t) {});
    return report && report->is_whole();
  };
  Pruned pruned;
  for (const std::size_t i : archive::beyond(archives, keep, is_good)) {
    if (!is_dry_run) LB_CHECK(archive::remove_archive(files, directory, archives[i]));
    pruned.removed.push_back(archives[i].file);
    pruned.bytes += archives[i].size_bytes;
  }
  pruned.kept = archives.size() - pruned.removed.size();
  if (!is_dry_run) {
    LB_TRY(pruned.leftovers, archive::remove_leftovers(files, directory));
  }
  return pruned;
}

}  // namespace

int archive_verify(const Command& self, Words words, Process& process) {
  std::vector<std::string> paths;
  std::vector<std::string> platforms;
  std::string output = "text";
  archive::CheckOptions options;
  Arguments arguments;
  arguments.words("FILE", paths);
  arguments.list("--platform", platforms);
  arguments.choice("-o,--output", output, {"text", "json"});
  if (const auto done = arguments.parse(self, words, process)) return *done;
  if (paths.empty()) return explain_usage(self.name, "a file or a directory is missing", process);
  for (const std::string& text : platforms) {
    const auto platform = oci::Platform::parse(text);
    if (!platform) return explain_usage(self.name, platform.error().message(), process);
    options.platforms.push_back(*platform);
  }

  const auto files = sys::make_posix_file_system();
  ProgressLine line(process);
  std::vector<CheckedArchive> checked;
  int code = kFine;
  for (const std::string& word : paths) {
    const auto archives = archives_at(*files, word);
    if (!archives) {
      code = std::max(code, could_not_look(archives.error(), process));
      continue;
    }
    for (const sys::Path& path : *archives) {
      auto report = check_one(*files, path, options, line);
      line.clear();
      if (!report) {
        code = std::max(code, could_not_look(report.error(), process));
        continue;
      }
      checked.push_back({path.native(), std::move(*report)});
      if (output == "text") process.out(checked_text(checked.back()));
    }
  }
  if (output == "json") process.out(checked_json(checked));
  const bool is_broken = std::ranges::any_of(checked, [](const auto& one) { return !one.report.is_whole(); });
  return is_broken ? kFoundWrong : code;
}

int archive_list(const Command& self, Words words, Process& process) {
  std::vector<std::string> paths;
  std::string output = "text";
  Arguments arguments;
  arguments.words("DIR", paths);
  arguments.choice("-o,--output", output, {"text", "json"});
  if (const auto done = arguments.parse(self, words, process)) return *done;
  if (paths.size() != 1) return explain_usage(self.name, "want one directory, or one file", process);
  const auto files = sys::make_posix_file_system();
  const auto archives = standing_at(*files, paths.front());
  if (!archives) return could_not_look(archives.error(), process);
  process.out(output == "json" ? listed_json(*archives) : listed_text(*archives));
  const bool is_broken = std::ranges::any_of(*archives, [](const auto& one) { return !one.fault.empty(); });
  return is_broken ? kFoundWrong : kFine;
}

int archive_prune(const Command& self, Words words, Process& process) {
  PruneFlags flags;
  Arguments arguments;
  arguments.words("DIR", flags.words);
  arguments.option("--keep", flags.keep);
  arguments.flag("--dry-run", flags.is_dry_run);
  arguments.choice("-o,--output", flags.output, {"text", "json"});
  if (const auto done = arguments.parse(self, words, process)) return *done;
  if (flags.words.size() != 1) return explain_usage(self.name, "want one directory", process);
  if (!flags.keep) return explain_usage(self.name, "'--keep N' is missing", process);
  const auto keep = whole_number_of("--keep", flags.keep, 0, kKeepMax);
  if (!keep) return explain_usage(self.name, keep.error().message(), process);
  const auto files = sys::make_posix_file_system();
  const auto pruned = prune(*files, real_path(flags.words.front()), *keep, flags.is_dry_run);
  if (!pruned) return could_not_look(pruned.error(), process);
  process.out(flags.output == "json" ? pruned_json(*pruned, flags.is_dry_run) : pruned_text(*pruned, flags.is_dry_run));
  return kFine;
}

}  // namespace lifeboat::cli
