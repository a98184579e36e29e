#pragma once

#include <memory>

#include "sys/file_system.h"

namespace lifeboat::sys {

/// The file of a descriptor that is open to append, and from now on its own; `path` is for messages.
std::unique_ptr<WritableFile> writable_file(Path path, int descriptor);

/// True when the name itself is a symbolic link, whatever it leads to. Any thread; blocks.
bool is_symbolic_link(const Path& path);

/// True when `path` is the name of the very file that was opened, and of no other one that has taken its place. Bytes
/// that are in no file of the kernel count as named. Any thread; blocks.
bool is_still_named(const ReadableFile& file, const Path& path);

enum class LockTaken {
  yes,
  by_another,
  of_a_lost_name,  ///< the file that was opened is no more the one under this name: the lock says nothing
};
/// The step of FileSystem::lock behind opening `descriptor` at `path`. Other errors as `errno` has them.
Result<LockTaken> take_lock(const Path& path, int descriptor);

}  // namespace lifeboat::sys
