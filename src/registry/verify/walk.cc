#include "registry/verify/walk.h"

#include <algorithm>
#include <random>
#include <utility>

#include "sys/beside.h"

namespace lifeboat::registry::verify {
namespace {

constexpr Duration kAnswerWithin = std::chrono::minutes(2);
constexpr std::size_t kTagsPage = 1000;
constexpr std::size_t kTagsMax = 1'000'000;
/// In a row. What fails at one thing may have many that are broken the same way.
constexpr unsigned kSilentMax = 3;
constexpr unsigned kFailedMax = 16;

}  // namespace

/// Those who work off what waits.
struct Walk::Crowd {
  unsigned busy = 0;
  unsigned alive = 0;
  sys::Notification changed{};
};

Walk::Walk(blob::Inspector& asked, sys::Clock& clock, WalkOptions options)
    : asked_(asked), clock_(clock), options_(std::move(options)) {}
Walk::~Walk() = default;

void Walk::stop(std::string why) {
  if (given_up_.empty()) given_up_ = std::move(why);
  waiting_.clear();
}

Walk::Progress Walk::progress() const {
  return {.done = done_, .waiting = waiting_.size(), .hashed_bytes = hashed_bytes_};
}

Awaitable<void> Walk::look(Call call, std::vector<Name> names) {
  std::vector<Name> fresh;
  for (Name& name : names) {
    if (!roots_.try_emplace(name).second) continue;
    Job job{.repository = name.repository, .name = name};
    waiting_.push_back(std::move(job));
    names_.push_back(name);
    fresh.push_back(std::move(name));
  }
  co_await work_off(call);
  for (const Name& name : fresh) {
    const bool may_have_moved =
        name.reference.tag() != nullptr && verdict_of(name).outcome() == Verdict::Outcome::broken;
    if (!may_have_moved) continue;
    Job job{.repository = name.repository, .name = name};
    waiting_.push_back(std::move(job));
  }
  if (!waiting_.empty()) co_await work_off(std::move(call));
}

Awaitable<void> Walk::forget_deleted(Call call, std::vector<Name> names) {
  std::map<oci::Repository, std::set<Name>> missing;
  for (const Name& name : names) {
    const auto root = roots_.find(name);
    const bool is_missing = root != roots_.end() && !root->second.digest && !root->second.faults.empty() &&
                            root->second.faults.front().kind == FaultKind::missing;
    if (is_missing) missing[name.repository].insert(name);
  }
  for (const auto& [repository, lost] : missing) {
    const std::function<bool(const oci::Tag&)> accepts = [](const oci::Tag&) { return true; };
    const auto listed = co_await tags_of(call, asked_, repository, accepts);
    if (!listed && listed.error().code() != ErrorCode::not_found) continue;
    std::set<Name> still;
    if (listed) still.insert(listed->begin(), listed->end());
    for (const Name& name : lost) {
      if (still.contains(name)) continue;
      roots_.erase(name);
      std::erase(names_, name);
    }
  }
}

Awaitable<void> Walk::sample(Call call, std::size_t count, uint64_t seed) {
  std::vector<Job> all;
  for (const auto& [repository, graph] : graphs_) {
    std::set<oci::Digest> listed;
    for (const auto& [digest, node] : graph) {
      for (const Edge& edge : node.edges) {
        const auto found = graph.find(edge.digest);
        const bool is_here = !edge.is_manifest() && found != graph.end() && found->second.faults.empty() &&
                             found->second.size_bytes == edge.size_bytes;
        if (!is_here || !listed.insert(edge.digest).second) continue;
        all.push_back({.repository = repository, .edge = edge, .depth = Depth::deep});
      }
    }
  }
  std::mt19937_64 random(seed);
  std::ranges::shuffle(all, random);
  if (all.size() > count) all.erase(all.begin() + static_cast<std::ptrdiff_t>(count), all.end());
  std::ranges::move(all, std::back_inserter(waiting_));
  co_await work_off(std::move(call));
}

Awaitable<void> Walk::work_off(Call call) {
  const auto crowd = std::make_shared<Crowd>();
  crowd->alive = std::max(1U, options_.jobs);
  for (unsigned i = crowd->alive; i > 0; --i) co_await sys::start_beside(work(call, crowd));
  for (;;) {
    const uint64_t seen = crowd->changed.version();
    if (crowd->alive == 0) co_return;
    co_await crowd->changed.wait(seen, SteadyTime::max());
  }
}

Awaitable<void> Walk::work(Call call, std::shared_ptr<Crowd> crowd) {
  for (;;) {
    const uint64_t seen = crowd->changed.version();
    if (!given_up_.empty()) waiting_.clear();
    if (waiting_.empty()) {
      if (crowd->busy == 0) break;
      co_await crowd->changed.wait(seen, SteadyTime::max());
      continue;
    }
    Job job = std::move(waiting_.front());
    waiting_.pop_front();
    ++crowd->busy;
    co_await take(call, std::move(job));
    --crowd->busy;
    ++done_;
    crowd->changed.notify_all();
  }
  --crowd->alive;
  crowd->changed.notify_all();
}

Awaitable<void> Walk::take(Call call, Job job) {
  const Call each = call.shortened_to(clock_.now() + kAnswerWithin);
  if (!job.name) co_return co_await look_at(each, std::move(job));
  Resolved found = co_await resolve(each, asked_, *job.name, options_.platforms);
  learn(found.root.faults);
  const std::optional<oci::Digest> digest = found.root.digest;
  if (digest && !found.node) want(job.repository, {.part = Part::manifest, .digest = *digest}, 1);
  const bool is_new = digest && found.node && wanted_[job.repository].emplace(*digest, 0).second;
  if (is_new) {
    co_await confirm_by_digest(each, asked_, job.repository, *digest, *found.node);
    if (options_.has_referrers) co_await add_referrers(each, job.repository, *digest, *found.node);
    keep(job.repository, {.part = Part::manifest, .digest = *digest}, std::move(*found.node), 1);
  }
  roots_.insert_or_assign(std::move(*job.name), std::move(found.root));
}

Awaitable<void> Walk::look_at(Call call, Job job) {
  const Edge& edge = *job.edge;
  Node node;
  if (edge.is_manifest()) {
    node = co_await look_at_manifest(call, asked_, job.repository, edge.digest, options_.platforms);
    if (options_.has_referrers) co_await add_referrers(call, job.repository, edge.digest, node);
  } else {
    const BlobWanted wanted{.digest = edge.digest, .size_bytes = edge.size_bytes.value_or(0), .depth = job.depth};
    BlobLook look = co_await look_at_blob(call, asked_, clock_, job.repository, wanted);
    node = std::move(look.node);
    hashed_bytes_ += look.hashed_bytes;
  }
  keep(job.repository, edge, std::move(node), job.level);
}

void Walk::keep(const oci::Repository& repository, const Edge& edge, Node node, std::size_t level) {
  learn(node.faults);
  for (const Edge& next : node.edges) want(repository, next, level + 1);
  Graph& graph = graphs_[repository];
  const bool is_named_wrongly = !edge.is_manifest() && node.size_bytes && node.size_bytes != edge.size_bytes;
  if (is_named_wrongly && graph.contains(edge.digest)) return;
  graph.insert_or_assign(edge.digest, std::move(node));
}

Awaitable<void> Walk::add_referrers(Call call, oci::Repository repository, oci::Digest digest, Node& node) {
  if (node.media_type.empty()) co_return;
  const auto referrers = co_await asked_.referrers(call, std::move(repository), digest);
  if (!referrers) {
    Fault fault = fault_of_list(referrers.error());
    fault.detail = "its referrers: " + fault.detail;
    node.faults.push_back(std::move(fault));
    co_return;
  }
  for (const oci::Referrer& one : *referrers) {
    node.edges.push_back({.part = Part::referrer,
                          .digest = one.digest,
                          .size_bytes = one.size_bytes,
                          .media_type = one.media_type,
                          .note = one.artifact_type});
  }
}

void Walk::want(const oci::Repository& repository, const Edge& edge, std::size_t level) {
  const uint64_t size = edge.is_manifest() ? 0 : edge.size_bytes.value_or(0);
  if (level > kDepthMax || !wanted_[repository].emplace(edge.digest, size).second) return;
  Job job{.repository = repository, .edge = edge, .level = level, .depth = options_.depth};
  waiting_.push_back(std::move(job));
}

void Walk::learn(const std::vector<Fault>& faults) {
  const auto has = [&](auto... kinds) {
    return std::ranges::any_of(faults, [&](const Fault& fault) { return ((fault.kind == kinds) || ...); });
  };
  if (has(FaultKind::unreachable, FaultKind::unauthorized, FaultKind::limited)) {
    ++silent_;
  } else if (has(FaultKind::server_error)) {
    ++failed_;
  } else {
    silent_ = 0;
    failed_ = 0;
    has_answered_ = true;
  }
  if (silent_ >= kSilentMax || failed_ >= kFailedMax) stop(faults.front().detail);
}

Report Walk::report() const {
  Report report{.totals = totals(), .given_up = given_up_};
  for (const Name& name : names_) report.verdicts.push_back(verdict_of(name));
  return report;
}

Totals Walk::totals() const {
  Totals totals{.hashed_bytes = hashed_bytes_};
  for (const auto& [repository, graph] : graphs_) {
    for (const auto& [digest, node] : graph) {
      const bool is_manifest = !node.media_type.empty();
      ++(is_manifest ? (node.is_index ? totals.indexes : totals.manifests) : totals.blobs);
    }
  }
  return totals;
}

Verdict Walk::verdict_of(const Name& name) const {
  const Graph nothing;
  const auto graph = graphs_.find(name.repository);
  const auto root = roots_.find(name);
  Verdict verdict =
      trace(graph == graphs_.end() ? nothing : graph->second, name, root == roots_.end() ? Root{} : root->second);
  if (given_up_.empty() && has_answered_) return verdict;
  // What fails at everything says nothing about the one thing.
  for (Finding& finding : verdict.findings) {
    if (finding.fault.kind == FaultKind::server_error) finding.fault.kind = FaultKind::unreachable;
  }
  return verdict;
}

Task<std::vector<Name>> tags_of(Call call, blob::Inspector& asked, oci::Repository repository,
                                std::function<bool(const oci::Tag&)> accepts) {
  std::vector<Name> names;
  std::string last;
  for (std::size_t seen = 0; seen < kTagsMax;) {
    LB_CO_TRY(const auto page, co_await asked.tags(call, repository, last, kTagsPage));
    for (const std::string& text : page.tags) {
      auto tag = oci::Tag::parse(text);
      if (tag && accepts(*tag)) names.push_back({repository, oci::Reference(std::move(*tag))});
    }
    if (!page.has_more || page.tags.empty()) co_return names;
    last = page.tags.back();
    seen += page.tags.size();
  }
  co_return fail(ErrorCode::too_many,
                 "cannot list tags of '" + repository.to_string() + "': more than " + std::to_string(kTagsMax));
}

}  // namespace lifeboat::registry::verify
