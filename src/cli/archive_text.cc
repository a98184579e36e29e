#include "cli/archive_text.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/time.h"
#include "cli/human.h"
#include "cli/printable.h"
#include "cli/table.h"
#include "cli/verify_text.h"

namespace lifeboat::cli {
namespace {

namespace archive = registry::archive;
using Json = nlohmann::ordered_json;

std::string joined(const std::vector<std::string>& texts) {
  std::string text;
  for (const std::string& one : texts) text.append(text.empty() ? "" : ", ").append(one);
  return text;
}

std::string dump(const Json& json) { return json.dump(-1, ' ', true, Json::error_handler_t::replace) + "\n"; }

VerifySummary summary_of(const CheckedArchive& checked) {
  VerifySummary summary{.totals = checked.report.totals};
  for (const archive::Checked& one : checked.report.names) {
    summary.references.push_back({.reference = one.name,
                                  .digest = one.verdict.digest ? one.verdict.digest->to_string() : "",
                                  .outcome = one.verdict.outcome(),
                                  .findings = one.verdict.findings});
  }
  return summary;
}

}  // namespace

std::string saved_text(const archive::Kept& kept) {
  std::string text = (kept.is_new ? "saved " : "already there: ") + printable(kept.path.native()) + " (" +
                     human_size(kept.size_bytes) + ")\n";
  for (const auto& root : kept.roots) text.append("  " + root.name.to_string() + " " + root.digest.to_string() + "\n");
  for (const std::string& file : kept.removed) text.append("  removed the older " + printable(file) + "\n");
  return text;
}

std::string saved_json(const std::vector<archive::Kept>& all) {
  Json archives = Json::array();
  for (const archive::Kept& kept : all) {
    Json names = Json::array();
    for (const auto& root : kept.roots) {
      names.push_back(Json{{"name", root.name.to_string()}, {"digest", root.digest.to_string()}});
    }
    archives.push_back(Json{{"path", kept.path.native()},
                            {"size", kept.size_bytes},
                            {"new", kept.is_new},
                            {"names", std::move(names)},
                            {"removed", kept.removed}});
  }
  return dump(Json{{"archives", std::move(archives)}});
}

std::string save_progress_text(const archive::SaveProgress& progress) {
  return progress.path.substr(0, 26) + ": " + human_size(progress.bytes) + " of " + human_size(progress.bytes_all);
}

std::string checked_text(const CheckedArchive& checked) {
  const archive::CheckReport& report = checked.report;
  std::string text = printable(checked.path) + ": " + (report.is_whole() ? "whole" : "broken");
  if (report.compression != sys::TarCompression::none) text.append(", " + std::string(to_string(report.compression)));
  text.append(report.has_checksum ? ", with its checksum\n" : "\n");
  for (const std::string& fault : report.faults) text.append("  " + printable(fault) + "\n");
  for (const std::string& fault : report.docker_faults) text.append("  for docker: " + printable(fault) + "\n");
  for (const archive::Checked& one : report.names) {
    text.append("  " + printable(one.name));
    if (!one.left_out.empty()) text.append(" (without " + printable(joined(one.left_out)) + ")");
    text.append("\n");
  }
  if (!report.names.empty()) text.append(verify_text(summary_of(checked)));
  return text;
}

std::string checked_json(const std::vector<CheckedArchive>& all) {
  Json archives = Json::array();
  for (const CheckedArchive& checked : all) {
    Json left_out = Json::object();
    for (const archive::Checked& one : checked.report.names) {
      if (!one.left_out.empty()) left_out[one.name] = one.left_out;
    }
    archives.push_back(Json{{"path", checked.path},
                            {"whole", checked.report.is_whole()},
                            {"compression", to_string(checked.report.compression)},
                            {"checksum", checked.report.has_checksum},
                            {"faults", checked.report.faults},
                            {"docker_faults", checked.report.docker_faults},
                            {"left_out", std::move(left_out)},
                            {"verify", Json::parse(verify_json(summary_of(checked)), nullptr, false)}});
  }
  return dump(Json{{"archives", std::move(archives)}});
}

std::string listed_text(const std::vector<archive::Standing>& archives) {
  if (archives.empty()) return "no archives\n";
  std::vector<TableRow> rows{{"FILE", "SIZE", "SAVED", "DIGEST", "NAMES"}};
  for (const archive::Standing& one : archives) {
    const bool is_readable = one.fault.empty() && !one.entries.empty();
    const std::string digest = is_readable ? one.entries.front().descriptor.digest.hex().substr(0, 12) : "";
    std::vector<std::string> names;
    for (const archive::Entry& entry : one.entries) {
      if (!entry.name.empty()) names.push_back(printable(entry.name));
    }
    rows.push_back({printable(one.file), human_size(one.size_bytes), to_rfc3339(one.modified), digest,
                    is_readable ? joined(names) : printable("cannot be read: " + one.fault)});
  }
  return table_of(rows);
}

std::string listed_json(const std::vector<archive::Standing>& archives) {
  Json list = Json::array();
  for (const archive::Standing& one : archives) {
    Json names = Json::array();
    for (const archive::Entry& entry : one.entries) {
      names.push_back(Json{{"name", entry.name}, {"digest", entry.descriptor.digest.to_string()}});
    }
    Json json{{"file", one.file},
              {"size", one.size_bytes},
              {"saved", to_rfc3339(one.modified)},
              {"compression", to_string(one.compression)},
              {"checksum", one.has_checksum},
              {"names", std::move(names)}};
    if (!one.fault.empty()) json["fault"] = one.fault;
    list.push_back(std::move(json));
  }
  return dump(Json{{"archives", std::move(list)}});
}

std::string pruned_text(const Pruned& pruned, bool is_dry_run) {
  const std::string verb = is_dry_run ? "would remove " : "removed ";
  std::string text;
  for (const std::string& file : pruned.removed) text.append(verb + printable(file) + "\n");
  if (pruned.leftovers > 0) text.append(verb + human_count(pruned.leftovers, "file") + " of killed runs\n");
  return text + verb + human_count(pruned.removed.size(), "archive") + " (" + human_size(pruned.bytes) + "), kept " +
         std::to_string(pruned.kept) + "\n";
}

std::string pruned_json(const Pruned& pruned, bool is_dry_run) {
  return dump(Json{{"dry_run", is_dry_run},
                   {"removed", pruned.removed},
                   {"bytes", pruned.bytes},
                   {"leftovers", pruned.leftovers},
                   {"kept", pruned.kept}});
}

std::string loaded_text(std::string_view into, const std::vector<Imported>& imported) {
  std::string text = "loaded into " + std::string(into) + ":\n";
  for (const Imported& one : imported) text.append("  " + printable(one.name) + " " + printable(one.digest) + "\n");
  return text;
}

std::string loaded_json(std::string_view into, const std::vector<Imported>& imported) {
  Json names = Json::array();
  for (const Imported& one : imported) names.push_back(Json{{"name", one.name}, {"digest", one.digest}});
  return dump(Json{{"into", into}, {"names", std::move(names)}});
}

}  // namespace lifeboat::cli
