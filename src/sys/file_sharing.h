#pragma once

#include <memory>

#include "base/error.h"
#include "sys/file_system.h"

namespace lifeboat::sys {

/// What a disk may be able to do for two directories that are to have the same bytes, and for files that are put among
/// those of somebody else. Not every disk can: `unsupported` says so, and the caller copies. Any thread. Everything
/// blocks.
class FileSharing {
 public:
  virtual ~FileSharing() = default;

  /// A second name for the same file. Its bytes are durable at return; the name once its directory is synced.
  /// unsupported: another file system, one without links, or a file that we may not link; conflict: the name is taken.
  virtual Status hard_link(const Path& from, const Path& to) = 0;
  /// A new read-only file with the same blocks until one of them changes. Durable as above. unsupported: the file
  /// system cannot, or it is another one; conflict: the name is taken.
  virtual Status clone(const Path& from, const Path& to) = 0;
  /// Gives a file or directory to the owner and group of `like`, where we may (only root may), and lets its owner write
  /// to it.
  virtual Status give_like(const Path& path, const Path& like) = 0;
};

std::unique_ptr<FileSharing> make_posix_file_sharing();

}  // namespace lifeboat::sys
