#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "blob/archive_file.h"
#include "registry/adopt/origin.h"
#include "registry/archive/index.h"
#include "sys/block_pool.h"
#include "sys/thread_pool.h"

namespace lifeboat::registry::adopt {

/// An archive with an OCI layout in it. Its repositories are those of its names, without their hosts:
/// "ghcr.io/org/app:v1" is the tag v1 of "org/app".
class ArchiveOrigin final : public Origin {
 public:
  struct Parts {
    sys::ThreadPool& disk;
    sys::BlockPool& blocks;
  };
  /// As blob::ArchiveFile::open; invalid: it has no index.json, or a name in it is none, or stands for two hosts'
  /// content. Blocks.
  static Result<std::unique_ptr<ArchiveOrigin>> open(sys::FileSystem& files, const sys::Path& path, Parts parts);

  Task<std::vector<std::string>> repositories(Call call) override;
  Task<Names> names(Call call, std::string repository) override;
  Task<std::string> manifest(Call call, std::string repository, oci::Digest digest) override;
  /// None.
  Task<std::vector<oci::Digest>> referrers(Call call, std::string repository, oci::Digest subject) override;
  Task<Landing::Landed> bring(Call call, std::string repository, WantedBlob blob, Landing& landing) override;
  Task<std::optional<uint64_t>> look(Call call, std::string repository, oci::Digest digest) override;

 private:
  ArchiveOrigin(blob::ArchiveFile archive, Parts parts) : archive_(std::move(archive)), parts_(parts) {}
  Status take(const archive::Entry& entry);
  Result<blob::ArchiveFile::Extent> extent_of(const oci::Digest& digest) const;

  const blob::ArchiveFile archive_;
  const Parts parts_;
  std::map<std::string, Names> repositories_;
};

}  // namespace lifeboat::registry::adopt
