#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/time.h"
#include "oci/digest.h"
#include "registry/tree/digest_table.h"
#include "sys/file_system.h"

/// A registry's content and names as they lie on a disk, whoever wrote them. What counts is what would be served: a
/// blob whose file is there is not served from a repository that has no link to it.
namespace lifeboat::registry {

enum class TreeKind {
  distribution,  ///< the file system driver of CNCF distribution, 2.x and 3.x
  oci_layout,    ///< OCI image-spec image-layout.md
  lifeboat,      ///< a data directory of ours
};
std::string_view to_string(TreeKind kind);  ///< "distribution", "oci-layout", "lifeboat"

/// What lets a repository serve content: a `link` file, a row. An OCI layout links everything that it has.
enum class LinkKind { manifest, blob };

/// What stands where a link should be.
struct LinkState {
  enum class Fault {
    none,
    absent,
    empty,       ///< zero bytes: what a crash leaves of a file that was not synced
    malformed,   ///< no digest, or another one than its place says
    unreadable,  ///< the disk or its permissions
    ambiguous,   ///< it is said several times, each time otherwise
  };
  Fault fault = Fault::none;
  std::string detail{};  ///< what was found instead
};

/// A blob that a repository serves by one digest and that is kept under another. Only hashing tells whether it is true.
struct TreeAlias {
  DigestTable::Id id = 0;
  DigestTable::Id kept_as = 0;
  friend auto operator<=>(const TreeAlias&, const TreeAlias&) = default;
};

struct TreeTag {
  std::string name;
  std::optional<DigestTable::Id> target{};  ///< what it points to, when its link can be read
  LinkState link{};
};

struct BadLink {
  LinkKind kind = LinkKind::blob;
  DigestTable::Id id = 0;  ///< by its place
  LinkState link{};
};

/// An upload session, or what is left of one.
struct TreeUpload {
  std::string id;
  WallTime modified{};
};

struct TreeRepository {
  std::string name;       ///< "" in an OCI layout: it has only one
  bool is_cache = false;  ///< of an upstream: what is not here can still be fetched
  std::vector<TreeTag> tags{};
  std::vector<DigestTable::Id> manifests{};  ///< linked, ascending
  std::vector<DigestTable::Id> blobs{};      ///< linked, ascending
  std::vector<TreeAlias> aliases{};          ///< of `blobs`, ascending
  std::vector<BadLink> bad_links{};
  std::vector<TreeUpload> uploads{};
  struct SaidSize {
    DigestTable::Id id = 0;
    uint64_t size_bytes = 0;
  };
  std::vector<SaidSize> said_sizes{};  ///< how long manifests are by the index of an OCI layout
  std::vector<Error> unreadable{};     ///< directories that could not be listed: what is in them is not known
};

/// One layout on disk, to be read. Any thread may read content; the rest is for one thread at a time. Everything
/// blocks.
class Tree {
 public:
  /// `files` outlives the tree.
  explicit Tree(sys::FileSystem& files) : files_(files) {}
  virtual ~Tree() = default;

  virtual TreeKind kind() const = 0;
  /// In bytewise order.
  virtual Result<std::vector<std::string>> repositories() = 0;
  /// All names of one repository. Tags are read first, then links to manifests, then links to blobs: what a push adds
  /// meanwhile is seen without its name rather than the other way round.
  virtual Result<TreeRepository> read(const std::string& repository, DigestTable& table) = 0;
  /// One link, as it is now.
  virtual LinkState link(const std::string& repository, LinkKind kind, const oci::Digest& digest) = 0;
  /// The digest that a linked blob is kept under: its own, but for some of distribution.
  virtual oci::Digest kept_as(const std::string& /*repository*/, const oci::Digest& blob) { return blob; }
  /// Where content has its bytes, also when they are not there.
  virtual sys::Path content(const oci::Digest& digest) const = 0;
  /// Calls `take` with the digest of everything there is, whoever names it.
  virtual Status for_each_content(const std::function<void(const oci::Digest&)>& take) = 0;

  /// How long the content is, as it is now; not_found: it is not there; corrupt: a directory stands there.
  Result<uint64_t> size_of(const oci::Digest& digest) const;
  Result<std::shared_ptr<const sys::ReadableFile>> open(const oci::Digest& digest) const {
    return files_.open(content(digest));
  }

 protected:
  sys::FileSystem& files() const { return files_; }

 private:
  sys::FileSystem& files_;
};

/// All bytes of a manifest; corrupt when it is longer than any manifest may be.
Result<std::string> read_manifest_bytes(const sys::ReadableFile& file, const oci::Digest& digest);

}  // namespace lifeboat::registry
