#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/guarded.h"
#include "blob/archive_file.h"
#include "blob/source.h"
#include "sys/file_system.h"
#include "sys/thread_pool.h"

namespace lifeboat::blob {

/// A directory of archives (`*.tar`, plain, with an OCI layout in them) as a source of content by digest, whatever the
/// repository. It is looked at again with each question, so that archives may come and go; one that has changed is
/// read anew; none stays open. Compressed archives have no place for a digest and are passed over. Tags are not looked
/// up in it. Any thread. All arguments outlive it.
///
/// Bytes that were rejected are not given again, while another archive has the content. Without the directory, or while
/// an archive in it cannot be read, nobody says that there is none: unavailable.
class ArchiveSource final : public Source {
 public:
  struct Parts {
    sys::FileSystem& files;
    sys::ThreadPool& disk;
    sys::BlockPool& blocks;
  };
  ArchiveSource(sys::Path directory, Parts parts);
  using Rejected = Guarded<std::set<std::pair<std::shared_ptr<const ArchiveFile>, oci::Digest>>>;
  ~ArchiveSource() override;

  /// unsupported.
  Task<ResolvedTag> resolve(Call call, oci::RepositoryId repository, oci::Tag tag) override;
  /// By digest alone; by tag: unsupported.
  Task<FetchedManifest> manifest(Call call, oci::RepositoryId repository, oci::Reference reference) override;
  Task<std::unique_ptr<Stream>> open(Call call, oci::RepositoryId repository, oci::Digest digest,
                                     uint64_t from) override;
  /// unsupported.
  Task<TagPage> tags(Call call, oci::RepositoryId repository, std::string last, std::size_t limit) override;
  /// None.
  Task<std::vector<oci::Referrer>> referrers(Call call, oci::RepositoryId repository, oci::Digest subject) override;

 private:
  struct Known;
  struct Found {
    std::shared_ptr<const ArchiveFile> archive;
    ArchiveFile::Extent extent;
  };
  struct Shelf {
    std::vector<std::shared_ptr<const ArchiveFile>> archives{};
    std::optional<Error> unreadable{};  ///< one of them
  };
  /// On a thread of the disk.
  Result<Found> find(const oci::Digest& digest);
  Result<Shelf> look();
  Result<Known> read_anew(const sys::Path& path, const sys::FileInfo& info);

  const sys::Path directory_;
  const Parts parts_;
  const std::unique_ptr<Guarded<std::map<std::string, Known>>> known_;
  const std::shared_ptr<Rejected> rejected_;
};

}  // namespace lifeboat::blob
