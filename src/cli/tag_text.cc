#include "cli/tag_text.h"

#include "cli/human.h"
#include "cli/table.h"

namespace lifeboat::cli {
namespace {

std::string named(const std::string& repository, const std::string& reference) {
  return repository + (reference.find(':') == std::string::npos ? ":" : "@") + reference;
}

std::string state_of(const http::HistoryReport::Moment& one) {
  if (one.restorable == "lost") return "lost: " + one.lacking;
  std::string text = one.is_current ? "now" : "can be restored";
  if (one.restorable == "stored") text += ", until it is collected";
  return text;
}

}  // namespace

std::string history_text(const http::HistoryReport& report) {
  if (report.moments.empty()) return "no tag of '" + report.repository + "' is remembered by this name\n";
  std::vector<TableRow> rows{{"TAG", "NUMBER", "SINCE", "FROM", "DIGEST", "STATE"}};
  for (const http::HistoryReport::Moment& one : report.moments) {
    rows.push_back({named(report.repository, one.tag), std::to_string(one.number), one.since,
                    without_controls(one.source), one.digest, state_of(one)});
  }
  return table_of(rows) + (report.has_more ? "… and more: name one tag\n" : "");
}

std::string restore_text(const http::RestoreReport& report, bool is_dry_run) {
  std::string text = named(report.repository, report.tag) + (is_dry_run ? " would be at " : " is at ") + report.digest;
  if (report.before == report.digest) {
    text += ", as it was";
  } else {
    text += report.before.empty() ? " again" : ", it was at " + report.before;
  }
  if (report.manifests > 0) {
    text += (is_dry_run ? ", putting " : "; put ") + human_count(report.manifests, "manifest") + " again";
  }
  return text + "\n";
}

std::string pins_text(const http::PinsReport& report) {
  if (report.pins.empty()) return "nothing is pinned\n";
  std::vector<TableRow> rows{{"PINNED", "SINCE", "REASON"}};
  for (const http::PinsReport::Pin& one : report.pins) {
    rows.push_back({named(one.repository, one.reference), one.since, without_controls(one.reason)});
  }
  return table_of(rows);
}

}  // namespace lifeboat::cli
