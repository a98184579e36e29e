#pragma once

#include <memory>
#include <string>

#include "blob/destination.h"
#include "blob/inspector.h"
#include "blob/layout_source.h"
#include "registry/copy/layout_index.h"
#include "registry/tree/placed_files.h"
#include "sys/thread_pool.h"

namespace lifeboat::registry::copy {

/// The directory of an OCI image layout, as a place to copy to and to look at. Repositories mean nothing to it: it has
/// one, without a name.
struct LayoutPlace {
  struct Parts {
    sys::FileSystem& files;
    PlacedFiles& placed;
    sys::ThreadPool& disk;  ///< of one thread: what changes index.json does so one after the other
    sys::BlockPool& blocks;
  };
  sys::Path directory;
  Parts parts;

  sys::Path content(const oci::Digest& digest) const;
  /// "" when there is none yet.
  Result<std::string> index() const;
  /// What a name in it means. not_found.
  Result<oci::Digest> find(std::string_view name) const;
  /// new, empty, or a layout. invalid: the directory is somebody else's.
  Status check() const;
  /// Whoever copies to it holds this meanwhile, and makes the directory: index.json is read and written anew, and what
  /// comes to be has a name that another would take as well. conflict: somebody copies to it. The file that is locked
  /// stays, or two might hold one of that name each.
  Result<std::unique_ptr<sys::FileLock>> lock() const;
  /// Says that the directory is a layout, before anything is in it: a copy that is cut off goes on there.
  Status mark() const;
};

/// Bytes are compared with their digest and durable before they have their name, and index.json names what is there.
/// What was begun and not committed is written anew, and so is a blob that is there with other bytes: they are read to
/// know it. Who writes holds LayoutPlace::lock().
class LayoutDestination final : public blob::Destination {
 public:
  explicit LayoutDestination(LayoutPlace place) : place_(std::move(place)), name_(place_.directory.native()) {}

  const std::string& name() const override { return name_; }
  Task<bool> has_blob(Call call, oci::Repository repository, blob::BlobName blob) override;
  Task<std::unique_ptr<blob::BlobUpload>> begin(Call call, oci::Repository repository, blob::BlobName blob,
                                                std::optional<oci::Repository> mount_from) override;
  Task<bool> has_manifest(Call call, oci::Repository repository, oci::Reference reference, oci::Digest digest) override;
  /// By its digest it is listed in index.json only when it refers to another: that is how it is found.
  Task<Put> put_manifest(Call call, oci::Repository repository, oci::Reference reference,
                         blob::ManifestToPut manifest) override;
  /// Takes it out of index.json; the content stays.
  Task<void> remove_manifest(Call call, oci::Repository repository, oci::Reference reference) override;

 private:
  Status list(const LayoutEntry& entry) const;
  Status write_index(const std::string& index) const;

  const LayoutPlace place_;
  const std::string name_;
};

/// Of a layout, for verify's walk.
class LayoutInspector final : public blob::Inspector {
 public:
  explicit LayoutInspector(LayoutPlace place);

  Task<Head> head(Call call, oci::Repository repository, Thing thing, oci::Reference reference) override;
  Task<Answered> manifest(Call call, oci::Repository repository, oci::Reference reference) override;
  Task<std::unique_ptr<blob::Stream>> open(Call call, oci::Repository repository, oci::Digest digest,
                                           Extent extent) override;
  Task<std::vector<oci::Referrer>> referrers(Call call, oci::Repository repository, oci::Digest subject) override;
  /// All at once, whatever the limit.
  Task<blob::Source::TagPage> tags(Call call, oci::Repository repository, std::string last, std::size_t limit) override;
  /// unsupported.
  Task<RepositoryPage> repositories(Call call, std::string last, std::size_t limit) override;
  bool is_short_of_requests() const override { return false; }

 private:
  Result<oci::Digest> digest_of(const oci::Reference& reference) const;

  const LayoutPlace place_;
  blob::LayoutSource source_;
};

}  // namespace lifeboat::registry::copy
