#include "registry/manifest_fetch.h"

#include <algorithm>

#include "oci/manifest.h"
#include "registry/manifest_edges.h"

namespace lifeboat::registry {
namespace {

/// An asking nobody waits for any more still gets this long; the source's own deadlines are shorter.
constexpr Duration kAskWithin{30000};
/// Whoever asked for the manifest goes on with what it names in an order of his own: the capture comes behind him.
constexpr Duration kCaptureAfter{1000};
/// References remembered as not found; a scanner that asks for names by the million gains nothing here.
constexpr std::size_t kAbsentMax = 10'000;

}  // namespace

ManifestFetches::ManifestFetches(blob::Store& blobs, meta::Store& names, ContentLeases& leases, ChangeStamps& stamps,
                                 sys::Clock& clock, sys::EventLoops& loops, Log& log)
    : blobs_(blobs), names_(names), leases_(leases), stamps_(stamps), clock_(clock), log_(log), tasks_(loops) {}
ManifestFetches::~ManifestFetches() = default;

Awaitable<void> ManifestFetches::stop() { co_await tasks_.join(); }

Task<ManifestFetches::Answer> ManifestFetches::fetch(Call call, Request request) {
  const Key key(request.repository, request.reference.to_string());
  bool is_leader = false;
  std::optional<Error> absent;
  const auto flight = desk_.with([&](Desk& desk) -> std::shared_ptr<Flight> {
    if (const auto known = desk.absent.find(key); known != desk.absent.end()) {
      if (clock_.now() < known->second.until) {
        absent = known->second.error;
        return nullptr;
      }
      desk.absent.erase(known);
    }
    std::shared_ptr<Flight>& slot = desk.flights[key];
    is_leader = !slot;
    if (is_leader) slot = std::make_shared<Flight>();
    return slot;
  });
  if (absent) co_return std::unexpected(std::move(*absent));
  if (is_leader && !tasks_.spawn(lead(std::move(request), flight))) {
    desk_.with([&](Desk& desk) { desk.flights.erase(key); });
    co_return fail(ErrorCode::cancelled, "cannot ask the upstream: the server is stopping");
  }
  for (;;) {
    const uint64_t seen = flight->ended.version();
    auto outcome = flight->outcome.with([](const auto& value) { return value; });
    if (outcome) co_return std::move(*outcome);
    const bool has_ended = co_await flight->ended.wait(seen, call.deadline());
    if (!has_ended) {
      co_return fail(ErrorCode::timed_out, "cannot wait longer for the upstream's manifest");
    }
  }
}

Awaitable<void> ManifestFetches::lead(Request request, std::shared_ptr<Flight> flight) {
  const Key key(request.repository, request.reference.to_string());
  const Call call(clock_.now() + kAskWithin, "");
  Result<Answer> outcome = co_await ask(call, request);
  if (!outcome && outcome.error().code() == ErrorCode::corrupt) {
    log_.warning("manifest.refused", {{"repository", request.repository.to_string()},
                                      {"reference", request.reference.to_string()},
                                      {"reason", outcome.error().message()}});
  }
  desk_.with([&](Desk& desk) {
    desk.flights.erase(key);
    const bool is_absent = !outcome && outcome.error().code() == ErrorCode::not_found;
    if (is_absent && request.not_found_for > Duration(0)) {
      note_absent(desk, key, clock_.now() + request.not_found_for, outcome.error());
    }
  });
  flight->outcome.with([&](auto& value) { value = std::move(outcome); });
  flight->ended.notify_all();
}

void ManifestFetches::note_absent(Desk& desk, const Key& key, SteadyTime until, const Error& error) {
  if (desk.absent.size() >= kAbsentMax) {
    std::erase_if(desk.absent, [now = clock_.now()](const auto& entry) { return entry.second.until <= now; });
    if (desk.absent.size() >= kAbsentMax) desk.absent.clear();
  }
  desk.absent.insert_or_assign(key, Absence{until, error});
}

Task<ManifestFetches::Answer> ManifestFetches::ask(Call call, const Request& request) {
  const oci::Tag* tag = request.reference.tag();
  if (tag == nullptr) co_return co_await keep(call, request, *request.reference.digest());
  if (!request.is_held) co_return co_await keep(call, request, std::nullopt);

  // Confirmed since the asker looked, by an asking that has just ended.
  const auto known_now = co_await names_.tags().find(call, request.repository, *tag);
  if (known_now && known_now->checked > request.held_checked && !known_now->is_gone_upstream) {
    co_return Answer{known_now->digest, {}};
  }
  auto resolved = co_await request.source->resolve(call, request.repository, *tag);
  if (!resolved) {
    if (resolved.error().code() == ErrorCode::not_found) {
      if (request.drops_gone) {
        LB_CO_CHECK(co_await names_.tags().remove(call, request.repository, *tag));
      } else {
        names_.tags().note_checked(request.repository, *tag, clock_.wall(), true);
      }
      stamps_.bump(request.repository);
    }
    co_return std::unexpected(std::move(resolved).error());
  }
  LB_CO_TRY(const meta::TagRecord held, co_await names_.tags().find(call, request.repository, *tag));
  if (held.digest == resolved->digest) {
    names_.tags().note_checked(request.repository, *tag, clock_.wall(), false);
    co_return Answer{held.digest, std::move(resolved->endpoint)};
  }
  const auto known = co_await names_.manifests().find(call, request.repository, resolved->digest);
  if (known) {
    LB_CO_CHECK(co_await names_.tags().point(call, request.repository, *tag, resolved->digest,
                                             request.repository.host->to_string()));
    stamps_.bump(request.repository);
    if (request.is_captured) {  // it may be here by a child of its own, or from before anything was captured
      LB_CO_CHECK(co_await names_.captures().add(call, request.repository, resolved->digest, "",
                                                 clock_.wall() + kCaptureAfter));
      capture_added_.notify_all();
    }
    co_return Answer{resolved->digest, std::move(resolved->endpoint)};
  }
  auto kept = co_await keep(call, request, resolved->digest);
  // The tag is there: that nobody has what it names says nothing about the tag.
  const bool is_lacking = !kept && kept.error().code() == ErrorCode::not_found;
  if (is_lacking) co_return fail(ErrorCode::unavailable, kept.error().message());
  co_return kept;
}

/// Fetch, verify, keep: content first, then names, so that a name never stands without its bytes.
Task<ManifestFetches::Answer> ManifestFetches::keep(Call call, const Request& request,
                                                    std::optional<oci::Digest> expected) {
  // By digest where it is known: between a HEAD and a GET by tag the tag may move.
  const oci::Reference reference = expected ? oci::Reference(*expected) : request.reference;
  LB_CO_TRY(blob::FetchedManifest fetched, co_await request.source->manifest(call, request.repository, reference));
  const ByteView bytes = as_bytes(fetched.bytes);
  const oci::Digest digest = oci::Digest::of(expected ? expected->algorithm() : HashAlgorithm::sha256, bytes);
  if (expected && digest != *expected) {
    co_return fail(ErrorCode::corrupt, "cannot keep manifest '" + request.reference.to_string() +
                                           "': wrong bytes from the upstream (got " + digest.to_string() + ", want " +
                                           expected->to_string() + ")");
  }
  auto manifest = oci::Manifest::parse(bytes, fetched.content_type);
  if (!manifest) {
    co_return fail(ErrorCode::corrupt, "cannot keep manifest '" + request.reference.to_string() +
                                           "' from the upstream: " + manifest.error().message());
  }
  meta::ManifestPut put{.repository = request.repository,
                        .manifest = record_of(*manifest, digest, bytes.size()),
                        .edges = edges_of(*manifest),
                        .tags = {},
                        .condition = std::nullopt,
                        .source = request.repository.host->to_string()};
  if (request.is_captured) put.capture_due = clock_.wall() + kCaptureAfter;
  if (const oci::Tag* tag = request.reference.tag()) put.tags.push_back(*tag);
  LB_CO_TRY(const ContentLeases::Lease share, co_await leases_.share(call, digest));
  LB_CO_CHECK(co_await blobs_.put(call, digest, std::move(fetched.bytes)));
  LB_CO_CHECK(co_await names_.manifests().put(call, std::move(put)));
  stamps_.bump(request.repository);
  if (request.is_captured) capture_added_.notify_all();
  co_return Answer{digest, std::move(fetched.endpoint)};
}

}  // namespace lifeboat::registry
