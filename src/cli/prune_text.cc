#include "cli/prune_text.h"

#include "cli/human.h"
#include "cli/table.h"

namespace lifeboat::cli {

std::string prune_text(const http::PruneAnswer& answer) {
  if (answer.repositories == 0) return "no repository has a [[retention]] that fits it: all stays\n";
  std::vector<TableRow> rows{{"TAG OR MANIFEST", "", "WHY"}};
  for (const http::PruneAnswer::Item& one : answer.items) {
    rows.push_back({one.repository + (one.tag.empty() ? "@" + one.digest : ":" + one.tag),
                    one.is_kept ? "stays" : "goes", one.reason});
  }
  std::string text = rows.size() > 1 ? table_of(rows) : "";
  if (answer.items_left_out > 0) text += "… and " + std::to_string(answer.items_left_out) + " more\n";
  for (const std::string& repository : answer.frozen) {
    text += "nothing goes of '" + repository + "': its host cannot be asked\n";
  }
  for (const http::PruneAnswer::Unreadable& one : answer.unreadable) {
    text += "no manifest goes of '" + one.repository + "': " + without_controls(one.reason) + "\n";
  }
  text += human_count(answer.tags, "tag") + " and " + human_count(answer.manifests, "manifest");
  text +=
      std::string(answer.is_dry_run ? " would go" : " went") + " of " + human_count(answer.repositories, "repository");
  if (answer.changed > 0) text += ", " + std::to_string(answer.changed) + " stay that were to go";
  return text + "\n";
}

Error without_answer(const Error& failure) {
  if (failure.code() != ErrorCode::timed_out) return failure;
  return {failure.code(),
          failure.message() +
              "\nThe pass is not ended by that: it goes on in the server, whose log says what it removed "
              "('retention.done')."};
}

}  // namespace lifeboat::cli
