#pragma once

#include <memory>

#include "sys/file_sharing.h"
#include "sys/file_system.h"

namespace lifeboat::sys {

/// The disk from one directory downwards, for a tree that somebody else may have made, or may still change: a symbolic
/// link in it, in the place of a folder too, could lead whoever reads or writes there to any other file. Where a path
/// goes through one, or out of the directory, the error is `invalid` and says so; list() tells a link as a directory,
/// so that whoever looks into it hears why not. The path of the directory itself is its owner's to say: links in it are
/// followed, and so are those on paths above it. Nothing else can be reached.
struct DiskBeneath {
  std::unique_ptr<FileSystem> files;
  std::unique_ptr<FileSharing> sharing;
};

/// The kernel resolves a path in one step that nobody can come between (openat2, Linux 5.6); where it cannot, or a
/// sandbox forbids it, each folder is opened in its turn, with the same outcome and more calls.
enum class Resolving { by_kernel, by_walking };
/// The directory need not be there yet.
DiskBeneath make_disk_beneath(const Path& root, Resolving resolving = Resolving::by_kernel);

}  // namespace lifeboat::sys
