#include "cli/gc_text.h"

#include "cli/human.h"
#include "cli/printable.h"

namespace lifeboat::cli {

std::string gc_progress(const http::GcReport& report) {
  return human_count(report.links, "link") + ", " + human_count(report.contents, "content") + ", " +
         human_size(report.bytes);
}

std::string gc_text(const http::GcReport& report) {
  std::string text;
  if (report.is_dry_run) {
    for (const http::GcReport::Item& one : report.items) {
      text += printable(one.digest) + "  " + human_size(one.size_bytes);
      if (!one.repository.empty()) text += "  link of " + printable(one.repository);
      text += "  " + printable(one.reason) + "\n";
    }
    if (report.items_left_out > 0) text += "… and " + std::to_string(report.items_left_out) + " more\n";
  }
  const bool is_nothing = report.links == 0 && report.contents == 0;
  if (is_nothing) {
    text += report.is_dry_run ? "nothing would go\n" : "nothing to remove\n";
  } else {
    text += std::string(report.is_dry_run ? "would remove " : "removed ") + gc_progress(report) + "\n";
  }
  if (report.in_use > 0) text += "left for the next time, in use now: " + human_count(report.in_use, "content") + "\n";
  if (report.failures > 0) text += "could not be unlinked: " + human_count(report.failures, "content") + "\n";
  if (report.lost > 0) {
    text += "lost, and named by tags ('lifeboat status' says which): " + human_count(report.lost, "content") + "\n";
  }
  if (report.restored > 0)
    text += "records that were lost and are here again: " + human_count(report.restored, "manifest") + "\n";
  return text;
}

}  // namespace lifeboat::cli
