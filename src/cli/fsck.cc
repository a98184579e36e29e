#include "cli/fsck.h"

#include <algorithm>
#include <chrono>
#include <thread>

#include "cli/admin_client.h"
#include "cli/fsck_text.h"
#include "cli/progress_line.h"
#include "server/units.h"
#include "sys/clock.h"

namespace lifeboat::cli {
namespace {

struct FsckFlags {
  std::vector<std::string> paths{};
  std::optional<std::string> kind{};
  std::optional<std::string> stale_after{};
  std::string output = "text";
  bool is_deep = false;
  bool shows_all = false;
};

std::optional<registry::TreeKind> kind_named(std::string_view name) {
  using enum registry::TreeKind;
  for (const registry::TreeKind kind : {distribution, oci_layout, lifeboat}) {
    if (to_string(kind) == name) return kind;
  }
  return std::nullopt;
}

/// Says that it could not look: whatever the reason, the question itself was understood.
int could_not_look(const Error& error, Process& process) {
  process.err(error.message() + "\n");
  return kCouldNotFindOut;
}

int run_check(const FsckFlags& flags, const registry::CheckOptions& options, std::optional<registry::TreeKind> kind,
              Process& process) {
  const auto files = sys::make_posix_file_system();
  auto open = registry::open_tree(flags.paths.front(), kind, *files);
  if (!open) return could_not_look(open.error(), process);
  ProgressLine line(process);
  const auto report = registry::check(
      *open, options, [&](const auto& progress) { line.show([&] { return check_progress_text(progress); }); });
  line.clear();
  if (!report) return could_not_look(report.error(), process);
  const FsckSubject subject{.path = flags.paths.front(), .kind = open->tree->kind()};
  process.out(flags.output == "json" ? fsck_json(subject, *report) : fsck_text(subject, *report, flags.shows_all));
  return std::ranges::any_of(report->findings,
                             [](const auto& one) { return one.severity == registry::Severity::broken; })
             ? kFoundWrong
             : kFine;
}

}  // namespace

int run_fsck(const Command& self, Words words, Process& process) {
  FsckFlags flags;
  Arguments arguments;
  arguments.words("PATH", flags.paths);
  arguments.option("--kind", flags.kind);
  arguments.option("--stale-after", flags.stale_after);
  arguments.flag("--deep", flags.is_deep);
  arguments.flag("--all", flags.shows_all);
  arguments.choice("-o,--output", flags.output, {"text", "json"});
  if (const auto done = arguments.parse(self, words, process)) return *done;

  if (flags.paths.size() != 1) {
    return explain_usage(self.name, flags.paths.empty() ? "a path is missing" : "one path at a time", process);
  }
  std::optional<registry::TreeKind> kind;
  if (flags.kind) {
    kind = kind_named(*flags.kind);
    if (!kind) return explain_usage(self.name, "no such kind of tree: '" + *flags.kind + "'", process);
  }
  registry::CheckOptions options{.is_deep = flags.is_deep,
                                 .threads = std::max(1U, std::thread::hardware_concurrency()),
                                 .now = std::chrono::floor<Duration>(std::chrono::system_clock::now())};
  if (flags.stale_after) {
    const auto age = server::parse_duration(*flags.stale_after);
    if (!age) return explain_usage(self.name, "no duration: '" + *flags.stale_after + "' (want one as in 7d)", process);
    options.uploads_stale_after = *age;
  }
  return run_check(flags, options, kind, process);
}

}  // namespace lifeboat::cli
