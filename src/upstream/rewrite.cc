#include "upstream/rewrite.h"

namespace lifeboat::upstream {

Result<Rewrite> Rewrite::parse(std::string_view from, std::string_view to) {
  const auto refuse = [](std::string_view pattern, std::string_view why) {
    return fail(ErrorCode::invalid, "cannot use pattern '" + std::string(pattern) + "': " + std::string(why));
  };
  if (from.empty()) from = "*";
  for (const std::string_view pattern : {from, to}) {
    const std::size_t star = pattern.find('*');
    if (star != pattern.npos && star + 1 != pattern.size()) return refuse(pattern, "a '*' stands at its end only");
  }
  if (!to.empty() && from.ends_with('*') != to.ends_with('*')) {
    return refuse(to, "it has a '*' exactly when 'match' has one (got match '" + std::string(from) + "')");
  }
  return Rewrite(from, to);
}

Rewrite::Rewrite(std::string_view from, std::string_view to)
    : has_star_(from.ends_with('*')), has_target_(!to.empty()) {
  if (has_star_) from.remove_suffix(1);
  if (has_star_ && has_target_) to.remove_suffix(1);
  from_ = from;
  to_ = to;
}

std::optional<std::string> Rewrite::apply(std::string_view repository) const {
  const bool is_for_it = has_star_ ? repository.starts_with(from_) : repository == from_;
  if (!is_for_it) return std::nullopt;
  if (!has_target_) return std::string(repository);
  return to_ + std::string(repository.substr(from_.size()));
}

}  // namespace lifeboat::upstream
