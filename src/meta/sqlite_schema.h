#pragma once

#include "base/error.h"
#include "meta/sqlite_connection.h"

namespace lifeboat::meta {

/// "Lfbt", in the header of the file: whose database it is.
inline constexpr int64_t kApplicationId = 0x4c666274;
/// What this program writes and reads. Older ones are brought up to it, newer ones are left alone.
inline constexpr int64_t kSchemaVersion = 9;

/// Whose database it is, before anything is written to it: the schema's version, 0 for an empty one. conflict: it
/// belongs to another program; unsupported: a newer version of this one wrote it; corrupt: it is no database at all.
Result<int64_t> check_schema(SqliteConnection& connection);
/// Brings a database of ours to kSchemaVersion; an empty one gets the whole schema. In one transaction, so that a crash
/// leaves the old version or the new one. Errors as of check_schema.
Status bring_up_schema(SqliteConnection& connection);

}  // namespace lifeboat::meta
