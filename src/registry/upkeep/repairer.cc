#include "registry/upkeep/repairer.h"

#include <algorithm>
#include <utility>

#include "oci/manifest.h"
#include "registry/held_manifest.h"
#include "registry/manifest_edges.h"
#include "registry/random_id.h"
#include "registry/slow_body.h"
#include "registry/upkeep/scrub_plan.h"

namespace lifeboat::registry {
namespace {

constexpr Duration kStepWithin = std::chrono::minutes(1);
/// However far away the next try is: the wall clock may be set.
constexpr Duration kLookAgain = std::chrono::minutes(10);
constexpr Duration kStoreFailedPause = std::chrono::seconds(30);
constexpr std::size_t kAtATime = 1000;

/// "app:v1, team/base:stable" …
std::string text_of(const std::vector<meta::TagPlace>& tags, const std::vector<meta::ContentPlace>& places) {
  std::string text;
  const auto add = [&](const std::string& one) { text.append(text.empty() ? "" : ", ").append(one); };
  for (const meta::TagPlace& tag : tags) add(tag.repository.to_string() + ":" + tag.tag.to_string());
  for (const meta::ContentPlace& place : places) add(place.repository.to_string());
  return text;
}

}  // namespace

Repairer::Repairer(const Parts& parts, std::vector<RepairSource> sources)
    : parts_(parts),
      unrepaired_(parts.metrics.gauge("lifeboat_scrub_unrepaired",
                                      "Content that names stand for, that is missing, and that nobody has given.")),
      repaired_(parts.metrics.counter("lifeboat_scrub_repaired_total", "Content that was missing and is here again.")),
      sources_(std::move(sources)) {}

void Repairer::stop() {
  is_stopping_ = true;
  parts_.faults.noted().notify_all();
}

void Repairer::replace(std::vector<RepairSource> sources) {
  sources_.with([&](auto& now) { now = std::move(sources); });
  is_hurried_ = true;
  parts_.faults.noted().notify_all();
}

Awaitable<void> Repairer::run() {
  sys::Notification& noted = parts_.faults.noted();
  bool is_hurried = false;
  std::set<oci::Digest> tried;  // since it was hurried
  while (!is_stopping_) {
    const uint64_t seen = noted.version();
    const SteadyTime now = parts_.clock.now();
    const SteadyTime not_before = store_failed_until_.with([](SteadyTime until) { return until; });
    if (now < not_before) {
      co_await noted.wait(seen, not_before);
      continue;
    }
    if (is_hurried_.exchange(false)) {
      is_hurried = true;
      tried.clear();
    }
    const auto started = co_await start(is_hurried ? Which::untried : Which::due, tried);
    if (is_stopping_) break;
    if (started && started->are_all) is_hurried = false;
    SteadyTime next = now + kLookAgain;
    if (!started) {
      parts_.log.warning("repair.cannot_look", {{"reason", started.error().message()}});
      next = now + kStoreFailedPause;
    } else if (started->next < WallTime::max()) {
      next = std::min(next, now + std::max(started->next - parts_.clock.wall(), Duration(1000)));
    }
    co_await count_standing(Call(now + kStepWithin, "repair"));
    co_await noted.wait(seen, next);
  }
  for (;;) {
    const uint64_t seen = work_ended_.version();
    const bool is_idle = in_work_.with([](const auto& all) { return all.empty(); });
    if (is_idle) co_return;
    co_await work_ended_.wait(seen, SteadyTime::max());
  }
}

Task<void> Repairer::try_all(Call call) {
  // What came back may have told of more that is missing: an index of its children, those of their layers.
  std::set<oci::Digest> tried;
  for (;;) {
    const uint64_t seen = work_ended_.version();
    LB_CO_TRY(const Started started, co_await start(Which::untried, tried));
    const bool is_idle = in_work_.with([](const auto& all) { return all.empty(); });
    if (is_stopping_ || (is_idle && started.are_all)) break;
    co_await work_ended_.wait(seen, parts_.clock.now() + kStepWithin);
  }
  co_await count_standing(call);
  co_return Status{};
}

Task<Repairer::Started> Repairer::start(Which which, std::set<oci::Digest>& tried) {
  const Call call(parts_.clock.now() + kStepWithin, "repair");
  LB_CO_TRY(const auto faults, co_await parts_.names.faults().list(call, kAtATime));
  const WallTime now = parts_.clock.wall();
  Started started;
  for (const meta::Fault& fault : faults) {
    if (is_stopping_) break;
    if (which == Which::due && !is_repair_due(fault.due, now)) {
      started.next = std::min(started.next, fault.due);
      continue;
    }
    if (which == Which::untried && tried.contains(fault.digest)) continue;
    enum class Room { none, taken, ours };
    const Room room = in_work_.with([&](auto& all) {
      if (all.contains(fault.digest)) return Room::taken;
      if (all.size() >= kAtOnce) return Room::none;
      all.insert(fault.digest);
      return Room::ours;
    });
    if (room == Room::none) {
      started.are_all = false;
      break;
    }
    tried.insert(fault.digest);
    if (room == Room::ours) parts_.loops.spawn(next_loop_++ % parts_.loops.count(), work(fault));
  }
  co_return started;
}

Awaitable<void> Repairer::work(meta::Fault fault) {
  const oci::Digest digest = fault.digest;
  const Call call(parts_.clock.now() + kStepWithin, random_upload_id().to_string());
  const Status attempted = co_await attempt(call, std::move(fault));
  if (!attempted) {
    store_failed_until_.with([&](SteadyTime& until) { until = parts_.clock.now() + kStoreFailedPause; });
    parts_.log.warning("repair.cannot_record",
                       {{"digest", digest.to_string()}, {"reason", attempted.error().message()}});
  }
  in_work_.with([&](auto& all) { all.erase(digest); });
  work_ended_.notify_all();
  parts_.faults.noted().notify_all();  // there is room for the next
}

Awaitable<void> Repairer::count_standing(Call call) {
  const Call own(parts_.clock.now() + kStepWithin, call.request_id());
  const auto count = co_await parts_.names.faults().count(own);
  if (count) unrepaired_.set(static_cast<double>(*count));
}

Task<void> Repairer::attempt(Call call, meta::Fault fault) {
  const auto from = co_await repair(call, fault);
  const Call after(parts_.clock.now() + kStepWithin, call.request_id());
  if (from) {
    repaired_.add();
    parts_.log.info("content.repaired", {{"digest", fault.digest.to_string()},
                                         {"from", *from},
                                         {"tries", fault.tries + 1},
                                         {"request_id", call.request_id()}});
    co_return co_await parts_.faults.forget_answers(after, fault.digest);
  }
  fault.last_error = from.error().message();
  ++fault.tries;
  fault.due = parts_.clock.wall() + pause_before_repair(fault.tries);
  if (fault.tries == 1) co_await tell_broken(after, fault);
  parts_.names.faults().postpone(std::move(fault));
  co_return Status{};
}

Awaitable<void> Repairer::tell_broken(Call call, meta::Fault fault) {
  const auto tags = co_await parts_.names.faults().tags_over(call, fault.digest, kTagsMax);
  std::vector<meta::ContentPlace> places;
  if (tags && tags->empty()) places = (co_await parts_.names.faults().places(call, fault.digest)).value_or(places);
  parts_.log.error("content.unrepaired", {{"digest", fault.digest.to_string()},
                                          {"kind", to_string(fault.kind)},
                                          {"breaks", tags ? text_of(*tags, places) : "unknown"},
                                          {"reason", fault.last_error},
                                          {"effect", "it is not served; a push or a source that has it mends it"}});
}

Task<std::vector<StandingFault>> Repairer::standing(Call call, std::size_t limit) {
  LB_CO_TRY(auto faults, co_await parts_.names.faults().list(call, limit));
  std::vector<StandingFault> all;
  for (meta::Fault& fault : faults) {
    LB_CO_TRY(auto tags, co_await parts_.names.faults().tags_over(call, fault.digest, kTagsMax));
    StandingFault one{.fault = std::move(fault), .tags = std::move(tags)};
    if (one.tags.empty()) {
      LB_CO_TRY(one.places, co_await parts_.names.faults().places(call, one.fault.digest));
    }
    all.push_back(std::move(one));
  }
  co_return all;
}

Task<bool> Repairer::restore_alone(Call call, oci::Digest digest) {
  // From before the bytes are relied on until the names know it; the collector keeps its hands off meanwhile.
  LB_CO_TRY(const ContentLeases::Lease share, co_await parts_.leases.share(call, digest));
  co_return co_await restore(call, digest);
}

Task<bool> Repairer::restore(Call call, oci::Digest digest) {
  // What is wrong goes out of the way: good bytes of the same length would not be taken in its place.
  LB_CO_TRY(const blob::Damage damage, co_await parts_.integrity.quarantine(call, digest, 0, parts_.clock.wall()));
  if (damage.kind != blob::Damage::Kind::none) co_return false;
  call = Call(parts_.clock.now() + kStepWithin, call.request_id());  // to read it all may have taken long
  LB_CO_TRY(const auto places, co_await parts_.names.faults().places(call, digest));
  LB_CO_CHECK(co_await record(call, digest, places, ""));
  co_return true;
}

Task<std::string> Repairer::repair(Call call, const meta::Fault& fault) {
  const oci::Digest digest = fault.digest;
  LB_CO_TRY(const auto places, co_await parts_.names.faults().places(call, digest));
  if (places.empty()) {
    LB_CO_CHECK(co_await parts_.names.faults().clear(call, digest));
    co_return "nobody needs it any more";
  }
  // From before the bytes come until the names know it; the collector keeps its hands off meanwhile.
  LB_CO_TRY(const ContentLeases::Lease share, co_await parts_.leases.share(call, digest));
  LB_CO_TRY(const bool is_back, co_await restore(call, digest));
  if (is_back) co_return "the disk";
  Error failure(ErrorCode::not_found, "no source is configured for it");
  for (const meta::ContentPlace& place : places) {
    for (const Candidate& from : candidates_for(place)) {
      const Call own(parts_.clock.now() + kStepWithin, call.request_id());
      std::string content_type;
      Status brought;
      if (!from.source->can_be_asked_for(from.repository)) {
        brought = fail(ErrorCode::unavailable, "'" + from.name + "' cannot be asked now");
      } else if (place.is_manifest) {
        auto manifest = co_await bring_manifest(own, from, digest);
        if (manifest) content_type = std::move(*manifest);
        if (!manifest) brought = std::unexpected(std::move(manifest).error());
      } else {
        const auto blob = co_await bring_blob(own, from, digest);
        if (!blob) brought = std::unexpected(blob.error());
      }
      if (brought) {
        const Call recording(parts_.clock.now() + kStepWithin, call.request_id());
        LB_CO_CHECK(co_await record(recording, digest, places, std::move(content_type)));
        co_return from.name;
      }
      // What is only down now says more about what to do than what has never had it.
      if (failure.code() == ErrorCode::not_found) failure = std::move(brought).error();
    }
  }
  co_return std::unexpected(std::move(failure));
}

std::vector<Repairer::Candidate> Repairer::candidates_for(const meta::ContentPlace& place) {
  std::vector<Candidate> candidates;
  const auto hosts = parts_.addressing.hosts();
  const auto add_host = [&](const oci::RegistryHost& host) {
    const UpstreamHost* upstream = hosts->find(host);
    if (upstream == nullptr) return;
    candidates.push_back({upstream->source, hosts, {host, place.repository.name}, host.to_string()});
  };
  if (place.repository.host) add_host(*place.repository.host);
  const auto sources = sources_.with([](const auto& all) { return all; });
  for (const RepairSource& one : sources) {
    const bool is_meant =
        !one.match || (place.repository.is_hosted() && one.match->matches(place.repository.name, nullptr));
    if (!is_meant) continue;
    if (one.host) add_host(*one.host);
    if (one.source) candidates.push_back({one.source.get(), one.source, place.repository, one.name});
  }
  return candidates;
}

Task<uint64_t> Repairer::bring_blob(Call call, const Candidate& from, oci::Digest digest) {
  LB_CO_TRY(const auto stream, co_await from.source->open(call, from.repository, digest, 0));
  LB_CO_TRY(const auto writer, co_await parts_.blobs.begin(call, random_upload_id(), digest.algorithm()));
  const SteadyTime begun = parts_.clock.now();
  Status status;
  for (;;) {
    auto block = co_await stream->next();
    if (!block) {
      status = std::unexpected(std::move(block).error());
      break;
    }
    if (block->size() == 0) break;
    if (parts_.clock.now() > slowest_end(begun, writer->received() + block->size())) {
      status = fail(ErrorCode::timed_out, "cannot fetch '" + digest.to_string() + "' from '" + from.name +
                                              "': it comes too slowly (want " + std::to_string(kSlowestBytesPerMinute) +
                                              " bytes a minute)");
      break;
    }
    if (is_stopping_) {
      status = fail(ErrorCode::cancelled, "cannot fetch '" + digest.to_string() + "': the server is stopping");
      break;
    }
    status = co_await writer->append(std::move(*block));
    if (!status) break;
  }
  if (!status) {
    (void)co_await writer->discard();
    co_return std::unexpected(std::move(status).error());
  }
  const auto content = co_await writer->commit(digest);
  if (content) co_return content->size_bytes;
  if (content.error().code() == ErrorCode::corrupt) stream->reject();
  co_return std::unexpected(content.error());
}

Task<std::string> Repairer::bring_manifest(Call call, const Candidate& from, oci::Digest digest) {
  LB_CO_TRY(auto fetched, co_await from.source->manifest(call, from.repository, oci::Reference(digest)));
  // put() compares the digest.
  LB_CO_CHECK(co_await parts_.blobs.put(call, digest, std::move(fetched.bytes)));
  co_return std::move(fetched.content_type);
}

/// The bytes are here: the names learn it. As a manifest it is recorded anew where it belongs, with what it names, so
/// that a record that was lost comes back with it.
Task<void> Repairer::record(Call call, oci::Digest digest, const std::vector<meta::ContentPlace>& places,
                            std::string content_type) {
  LB_CO_TRY(const blob::Content content, co_await parts_.blobs.open(call, digest));
  LB_CO_CHECK(co_await parts_.names.faults().clear(call, digest));
  for (const meta::ContentPlace& place : places) {
    if (place.is_manifest) {
      LB_CO_CHECK(co_await record_manifest(call, place.repository, digest, content, content_type));
    } else {
      const meta::BlobRecord blob{digest, content.size_bytes};
      LB_CO_CHECK(co_await parts_.names.blobs().add(call, place.repository, blob));
    }
  }
  co_return Status{};
}

Task<void> Repairer::record_manifest(Call call, oci::RepositoryId repository, oci::Digest digest, blob::Content content,
                                     std::string content_type) {
  if (content.size_bytes > oci::kManifestMaxBytes) {
    co_return fail(ErrorCode::corrupt, "cannot record manifest '" + digest.to_string() + "': it is too large");
  }
  // What was recorded before is true still.
  const auto known = co_await parts_.names.manifests().find(call, repository, digest);
  if (known) content_type = known->media_type;
  std::string bytes(content.size_bytes, '\0');
  LB_CO_TRY(const std::size_t count, content.bytes->read_at(0, std::as_writable_bytes(std::span(bytes))));
  bytes.resize(count);
  LB_CO_TRY(const oci::Manifest manifest, parse_manifest(bytes, content_type));
  meta::ManifestPut put{.repository = std::move(repository),
                        .manifest = record_of(manifest, digest, content.size_bytes),
                        .edges = edges_of(manifest),
                        .tags = {},
                        .condition = std::nullopt,
                        .source = "repair"};
  const oci::RepositoryId where = put.repository;
  LB_CO_CHECK(co_await parts_.names.manifests().put(call, std::move(put)));
  co_return co_await restore_what_it_names(call, where, manifest);
}

/// While the manifest was not to be had, nobody could tell that a record of what it names was lost.
Task<void> Repairer::restore_what_it_names(Call call, oci::RepositoryId repository, const oci::Manifest& manifest) {
  LB_CO_TRY(auto missing, co_await parts_.names.blobs().missing(call, repository, blobs_needed_by(manifest)));
  std::vector<oci::Digest> children;
  for (const oci::Descriptor& child : manifest.manifests) {
    if (repository.is_hosted() && !child.is_optional) children.push_back(child.digest);
  }
  LB_CO_TRY(const auto lost, co_await parts_.names.manifests().missing(call, repository, std::move(children)));
  missing.insert(missing.end(), lost.begin(), lost.end());
  for (const oci::Digest& digest : missing) {
    LB_CO_TRY(const auto known, co_await parts_.names.faults().find(call, digest));
    if (known) continue;
    LB_CO_TRY(const bool is_back, co_await restore_alone(call, digest));
    // A cache need not have all of it.
    if (!is_back && repository.is_hosted()) {
      LB_CO_CHECK(co_await parts_.faults.note_lost(call, digest, "what names it came back without it"));
    }
  }
  co_return Status{};
}

}  // namespace lifeboat::registry
