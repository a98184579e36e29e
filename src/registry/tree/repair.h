#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/hasher.h"
#include "blob/inspector.h"
#include "registry/tree/check.h"
#include "registry/tree/finding.h"
#include "registry/tree/open_tree.h"
#include "registry/tree/placed_files.h"
#include "sys/file_sharing.h"

namespace lifeboat::registry {

/// One thing that brings a published name back and cannot lose another.
struct RepairStep {
  enum class Kind {
    fetch,         ///< the bytes from another registry, verified
    restore_link,  ///< to bytes that are here
  };
  Kind kind = Kind::restore_link;
  std::string repository{};
  LinkKind link = LinkKind::blob;
  std::optional<oci::Digest> digest{};
  uint64_t size_bytes = 0;  ///< of a blob to fetch: no more than that is taken

  friend bool operator==(const RepairStep&, const RepairStep&) = default;
};
std::string to_string(const RepairStep& step);  ///< "restore the link of blob 'sha256:…' in repository 'team/app'"

/// What can be done about findings, in the order it should be: bytes before links. What is below a manifest that has no
/// link is not known yet: check again afterwards. Pure.
std::vector<RepairStep> plan_repair(TreeKind kind, const std::vector<Finding>& findings, bool can_fetch);

/// Takes the steps on a distribution tree, an OCI layout, or the content of a data directory of ours. What is written
/// is whole and durable before it has its name, and belongs to whom the tree belongs to. Everything blocks.
class TreeRepair {
 public:
  struct Parts {
    sys::FileSystem& files;
    sys::FileSharing& sharing;
  };
  /// `open` outlives this.
  TreeRepair(Parts parts, OpenTree& open) : placed_({parts.files, parts.sharing, open.store != nullptr}), open_(open) {}

  /// corrupt: the bytes that are here have another digest, so no link is made to them; not_found: they are not here.
  Status restore_link(const RepairStep& step);

  /// A file beside the place of some content, to be filled.
  class Filling {
   public:
    Status append(ByteView bytes);
    /// corrupt: these are other bytes; nothing is kept.
    Status finish();
    ~Filling();
    Filling(const Filling&) = delete;
    Filling& operator=(const Filling&) = delete;

   private:
    friend class TreeRepair;
    Filling(TreeRepair& owner, oci::Digest digest);
    TreeRepair& owner_;
    const oci::Digest digest_;
    sys::Path fresh_{};
    Hasher hasher_;
    std::unique_ptr<sys::WritableFile> file_;
  };
  Result<std::unique_ptr<Filling>> fill(const oci::Digest& digest);

 private:
  PlacedFiles placed_;
  OpenTree& open_;
};

/// Fetches the bytes of a step from `from`, where the repository is called `there`. not_found: it does not have them
/// either; corrupt: what it sends is something else, or longer than the blob or any manifest is. Nothing is made here
/// before it has begun to answer.
Task<void> fetch_into(Call call, blob::Inspector& from, oci::Repository there, RepairStep step, TreeRepair& repairer);

/// Gets the bytes of a step from elsewhere.
using FetchStep = std::function<Status(const RepairStep& step, TreeRepair& repairer)>;

struct RepairOutcome {
  struct Failed {
    RepairStep step;
    Error reason;
  };
  std::vector<RepairStep> done{};
  std::vector<Failed> failed{};
  CheckReport after{};  ///< what is still to be found then
};
/// Repairs and checks in turns until nothing more can be done: what a restored link leads to may lack something itself.
/// `fetch`: nothing when there is no other registry.
Result<RepairOutcome> repair(TreeRepair& repairer, OpenTree& open, CheckReport before, const CheckOptions& options,
                             const FetchStep& fetch, const std::function<void(const CheckProgress&)>& told);

}  // namespace lifeboat::registry
