#include "cli/export_text.h"

#include <nlohmann/json.hpp>
#include <utility>

#include "cli/human.h"
#include "cli/printable.h"

namespace lifeboat::cli {

std::string export_text(const registry::ExportReport& report, bool is_dry_run) {
  std::string text;
  for (const auto& refused : report.refused) {
    text.append("not exported: ").append(printable(refused.name + ": " + refused.reason)).append("\n");
  }
  text.append(is_dry_run ? "would export " : "exported ");
  text.append(human_count(report.repositories, "repository") + ", " + human_count(report.tags, "tag") + ", " +
              human_count(report.manifests, "manifest") + ", " + human_count(report.blobs, "blob") + ", " +
              human_size(report.bytes));
  if (!is_dry_run) text.append(" (" + human_size(report.bytes_written) + " new)");
  text.append("\n");
  if (!report.refused.empty()) text.append(human_count(report.refused.size(), "name") + " not exported\n");
  return text;
}

std::string export_json(const registry::ExportReport& report, bool is_dry_run) {
  nlohmann::ordered_json refused = nlohmann::ordered_json::array();
  for (const auto& one : report.refused) refused.push_back({{"name", one.name}, {"reason", one.reason}});
  const nlohmann::ordered_json document{{"dry_run", is_dry_run},
                                        {"repositories", report.repositories},
                                        {"tags", report.tags},
                                        {"manifests", report.manifests},
                                        {"blobs", report.blobs},
                                        {"bytes", report.bytes},
                                        {"bytes_written", report.bytes_written},
                                        {"not_exported", std::move(refused)}};
  return document.dump(-1, ' ', true, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

std::string export_progress_text(const registry::ExportProgress& progress) {
  return progress.repository + ", " + std::to_string(progress.contents) + " blobs and manifests, " +
         human_size(progress.bytes);
}

}  // namespace lifeboat::cli
