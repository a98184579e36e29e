#include "cli/export.h"

#include "cli/admin_client.h"
#include "cli/export_text.h"
#include "cli/progress_line.h"
#include "registry/tree/export.h"
#include "sys/disk_beneath.h"

namespace lifeboat::cli {
namespace {

Result<registry::ExportReport> export_now(const AdminOptions& options, const registry::ExportOptions& order,
                                          Process& process) {
  LB_TRY(const std::string data, data_directory(options, process));
  const sys::DiskBeneath ours = sys::make_disk_beneath(data);
  const sys::DiskBeneath theirs = sys::make_disk_beneath(order.to);
  auto open = registry::open_tree(data, registry::TreeKind::lifeboat, *ours.files, true);
  if (!open) return fail(ErrorCode::internal, open.error().message());
  registry::PlacedFiles placed({*theirs.files, *theirs.sharing});
  ProgressLine line(process);
  return registry::export_tree(
      *open, placed, order, [&](const auto& progress) { line.show([&] { return export_progress_text(progress); }); });
}

}  // namespace

int run_export(const Command& self, Words words, Process& process) {
  AdminOptions options;
  registry::ExportOptions order;
  std::optional<std::string> layout;
  std::optional<std::string> to;
  std::vector<std::string> patterns;
  std::string output = "text";
  Arguments arguments;
  options.declare(arguments);
  arguments.words("PATTERN", patterns);
  arguments.option("--layout", layout);
  arguments.option("--to", to);
  arguments.flag("--link", order.links);
  arguments.flag("--dry-run", order.is_dry_run);
  arguments.choice("-o,--output", output, {"text", "json"});
  if (const auto done = arguments.parse(self, words, process)) return *done;

  const auto refuse = [&](std::string_view why) { return explain_usage(self.name, why, process); };
  if (!layout || (*layout != "distribution" && *layout != "oci")) {
    return refuse("want '--layout distribution' or '--layout oci'");
  }
  if (!to) return refuse("where to is not said: '--to DIR'");
  order.layout = *layout == "oci" ? registry::ExportLayout::oci : registry::ExportLayout::distribution;
  order.to = *to;
  for (const std::string& text : patterns) {
    auto pattern = oci::ReferencePattern::parse(text);
    if (!pattern) return refuse(pattern.error().message());
    order.patterns.push_back(std::move(*pattern));
  }
  const auto report = export_now(options, order, process);
  if (!report) return explain_failure(report.error(), process);
  process.out(output == "json" ? export_json(*report, order.is_dry_run) : export_text(*report, order.is_dry_run));
  return report->refused.empty() ? kFine : kFoundWrong;
}

}  // namespace lifeboat::cli
