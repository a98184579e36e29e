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

  /// A second name for the file that `from` reads, wherever its first one has come to lead. Its bytes are durable at
  /// return; the name once its directory is synced. unsupported: another file system, one without links, or a file that
  /// we may not link; conflict: the name is taken.
  virtual Status hard_link(const ReadableFile& from, const Path& to) = 0;
  /// True when nobody can change the file's bytes but root and who owns `directory`.
  virtual Result<bool> is_safe_in(const ReadableFile& file, const Path& directory) = 0;

  /// What the owner of a file that is made among those of somebody else may do with it.
  enum class OwnerMay { read, write };
  /// A new empty file that belongs from its first moment, where we may give it away (only root may), to the owner and
  /// group of `like`. Who owns the directory may put something else under its name at any time: nothing is ever done to
  /// that. conflict: the name is taken.
  virtual Result<std::unique_ptr<WritableFile>> create(const Path& path, const Path& like, OwnerMay may) = 0;
  /// Such a file with the same blocks as another until one of them changes. Its bytes are durable at return.
  /// unsupported: the file system cannot, or it is another one; conflict: the name is taken.
  virtual Status clone(const ReadableFile& from, const Path& to, const Path& like, OwnerMay may) = 0;
  /// Gives an empty directory that was made here to the owner and group of `like`, where we may. conflict: something is
  /// in it, or it is none: somebody put it there instead.
  virtual Status give_directory(const Path& path, const Path& like) = 0;
};

std::unique_ptr<FileSharing> make_posix_file_sharing();

}  // namespace lifeboat::sys
