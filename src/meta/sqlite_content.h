#pragma once

#include <optional>

#include "meta/sqlite_connection.h"

namespace lifeboat::meta {

/// The number that stands for a digest in the database, nothing when nothing ever named it.
Result<std::optional<int64_t>> find_content(SqliteConnection& connection, const oci::Digest& digest);
/// The same; it gets a number when it has none.
Result<int64_t> content_of(SqliteConnection& connection, const oci::Digest& digest);
Result<std::optional<int64_t>> content_of(SqliteConnection& connection, const std::optional<oci::Digest>& digest);

}  // namespace lifeboat::meta
