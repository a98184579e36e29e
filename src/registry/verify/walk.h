#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "blob/inspector.h"
#include "registry/verify/graph.h"
#include "registry/verify/look.h"
#include "sys/clock.h"
#include "sys/notification.h"

namespace lifeboat::registry::verify {

struct WalkOptions {
  std::vector<oci::Platform> platforms{};  ///< of indexes; empty: all
  bool has_referrers = false;              ///< what refers to each manifest is looked at too
  Depth depth = Depth::light;
  unsigned jobs = 8;  ///< questions at a time
};

/// Proves that names can be pulled whole from one registry, or says what of them cannot: tag → index → children →
/// config and layers, each digest of a repository once. A registry that does not answer, or refuses the login, is given
/// up after a few questions: each further one would wait as long, and a login that is tried too often is locked. One
/// coroutine at a time; all of it runs on that one's loop.
class Walk {
 public:
  Walk(blob::Inspector& asked, sys::Clock& clock, WalkOptions options);
  ~Walk();

  /// Looks at these too. A tag that is found broken is resolved once more, since it may have been moved, and what it
  /// was before deleted, while it was looked at.
  Awaitable<void> look(Call call, std::vector<Name> names);
  /// Of these, which came out of a list of tags, forgets those that do not resolve and are listed no more: they were
  /// deleted meanwhile, and are no names.
  Awaitable<void> forget_deleted(Call call, std::vector<Name> names);
  bool has(const Name& name) const { return roots_.contains(name); }
  /// Hashes so many of the blobs that were seen and are there, or all when they are fewer; chosen by `seed`.
  Awaitable<void> sample(Call call, std::size_t count, uint64_t seed);
  /// Of all that was looked at.
  Report report() const;
  /// Of one name that was looked at.
  Verdict verdict_of(const Name& name) const;
  Totals totals() const;
  /// Why it was ended before all was looked at; "" when it was not.
  const std::string& given_up() const { return given_up_; }

  struct Progress {
    std::size_t done = 0;     ///< of names, manifests and blobs
    std::size_t waiting = 0;  ///< known, and not looked at
    uint64_t hashed_bytes = 0;
  };
  Progress progress() const;
  /// No further question: look() and sample() return soon. On the same loop.
  void stop(std::string why);

 private:
  struct Job {
    oci::Repository repository;
    std::optional<Name> name{};  ///< to resolve; else
    std::optional<Edge> edge{};  ///< to look at
    std::size_t level = 0;       ///< of manifests
    Depth depth = Depth::light;
  };
  struct Crowd;
  Awaitable<void> work_off(Call call);
  Awaitable<void> work(Call call, std::shared_ptr<Crowd> crowd);
  Awaitable<void> take(Call call, Job job);
  Awaitable<void> look_at(Call call, Job job);
  Awaitable<void> add_referrers(Call call, oci::Repository repository, oci::Digest digest, Node& node);
  void keep(const oci::Repository& repository, const Edge& edge, Node node, std::size_t level);
  void want(const oci::Repository& repository, const Edge& edge, std::size_t level);
  void learn(const std::vector<Fault>& faults);

  // constant after construction
  blob::Inspector& asked_;
  sys::Clock& clock_;
  const WalkOptions options_;

  std::deque<Job> waiting_;
  std::vector<Name> names_;     ///< in the order they were given
  std::map<Name, Root> roots_;  ///< of each of them; empty: not resolved yet
  std::map<oci::Repository, Graph> graphs_;
  /// In graphs_ or on the way there. A blob that is named with several lengths is looked at with each: with a wrong one
  /// it is not hashed.
  std::map<oci::Repository, std::set<std::pair<oci::Digest, uint64_t>>> wanted_;
  std::size_t done_ = 0;
  uint64_t hashed_bytes_ = 0;
  unsigned silent_ = 0;  ///< questions in a row that got no answer
  unsigned failed_ = 0;  ///< and those at which it failed
  bool has_answered_ = false;
  std::string given_up_;
};

/// The names of the tags of a repository that fit; `accepts` says which.
Task<std::vector<Name>> tags_of(Call call, blob::Inspector& asked, oci::Repository repository,
                                std::function<bool(const oci::Tag&)> accepts);

}  // namespace lifeboat::registry::verify
