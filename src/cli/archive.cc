#include "cli/archive.h"

#include <algorithm>
#include <iterator>

#include "cli/archive_actions.h"
#include "cli/arguments.h"
#include "cli/printable.h"
#include "server/suggest.h"

namespace lifeboat::cli {
namespace {

struct Action {
  std::string_view name;
  int (*run)(const Command& self, Words words, Process& process);
};
constexpr Action kActions[] = {{"save", archive_save},
                               {"verify", archive_verify},
                               {"list", archive_list},
                               {"prune", archive_prune},
                               {"load", archive_load}};

}  // namespace

int run_archive(const Command& self, Words words, Process& process) {
  const bool is_named = !words.empty() && !words.front().starts_with('-');
  if (is_named) {
    const auto action = std::ranges::find(kActions, words.front(), &Action::name);
    if (action != std::end(kActions)) return action->run(self, words.subspan(1), process);
  }
  Arguments arguments;
  if (!is_named) {
    if (const auto done = arguments.parse(self, words, process)) return *done;
  }
  std::vector<std::string_view> names;
  for (const Action& action : kActions) names.push_back(action.name);
  const std::string what = is_named
                               ? "unknown action '" + words.front() + "'" + server::did_you_mean(words.front(), names)
                               : "an action is missing (want 'save', 'verify', 'list', 'prune' or 'load')";
  return explain_usage(self.name, what, process);
}

int explain_archive_failure(const Error& error, Process& process) {
  process.err(printable(error.message()) + "\n");
  const bool is_of_content =
      error.code() == ErrorCode::not_found || error.code() == ErrorCode::corrupt || error.code() == ErrorCode::invalid;
  return is_of_content ? kFoundWrong : kCouldNotFindOut;
}

}  // namespace lifeboat::cli
