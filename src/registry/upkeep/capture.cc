#include "registry/upkeep/capture.h"

#include <algorithm>
#include <set>

#include "registry/held_manifest.h"
#include "registry/random_id.h"

namespace lifeboat::registry {
namespace {

constexpr Duration kStoreWithin = std::chrono::seconds(30);
/// However far away the next job is: the wall clock may be set.
constexpr Duration kLookAgain = std::chrono::minutes(1);
constexpr Duration kStoreFailedPause = std::chrono::seconds(10);
/// A host that is no longer configured may be again.
constexpr Duration kUnknownHostPause = std::chrono::hours(1);
/// A job that has just ended is not taken for one that is due.
constexpr Duration kSettled = std::chrono::seconds(1);
/// To count many costs more than to look for the next.
constexpr uint64_t kManyWaiting = 1000;
constexpr Duration kTotalsEvery = std::chrono::seconds(2);
/// What the upstream does not have, or has wrong, so many times in a row (some hours) it will not have.
constexpr uint32_t kTriesMax = 10;
/// More is no repository that people use.
constexpr std::size_t kPlatformsMax = 32;
/// With everything else here, referrers that cannot be had are let go after so many tries.
constexpr uint32_t kReferrerTriesMax = 5;
/// Where the worst of the failing is looked for: those that wait for an outage alone may be many more.
constexpr std::size_t kSummaryMax = 1000;

/// The pause, less up to a quarter of it: what failed together does not come back together.
Duration jittered(Duration pause, const meta::CaptureJob& job) {
  const std::size_t random = std::hash<oci::Digest>{}(job.manifest) + job.failures * 0x9e3779b9U;
  return pause - Duration(static_cast<int64_t>(random % 1024) * pause.count() / 4096);
}

}  // namespace

Capture::Capture(Parts parts, CaptureOptions options)
    : parts_(parts),
      options_(options),
      holdings_(parts.walk.blobs, parts.walk.names),
      waiting_(parts.metrics.gauge("lifeboat_capture_waiting", "Manifests from upstreams that may not be whole yet.")),
      failing_(parts.metrics.gauge("lifeboat_capture_failing", "Of these, those whose last try failed.")),
      running_gauge_(parts.metrics.gauge("lifeboat_capture_running", "Manifests that are being captured now.")) {}
Capture::~Capture() = default;

void Capture::stop() {
  is_stopping_ = true;
  look();
}

std::size_t Capture::running() const {
  return desk_.with([](const Desk& desk) { return desk.running.size(); });
}

Awaitable<void> Capture::run() {
  sys::Notification& added = parts_.walk.manifest_fetches.capture_added();
  while (!is_stopping_) {
    const uint64_t seen = added.version();
    if (is_stopping_) break;
    const SteadyTime next = co_await start_due();
    co_await added.wait(seen, next);
  }
}

Awaitable<SteadyTime> Capture::start_due() {
  const SteadyTime now = parts_.walk.clock.now();
  const WallTime wall = parts_.walk.clock.wall();
  const std::size_t known = desk_.with([&](Desk& desk) {
    std::erase_if(desk.not_before, [&](const auto& one) { return one.second <= now; });
    return desk.running.size() + desk.not_before.size();
  });
  const Call call(now + kStoreWithin, "capture");
  const auto jobs = co_await parts_.walk.names.captures().due(call, WallTime::max(), options_.running_max + known);
  if (!jobs) {
    parts_.log.warning("capture.cannot_look", {{"reason", jobs.error().message()}});
    co_return now + kStoreFailedPause;
  }
  SteadyTime next = now + kLookAgain;
  for (const meta::CaptureJob& job : *jobs) {
    if (job.due > wall) {
      next = std::min(next, now + (job.due - wall));
      break;
    }
    const Key key(job.repository, job.manifest);
    const bool is_ours = desk_.with([&](Desk& desk) {
      if (const auto waits = desk.not_before.find(key); waits != desk.not_before.end()) {
        next = std::min(next, waits->second);
        return false;
      }
      return desk.running.size() < options_.running_max && desk.running.emplace(key, nullptr).second;
    });
    if (is_ours) parts_.loops.spawn(next_loop_++ % parts_.loops.count(), work(job));
  }
  running_gauge_.set(static_cast<double>(running()));
  if (now < totals_due_) co_return std::min(next, totals_due_);
  if (const auto totals = co_await parts_.walk.names.captures().totals(call)) {
    waiting_.set(static_cast<double>(totals->waiting));
    failing_.set(static_cast<double>(totals->failing));
    if (totals->waiting > kManyWaiting) totals_due_ = now + kTotalsEvery;
  }
  co_return next;
}

Awaitable<void> Capture::work(meta::CaptureJob job) {
  const Key key(job.repository, job.manifest);
  const auto hosts = parts_.addressing.hosts();
  const UpstreamHost* upstream = job.repository.host ? hosts->find(*job.repository.host) : nullptr;
  SteadyTime not_before = parts_.walk.clock.now() + kSettled;
  if (upstream == nullptr) {
    const WallTime until = parts_.walk.clock.wall() + kUnknownHostPause;
    parts_.walk.names.captures().postpone(std::move(job), until);
  } else {
    const Ended ended = co_await capture(job, hosts, *upstream);
    not_before = conclude(std::move(job), *upstream, ended);
  }
  desk_.with([&](Desk& desk) {
    desk.running.erase(key);
    desk.not_before[key] = not_before;
  });
  running_gauge_.set(static_cast<double>(running()));
  look();
}

Awaitable<Capture::Ended> Capture::capture(meta::CaptureJob job, std::shared_ptr<const UpstreamHosts> hosts,
                                           const UpstreamHost& upstream) {
  if (!upstream.source->can_be_asked_for(job.repository)) {
    co_return Ended{.status = fail(ErrorCode::unavailable, "cannot capture: the upstream is not asked now")};
  }
  if (upstream.source->is_short_of_requests()) {
    co_return Ended{.status = fail(ErrorCode::too_many, "cannot capture: the upstream takes few more requests")};
  }
  if (!upstream.capture.is_on && job.platforms.empty()) {
    // The setting may be a mistake that the next reload mends.
    co_return Ended{.status = fail(ErrorCode::unsupported, "cannot capture: it is switched off for this upstream")};
  }
  const Call call(parts_.walk.clock.now() + kStoreWithin, random_upload_id().to_string());
  const Status noted = co_await note_platform(call, job.repository, job.manifest);
  if (!noted) co_return Ended{.status = noted};
  auto wanted = co_await platforms_of(call, job.repository, upstream, job.platforms);
  if (!wanted) co_return Ended{.status = std::unexpected(std::move(wanted).error())};
  const auto walk = std::make_shared<CaptureWalk>(parts_.walk, job.repository, std::move(hosts), upstream,
                                                  std::move(*wanted), call.request_id());
  desk_.with([&](Desk& desk) { desk.running[Key(job.repository, job.manifest)] = walk; });
  Status done = co_await walk->run(job.manifest);
  co_return Ended{std::move(done), walk->is_content_whole(), walk->progress()};
}

SteadyTime Capture::conclude(meta::CaptureJob job, const UpstreamHost& upstream, const Ended& ended) {
  meta::CaptureIndex& captures = parts_.walk.names.captures();
  const SteadyTime now = parts_.walk.clock.now();
  const std::string repository = job.repository.to_string();
  const std::string manifest = job.manifest.to_string();
  const bool is_enough = ended.is_content_whole && job.failures + 1 >= kReferrerTriesMax;
  const bool is_hopeless = !ended.status && job.failures + 1 >= kTriesMax && is_final(ended.status.error().code());
  if (ended.status || is_enough || is_hopeless) {
    if (is_hopeless && !is_enough) {
      parts_.log.warning("capture.given_up", {{"repository", repository},
                                              {"manifest", manifest},
                                              {"tries", job.failures + 1},
                                              {"reason", ended.status.error().message()}});
    } else if (ended.progress.blobs_done > 0) {
      parts_.log.info("capture.whole", {{"repository", repository},
                                        {"manifest", manifest},
                                        {"blobs", ended.progress.blobs_done},
                                        {"bytes", ended.progress.bytes_done}});
    }
    captures.finish(std::move(job));
    return now + kSettled;
  }
  const Error& error = ended.status.error();
  const CaptureRetry retry = retry_of(error.code(), job.failures, upstream.source->can_be_asked_for(job.repository));
  const Duration pause = jittered(retry.pause, job);
  if (retry.is_failure && ++job.failures == 1) {
    parts_.log.warning("capture.failed", {{"repository", repository},
                                          {"manifest", manifest},
                                          {"again_in_s", pause.count() / 1000},
                                          {"reason", error.message()}});
  }
  job.last_error = error.message();
  captures.postpone(std::move(job), parts_.walk.clock.wall() + pause);
  return now + (retry.is_failure ? std::min(pause, kLookAgain) : kSettled);
}

Task<PlatformsWanted> Capture::platforms_of(Call call, oci::RepositoryId repository, const UpstreamHost& upstream,
                                            std::string of_job) {
  LB_CO_TRY(PlatformsWanted wanted, PlatformsWanted::parse(of_job));
  for (const std::string& name : wanted.names) parts_.walk.names.captures().note_platform(repository, name);
  wanted.has_all |= upstream.capture.has_all_platforms;
  wanted.names.insert(upstream.capture.platforms.begin(), upstream.capture.platforms.end());
  LB_CO_TRY(const auto pulled, co_await parts_.walk.names.captures().platforms(call, repository));
  wanted.names.insert(pulled.begin(), pulled.end());
  co_return wanted;
}

/// A client asked for this manifest: the platform that the indexes here name it for is one that is pulled.
Task<void> Capture::note_platform(Call call, oci::RepositoryId repository, oci::Digest manifest) {
  LB_CO_TRY(const auto parents, co_await parts_.walk.names.manifests().parents(call, repository, manifest));
  std::set<std::string> named;
  for (const oci::Digest& parent : parents) {
    const auto held = co_await read_held_manifest(call, parts_.walk.blobs, parts_.walk.names, repository, parent);
    if (!held) continue;
    const auto index = oci::Manifest::parse(as_bytes(held->bytes), held->record.media_type);
    if (!index) continue;
    for (const oci::Descriptor& child : index->manifests) {
      if (child.digest != manifest || !child.platform.is_known() || named.size() >= kPlatformsMax) continue;
      // An index may say anything; what is kept is what people could write.
      if (oci::Platform::parse(child.platform.to_string())) named.insert(child.platform.to_string());
    }
  }
  LB_CO_TRY(const auto noted, co_await parts_.walk.names.captures().platforms(call, repository));
  std::size_t room = kPlatformsMax - std::min(kPlatformsMax, noted.size());
  for (const std::string& one : named) {
    if (room == 0) break;
    if (std::ranges::find(noted, one) != noted.end()) continue;
    parts_.walk.names.captures().note_platform(repository, one);
    --room;
  }
  co_return Status{};
}

Task<Capture::Wish> Capture::wish_for(Call call, oci::RepositoryId repository, oci::Reference reference,
                                      PlatformsWanted wanted) {
  const auto hosts = parts_.addressing.hosts();
  const UpstreamHost* upstream = repository.host ? hosts->find(*repository.host) : nullptr;
  if (upstream == nullptr) {
    co_return fail(ErrorCode::unsupported,
                   "cannot prefetch '" + repository.to_string() + "': it belongs to no configured upstream");
  }
  LB_CO_TRY(const ServedManifest served, co_await parts_.pull.manifest(call, repository, reference));
  LB_CO_TRY(PlatformsWanted all, co_await platforms_of(call, repository, *upstream, wanted.to_string()));
  if (!all.has_all && all.names.empty()) {
    wanted.names.insert(own_platform());
    all.names.insert(own_platform());
  }
  // Where nothing is captured that was not asked for, the job itself has to say for what it is.
  if (!upstream->capture.is_on) wanted.add(all);
  co_return Wish{.resolved = {served.digest, std::move(all), served.stale}, .of_job = std::move(wanted)};
}

Task<void> Capture::add(Call call, oci::RepositoryId repository, Wish wish) {
  LB_CO_CHECK(co_await parts_.walk.names.captures().add(call, repository, wish.resolved.digest, wish.of_job.to_string(),
                                                        parts_.walk.clock.wall()));
  look();
  co_return Status{};
}

Task<Prefetched> Capture::prefetch(Call call, oci::RepositoryId repository, oci::Reference reference,
                                   PlatformsWanted wanted) {
  LB_CO_TRY(Wish wish, co_await wish_for(call, repository, std::move(reference), std::move(wanted)));
  LB_CO_CHECK(co_await add(call, std::move(repository), wish));
  co_return std::move(wish.resolved);
}

Task<Prefetched> Capture::hold(Call call, oci::RepositoryId repository, oci::Reference reference) {
  PlatformsWanted none;
  LB_CO_TRY(Wish wish, co_await wish_for(call, repository, std::move(reference), std::move(none)));
  LB_CO_TRY(const auto job, co_await parts_.walk.names.captures().find(call, repository, wish.resolved.digest));
  if (job) {
    LB_CO_TRY(PlatformsWanted all, PlatformsWanted::parse(job->platforms));
    all.add(wish.of_job);
    if (all.to_string() == job->platforms) co_return std::move(wish.resolved);
  }
  LB_CO_CHECK(co_await add(call, std::move(repository), wish));
  co_return std::move(wish.resolved);
}

Task<CaptureState> Capture::state_of(Call call, oci::RepositoryId repository, oci::Digest manifest) {
  CaptureState state;
  LB_CO_TRY(const auto job, co_await parts_.walk.names.captures().find(call, repository, manifest));
  state.phase = job ? CaptureState::Phase::waiting : CaptureState::Phase::done;
  if (job) {
    state.failures = job->failures;
    state.last_error = job->last_error;
    state.next_try = job->due;
  }
  desk_.with([&](const Desk& desk) {
    const auto found = desk.running.find(Key(repository, manifest));
    if (found == desk.running.end()) return;
    state.phase = CaptureState::Phase::running;
    state.next_try.reset();
    if (found->second) state.progress = found->second->progress();
  });
  LB_CO_TRY(state.holding, co_await holdings_.of(call, repository, manifest));
  co_return state;
}

Task<CaptureSummary> Capture::summary(Call call) {
  CaptureSummary summary{.running = running()};
  LB_CO_TRY(const meta::CaptureTotals totals, co_await parts_.walk.names.captures().totals(call));
  summary.waiting = totals.waiting - std::min(totals.waiting, summary.running);
  summary.failing = totals.failing;
  if (totals.failing == 0) co_return summary;
  LB_CO_TRY(auto jobs, co_await parts_.walk.names.captures().due(call, WallTime::max(), kSummaryMax));
  const auto worst = std::ranges::max_element(jobs, {}, &meta::CaptureJob::failures);
  if (worst != jobs.end() && worst->failures > 0) summary.worst = std::move(*worst);
  co_return summary;
}

}  // namespace lifeboat::registry
