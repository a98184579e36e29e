#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"
#include "base/time.h"

namespace lifeboat::sys {

using Path = std::filesystem::path;

/// Bytes that can be read at any offset by any number of threads at once. The bytes may still be growing.
class ReadableFile {
 public:
  virtual ~ReadableFile() = default;
  /// Reads up to `out.size()` bytes at `offset`; fewer only at the end, 0 behind it.
  virtual Result<std::size_t> read_at(uint64_t offset, ByteSpan out) const = 0;
  /// The same for who reads everything once: what was not in the page cache before is not in it afterwards, and nothing
  /// is read ahead.
  virtual Result<std::size_t> read_past_cache(uint64_t offset, ByteSpan out) const { return read_at(offset, out); }
  /// Bytes there are now.
  virtual Result<uint64_t> size() const = 0;
  /// The descriptor for sendfile(2), or -1 when these bytes are not in a file of the kernel.
  virtual int native_handle() const { return -1; }
};

/// A file that grows at its end. One thread at a time.
class WritableFile {
 public:
  virtual ~WritableFile() = default;
  /// Writes all of `bytes` at the end or fails; after a failure the length is unknown and the caller truncates or drops
  /// it.
  virtual Status append(ByteView bytes) = 0;
  virtual Status truncate(uint64_t size) = 0;
  /// After success the bytes and the length survive a power loss (the name needs its directory synced as well).
  virtual Status sync() = 0;
};

struct DirectoryEntry {
  std::string name;
  bool is_directory = false;
};

struct FileInfo {
  uint64_t size_bytes = 0;
  bool is_directory = false;
  WallTime modified{};
};

/// An exclusive lock on a file, held until destroyed or until the process ends, however it ends.
class FileLock {
 public:
  virtual ~FileLock() = default;
};

/// The disk. Paths are absolute or relative to the working directory. Errors carry the path; not_found means the name
/// is not there, no_space a full disk, an exceeded quota or a read-only mount. Any thread. Everything blocks.
class FileSystem {
 public:
  virtual ~FileSystem() = default;

  /// A new empty file that only this handle and open_to_append can write: its mode is read-only from the start.
  /// conflict when the name is taken.
  virtual Result<std::unique_ptr<WritableFile>> create(const Path& path) = 0;
  /// An existing file, to go on at its end.
  virtual Result<std::unique_ptr<WritableFile>> open_to_append(const Path& path) = 0;
  virtual Result<std::shared_ptr<const ReadableFile>> open(const Path& path) = 0;
  /// Replaces `to` when it exists; atomic; durable once the directory of `to` is synced.
  virtual Status rename(const Path& from, const Path& to) = 0;
  virtual Status remove(const Path& path) = 0;
  /// With parents; fine when it is there already. What it made is durable at return.
  virtual Status make_directory(const Path& path) = 0;
  virtual Status sync_directory(const Path& path) = 0;
  virtual Result<std::vector<DirectoryEntry>> list(const Path& path) = 0;
  virtual Result<FileInfo> info(const Path& path) = 0;
  /// conflict when another process holds it; the message names its pid when the lock file tells.
  virtual Result<std::unique_ptr<FileLock>> lock(const Path& path) = 0;
};

/// The disk of this machine.
std::unique_ptr<FileSystem> make_posix_file_system();

}  // namespace lifeboat::sys
