#include "registry/pull.h"

#include <algorithm>
#include <set>

#include "registry/freshness_rules.h"
#include "registry/held_manifest.h"

namespace lifeboat::registry {
namespace {

/// A stale or gone answer is given again without asking for this long.
constexpr Duration kStaleAgainFor{1000};
/// How far back a tag's past is looked at for something that can be pulled.
constexpr std::size_t kPastMax = 16;

/// Clients may name any host that a pattern allows: those share one label.
std::string host_label(const oci::RepositoryId& repository, const UpstreamHosts& hosts) {
  if (!repository.host) return "hosted";
  return hosts.is_named(*repository.host) ? repository.host->to_string() : std::string("*");
}

constexpr Duration kRecordWithin = std::chrono::minutes(1);

std::unexpected<Error> unknown_host(const oci::RepositoryId& repository) {
  return fail(ErrorCode::not_found,
              "cannot find '" + repository.to_string() + "': it is not held, and its upstream is not configured");
}

std::unexpected<Error> missing(const oci::RepositoryId& repository, const meta::Fault& fault) {
  return fail(ErrorCode::not_found, "cannot find '" + repository.to_string() + "@" + fault.digest.to_string() +
                                        "': it was damaged and is missing now (" + fault.detail + ")");
}

std::chrono::seconds age_of(WallTime last_true, WallTime now) {
  return std::chrono::duration_cast<std::chrono::seconds>(std::max(now - last_true, Duration(0)));
}

}  // namespace

Pull::Pull(blob::Store& blobs, meta::Store& names, Addressing& addressing, ManifestFetches& manifest_fetches,
           BlobFetches& blob_fetches, Faults& faults, sys::Clock& clock, sys::Metrics& metrics, Log& log)
    : blobs_(blobs),
      names_(names),
      addressing_(addressing),
      manifest_fetches_(manifest_fetches),
      blob_fetches_(blob_fetches),
      faults_(faults),
      holdings_(blobs, names),
      clock_(clock),
      metrics_(metrics),
      log_(log) {}

sys::Counter& Pull::answers(const oci::RepositoryId& repository, std::string_view result) {
  return metrics_.counter("lifeboat_pull_answers_total", "Answers to pulls, by where the content came from.",
                          {{"host", host_label(repository, *addressing_.hosts())}, {"result", result}});
}

Task<ServedManifest> Pull::manifest(Call call, oci::RepositoryId repository, oci::Reference reference) {
  if (const oci::Digest* digest = reference.digest()) {
    co_return co_await manifest_by_digest(call, std::move(repository), *digest);
  }
  if (repository.is_hosted()) co_return co_await hosted_tag(call, std::move(repository), *reference.tag());
  co_return co_await upstream_tag(call, std::move(repository), *reference.tag());
}

Task<ServedManifest> Pull::held_manifest(Call call, oci::RepositoryId repository, oci::Digest digest) {
  auto held = co_await read_held_manifest(call, blobs_, names_, repository, digest);
  if (!held && held.error().code() == ErrorCode::corrupt) {
    LB_CO_TRY(const meta::ManifestRecord record, co_await names_.manifests().find(call, repository, digest));
    const auto fault = co_await faults_.examine(call, digest, record.size_bytes);
    if (!fault) co_return std::unexpected(std::move(held).error());  // it cannot be read, which is no verdict
    if (*fault) co_return missing(repository, **fault);
    held = co_await read_held_manifest(call, blobs_, names_, repository, digest);  // brought again in between
  }
  if (!held) co_return std::unexpected(std::move(held).error());
  co_return ServedManifest{digest,      std::move(held->record.media_type), std::move(held->bytes), std::nullopt, {},
                           std::nullopt};
}

Task<ServedManifest> Pull::manifest_by_digest(Call call, oci::RepositoryId repository, oci::Digest digest) {
  auto held = co_await held_manifest(call, repository, digest);
  if (held) {
    answers(repository, "hit").add();
    co_return held;
  }
  const ErrorCode code = held.error().code();
  if (repository.is_hosted() || (code != ErrorCode::not_found && code != ErrorCode::corrupt)) co_return held;
  // Repair is the miss path: what is here and unreadable is fetched again like what was never here.
  const auto hosts = addressing_.hosts();
  const UpstreamHost* upstream = hosts->find(*repository.host);
  if (upstream == nullptr) co_return unknown_host(repository);
  answers(repository, "miss").add();
  ManifestFetches::Request request{.repository = repository,
                                   .reference = oci::Reference(digest),
                                   .source = upstream->source,
                                   .keep_alive = hosts,
                                   .is_captured = upstream->capture.is_on,
                                   .not_found_for = policy_for(*upstream, repository.name, nullptr).not_found_for};
  LB_CO_TRY(auto answer, co_await manifest_fetches_.fetch(call, std::move(request)));
  auto fetched = co_await held_manifest(call, repository, digest);
  if (fetched) fetched->endpoint = std::move(answer.endpoint);
  co_return fetched;
}

Task<ServedManifest> Pull::hosted_tag(Call call, oci::RepositoryId repository, oci::Tag tag) {
  LB_CO_TRY(const meta::TagRecord record, co_await names_.tags().find(call, repository, std::move(tag)));
  auto held = co_await held_manifest(call, repository, record.digest);
  if (held) answers(repository, "hit").add();
  co_return held;
}

Task<ServedManifest> Pull::held_tag(Call call, oci::RepositoryId repository, meta::TagRecord record,
                                    std::optional<Staleness> stale, Rest rest) {
  if (rest != Rest::there) {
    LB_CO_TRY(const bool is_pullable, co_await holdings_.can_be_pulled(call, repository, record.digest));
    if (!is_pullable) {
      const std::string reason = stale ? stale->reason : std::string("unavailable");
      LB_CO_TRY(auto earlier, co_await earlier_tag(call, repository, record, reason));
      if (earlier) co_return std::move(*earlier);
      if (rest == Rest::nowhere) {
        answers(repository, "unavailable").add();
        co_return fail(ErrorCode::unavailable,
                       "cannot serve '" + repository.to_string() + ":" + record.tag.to_string() +
                           "': not all of it is held, and the upstream cannot be asked for the rest");
      }
    }
  }
  auto served = co_await manifest_by_digest(call, std::move(repository), record.digest);
  if (served) served->stale = std::move(stale);
  co_return served;
}

/// What the tag was before, as long as that is here to be pulled: an outage must not begin with the last move of a tag.
Task<std::optional<ServedManifest>> Pull::earlier_tag(Call call, oci::RepositoryId repository, meta::TagRecord record,
                                                      std::string reason) {
  LB_CO_TRY(const auto past, co_await names_.tags().history(call, repository, record.tag, kPastMax));
  WallTime replaced = clock_.wall();
  std::set<oci::Digest> seen{record.digest};
  for (const meta::TagPast& one : past) {
    if (seen.insert(one.digest).second) {
      LB_CO_TRY(const bool is_pullable, co_await holdings_.can_be_pulled(call, repository, one.digest));
      if (is_pullable) {
        log_.info("tag.earlier_served", {{"repository", repository.to_string()},
                                         {"tag", record.tag.to_string()},
                                         {"digest", one.digest.to_string()},
                                         {"newer_held_in_part", record.digest.to_string()},
                                         {"request_id", call.request_id()}});
        LB_CO_TRY(ServedManifest served, co_await manifest_by_digest(call, repository, one.digest));
        served.stale = Staleness{std::move(reason), age_of(replaced, clock_.wall())};
        co_return std::optional(std::move(served));
      }
    }
    replaced = one.since;
  }
  co_return std::optional<ServedManifest>();
}

Task<ServedManifest> Pull::upstream_tag(Call call, oci::RepositoryId repository, oci::Tag tag) {
  const auto hosts = addressing_.hosts();
  const UpstreamHost* upstream = hosts->find(*repository.host);
  auto record = co_await names_.tags().find(call, repository, tag);
  if (!record && record.error().code() != ErrorCode::not_found) co_return std::unexpected(std::move(record).error());
  std::optional<HeldTag> held;
  if (record) held = HeldTag{record->checked, record->is_gone_upstream, record->confirmed};
  if (upstream == nullptr && !held) co_return unknown_host(repository);

  const FreshnessPolicy policy = upstream != nullptr ? policy_for(*upstream, repository.name, &tag) : FreshnessPolicy{};
  const WallTime now = clock_.wall();
  const bool can_ask = upstream != nullptr && upstream->source->can_be_asked_for(repository);
  const bool is_short = can_ask && upstream->source->is_short_of_requests();
  FreshnessPolicy of_this_time = policy;
  if (record) of_this_time.fresh_for = window_of(policy.fresh_for, repository, tag, record->checked);
  const BeforeAsking before = before_asking(held, now, of_this_time, is_short);
  if (before != BeforeAsking::revalidate && before != BeforeAsking::fetch) {
    std::optional<Staleness> stale;
    if (before == BeforeAsking::serve_gone) stale = Staleness{"gone", age_of(record->confirmed, now)};
    if (before == BeforeAsking::serve_late) stale = Staleness{"rate-limited", age_of(record->confirmed, now)};
    Rest rest = before == BeforeAsking::serve ? Rest::there : Rest::unclear;
    if (!can_ask) rest = Rest::nowhere;
    auto served = co_await held_tag(call, repository, *record, std::move(stale), rest);
    if (!served) co_return served;
    const bool is_whole_window = can_ask && before != BeforeAsking::serve_late;
    served->valid_until =
        clock_.now() + (is_whole_window ? record->checked + of_this_time.fresh_for - now : kStaleAgainFor);
    co_return served;
  }

  Result<ManifestFetches::Answer> answer =
      fail(ErrorCode::unavailable, upstream == nullptr ? "cannot ask the upstream: it is not configured any more"
                                                       : "cannot ask the upstream: no endpoint of it is asked now");
  // An asking from before may still wait for what the breakers know by now: with a copy in hand nobody joins it.
  if (upstream != nullptr && (can_ask || !held)) {
    const Call asking = held ? call.shortened_to(clock_.now() + policy.revalidate_within) : call;
    ManifestFetches::Request request{.repository = repository,
                                     .reference = oci::Reference(tag),
                                     .source = upstream->source,
                                     .keep_alive = hosts,
                                     .is_held = held.has_value(),
                                     .held_checked = held ? held->checked : WallTime{},
                                     .drops_gone = policy.drops_gone,
                                     .is_captured = upstream->capture.is_on,
                                     .not_found_for = policy.not_found_for};
    answer = co_await manifest_fetches_.fetch(asking, std::move(request));
  }
  if (answer) {
    answers(repository, held ? "revalidated" : "miss").add();
    auto served = co_await manifest_by_digest(call, repository, answer->digest);
    if (served) served->endpoint = std::move(answer->endpoint);
    if (served) served->valid_until = clock_.now() + window_min(policy.fresh_for);
    co_return served;
  }

  const AfterFailure after = after_failure(held, answer.error().code(), now, policy);
  switch (after.kind) {
    case AfterFailure::Kind::serve_stale:
    case AfterFailure::Kind::serve_gone: {
      answers(repository, "stale").add();
      const ErrorCode code = answer.error().code();
      Rest rest = code == ErrorCode::timed_out ? Rest::there : Rest::unclear;
      if (!can_ask || !upstream->source->can_be_asked_for(repository) || !may_supply_the_rest(code))
        rest = Rest::nowhere;
      auto stale = std::optional(Staleness{after.reason, age_of(record->confirmed, now)});
      auto served = co_await held_tag(call, repository, *record, std::move(stale), rest);
      if (served) served->valid_until = clock_.now() + kStaleAgainFor;
      co_return served;
    }
    case AfterFailure::Kind::not_found: co_return fail(ErrorCode::not_found, answer.error().message());
    case AfterFailure::Kind::unavailable: break;
  }
  answers(repository, "unavailable").add();
  co_return fail(ErrorCode::unavailable, answer.error().message());
}

Task<meta::BlobRecord> Pull::blob_record(Call call, oci::RepositoryId repository, oci::Digest digest) {
  if (repository.is_hosted()) co_return co_await names_.blobs().renew(call, repository, digest, kRenewedWithin);
  co_return co_await names_.blobs().find(call, repository, digest);
}

Task<ServedBlob> Pull::blob(Call call, oci::RepositoryId repository, oci::Digest digest) {
  auto record = co_await blob_record(call, repository, digest);
  if (record) {
    auto content = co_await blobs_.open(call, digest);
    if (content && content->size_bytes == record->size_bytes) {
      answers(repository, "hit").add();
      co_return ServedBlob(std::move(*content));
    }
    // It may have been deleted, collected or evicted at this moment, which is no fault.
    const auto still = co_await names_.blobs().find(call, repository, digest);
    const bool has_gone = !still && still.error().code() == ErrorCode::not_found;
    if (has_gone && repository.is_hosted()) co_return std::unexpected(still.error());
    // Repair is the miss path: from now on it is missing, like what was never here.
    Result<std::optional<meta::Fault>> fault = fail(ErrorCode::not_found, "it has gone");
    if (!has_gone) fault = co_await faults_.examine(call, digest, record->size_bytes);
    if (!fault && repository.is_hosted()) co_return std::unexpected(std::move(fault).error());
    if (fault && *fault && repository.is_hosted()) co_return missing(repository, **fault);
    if (fault && !*fault) {
      content = co_await blobs_.open(call, digest);
      if (!content) co_return std::unexpected(std::move(content).error());
      if (content->size_bytes != record->size_bytes) {  // the digest is the authority, not the record
        const meta::BlobRecord right{digest, content->size_bytes};
        const Call own(clock_.now() + kRecordWithin, call.request_id());
        LB_CO_CHECK(co_await names_.blobs().add(own, repository, right));
      }
      co_return ServedBlob(std::move(*content));
    }
  } else if (record.error().code() != ErrorCode::not_found || repository.is_hosted()) {
    co_return std::unexpected(std::move(record).error());
  }

  const auto hosts = addressing_.hosts();
  const UpstreamHost* upstream = hosts->find(*repository.host);
  if (upstream == nullptr) co_return unknown_host(repository);
  const auto fetch = blob_fetches_.join_or_start(call, {repository, digest, upstream->source, hosts});
  answers(repository, "miss").add();
  LB_CO_CHECK(co_await fetch->wait_for_promise(call));
  co_return ServedBlob(fetch);
}

Task<meta::TagPage> Pull::tags(Call call, oci::RepositoryId repository, std::string last, std::size_t limit) {
  auto held = co_await names_.tags().list(call, repository, last, limit);
  if (repository.is_hosted()) co_return held;
  const auto hosts = addressing_.hosts();
  const UpstreamHost* upstream = hosts->find(*repository.host);
  if (upstream == nullptr) co_return held;
  auto theirs = co_await upstream->source->tags(call, repository, last, limit);
  if (!theirs) {
    if (held) co_return held;  // an outage shortens the list to what can be pulled
    co_return std::unexpected(std::move(theirs).error());
  }
  std::set<std::string> all(theirs->tags.begin(), theirs->tags.end());
  if (held) {
    // Behind the last name of a page that goes on, more of the upstream's may come: those wait for the next page.
    const std::string end = theirs->has_more && !theirs->tags.empty() ? *std::ranges::max_element(theirs->tags) : "";
    for (const std::string& tag : held->tags) {
      if (end.empty() || tag <= end) all.insert(tag);
    }
  }
  meta::TagPage page;
  page.has_more = theirs->has_more || all.size() > limit || (held && held->has_more);
  for (const std::string& tag : all) {
    if (page.tags.size() == limit) break;
    page.tags.push_back(tag);
  }
  co_return page;
}

Task<std::vector<oci::Referrer>> Pull::referrers(Call call, oci::RepositoryId repository, oci::Digest subject) {
  LB_CO_TRY(std::vector<oci::Referrer> held, co_await names_.manifests().referrers(call, repository, subject));
  if (repository.is_hosted()) co_return held;
  const auto hosts = addressing_.hosts();
  const UpstreamHost* upstream = hosts->find(*repository.host);
  if (upstream == nullptr) co_return held;
  auto theirs = co_await upstream->source->referrers(call, repository, subject);
  if (!theirs) {
    // With something in hand an outage is no reason to answer nothing; with nothing in hand, "none" would be a claim.
    if (!held.empty() || theirs.error().code() == ErrorCode::not_found) co_return held;
    co_return std::unexpected(std::move(theirs).error());
  }
  for (oci::Referrer& referrer : *theirs) {
    const bool is_known = std::ranges::any_of(held, [&](const auto& own) { return own.digest == referrer.digest; });
    if (!is_known) held.push_back(std::move(referrer));
  }
  std::ranges::sort(held, {}, &oci::Referrer::digest);
  co_return held;
}

}  // namespace lifeboat::registry
