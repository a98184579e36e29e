#pragma once

#include <string>
#include <string_view>

#include "oci/digest.h"
#include "sys/file_system.h"

namespace lifeboat::blob {

/// What failed a check is kept here for a person to look at, for a while: `<hex>.<time>`, and beside each why it is
/// here, `<hex>.<time>.reason`. Callers take turns. Everything blocks.
class Quarantine {
 public:
  /// The oldest goes first when there is more, or it is older.
  struct Bounds {
    uint64_t max_bytes = 10ULL << 30U;
    Duration max_age{std::chrono::hours(24 * 30)};
  };
  Quarantine(sys::Path directory, Bounds bounds, sys::FileSystem& files);

  /// Moves the file `from` in, durably (its own directory is the caller's to sync), then makes room. A reason that
  /// cannot be written keeps nothing from being moved.
  Status take(const sys::Path& from, const oci::Digest& digest, std::string_view reason, WallTime now);

 private:
  Result<sys::Path> free_name(const oci::Digest& digest, WallTime now) const;
  Status write_reason(const sys::Path& beside, std::string_view reason);
  Status make_room(const std::string& latest, WallTime now);

  const sys::Path directory_;
  const Bounds bounds_;
  sys::FileSystem& files_;
};

}  // namespace lifeboat::blob
