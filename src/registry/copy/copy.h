#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "blob/destination.h"
#include "blob/inspector.h"
#include "blob/source.h"
#include "registry/copy/plan.h"
#include "registry/copy/spread.h"
#include "sys/clock.h"
#include "sys/notification.h"

namespace lifeboat::registry::copy {

/// One repository that a copy goes to.
struct Target {
  std::string name;        ///< for people: "ghcr.io/team/app"
  blob::Destination& to;   ///< the same one for all repositories of a registry
  blob::Inspector& check;  ///< the same registry, to be looked at
  oci::Repository repository;
  std::vector<oci::Tag> tags{};  ///< none: by its digest alone
  /// A repository of the same registry that is thought to have the content.
  std::optional<oci::Repository> mount_from{};
  bool is_local = false;  ///< who asks it waits for a disk, and never leaves it behind
};

struct CopyOrder {
  blob::Source& from;
  oci::RepositoryId repository;
  oci::Reference what;
  std::vector<oci::Platform> platforms{};  ///< of indexes; empty: all
  bool has_referrers = false;              ///< signatures and whatever else refers to it go with it
  unsigned jobs = 4;                       ///< blobs at a time
  bool is_dry_run = false;                 ///< looks what would be sent
};

struct TargetReport {
  std::string name;
  std::optional<Error> failure{};  ///< nothing: it has all of it, and each tag means it
  uint64_t blobs_sent = 0;         ///< of a dry run: would be
  uint64_t blobs_mounted = 0;
  uint64_t blobs_there = 0;  ///< before
  uint64_t bytes_sent = 0;
  uint64_t manifests_sent = 0;
  uint64_t manifests_there = 0;
};

struct CopyReport {
  std::optional<Error> failure{};  ///< of the source: no target has it
  std::optional<oci::Digest> digest{};
  std::string media_type{};
  bool is_sparse = false;  ///< an index names platforms that were not copied
  uint64_t manifests = 0;
  uint64_t blobs = 0;
  uint64_t bytes = 0;                            ///< of the blobs, each once
  std::vector<oci::Digest> missing_referrers{};  ///< the source lists them, and has them not: they were left out
  std::vector<TargetReport> targets{};
};

/// A blob that is being read.
struct BlobUnderWay {
  blob::BlobName name;
  uint64_t given_bytes = 0;
};

/// Copies what one name leads to into several repositories at once: everything is read once, whoever lacks it gets it.
/// Blobs first, then manifests with what they name before them, then the top by its digest; then all of it is looked at
/// as verify does, and only then it gets its tags: no tag ever leads to half a copy. Run again, it sends what is
/// missing. A target that fails is left behind, and the others go on; one that does not answer, at first or about a
/// blob, holds nobody up either, and gets its copy afterwards. One coroutine at a time; all of it runs on that one's
/// loop. What it is given outlives it.
class Copy {
 public:
  Copy(sys::Clock& clock, CopyOrder order, std::vector<Target> targets);
  ~Copy();

  Awaitable<CopyReport> run(Call call);

  // While it runs, on the same loop.
  const std::vector<BlobUnderWay>& under_way() const { return under_way_; }
  struct Progress {
    uint64_t blobs_done = 0;
    uint64_t bytes_done = 0;  ///< of what is known to be needed, with what was there
    uint64_t blobs = 0;
    uint64_t bytes = 0;
  };
  Progress progress() const;

 private:
  struct Site;
  struct Asked;
  Awaitable<void> copy_to_all(Call call);
  Awaitable<void> meet(Call call, Site& site);
  Awaitable<void> wait_for_answers();
  Awaitable<void> copy_blobs(Call call);
  Task<void> copy_blob(Call call, PlannedBlob blob);
  Awaitable<std::vector<Site*>> lacking(Call call, blob::BlobName name);
  Awaitable<void> ask_blob(Call call, Site& site, blob::BlobName name, std::shared_ptr<Asked> asked);
  Awaitable<void> begin(Call call, Site& site, blob::BlobName name, std::optional<oci::Repository> mount_from,
                        std::shared_ptr<Asked> asked);
  Awaitable<void> wait_for(std::shared_ptr<Asked> asked);
  void note_answer(Site& site, Asked& asked, bool is_one);
  Task<void> send(Call call, const blob::BlobName& name, std::map<Site*, Taker>& takers);
  Awaitable<void> complete(Call call, Site& site);
  Task<void> put_manifests(Call call, Site& site);
  Task<void> list_referrers(Call call, Site& site);
  Task<void> verify(Call call, Site& site);
  Task<void> put_tags(Call call, Site& site);
  Task<void> put_tag(Call call, Site& site, oci::Tag tag, oci::Digest digest);
  const Planned& planned(const oci::Digest& digest) const;

  // constant after construction
  sys::Clock& clock_;
  const CopyOrder order_;

  std::deque<Site> sites_;
  Plan plan_;
  std::deque<PlannedBlob> waiting_;
  std::vector<BlobUnderWay> under_way_;
  uint64_t blobs_done_ = 0;
  uint64_t bytes_done_ = 0;
  sys::Notification met_;
  std::optional<Error> failure_;
};

}  // namespace lifeboat::registry::copy
