#pragma once

#include <string>
#include <string_view>

#include "base/error.h"
#include "http/query.h"

/// Pages of lists: `n`, `last` and the `Link` to the next page (W61, W62). Pure.
namespace lifeboat::http {

/// The largest page; more is asked for by clients that want "all" (W61).
inline constexpr std::size_t kPageMax = 10000;

struct Page {
  std::size_t limit = kPageMax;
  std::string last;  ///< exclusive; "" from the start
};

/// `n` over the cap is the cap; invalid when it is negative or no number.
Result<Page> parse_page(const Query& query);

/// `<path?n=…&last=…&ns=…>; rel="next"`: relative, escaped, quoted.
std::string next_link(std::string_view path, const Page& page, std::string_view last, const Query& query);

/// A name as a path has it: all but its own letters and '/' escaped.
std::string path_escaped(std::string_view name);

}  // namespace lifeboat::http
