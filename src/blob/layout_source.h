#pragma once

#include "blob/source.h"
#include "sys/file_system.h"
#include "sys/thread_pool.h"

namespace lifeboat::blob {

/// A directory in the OCI image layout (image-spec image-layout.md) as a source of content by digest, whatever the
/// repository: `<directory>/blobs/<algorithm>/<hex>`. Tags are not looked up in it. Any thread. All arguments outlive
/// it.
class LayoutSource final : public Source {
 public:
  struct Parts {
    sys::FileSystem& files;
    sys::ThreadPool& disk;
    sys::BlockPool& blocks;
  };
  LayoutSource(sys::Path directory, Parts parts);

  /// unsupported.
  Task<ResolvedTag> resolve(Call call, oci::RepositoryId repository, oci::Tag tag) override;
  /// By digest alone; by tag: unsupported.
  Task<FetchedManifest> manifest(Call call, oci::RepositoryId repository, oci::Reference reference) override;
  Task<std::unique_ptr<Stream>> open(Call call, oci::RepositoryId repository, oci::Digest digest,
                                     uint64_t from) override;
  /// unsupported.
  Task<TagPage> tags(Call call, oci::RepositoryId repository, std::string last, std::size_t limit) override;
  /// Those that index.json lists.
  Task<std::vector<oci::Referrer>> referrers(Call call, oci::RepositoryId repository, oci::Digest subject) override;

 private:
  Result<std::shared_ptr<const sys::ReadableFile>> file_of(const oci::Digest& digest) const;
  Result<std::string> read(const sys::ReadableFile& file, uint64_t bytes_max) const;
  Result<std::vector<oci::Referrer>> find_referrers(const oci::Digest& subject) const;

  const sys::Path directory_;
  const Parts parts_;
};

}  // namespace lifeboat::blob
