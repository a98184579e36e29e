#include "registry/upkeep/evictor.h"

#include <algorithm>

#include "registry/upkeep/refetch.h"

namespace lifeboat::registry {
namespace {

constexpr Duration kFirstAfter = std::chrono::seconds(10);
constexpr Duration kEvery = std::chrono::minutes(1);
/// After a look that found nothing to take: it goes over everything that is cached.
constexpr Duration kEveryInVain = std::chrono::minutes(10);
constexpr Duration kLookWithin = std::chrono::hours(1);
constexpr Duration kAskWithin = std::chrono::seconds(20);
/// A full cache is looked at every minute; to read all manifests of a repository takes up to seconds.
constexpr Duration kManifestsFor = std::chrono::hours(1);
/// How long an upstream that has given something is taken to be there.
constexpr Duration kAnswerFor = std::chrono::seconds(10);
/// Manifests looked at by one read.
constexpr std::size_t kRowsMax = 200;
/// Images in the order at a time.
constexpr std::size_t kOrderMax = 1000;
/// Where a tag that is always held pointed: now, and before what may still be on its way.
constexpr std::size_t kHeldPasts = 2;

}  // namespace

Evictor::Evictor(Parts parts, Duration unused_for)
    : parts_(std::move(parts)),
      unused_for_(unused_for),
      evicted_contents_(parts_.metrics.counter("lifeboat_evicted_contents_total",
                                               "Blobs and manifests that left the cache to make room.")),
      evicted_bytes_(parts_.metrics.counter("lifeboat_evicted_bytes_total", "Bytes that left the cache to make room.")),
      used_bytes_(parts_.metrics.gauge("lifeboat_evict_used_bytes", "What is compared with the upper mark.")),
      above_bytes_(parts_.metrics.gauge("lifeboat_evict_above_bytes", "The upper mark: beyond it content goes.")),
      last_success_(parts_.metrics.gauge("lifeboat_evict_last_success_timestamp_seconds",
                                         "When the cache was last found or brought below its mark; 0 before that.")),
      manifests_(fresh_check()) {}

ManifestCheck Evictor::fresh_check() {
  return {parts_.blobs, parts_.names, ManifestCheck::Mend::yes, [this] { return is_stopping_.load(); }};
}

void Evictor::stop() {
  is_stopping_ = true;
  stop_asked_.notify_all();
}

Awaitable<void> Evictor::run() {
  Duration pause = kFirstAfter;
  while (!is_stopping_) {
    const uint64_t seen = stop_asked_.version();
    if (is_stopping_) co_return;
    const bool is_asked = co_await stop_asked_.wait(seen, parts_.clock.now() + pause);
    if (is_asked) continue;
    const Call call(parts_.clock.now() + kLookWithin, "evict");
    const auto report = co_await look(call);
    if (!report && !is_stopping_) parts_.log.warning("evict.failed", {{"reason", report.error().message()}});
    // A pass of the collector that was under way ends soon.
    const bool is_soon =
        report ? report->wanted_bytes == 0 || report->images > 0 : report.error().code() == ErrorCode::conflict;
    pause = is_soon ? kEvery : kEveryInVain;
  }
}

Task<EvictionReport> Evictor::look(Call call) {
  LB_CO_TRY(EvictionSpace space, co_await measure(call));
  if (space.is_due() && is_owed_) {
    LB_CO_CHECK(co_await give_back());
    LB_CO_TRY(space, co_await measure(call));
  }
  EvictionReport report;
  if (space.is_due()) {
    parts_.log.info(
        "evict.began",
        {{"used_bytes", space.used_bytes}, {"above_bytes", space.above_bytes}, {"below_bytes", space.below_bytes}});
    LB_CO_TRY(report, co_await make_room(call, space));
    tell_if_short(report);
  }
  const bool is_reached = report.bytes >= report.wanted_bytes;
  is_short_ = !is_reached;
  if (is_reached) last_success_.set(static_cast<double>(parts_.clock.wall().time_since_epoch().count()) / 1000);
  co_return report;
}

Task<EvictionSpace> Evictor::measure(Call call) {
  LB_CO_TRY(const EvictionSpace space, co_await parts_.measure(std::move(call)));
  used_bytes_.set(static_cast<double>(space.used_bytes));
  above_bytes_.set(static_cast<double>(space.above_bytes));
  co_return space;
}

Task<EvictionReport> Evictor::make_room(Call call, EvictionSpace space) {
  Round round{.report = {.wanted_bytes = space.wanted_bytes()}};
  if (parts_.clock.now() >= manifests_until_) {
    manifests_ = fresh_check();
    manifests_until_ = parts_.clock.now() + kManifestsFor;
  }
  EvictionReport& report = round.report;
  LB_CO_TRY(const Held held, co_await always_held(call));
  Status done;
  for (bool is_over = false; !is_over && done;) {
    const auto order = co_await survey(call, held, round);
    if (!order) {
      done = std::unexpected(order.error());
      break;
    }
    report.pinned = order->pinned();
    report.frozen = order->frozen();
    report.in_use = order->in_use();
    const auto evicted = co_await evict(call, *order, round);
    if (!evicted) done = std::unexpected(evicted.error());
    is_over = !evicted || *evicted;
  }
  evicted_contents_.add(static_cast<double>(report.contents));
  evicted_bytes_.add(static_cast<double>(report.bytes));
  if (done || report.images > 0) {
    parts_.log.info("evict.ended", {{"images", report.images}, {"contents", report.contents}, {"bytes", report.bytes}});
  }
  if (report.images > 0) {
    is_owed_ = true;
    const Status given_back = co_await give_back_evicted();
    if (done) done = given_back;
  }
  if (!done) co_return std::unexpected(std::move(done).error());
  co_return report;
}

Task<EvictionOrder> Evictor::survey(Call call, const Held& held, Round& round) {
  EvictionOrder order(kOrderMax, {.now = parts_.clock.wall(), .unused_for = unused_for_});
  std::optional<meta::EvictionPosition> position = meta::EvictionPosition{};
  while (position && !is_stopping_) {
    LB_CO_TRY(auto page, co_await parts_.eviction.look(call, *position, kRowsMax));
    position = page.next;
    for (meta::CachedImage& image : page.images) {
      round.witnesses.consider(image);
      const auto answer = round.answers.find(image.repository);
      auto standing = EvictionOrder::Standing::free;
      if (held.contains({image.repository, image.root})) {
        standing = EvictionOrder::Standing::wanted;
      } else if (parts_.is_frozen(*image.repository.host) ||
                 (answer != round.answers.end() && !answer->second.may_lose)) {
        standing = EvictionOrder::Standing::frozen;
      }
      order.consider(std::move(image), standing);
    }
  }
  co_return order;
}

Task<bool> Evictor::evict(Call call, const EvictionOrder& order, Round& round) {
  EvictionReport& report = round.report;
  const uint64_t images_before = report.images;
  const uint64_t refusals_before = round.refusals;
  for (const meta::CachedImage& image : order.oldest_first()) {
    if (is_stopping_ || report.bytes >= report.wanted_bytes) co_return true;
    LB_CO_TRY(const bool is_free, co_await may_lose(call, image, round));
    if (!is_free || parts_.is_frozen(*image.repository.host)) {
      ++report.frozen;
      continue;
    }
    LB_CO_TRY(const meta::Evicted evicted, co_await parts_.eviction.evict(call, image));
    if (!evicted.has_gone) continue;
    parts_.stamps.bump(image.repository);
    ++report.images;
    report.contents += evicted.contents;
    report.bytes += evicted.bytes;
  }
  const bool has_reached = report.bytes >= report.wanted_bytes;
  const bool is_in_vain = report.images == images_before && round.refusals == refusals_before;
  co_return has_reached || !order.has_more() || is_in_vain;
}

Task<bool> Evictor::may_lose(Call call, meta::CachedImage image, Round& round) {
  const oci::RepositoryId& repository = image.repository;
  const auto known = round.answers.find(repository);
  if (known != round.answers.end() && (!known->second.may_lose || parts_.clock.now() < known->second.good_until)) {
    co_return known->second.may_lose;
  }
  LB_CO_CHECK(co_await manifests_.look_at(call, repository));
  const auto hosts = parts_.addressing.hosts();
  const UpstreamHost* const host = hosts == nullptr ? nullptr : hosts->find(*repository.host);
  Refetch said = Refetch::refused;
  if (host != nullptr && !manifests_.is_unreadable(repository)) {
    const Call asking(std::min(call.deadline(), parts_.clock.now() + kAskWithin), "evict");
    said = co_await try_refetch(asking, *host->source, repository, image.root);
    // What it has no more is not held because it has become unique, as long as the rest of the repository is there.
    for (const oci::Digest& other : round.witnesses.of(repository)) {
      if (said != Refetch::absent) break;
      if (other != image.root) said = co_await try_refetch(asking, *host->source, repository, other);
    }
  }
  const bool may_lose = said == Refetch::given;
  if (!may_lose) ++round.refusals;
  round.answers[repository] = {.may_lose = may_lose, .good_until = parts_.clock.now() + kAnswerFor};
  co_return may_lose;
}

Task<Evictor::Held> Evictor::always_held(Call call) {
  Held held;
  for (const oci::FullReference& reference : parts_.always_held()) {
    const auto meaning = co_await parts_.addressing.meaning_of(call, reference);
    if (!meaning && meaning.error().code() == ErrorCode::not_found) continue;
    if (!meaning) co_return std::unexpected(meaning.error());
    const oci::RepositoryId& repository = meaning->repository;
    if (const oci::Digest* const digest = reference.reference.digest()) {
      LB_CO_CHECK(co_await hold_with_parents(call, repository, *digest, held));
      continue;
    }
    const oci::Tag tag = *reference.reference.tag();
    // Asked for itself: a row of the history may be lost.
    const auto now = co_await parts_.names.tags().find(call, repository, tag);
    if (!now && now.error().code() != ErrorCode::not_found) co_return std::unexpected(now.error());
    if (now) {
      LB_CO_CHECK(co_await hold_with_parents(call, repository, now->digest, held));
    }
    LB_CO_TRY(const auto pasts, co_await parts_.names.tags().history(call, repository, tag, kHeldPasts));
    for (const meta::TagPast& past : pasts) {
      LB_CO_CHECK(co_await hold_with_parents(call, repository, past.digest, held));
    }
  }
  co_return held;
}

/// What names it would take it along, and so would what it refers to.
Task<void> Evictor::hold_with_parents(Call call, oci::RepositoryId repository, oci::Digest digest, Held& held) {
  std::vector<oci::Digest> to_see{digest};
  while (!to_see.empty()) {
    const oci::Digest one = to_see.back();
    to_see.pop_back();
    if (!held.emplace(repository, one).second) continue;
    LB_CO_TRY(const auto parents, co_await parts_.names.manifests().parents(call, repository, one));
    to_see.insert(to_see.end(), parents.begin(), parents.end());
    const auto record = co_await parts_.names.manifests().find(call, repository, one);
    if (record && record->subject) to_see.push_back(*record->subject);
  }
  co_return Status{};
}

/// With what nothing needs, as far as the clock lets tell.
Task<void> Evictor::give_back() {
  const auto collected = co_await parts_.collector.collect(Sweep::DryRun::no);
  if (!collected && collected.error().code() == ErrorCode::unavailable) co_return co_await give_back_evicted();
  if (!collected) co_return std::unexpected(collected.error());
  is_owed_ = false;
  co_return Status{};
}

Task<void> Evictor::give_back_evicted() {
  const auto collected = co_await parts_.collector.collect_evicted();
  if (!collected) co_return std::unexpected(collected.error());
  is_owed_ = false;
  co_return Status{};
}

void Evictor::tell_if_short(const EvictionReport& report) {
  if (report.bytes >= report.wanted_bytes || is_short_ || is_stopping_) return;
  parts_.log.warning("evict.short",
                     {{"missing_bytes", report.wanted_bytes - report.bytes},
                      {"pinned", report.pinned},
                      {"frozen", report.frozen},
                      {"in_use", report.in_use},
                      {"reason", "all that is left is pinned, in use, hosted here, or could not be fetched again"}});
}

}  // namespace lifeboat::registry
