#include "cli/scrub_text.h"

#include <algorithm>

#include "cli/human.h"
#include "cli/printable.h"

namespace lifeboat::cli {
namespace {

std::string words_of(std::string_view kind) {
  if (kind == "missing") return "missing";
  if (kind == "wrong_size") return "of the wrong size";
  if (kind == "wrong_bytes") return "of the wrong bytes";
  if (kind == "lost_record") return "lost from the database";
  if (kind == "unreadable") return "unreadable";
  return std::string(kind);
}

bool is_standing(const http::ScrubReport& report, const std::string& digest) {
  return std::ranges::any_of(report.faults, [&](const auto& fault) { return fault.digest == digest; });
}

std::string outcome_of(const http::ScrubReport& report, const http::ScrubReport::Finding& found) {
  if (!report.is_repaired) return "found";
  if (found.kind == "unreadable") return "left as it is";
  return is_standing(report, found.digest) ? "broken" : "repaired";
}

}  // namespace

std::string progress_text(const http::ScrubReport& report) {
  std::string text = std::to_string(report.checked) + " of about " + human_count(report.known, "piece") + ", " +
                     human_size(report.checked_bytes) + " of about " + human_size(report.known_bytes);
  if (report.found > 0) text += ", " + human_count(report.found, "fault");
  return text;
}

bool is_whole(const http::ScrubReport& report) {
  const bool has_unreadable =
      std::ranges::any_of(report.findings, [](const auto& found) { return found.kind == "unreadable"; });
  return report.is_finished && report.broken == 0 && !has_unreadable && (report.is_repaired || report.found == 0);
}

std::string broken_text(const std::vector<http::FaultReport>& faults, uint64_t pieces) {
  std::string text;
  for (const http::FaultReport& fault : faults) {
    std::string breaks;
    for (const std::string& name : fault.breaks) breaks += (breaks.empty() ? "" : ", ") + name;
    const std::string was = words_of(fault.kind) + (fault.detail.empty() ? "" : ": " + fault.detail);
    text += printable(fault.digest) + "\n";
    text += wrapped_row("  was     ", printable(was), 10);
    if (!breaks.empty()) text += wrapped_row("  breaks  ", printable(breaks), 10);
    if (!fault.last_error.empty()) text += wrapped_row("  tried   ", printable(fault.last_error), 10);
  }
  if (pieces > faults.size()) text += "and " + human_count(pieces - faults.size(), "more piece") + "\n";
  return text;
}

std::string scrub_text(const http::ScrubReport& report) {
  std::string text =
      "checked   " + human_count(report.checked, "piece") + ", " + human_size(report.checked_bytes) + "\n";
  if (report.unrecorded > 0) {
    text += "unnamed   " + human_count(report.unrecorded, "piece") + ", " + human_size(report.unrecorded_bytes) +
            ": harmless, no name stands for it\n";
  }
  if (!report.is_finished) text += "broken off: " + printable(report.error) + "\n";
  if (report.found > 0) text += "\n";
  for (const http::ScrubReport::Finding& found : report.findings) {
    text += outcome_of(report, found) + "  " + printable(found.digest + "  " + words_of(found.kind)) + "\n";
  }
  if (report.found > report.findings.size()) {
    text += "and " + human_count(report.found - report.findings.size(), "more fault") + "\n";
  }
  if (report.broken > 0) {
    text += "\nbroken now, until a push or a source brings it:\n" + broken_text(report.faults, report.broken);
  } else if (report.is_finished && report.found == 0) {
    text += "all of it is whole\n";
  }
  return text;
}

}  // namespace lifeboat::cli
