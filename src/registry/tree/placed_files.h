#pragma once

#include <memory>

#include "base/bytes.h"
#include "base/error.h"
#include "sys/file_sharing.h"
#include "sys/file_system.h"

namespace lifeboat::registry {

/// Puts files into somebody's tree: whole and durable before they have their name, and given to whom the directory
/// above belongs to. What a cut leaves has a name of its own and is written anew. Any thread; one at a time for a path.
class PlacedFiles {
 public:
  struct Parts {
    sys::FileSystem& files;
    sys::FileSharing& sharing;
    bool is_read_only = false;  ///< files are left without permission to write
  };
  explicit PlacedFiles(Parts parts) : parts_(parts) {}

  /// With those above it.
  Status make_directory(const sys::Path& path);
  /// In the place of what is there. Makes the directory.
  Status write(const sys::Path& path, ByteView bytes);
  /// The name under which a file for `path` comes to be; nothing is there, and its directory is.
  Result<sys::Path> beside(const sys::Path& path);
  /// A new file under such a name, which belongs to whom it is to belong.
  Result<std::unique_ptr<sys::WritableFile>> create(const sys::Path& fresh);
  /// The same with the blocks of another; its errors are those of FileSharing.
  Status clone(const sys::ReadableFile& from, const sys::Path& fresh);
  /// Gives the file that came to be beside `path`, and is durable, its name.
  Status settle(const sys::Path& path);

  sys::FileSystem& files() const { return parts_.files; }
  sys::FileSharing& sharing() const { return parts_.sharing; }

 private:
  sys::FileSharing::OwnerMay may() const;

  const Parts parts_;
};

}  // namespace lifeboat::registry
