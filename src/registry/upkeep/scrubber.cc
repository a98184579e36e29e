#include "registry/upkeep/scrubber.h"

#include <algorithm>
#include <utility>

#include "oci/manifest.h"
#include "registry/held_manifest.h"
#include "registry/manifest_edges.h"
#include "registry/random_id.h"

namespace lifeboat::registry {
namespace {

constexpr std::string_view kTour = "scrub";
constexpr Duration kStepWithin = std::chrono::minutes(1);
/// A process that has just started has better things to do, and one that is restarted again and again has no time.
constexpr Duration kAfterStart = std::chrono::minutes(10);
/// However far away the next tour is: the wall clock may be set.
constexpr Duration kLookAgain = std::chrono::hours(1);
constexpr Duration kFailedPause = std::chrono::minutes(10);
constexpr std::size_t kPage = 128;
constexpr std::size_t kLostMax = 1000;
constexpr uint64_t kStepBytes = 4 * kMiB;

double seconds_of(WallTime time) { return static_cast<double>(time.time_since_epoch().count()) / 1000; }

oci::Digest random_digest() { return oci::Digest::of(HashAlgorithm::sha256, as_bytes(random_upload_id().to_string())); }

}  // namespace

Scrubber::Scrubber(const Parts& parts, ScrubOptions options)
    : parts_(parts),
      options_(options),
      checked_bytes_(
          parts.metrics.counter("lifeboat_scrub_checked_bytes_total", "Held bytes that were read and hashed.")),
      last_success_(parts.metrics.gauge("lifeboat_scrub_last_success_timestamp_seconds",
                                        "When the last tour came to its end; 0 before the first.")),
      unrecorded_(parts.metrics.gauge("lifeboat_scrub_unrecorded_bytes",
                                      "Bytes on disk that no name stood for at the end of the last tour.")),
      not_before_(parts.clock.now() + kAfterStart) {}

Call Scrubber::call() const { return {parts_.clock.now() + kStepWithin, "scrub"}; }

void Scrubber::stop() {
  is_stopping_ = true;
  woken_.notify_all();
}

Status Scrubber::order(ScrubOrder order) {
  const bool is_busy = progress_.with([](const auto& now) { return now.is_running && now.is_ordered; });
  const bool is_taken = !is_busy && !is_stopping_ && order_.with([&](auto& next) {
    if (next) return false;
    next = order;
    return true;
  });
  if (!is_taken) {
    return fail(ErrorCode::conflict, is_stopping_ ? "cannot scrub: the server is stopping"
                                                  : "cannot scrub: an ordered tour is under way already");
  }
  woken_.notify_all();
  return {};
}

ScrubProgress Scrubber::progress() const {
  ScrubProgress now = progress_.with([](const auto& progress) { return progress; });
  // Who has ordered it sees it as under way from then on.
  if (order_.with([](const auto& order) { return order.has_value(); })) now.is_running = now.is_ordered = true;
  return now;
}

bool Scrubber::is_interrupted(const Way& way) const {
  return is_stopping_ || (way.gives_way && order_.with([](const auto& order) { return order.has_value(); }));
}

Awaitable<void> Scrubber::run() {
  while (!is_stopping_) {
    const uint64_t seen = woken_.version();
    const auto order = order_.with([](const auto& next) { return next; });
    if (order) {
      co_await ordered_tour(*order);
      continue;
    }
    const SteadyTime next = co_await tour_when_due();
    if (is_stopping_) break;
    co_await woken_.wait(seen, next);
  }
}

Awaitable<SteadyTime> Scrubber::tour_when_due() {
  const SteadyTime now = parts_.clock.now();
  const auto known = co_await parts_.names.tours().find(call(), std::string(kTour));
  if (!known) co_return now + kFailedPause;
  meta::Tour noted = known->value_or(meta::Tour{});
  if (noted.finished) last_success_.set(seconds_of(*noted.finished));
  if (options_.every == Duration(0)) co_return now + kLookAgain;
  if (now < not_before_) co_return not_before_;
  const WallTime wall = parts_.clock.wall();
  if (!noted.started && noted.finished && *noted.finished + options_.every > wall) {
    co_return now + std::min<Duration>(*noted.finished + options_.every - wall, kLookAgain);
  }
  auto position = TourPosition::parse(noted.position);
  if (!noted.started || !position) {
    position = TourPosition{.began = random_digest()};
    noted.started = wall;
  }
  begin_progress(false, true);
  co_await learn_totals();
  const Way way{.gives_way = true, .rate_bytes = options_.rate_bytes};
  const auto ended = co_await tour(*position, way);
  noted.position = position->to_string();
  if (ended && *ended == Ended::whole) {
    noted = {.finished = parts_.clock.wall()};
    last_success_.set(seconds_of(*noted.finished));
  }
  parts_.names.tours().note(std::string(kTour), noted);
  progress_.with([&](ScrubProgress& progress) {
    progress.is_running = false;
    progress.finished = ended && *ended == Ended::whole ? noted.finished : std::nullopt;
    if (!ended) progress.error = ended.error().message();
  });
  if (!ended) parts_.log.warning("scrub.broken_off", {{"reason", ended.error().message()}});
  co_return ended ? parts_.clock.now() : parts_.clock.now() + kFailedPause;
}

Awaitable<void> Scrubber::tour_now(ScrubOrder order) { co_await ordered_tour(order); }

Awaitable<void> Scrubber::ordered_tour(ScrubOrder order) {
  begin_progress(true, order.is_repaired);
  order_.with([](auto& next) { next.reset(); });
  co_await learn_totals();
  TourPosition position{.began = random_digest()};
  const Way way{.is_looking_only = !order.is_repaired, .rate_bytes = order.rate_bytes};
  auto ended = co_await tour(position, way);
  if (ended && order.is_repaired) {
    const Status tried = co_await parts_.repairer.try_all(call());
    if (!tried) ended = std::unexpected(tried.error());
  }
  const WallTime now = parts_.clock.wall();
  const bool is_whole = ended && *ended == Ended::whole;
  if (is_whole) {
    parts_.names.tours().note(std::string(kTour), {.finished = now});
    last_success_.set(seconds_of(now));
  }
  progress_.with([&](ScrubProgress& progress) {
    progress.is_running = false;
    if (is_whole) progress.finished = now;
    if (!ended) progress.error = ended.error().message();
    if (ended && !is_whole) progress.error = "the server is stopping";
  });
}

void Scrubber::begin_progress(bool is_ordered, bool is_repaired) {
  progress_.with([&](ScrubProgress& progress) {
    progress = {
        .is_running = true, .is_ordered = is_ordered, .is_repaired = is_repaired, .started = parts_.clock.wall()};
  });
}

Awaitable<void> Scrubber::learn_totals() {
  const auto totals = co_await parts_.names.totals(call());
  if (!totals) co_return;
  progress_.with([&](ScrubProgress& progress) {
    progress.known = totals->blobs + totals->manifests;
    progress.known_bytes = totals->blob_bytes;
  });
}

Task<Scrubber::Ended> Scrubber::tour(TourPosition& position, const Way& way) {
  Pace pace(way.rate_bytes);
  LB_CO_CHECK(co_await check_lost_manifests(call(), way));
  // What is behind the random digest comes first, then what is before it.
  std::optional<oci::Digest> after = position.last;
  if (!after && !position.has_come_around) after = position.began;
  for (;;) {
    LB_CO_TRY(const auto page, co_await parts_.names.faults().known(call(), after, kPage));
    for (const meta::KnownContent& content : page) {
      if (position.is_over_at(content.digest)) break;
      if (is_interrupted(way)) co_return Ended::interrupted;
      LB_CO_CHECK(co_await check(call(), content, way, pace));
      if (is_interrupted(way)) co_return Ended::interrupted;
      position.last = content.digest;
    }
    if (page.size() == kPage && !position.is_over_at(page.back().digest)) {
      after = page.back().digest;
      if (way.gives_way) {
        LB_CO_TRY(const auto noted, co_await parts_.names.tours().find(call(), std::string(kTour)));
        const WallTime started = noted && noted->started ? *noted->started : parts_.clock.wall();
        parts_.names.tours().note(
            std::string(kTour),
            {.position = position.to_string(), .started = started, .finished = noted ? noted->finished : std::nullopt});
      }
    } else if (!position.has_come_around) {
      position.has_come_around = true;
      position.last.reset();
      after.reset();
    } else {
      break;
    }
  }
  // Again, by what is known since: an index whose record was mended may lead to them.
  LB_CO_CHECK(co_await check_lost_manifests(call(), way));
  LB_CO_CHECK(co_await count_unrecorded(way));
  co_return is_interrupted(way) ? Ended::interrupted : Ended::whole;
}

Task<blob::Damage> Scrubber::look(Call call, meta::KnownContent content, const Way& way, Pace& pace) {
  using Kind = blob::Damage::Kind;
  auto reading = co_await parts_.integrity.read_through(call, content.digest);
  if (!reading && reading.error().code() == ErrorCode::not_found) {
    co_return blob::Damage{Kind::missing, "it is not on disk"};
  }
  if (!reading) co_return std::unexpected(std::move(reading).error());
  uint64_t size_bytes = 0;
  for (;;) {
    LB_CO_TRY(const uint64_t count, co_await (*reading)->next(kStepBytes));
    if (count == 0) break;
    size_bytes += count;
    checked_bytes_.add(static_cast<double>(count));
    progress_.with([&](ScrubProgress& progress) { progress.checked_bytes += count; });
    const SteadyTime next = pace.after(count, parts_.clock.now());
    while (!is_interrupted(way) && parts_.clock.now() < next) {
      const uint64_t seen = woken_.version();
      if (is_interrupted(way)) break;
      co_await woken_.wait(seen, next);
    }
    if (is_interrupted(way)) co_return fail(ErrorCode::cancelled, "cannot scrub on: it is interrupted");
  }
  const oci::Digest got = (*reading)->so_far();
  if (got == content.digest) {
    const bool is_recorded_right = size_bytes == content.size_bytes;
    co_return blob::Damage{Kind::none, is_recorded_right ? "" : "it is recorded with another size"};
  }
  if (size_bytes == content.size_bytes) co_return blob::Damage{Kind::wrong_bytes, "got " + got.to_string()};
  co_return blob::Damage{Kind::wrong_size, "got " + std::to_string(size_bytes) + " bytes, want " +
                                               std::to_string(content.size_bytes) + " bytes"};
}

void Scrubber::note_unreadable(const oci::Digest& digest, const Error& error) {
  parts_.faults.count("unreadable");
  add_finding(digest, "unreadable", error.message());
  parts_.log.error("content.unreadable", {{"digest", digest.to_string()}, {"reason", error.message()}});
}

Task<void> Scrubber::check(Call call, meta::KnownContent content, const Way& way, Pace& pace) {
  auto damage = co_await look(call, content, way, pace);
  if (damage && damage->kind != blob::Damage::Kind::none && way.is_looking_only) {
    damage = co_await look(call, content, way, pace);  // once more, as the store does before it moves anything
  }
  if (!damage && damage.error().code() == ErrorCode::cancelled) co_return Status{};
  progress_.with([](ScrubProgress& progress) { ++progress.checked; });
  if (!damage) {
    note_unreadable(content.digest, damage.error());
    co_return Status{};
  }
  const Call own = this->call();
  if (damage->kind == blob::Damage::Kind::none) {
    if (!damage->detail.empty()) LB_CO_CHECK(co_await mend_record(own, content.digest, damage->detail, way));
    if (content.is_manifest) co_return co_await check_names_of(own, content.digest, way);
    co_return Status{};
  }
  if (way.is_looking_only) {
    const auto kind = damage->kind == blob::Damage::Kind::missing      ? meta::FaultKind::missing
                      : damage->kind == blob::Damage::Kind::wrong_size ? meta::FaultKind::wrong_size
                                                                       : meta::FaultKind::wrong_bytes;
    add_finding(content.digest, to_string(kind), std::move(damage->detail));
    co_return Status{};
  }
  // Removed meanwhile, by a client or the collector: no name stands for it any more.
  LB_CO_TRY(const auto places, co_await parts_.names.faults().places(own, content.digest));
  if (places.empty()) co_return Status{};
  const auto fault = co_await parts_.faults.examine(own, content.digest, content.size_bytes);
  if (!fault) {  // one piece must not keep the tour from all others
    note_unreadable(content.digest, fault.error());
  } else if (*fault) {
    add_finding(content.digest, to_string((*fault)->kind), (*fault)->detail);
  }
  co_return Status{};
}

/// What it names is recorded as it stands in it; of a hosted repository's all of it is there.
Task<void> Scrubber::check_names_of(Call call, oci::Digest manifest, const Way& way) {
  LB_CO_TRY(const auto places, co_await parts_.names.faults().places(call, manifest));
  for (const meta::ContentPlace& place : places) {
    if (!place.is_manifest) continue;
    const auto held = co_await read_held_manifest(call, parts_.blobs, parts_.names, place.repository, manifest);
    if (!held) continue;
    const auto parsed = oci::Manifest::parse(as_bytes(held->bytes), held->record.media_type);
    if (!parsed) continue;
    LB_CO_CHECK(co_await check_edges(call, manifest, *parsed, way));
    LB_CO_TRY(const auto missing,
              co_await parts_.names.blobs().missing(call, place.repository, blobs_needed_by(*parsed)));
    for (const oci::Digest& digest : missing) {
      LB_CO_TRY(const auto known, co_await parts_.names.faults().find(call, digest));
      if (known) continue;
      // A cache need not have all of it. What it has and does not know of would be missed when its upstream is down.
      if (!place.repository.is_hosted()) {
        const auto content = co_await parts_.blobs.open(call, digest);
        if (!content) continue;
      }
      LB_CO_CHECK(co_await mend_record(call, digest,
                                       "manifest " + manifest.to_string() + " names it, and it is not recorded", way));
    }
  }
  co_return Status{};
}

Task<void> Scrubber::check_edges(Call call, oci::Digest digest, const oci::Manifest& manifest, const Way& way) {
  std::vector<oci::Digest> wanted;
  for (const meta::Edge& edge : edges_of(manifest)) wanted.push_back(edge.to);
  std::ranges::sort(wanted);
  LB_CO_TRY(const auto recorded, co_await parts_.names.faults().named_by(call, digest));
  if (std::ranges::includes(recorded, wanted)) co_return Status{};
  co_return co_await mend_record(call, digest, "not all that it names is recorded", way);
}

Task<void> Scrubber::mend_record(Call call, oci::Digest digest, std::string detail, const Way& way) {
  parts_.faults.count("lost_record");
  add_finding(digest, "lost_record", detail);
  if (way.is_looking_only) co_return Status{};
  LB_CO_TRY(const bool is_restored, co_await parts_.repairer.restore_alone(call, digest));
  if (is_restored) {
    parts_.log.warning("content.record_restored", {{"digest", digest.to_string()}, {"detail", detail}});
    co_return co_await parts_.faults.forget_answers(call, digest);
  }
  co_return co_await parts_.faults.note_lost(call, digest, std::move(detail));
}

Task<void> Scrubber::check_lost_manifests(Call call, const Way& way) {
  LB_CO_TRY(const auto lost, co_await parts_.names.faults().lost_manifests(call, kLostMax));
  for (const meta::LostManifest& one : lost) {
    LB_CO_TRY(const auto known, co_await parts_.names.faults().find(this->call(), one.digest));
    if (known) continue;
    LB_CO_CHECK(co_await mend_record(
        this->call(), one.digest, "a name of '" + one.repository.to_string() + "' leads to it, and it is not recorded",
        way));
  }
  co_return Status{};
}

Task<void> Scrubber::count_unrecorded(const Way& way) {
  uint64_t pieces = 0;
  uint64_t bytes = 0;
  for (const HashAlgorithm algorithm : {HashAlgorithm::sha256, HashAlgorithm::sha512}) {
    for (unsigned first = 0; first < 256; ++first) {
      if (is_interrupted(way)) co_return Status{};
      LB_CO_TRY(const auto stored, co_await parts_.integrity.list(call(), algorithm, static_cast<std::byte>(first)));
      for (const blob::StoredContent& one : stored) {
        LB_CO_TRY(const auto places, co_await parts_.names.faults().places(call(), one.digest));
        if (!places.empty()) continue;
        ++pieces;
        bytes += one.size_bytes;
      }
    }
  }
  unrecorded_.set(static_cast<double>(bytes));
  progress_.with([&](ScrubProgress& progress) {
    progress.unrecorded = pieces;
    progress.unrecorded_bytes = bytes;
  });
  co_return Status{};
}

void Scrubber::add_finding(const oci::Digest& digest, std::string_view kind, std::string detail) {
  progress_.with([&](ScrubProgress& progress) {
    ++progress.found;
    if (progress.findings.size() >= ScrubProgress::kFindingsMax) return;
    progress.findings.push_back({digest, std::string(kind), std::move(detail)});
  });
}

}  // namespace lifeboat::registry
