#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "sys/file_system.h"

namespace lifeboat::test {

/// What a call on the disk does, as far as a fault cares.
enum class DiskCall { create, write, sync, truncate, rename, remove, make_directory, sync_directory };

/// How a call fails. `short_write`: half of the bytes are written, then the disk is full. `power_loss`: this call and
/// all later ones fail and do nothing, until crash(). A full disk still removes.
enum class DiskFault { no_space, io_error, read_only, short_write, power_loss };

struct FaultPlan {
  DiskFault fault = DiskFault::io_error;
  uint64_t at = 0;                 ///< the how-manieth matching call from now fails, counted from 0
  std::optional<DiskCall> only{};  ///< counts calls of this kind alone
  bool lasts = false;              ///< the later matching calls fail as well
};

/// A disk in memory that breaks on purpose. It knows what was synced: crash() takes back what was not, as a power loss
/// may. Meaner than most disks where they differ: a sync that failed has lost the bytes for good, even if it is called
/// again; unsynced names come and go one by one, except that a rename is one step; unsynced bytes may read as zeros.
/// Reading never fails but by power loss. Any thread.
class FaultyFileSystem final : public sys::FileSystem {
 public:
  FaultyFileSystem();
  ~FaultyFileSystem() override;

  void inject(FaultPlan plan);
  void heal();
  /// Calls of the kinds of DiskCall so far.
  uint64_t calls() const;
  /// The machine went down and is up again: what survives beyond what was synced is drawn from `seed`; 0: nothing.
  /// Files that were open fail from now on; locks are free; faults are healed.
  void crash(uint64_t seed);

  Result<std::unique_ptr<sys::WritableFile>> create(const sys::Path& path) override;
  Result<std::unique_ptr<sys::WritableFile>> open_to_append(const sys::Path& path) override;
  Result<std::shared_ptr<const sys::ReadableFile>> open(const sys::Path& path) override;
  Status rename(const sys::Path& from, const sys::Path& to) override;
  Status remove(const sys::Path& path) override;
  Status make_directory(const sys::Path& path) override;
  Status sync_directory(const sys::Path& path) override;
  Result<std::vector<sys::DirectoryEntry>> list(const sys::Path& path) override;
  Result<sys::FileInfo> info(const sys::Path& path) override;
  Result<std::unique_ptr<sys::FileLock>> lock(const sys::Path& path) override;

  struct Node;
  struct Disk;

 private:
  const std::shared_ptr<Disk> disk_;
};

}  // namespace lifeboat::test
