#include "cli/fsck.h"

#include <algorithm>
#include <chrono>
#include <thread>

#include "cli/admin_client.h"
#include "cli/fsck_repair.h"
#include "cli/fsck_text.h"
#include "cli/printable.h"
#include "cli/progress_line.h"
#include "server/units.h"
#include "sys/clock.h"
#include "sys/disk_beneath.h"

namespace lifeboat::cli {
namespace {

struct FsckFlags {
  std::vector<std::string> paths{};
  std::optional<std::string> kind{};
  std::optional<std::string> stale_after{};
  std::string output = "text";
  bool is_deep = false;
  bool shows_all = false;
  bool is_repairing = false;
  bool is_dry_run = false;
  std::optional<std::string> from{};
  RemoteOptions remote{};
};

/// What the flags mean.
struct FsckOrder {
  registry::CheckOptions options{};
  std::optional<registry::TreeKind> kind{};
  std::optional<RepairOrigin> origin{};
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
  process.err(printable_lines(error.message()) + "\n");
  return kCouldNotFindOut;
}

int exit_code_of(const registry::CheckReport& report) {
  const auto has = [&](registry::Severity severity) {
    return std::ranges::any_of(report.findings, [&](const auto& one) { return one.severity == severity; });
  };
  if (has(registry::Severity::broken)) return kFoundWrong;
  return has(registry::Severity::unknown) ? kCouldNotFindOut : kFine;
}

/// Repairs what can be, and gives what was done; the plan alone where nothing is to be changed.
Result<registry::RepairOutcome> repair_now(const FsckFlags& flags, const FsckOrder& order, const sys::DiskBeneath& disk,
                                           registry::OpenTree& open, registry::CheckReport before, ProgressLine& line,
                                           Process& process) {
  registry::TreeRepair repairer({*disk.files, *disk.sharing}, open);
  RemoteRegistries registries(flags.remote, process.environment, 1);
  std::optional<RepairFetcher> fetcher;
  registry::FetchStep fetch;
  if (order.origin) {
    fetcher.emplace(registries, *order.origin);
    fetch = [&](const registry::RepairStep& step, registry::TreeRepair& into) { return fetcher->fetch(step, into); };
  }
  return registry::repair(repairer, open, std::move(before), order.options, fetch,
                          [&](const auto& progress) { line.show([&] { return check_progress_text(progress); }); });
}

int look_and_repair(const FsckFlags& flags, const FsckOrder& order, Process& process) {
  const sys::DiskBeneath disk = sys::make_disk_beneath(flags.paths.front());
  const bool may_share = !flags.is_repairing || flags.is_dry_run;
  auto open = registry::open_tree(flags.paths.front(), order.kind, *disk.files, may_share);
  if (!open) return could_not_look(open.error(), process);
  ProgressLine line(process);
  auto report = registry::check(
      *open, order.options, [&](const auto& progress) { line.show([&] { return check_progress_text(progress); }); });
  if (!report) return could_not_look(report.error(), process);
  const bool is_text = flags.output == "text";
  std::optional<registry::RepairOutcome> repairs;
  if (flags.is_repairing && flags.is_dry_run && is_text) {
    const bool can_fetch = order.origin.has_value();
    process.out(plan_text(registry::plan_repair(open->tree->kind(), report->findings, can_fetch)));
  } else if (flags.is_repairing && !flags.is_dry_run) {
    auto repaired = repair_now(flags, order, disk, *open, std::move(*report), line, process);
    if (!repaired) return could_not_look(repaired.error(), process);
    repairs = std::move(*repaired);
    *report = repairs->after;
    if (is_text) process.out(repairs_text(*repairs));
  }
  line.clear();
  const FsckSubject subject{.path = flags.paths.front(), .kind = open->tree->kind()};
  process.out(is_text ? fsck_text(subject, *report, flags.shows_all)
                      : fsck_json(subject, *report, repairs ? &*repairs : nullptr));
  return exit_code_of(*report);
}

Result<FsckOrder> order_of(const FsckFlags& flags) {
  FsckOrder order{.options = {.is_deep = flags.is_deep,
                              .threads = std::max(1U, std::thread::hardware_concurrency()),
                              .now = std::chrono::floor<Duration>(std::chrono::system_clock::now())}};
  if (flags.paths.size() != 1) {
    return fail(ErrorCode::invalid, flags.paths.empty() ? "a path is missing" : "one path at a time");
  }
  if (flags.kind) {
    order.kind = kind_named(*flags.kind);
    if (!order.kind) return fail(ErrorCode::invalid, "no such kind of tree: '" + *flags.kind + "'");
  }
  if (flags.stale_after) {
    const auto age = server::parse_duration(*flags.stale_after);
    if (!age) return fail(ErrorCode::invalid, "no duration: '" + *flags.stale_after + "' (want one as in 7d)");
    order.options.uploads_stale_after = *age;
  }
  if (flags.from) {
    LB_TRY(order.origin, RepairOrigin::parse(*flags.from));
  }
  if (!flags.is_repairing && (flags.from || flags.is_dry_run)) {
    return fail(ErrorCode::invalid, "'--from' and '--dry-run' go with '--repair'");
  }
  if (const std::string mistake = flags.remote.mistake(); !mistake.empty()) return fail(ErrorCode::invalid, mistake);
  return order;
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
  arguments.flag("--repair", flags.is_repairing);
  arguments.flag("--dry-run", flags.is_dry_run);
  arguments.option("--from", flags.from);
  flags.remote.declare(arguments);
  arguments.choice("-o,--output", flags.output, {"text", "json"});
  if (const auto done = arguments.parse(self, words, process)) return *done;

  const auto order = order_of(flags);
  if (!order) return explain_usage(self.name, order.error().message(), process);
  return look_and_repair(flags, *order, process);
}

}  // namespace lifeboat::cli
