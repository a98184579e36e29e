#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "oci/full_reference.h"
#include "oci/platform.h"
#include "registry/archive/index.h"
#include "sys/file_system.h"
#include "sys/tar.h"

/// A directory of archives: what they are called, which there are, and which of them may go. All of it blocks.
namespace lifeboat::registry::archive {

/// What the archives of one name begin with: "org-app-v1", and of some platforms alone "org-app-v1+linux-amd64", which
/// no other name can be: a `+` is in no tag and no repository. The host is not in it.
std::string family_of(const oci::FullReference& name, const std::vector<oci::Platform>& platforms = {});
/// "org-app-v1-0123456789ab.tar", ".tar.gz", ".tar.zst".
std::string file_name(const std::string& family, const oci::Digest& digest, sys::TarCompression compression);
/// "org-app-v1-latest.tar"
std::string latest_name(const std::string& family, sys::TarCompression compression);

/// An archive as it stands in its directory.
struct Standing {
  std::string file;
  uint64_t size_bytes = 0;
  WallTime modified{};
  sys::TarCompression compression = sys::TarCompression::none;
  bool has_checksum = false;
  std::vector<Entry> entries{};  ///< of its index.json
  std::string fault{};           ///< why it could not be read; "" when it could
  /// Those with a tag, in their order.
  std::vector<std::string> tags() const;
  /// What it begins with when it is called as this module calls an archive of its one tag; "" when somebody else called
  /// it.
  std::string family() const;
};

/// not_found: nothing is there; everything else that is wrong with it is its `fault`. Reads it up to its index.json.
Result<Standing> look_at(sys::FileSystem& files, const sys::Path& path);
/// Every `*.tar`, `*.tar.gz` and `*.tar.zst` but links, the newest first.
Result<std::vector<Standing>> archives_in(sys::FileSystem& files, const sys::Path& directory);

/// conflict: the directory has archives of another name that would be called the same.
Status check_family(sys::FileSystem& files, const sys::Path& directory, const oci::FullReference& name,
                    const std::string& family);

/// Which of `archives`, newest first, go when `keep` of each name stay. Archives count together when they have the same
/// tag, family and compression; what has no family, or cannot be read, stays. Of those that stay at least one is good,
/// as `is_good` finds, who is asked about as few as possible; when none is, nothing goes but what is not good either.
std::vector<std::size_t> beyond(const std::vector<Standing>& archives, std::size_t keep,
                                const std::function<bool(const Standing&)>& is_good);
/// With its checksum.
Status remove_archive(sys::FileSystem& files, const sys::Path& directory, const Standing& archive);

}  // namespace lifeboat::registry::archive
