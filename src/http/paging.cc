#include "http/paging.h"

#include <algorithm>

#include "oci/text.h"

namespace lifeboat::http {

Result<Page> parse_page(const Query& query) {
  Page page;
  page.last = query.first("last").value_or("");
  const auto n = query.first("n");
  if (!n) return page;
  const bool is_number =
      !n->empty() && std::ranges::all_of(*n, [](char letter) { return letter >= '0' && letter <= '9'; });
  if (!is_number) {
    return fail(ErrorCode::invalid, "cannot read page size " + oci::quote(*n) + ": want a number that is not negative");
  }
  page.limit = 0;
  for (const char letter : *n) {
    page.limit = std::min(kPageMax, page.limit * 10 + static_cast<std::size_t>(letter - '0'));
  }
  return page;
}

std::string path_escaped(std::string_view name) {
  std::string out;
  for (;;) {
    const std::size_t slash = std::min(name.find('/'), name.size());
    out.append(percent_encoded(name.substr(0, slash)));
    if (slash == name.size()) return out;
    out.push_back('/');
    name.remove_prefix(slash + 1);
  }
}

std::string next_link(std::string_view path, const Page& page, std::string_view last, const Query& query) {
  std::string link = "<";
  link.append(path_escaped(path)).append("?n=").append(std::to_string(page.limit));
  link.append("&last=").append(percent_encoded(last));
  if (const auto ns = query.first("ns")) link.append("&ns=").append(percent_encoded(*ns));
  return link.append(">; rel=\"next\"");
}

}  // namespace lifeboat::http
