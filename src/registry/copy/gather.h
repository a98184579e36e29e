#pragma once

#include <deque>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "blob/source.h"
#include "registry/copy/plan.h"
#include "sys/clock.h"
#include "sys/notification.h"

namespace lifeboat::registry::copy {

struct GatherOptions {
  std::vector<oci::Platform> platforms{};  ///< of indexes; empty: all
  bool has_referrers = false;              ///< and what refers to what is copied, and cosign's tags of it
  unsigned jobs = 4;                       ///< questions at a time
};

/// Reads the manifests that a name leads to: index → children, and what refers to them; blobs are not asked for. One
/// coroutine at a time; all of it runs on that one's loop. `from` and `clock` outlive it.
///
/// Its errors are the source's; corrupt: a manifest has other bytes than its digest says; not_found: the source has not
/// all of it (referrers that it lists may be missing), or nothing for a platform that is wanted; invalid: it is no
/// manifest, or more than is taken.
class Gather {
 public:
  Gather(blob::Source& from, sys::Clock& clock, oci::RepositoryId repository, GatherOptions options);

  Task<Plan> run(Call call, oci::Reference root);

 private:
  struct Job {
    oci::Reference what;
    std::size_t level = 0;
    bool is_attached = false;  ///< a tag that need not be there
    bool is_referrer = false;  ///< listed, and that need not be there either
  };
  Awaitable<void> work(Call call);
  Task<void> take(Call call, Job job);
  Task<void> take_manifest(Call call, const Job& job, blob::FetchedManifest fetched);
  void want(Job job);
  Status check_children() const;

  // constant after construction
  blob::Source& from_;
  sys::Clock& clock_;
  const oci::RepositoryId repository_;
  const GatherOptions options_;

  std::deque<Job> waiting_;
  unsigned busy_ = 0;
  sys::Notification changed_;
  std::set<oci::Digest> wanted_;
  std::optional<oci::Digest> root_;
  std::map<oci::Digest, Found> found_;
  std::vector<std::pair<oci::Tag, oci::Digest>> attached_;
  std::vector<oci::Digest> missing_referrers_;
  uint64_t bytes_ = 0;
  std::optional<Error> failure_;
};

}  // namespace lifeboat::registry::copy
