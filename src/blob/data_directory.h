#pragma once

#include <memory>

#include "base/error.h"
#include "sys/file_system.h"

namespace lifeboat::blob {

/// The data directory: ours, of a format we know, and ours alone for as long as this object lives.
class DataDirectory {
 public:
  /// Creates what is missing and takes the lock. conflict: another process has it (the message names its pid); invalid:
  /// not a directory, somebody else's, or of a newer format; no_space: read-only or full. Nothing of a foreign
  /// directory is touched.
  static Result<std::unique_ptr<DataDirectory>> open(const sys::Path& root, sys::FileSystem& files);

  /// The lock alone, of a directory that is there, for who only reads: nothing is created in it. Nothing where nobody
  /// can have it: on a medium that cannot be written to, or where no process ever served. Errors as of open().
  static Result<std::unique_ptr<sys::FileLock>> lock_to_read(const sys::Path& root, sys::FileSystem& files);

  const sys::Path& root() const { return root_; }
  sys::Path blobs() const { return root_ / "blobs"; }
  sys::Path uploads() const { return root_ / "uploads"; }
  /// Not there until something had to be put into it.
  sys::Path quarantine() const { return root_ / "quarantine"; }
  sys::Path meta() const { return root_ / "meta"; }
  sys::Path local_socket() const { return local_socket_of(root_); }
  /// Where the process that has the directory is asked and told things.
  static sys::Path local_socket_of(const sys::Path& root) { return root / "lifeboat.sock"; }

 private:
  DataDirectory(sys::Path root, std::unique_ptr<sys::FileLock> lock);
  sys::Path root_;
  std::unique_ptr<sys::FileLock> lock_;
};

}  // namespace lifeboat::blob
