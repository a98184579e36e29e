#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/call.h"
#include "base/task.h"
#include "base/time.h"
#include "oci/digest.h"
#include "oci/reference.h"
#include "oci/repository_id.h"

namespace lifeboat::meta {

enum class FaultKind {
  missing,      ///< a name stands for it, and the bytes are not there
  wrong_size,   ///< the bytes were there, and too few or too many
  wrong_bytes,  ///< the bytes were there, and are not what the digest says
};

/// Content that names stand for and that is not here any more as it should be.
struct Fault {
  oci::Digest digest;
  FaultKind kind = FaultKind::missing;
  std::string detail{};  ///< what was found, for people
  WallTime found{};
  uint32_t tries = 0;        ///< to repair it, in a row
  WallTime due{};            ///< when the next is
  std::string last_error{};  ///< of the last of them
};

/// Content as names know it.
struct KnownContent {
  oci::Digest digest;
  uint64_t size_bytes = 0;
  bool is_manifest = false;  ///< of one repository at least
};

/// A repository that has, or is named to have, some content.
struct ContentPlace {
  oci::RepositoryId repository;
  bool is_manifest = false;  ///< as a manifest, else as a blob
  friend auto operator<=>(const ContentPlace&, const ContentPlace&) = default;
};

struct TagPlace {
  oci::RepositoryId repository;
  oci::Tag tag;
  friend auto operator<=>(const TagPlace&, const TagPlace&) = default;
};

struct LostManifest {
  oci::RepositoryId repository;
  oci::Digest digest;
  friend auto operator<=>(const LostManifest&, const LostManifest&) = default;
};

/// Which content is missing though names stand for it, and what hangs on it. While a fault stands, BlobIndex and
/// ManifestIndex do not find the content, so that a client uploads it again and a fetch is an ordinary miss;
/// BlobIndex::add and ManifestIndex::put end it.
class FaultIndex {
 public:
  virtual ~FaultIndex() = default;
  /// The one there is stays as it is.
  virtual Task<void> note(Call call, Fault fault) = 0;
  /// The content is here again. Fine when there is no fault.
  virtual Task<void> clear(Call call, oci::Digest digest) = 0;
  virtual Task<std::optional<Fault>> find(Call call, oci::Digest digest) = 0;
  /// The first due first, at most `limit`.
  virtual Task<std::vector<Fault>> list(Call call, std::size_t limit) = 0;
  virtual Task<uint64_t> count(Call call) = 0;
  /// A try to repair it has failed. Durable soon.
  virtual void postpone(Fault fault) = 0;

  /// Content that a repository has and of which no fault is known, after `last` in the order of digests (of their
  /// text), at most `limit`.
  virtual Task<std::vector<KnownContent>> known(Call call, std::optional<oci::Digest> last, std::size_t limit) = 0;
  /// What the manifest is recorded to name, in order, whichever repositories have it.
  virtual Task<std::vector<oci::Digest>> named_by(Call call, oci::Digest manifest) = 0;
  /// The repositories that have it or have a manifest or tag that names it, in order.
  virtual Task<std::vector<ContentPlace>> places(Call call, oci::Digest digest) = 0;
  /// The tags that cannot be pulled whole without it: those of manifests that are it, name it, or name what names it.
  /// In order, at most `limit`.
  virtual Task<std::vector<TagPlace>> tags_over(Call call, oci::Digest digest, std::size_t limit) = 0;
  /// Manifests that a tag, an index of a hosted repository, or both edges and the past of a tag stand for, and that the
  /// repository has no record of.
  virtual Task<std::vector<LostManifest>> lost_manifests(Call call, std::size_t limit) = 0;
};

}  // namespace lifeboat::meta
