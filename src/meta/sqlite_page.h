#pragma once

#include <algorithm>
#include <limits>
#include <string>
#include <vector>

#include "meta/sqlite_connection.h"

namespace lifeboat::meta {

/// The LIMIT for a page: one more than is wanted tells whether there is more. `limit` may be anything a client sent.
inline int64_t rows_for_page(std::size_t limit) {
  constexpr auto kMost = static_cast<std::size_t>(std::numeric_limits<int64_t>::max()) - 1;
  return static_cast<int64_t>(std::min(limit, kMost)) + 1;
}

/// The first column of up to `limit` rows; true when there is a row behind them.
inline Result<bool> read_page(SqliteQuery& query, std::size_t limit, std::vector<std::string>& texts) {
  for (;;) {
    LB_TRY(const bool has_row, query.next());
    if (!has_row) return false;
    if (texts.size() == limit) return true;
    texts.push_back(query.text(0));
  }
}

}  // namespace lifeboat::meta
