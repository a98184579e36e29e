#include "cli/fsck_text.h"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "cli/human.h"
#include "cli/printable.h"

namespace lifeboat::cli {
namespace {

using registry::Finding;
using registry::Lacks;
using registry::Severity;

constexpr std::size_t kShownOfKind = 20;
constexpr std::size_t kShownNames = 10;
constexpr std::size_t kKindColumn = 22;

std::string_view heading_of(Severity severity) {
  switch (severity) {
    case Severity::broken: return "BROKEN: names that cannot be pulled whole\n";
    case Severity::unknown: return "UNKNOWN: what could not be looked at\n";
    case Severity::untidy: return "UNTIDY: nothing that is published suffers\n";
    case Severity::note: return "NOTES\n";
  }
  return "";
}

std::string_view relation_of(Severity severity) {
  if (severity == Severity::broken) return "breaks ";
  return severity == Severity::unknown ? "may break " : "of ";
}

std::string lacks_text(const Finding& finding) {
  switch (finding.lacks) {
    case Lacks::nothing: return "";
    case Lacks::link: return "no link, its bytes are here";
    case Lacks::bytes: return "linked, its bytes are gone";
    case Lacks::both: return "neither link nor bytes";
  }
  return "";
}

std::string names_text(const std::vector<std::string>& names) {
  std::string text;
  for (std::size_t i = 0; i < std::min(names.size(), kShownNames); ++i) {
    text.append(i == 0 ? "" : ", ").append(printable(names.at(i)));
  }
  if (names.size() > kShownNames) text.append(", and " + std::to_string(names.size() - kShownNames) + " more");
  return text;
}

std::string totals_text(const FsckSubject& subject, const registry::CheckReport& report) {
  const registry::CheckTotals& totals = report.totals;
  std::string text = "checked " + human_count(totals.repositories, "repository") + ", " +
                     human_count(totals.tags, "tag") + ", " + human_count(totals.manifests, "manifest") + ", " +
                     human_count(totals.blobs, "blob");
  if (totals.bytes_hashed > 0) text += ", " + human_size(totals.bytes_hashed) + " hashed";
  return text + " (" + std::string(to_string(subject.kind)) + " '" + printable(subject.path) + "')\n";
}

std::string verdict_text(const registry::CheckReport& report) {
  const auto count = [&](Severity severity) {
    return static_cast<uint64_t>(std::ranges::count(report.findings, severity, &Finding::severity));
  };
  const uint64_t broken = count(Severity::broken);
  const uint64_t unknown = count(Severity::unknown);
  const uint64_t untidy = count(Severity::untidy);
  std::string text =
      broken == 0 ? (unknown == 0 ? "every name can be pulled whole" : "every name that could be looked at is whole")
                  : human_count(report.totals.names_broken, "name") + " broken by " + human_count(broken, "fault");
  if (unknown > 0) text += ", " + human_count(unknown, "thing") + " not looked at";
  if (untidy > 0) text += ", " + human_count(untidy, "thing") + " untidy";
  return text + "\n";
}

nlohmann::ordered_json json_of(const Finding& finding) {
  nlohmann::ordered_json entry{
      {"severity", to_string(finding.severity)}, {"kind", to_string(finding.kind)}, {"repository", finding.repository}};
  if (finding.digest) entry["digest"] = finding.digest->to_string();
  if (finding.parent) entry["named_by"] = finding.parent->to_string();
  if (finding.lacks != Lacks::nothing) entry["lacks"] = to_string(finding.lacks);
  if (!finding.detail.empty()) entry["detail"] = finding.detail;
  entry["breaks"] = finding.breaks;
  return entry;
}

nlohmann::ordered_json json_of(const registry::RepairStep& step, std::string_view result) {
  return {{"result", result},
          {"step", step.kind == registry::RepairStep::Kind::fetch ? "fetch" : "restore-link"},
          {"repository", step.repository},
          {"digest", step.digest->to_string()}};
}

nlohmann::ordered_json json_of(const registry::RepairOutcome& outcome) {
  nlohmann::ordered_json steps = nlohmann::ordered_json::array();
  for (const registry::RepairStep& step : outcome.done) steps.push_back(json_of(step, "done"));
  for (const registry::RepairOutcome::Failed& one : outcome.failed) {
    nlohmann::ordered_json entry = json_of(one.step, "failed");
    entry["error"] = one.reason.message();
    steps.push_back(std::move(entry));
  }
  return steps;
}

}  // namespace

std::string repairs_text(const registry::RepairOutcome& outcome) {
  std::string text;
  for (const registry::RepairStep& step : outcome.done)
    text.append("repaired: ").append(printable(to_string(step))).append("\n");
  for (const registry::RepairOutcome::Failed& one : outcome.failed) {
    const std::string what = to_string(one.step) + ": " + one.reason.message();
    text.append("not repaired: ").append(printable(what)).append("\n");
  }
  if (text.empty()) text = "there is nothing that can be repaired\n";
  return text + "\n";
}

std::string plan_text(const std::vector<registry::RepairStep>& steps) {
  std::string text;
  for (const registry::RepairStep& step : steps) text.append("would ").append(printable(to_string(step))).append("\n");
  if (text.empty()) text = "there is nothing that can be repaired\n";
  return text + "\n";
}

std::string finding_text(const Finding& finding) {
  std::string text = "  " + std::string(to_string(finding.kind));
  text.append(text.size() < kKindColumn ? kKindColumn - text.size() : 1, ' ').append("  ");
  std::string what = finding.repository;
  if (finding.digest) what.append(what.empty() ? "" : "@").append(finding.digest->to_string());
  for (const std::string& part : {lacks_text(finding), finding.detail}) {
    if (!part.empty()) what.append(what.empty() ? "" : ": ").append(part);
  }
  text.append(printable(what)).append("\n");
  const std::string indent(kKindColumn + 2, ' ');
  if (finding.parent) text.append(indent).append("named by ").append(finding.parent->to_string()).append("\n");
  if (!finding.breaks.empty()) {
    text.append(indent).append(relation_of(finding.severity)).append(names_text(finding.breaks)).append("\n");
  }
  return text;
}

std::string fsck_text(const FsckSubject& subject, const registry::CheckReport& report, bool has_all) {
  std::string text;
  std::map<std::pair<Severity, registry::FindingKind>, std::size_t> counts;
  const Finding* before = nullptr;
  for (const Finding& finding : report.findings) {
    const std::size_t count = ++counts[{finding.severity, finding.kind}];
    if (!has_all && count > kShownOfKind) continue;
    if (before == nullptr || before->severity != finding.severity) text.append(heading_of(finding.severity));
    text.append(finding_text(finding));
    before = &finding;
  }
  for (const auto& [what, count] : counts) {
    if (has_all || count <= kShownOfKind) continue;
    text.append("  " + std::to_string(count - kShownOfKind) + " more " + std::string(to_string(what.second)) +
                " (--all shows them)\n");
  }
  return text + (text.empty() ? "" : "\n") + totals_text(subject, report) + verdict_text(report);
}

std::string fsck_json(const FsckSubject& subject, const registry::CheckReport& report,
                      const registry::RepairOutcome* repairs) {
  std::set<std::string> broken;
  nlohmann::ordered_json findings = nlohmann::ordered_json::array();
  for (const Finding& finding : report.findings) {
    if (finding.severity == Severity::broken) broken.insert(finding.breaks.begin(), finding.breaks.end());
    findings.push_back(json_of(finding));
  }
  nlohmann::ordered_json document{{"path", subject.path},
                                  {"kind", to_string(subject.kind)},
                                  {"repositories", report.totals.repositories},
                                  {"tags", report.totals.tags},
                                  {"manifests", report.totals.manifests},
                                  {"blobs", report.totals.blobs},
                                  {"bytes_hashed", report.totals.bytes_hashed},
                                  {"broken_names", broken},
                                  {"findings", std::move(findings)}};
  if (repairs != nullptr) document["repairs"] = json_of(*repairs);
  return document.dump(-1, ' ', true, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

std::string check_progress_text(const registry::CheckProgress& progress) {
  std::string text = std::string(progress.doing) + " " + std::to_string(progress.done) + " of " +
                     std::to_string(progress.all) + " " + std::string(progress.of);
  if (progress.bytes > 0) text += ", " + human_size(progress.bytes);
  return text;
}

}  // namespace lifeboat::cli
