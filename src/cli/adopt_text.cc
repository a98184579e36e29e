#include "cli/adopt_text.h"

#include <nlohmann/json.hpp>
#include <utility>

#include "cli/human.h"
#include "cli/printable.h"

namespace lifeboat::cli {
namespace {

using registry::adopt::AdoptReport;
using How = registry::adopt::Landing::How;

std::string_view name_of(How how) {
  switch (how) {
    case How::held: return "held";
    case How::linked: return "linked";
    case How::cloned: return "cloned";
    case How::copied: return "copied";
    case How::fetched: return "fetched";
  }
  return "";
}

std::string how_text(const AdoptReport& report) {
  std::string text;
  for (const auto& [how, count] : report.totals.how) {
    text.append(text.empty() ? " (" : ", ").append(std::to_string(count)).append(" ").append(name_of(how));
  }
  return text.empty() ? text : text + ")";
}

}  // namespace

std::string adopt_text(const AdoptReport& report, bool is_dry_run) {
  std::string text;
  for (const registry::adopt::Refusal& refused : report.refused) {
    text.append("not adopted: ").append(printable(refused.name + ": " + refused.reason)).append("\n");
  }
  const auto& totals = report.totals;
  text.append(is_dry_run ? "would adopt " : "adopted ");
  text.append(human_count(totals.repositories, "repository") + ", " + human_count(totals.tags, "tag") + ", " +
              human_count(totals.manifests, "manifest") + ", " + human_count(totals.blobs, "blob"));
  if (!is_dry_run) text.append(how_text(report));
  text.append(", " + human_size(totals.bytes) + "\n");
  if (!report.refused.empty()) text.append(human_count(report.refused.size(), "name") + " not adopted\n");
  return text;
}

std::string adopt_json(const AdoptReport& report, bool is_dry_run) {
  nlohmann::ordered_json how = nlohmann::ordered_json::object();
  for (const auto& [kind, count] : report.totals.how) how[std::string(name_of(kind))] = count;
  nlohmann::ordered_json refused = nlohmann::ordered_json::array();
  for (const auto& one : report.refused) refused.push_back({{"name", one.name}, {"reason", one.reason}});
  nlohmann::ordered_json document{{"dry_run", is_dry_run},        {"repositories", report.totals.repositories},
                                  {"tags", report.totals.tags},   {"manifests", report.totals.manifests},
                                  {"blobs", report.totals.blobs}, {"bytes", report.totals.bytes}};
  if (!is_dry_run) document["blobs_by"] = std::move(how);
  document["not_adopted"] = std::move(refused);
  return document.dump(-1, ' ', true, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

std::string adopt_progress_text(const registry::adopt::AdoptProgress& progress) {
  return progress.repository + " (" + std::to_string(progress.repositories_done + 1) + " of " +
         human_count(progress.repositories_all, "repository") + "), " + human_count(progress.blobs, "blob") + ", " +
         human_size(progress.bytes);
}

}  // namespace lifeboat::cli
