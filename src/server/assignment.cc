#include "server/assignment.h"

namespace lifeboat::server {
namespace {

constexpr std::size_t kShownMax = 20;

}  // namespace

std::string spoken(const Origin& origin) {
  return origin.kind == Origin::Kind::environment ? "environment variable " + origin.where : origin.where;
}

void Problems::add(const Origin& origin, std::string_view text) {
  std::string whole = spoken(origin);
  if (!whole.empty()) whole.append(": ");
  problems_.emplace(std::pair(origin.kind, origin.line), whole.append(text));
}

Error Problems::to_error() const {
  std::string text;
  std::size_t shown = 0;
  for (const auto& [place, problem] : problems_) {
    if (shown == kShownMax) break;
    if (shown++ > 0) text.push_back('\n');
    text.append(problem);
  }
  if (problems_.size() > shown) {
    text.append("\nand ").append(std::to_string(problems_.size() - shown)).append(" more");
  }
  return {ErrorCode::invalid, std::move(text)};
}

}  // namespace lifeboat::server
