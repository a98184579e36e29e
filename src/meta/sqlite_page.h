#pragma once

#include <string>
#include <vector>

#include "meta/sqlite_connection.h"

namespace lifeboat::meta {

/// The first column of the rows, each text once, at most `limit` of them; true when there are more. Equal texts must
/// follow each other. Reads no further than the page: the rows must come from an index, not from a sort.
inline Result<bool> read_page(SqliteQuery& query, std::size_t limit, std::vector<std::string>& texts) {
  for (;;) {
    LB_TRY(const bool has_row, query.next());
    if (!has_row) return false;
    std::string text = query.text(0);
    if (!texts.empty() && texts.back() == text) continue;
    if (texts.size() == limit) return true;
    texts.push_back(std::move(text));
  }
}

}  // namespace lifeboat::meta
