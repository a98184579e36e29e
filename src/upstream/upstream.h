#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/guarded.h"
#include "base/log.h"
#include "blob/source.h"
#include "sys/clock.h"
#include "sys/metrics.h"
#include "upstream/failover.h"
#include "upstream/retry_budget.h"

namespace lifeboat::upstream {

/// A remote registry with several ordered endpoints: each is asked until one has the answer. An endpoint that does not
/// have the thing does not end the search, since a mirror may lack what its origin has. A body that breaks off is
/// continued at the same byte by the next endpoint. Any thread.
///
/// Asking again where it failed, or going on to one that fails as well, draws on a retry budget (retry_budget.h); an
/// outage that a breaker has seen costs nothing. When the budget is empty the first failure stands.
class Upstream final : public blob::Source {
 public:
  struct Member {
    std::string name;  ///< in logs
    std::shared_ptr<blob::Source> source;
  };
  struct Parts {
    sys::Clock& clock;
    Log& log;
    sys::Metrics& metrics;
  };
  /// `endpoints`: in the order they are asked; not empty. `hedge_after`: when the head of a manifest or blob has not
  /// come within it, the next endpoint is asked as well, and so on, each drawing on the retry budget; the first good
  /// answer wins. What is still asked then ends at its own deadlines, so that its breaker learns of an endpoint that
  /// hangs; its answer is dropped, and it keeps its source alive, not this. 0: one after the other.
  Upstream(Parts parts, std::vector<Member> endpoints, Duration hedge_after = {});
  ~Upstream() override;

  Task<blob::ResolvedTag> resolve(Call call, oci::RepositoryId repository, oci::Tag tag) override;
  Task<blob::FetchedManifest> manifest(Call call, oci::RepositoryId repository, oci::Reference reference) override;
  /// The stream must not outlive this.
  Task<std::unique_ptr<blob::Stream>> open(Call call, oci::RepositoryId repository, oci::Digest digest,
                                           uint64_t from) override;
  Task<TagPage> tags(Call call, oci::RepositoryId repository, std::string last, std::size_t limit) override;
  Task<std::vector<oci::Referrer>> referrers(Call call, oci::RepositoryId repository, oci::Digest subject) override;
  /// One of the endpoints can.
  bool can_be_asked() const override;
  bool can_be_asked_for(const oci::RepositoryId& repository) const override;
  /// The one that would be asked first is.
  bool is_short_of_requests() const override;

 private:
  class ContinuedStream;
  struct Opened {
    std::unique_ptr<blob::Stream> stream;
    std::size_t endpoint = 0;
  };
  static Task<Opened> open_at(std::shared_ptr<blob::Source> source, std::size_t endpoint, Call call,
                              oci::RepositoryId repository, oci::Digest digest, uint64_t from);
  struct Rejection {
    std::size_t endpoint = 0;
    SteadyTime at{};
  };
  struct Counters {
    sys::Counter& made;
    sys::Counter& refused;
  };
  static std::vector<Counters> counters_of(sys::Metrics& metrics, const std::vector<Member>& endpoints);
  /// Leave for one attempt after another; drawn from the budget where that is due.
  struct Leave {
    bool is_given = true;
    bool is_drawn = false;
  };
  /// For an attempt at `next` after `failed` said so.
  Leave leave_for(std::size_t next, std::size_t failed, const Error& failure);
  /// What came of it: an attempt that nobody was asked for costs nothing.
  void settle(Leave leave, std::size_t endpoint, const Error* failure);

  /// `ask(endpoint, call)` for one endpoint after the other, until one answers.
  template <class Value, class Ask>
  Task<Value> first_of(Call call, Candidates candidates, Ask ask);
  /// The same, with a further one whenever `hedge_after` has passed without an answer.
  template <class Value, class Ask>
  Task<Value> hedged_first_of(Call call, Candidates candidates, Ask ask);
  /// The one or the other, as it is configured.
  template <class Value, class Ask>
  Task<Value> head_of(Call call, Candidates candidates, Ask ask);
  template <class Value>
  struct Race;
  template <class Value>
  static Awaitable<void> run(std::shared_ptr<Race<Value>> race, std::size_t attempt,
                             std::shared_ptr<blob::Source> keep_alive, Task<Value> question);
  /// For one request; `digest`: nothing for what has none yet.
  Candidates candidates_for(const oci::RepositoryId& repository, const oci::Digest* digest) const;
  void reject(const oci::Digest& digest, std::size_t endpoint);

  // constant after construction
  sys::Clock& clock_;
  Log& log_;
  const std::vector<Member> endpoints_;

  const std::vector<Counters> retries_;  ///< by endpoint
  const Duration hedge_after_;

  RetryBudget budget_;
  Guarded<std::map<oci::Digest, std::vector<Rejection>>> rejected_;
};

}  // namespace lifeboat::upstream
