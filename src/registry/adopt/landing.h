#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "blob/data_directory.h"
#include "blob/fs_layout.h"
#include "blob/store.h"
#include "sys/file_sharing.h"

namespace lifeboat::registry::adopt {

/// Where adopted bytes arrive in a data directory of ours: verified, durable, and only then under their name.
class Landing {
 public:
  struct Parts {
    const blob::DataDirectory& directory;
    blob::Store& blobs;  ///< of that directory
    sys::FileSystem& files;
    sys::FileSharing& sharing;
  };
  /// All of it outlives this.
  explicit Landing(Parts parts);
  Status open() { return layout_.open(); }

  enum class How { held, linked, cloned, copied, fetched };
  struct Landed {
    How how = How::held;
    uint64_t size_bytes = 0;
  };
  /// A file's bytes: by a link, a clone, or a copy, whatever the disk can do first; linked is only what nobody else may
  /// write to. All of them are hashed before; what is here already was. corrupt: they have another digest. Any thread;
  /// blocks.
  Result<Landed> take_file(const sys::ReadableFile& from, const oci::Digest& digest);
  /// True when content of that length is here: what came from a registry need not come again.
  Result<bool> holds(const oci::Digest& digest, uint64_t size_bytes) { return layout_.holds(digest, size_bytes); }
  blob::Store& blobs() { return parts_.blobs; }

 private:
  Result<How> bring_beside(const sys::ReadableFile& from, const sys::Path& to);
  Status copy(const sys::ReadableFile& from, const sys::Path& to);

  const Parts parts_;
  blob::FsLayout layout_;
};

}  // namespace lifeboat::registry::adopt
