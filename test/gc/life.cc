#include "test/gc/life.h"

#include <algorithm>

#include "meta/use_times.h"
#include "test/support/blob_rig.h"

namespace lifeboat::gc {
namespace {

constexpr std::size_t kActorsMax = 5;
constexpr int kTriesMax = 3;
/// To the end of all that is under way; far more than ever needed.
constexpr int kDrainMax = 20'000;

}  // namespace

World::World(uint64_t seed, const Mutation& left_out) : mutation(left_out), random(seed) {
  for (const std::string& bytes : catalogue.blobs) upstream.blobs[test::digest_of(bytes)] = {.bytes = bytes};
  for (const Catalogue::Manifest& one : catalogue.manifests) upstream.manifests[one.digest.to_string()] = one.bytes;
}

Life::Life(World& world) : world_(world) {
  turns_ = std::make_unique<Turns>(loops_, world.random);
  blobs_ = std::make_unique<GatedBlobs>(world.disk, world.clock, *turns_);
  names_ = std::make_unique<GatedNames>(world.disk.names, *turns_, world.mutation);
  auto hosts = std::make_shared<registry::UpstreamHosts>();
  hosts->hosts.push_back(
      {.host = *Model::cached().host, .source = &world.upstream, .freshness = {}, .capture = {.is_on = false}});
  addressing_ = std::make_unique<registry::Addressing>(*names_, hosts);
  manifest_fetches_ =
      std::make_unique<registry::ManifestFetches>(*blobs_, *names_, leases_, stamps_, world.clock, loops_, log_);
  blob_fetches_ =
      std::make_unique<registry::BlobFetches>(*blobs_, *names_, leases_, world.clock, loops_, metrics_, log_);
  faults_ = std::make_unique<registry::Faults>(
      registry::Faults::Parts{*blobs_, world.disk.blobs, *names_, leases_, stamps_, world.clock, metrics_, log_});
  pull_ = std::make_unique<registry::Pull>(*blobs_, *names_, *addressing_, *manifest_fetches_, *blob_fetches_, *faults_,
                                           world.clock, metrics_, log_);
  push_ = std::make_unique<registry::Push>(*blobs_, *names_, leases_, stamps_);
  uploads_ = std::make_unique<registry::Uploads>(registry::UploadsOptions{}, *blobs_, *names_, leases_, world.clock,
                                                 metrics_, log_);
  build_upkeep();
}

void Life::run(std::size_t steps, bool is_last) {
  loops_.spawn(0, drive(steps, is_last));
  loops_.run();
  world_.model.crashed();
}

Awaitable<void> Life::drive(std::size_t steps, bool is_last) {
  co_await drive_steps(steps, is_last);
  tell(is_last ? "end" : "killed");
  loops_.stop();
}

Awaitable<void> Life::drive_steps(std::size_t steps, bool is_last) {
  for (std::size_t i = 0; i < steps; ++i) {
    if (active_ < kActorsMax && world_.random.has_chance(is_evicting_ ? 50 : 25)) begin_something();
    const bool is_sound = co_await step();
    if (!is_sound) co_return;
  }
  if (is_last) co_await end_in_peace();
}

void Life::break_promise(std::string what) {
  if (!world_.violation) world_.violation = std::move(what);
}

/// True: all promises are kept.
Awaitable<bool> Life::step() {
  if (world_.random.has_chance(4)) {
    // Mostly so little that what goes on by itself comes to its end before its deadlines.
    world_.clock.advance(world_.random.between(Duration(1), world_.random.has_chance(8) ? kGrace : kUsedFor / 2));
    tell("it is " + to_rfc3339(world_.clock.wall()));
  }
  co_await turns_->let_one_go();
  const auto found = co_await world_.model.find_violation(world_.disk, world_.clock.wall());
  if (!found) break_promise("the stores fail: " + found.error().message());
  if (found && *found) break_promise(**found);
  co_return !world_.violation;
}

Awaitable<void> Life::drain() {
  for (int i = 0; i < kDrainMax && (active_ > 0 || turns_->has_waiting()); ++i) {
    const bool is_sound = co_await step();
    if (!is_sound) co_return;
  }
  if (active_ > 0) break_promise("somebody waits for ever");
}

/// Twice, so that what the first pass had to leave goes with the second.
Awaitable<void> Life::end_in_peace() {
  co_await drain();
  for (int pass = 0; pass < 2 && !world_.violation; ++pass) {
    world_.clock.advance(2 * kGrace);
    begin_pass(collect());
    co_await drain();
  }
  if (world_.violation) co_return;
  const auto rest = co_await world_.model.find_rest(world_.disk);
  if (rest && *rest) break_promise("after all has ended: " + **rest);
  if (leases_.size() > 0) break_promise("a lease was not given back");
}

Awaitable<void> Life::actor(Awaitable<void> work) {
  co_await std::move(work);
  --active_;
}

/// The product has one of them at a time.
void Life::begin_pass(Awaitable<void> pass) {
  if (is_collecting_) return;
  is_collecting_ = true;
  ++active_;
  loops_.spawn(0, actor(std::move(pass)));
}

/// What an eviction that is under way must see.
void Life::begin_use(std::size_t manifest) {
  ++active_;
  loops_.spawn(0, actor(world_.random.has_chance(30) ? pin(manifest) : pull_cached(manifest)));
}

void Life::begin_something() {
  sim::Random& random = world_.random;
  const std::size_t repository = random.between(0, Model::repositories().size() - 1);
  const std::size_t manifest = random.between(0, world_.catalogue.manifests.size() - 1);
  const std::size_t blob = random.between(0, world_.catalogue.blobs.size() - 1);
  if (is_evicting_ && random.has_chance(80)) return begin_use(manifest);
  const uint64_t what = random.between(0, 99);
  if (what < 10) return begin_pass(collect());
  if (what < 17) return begin_pass(evict());
  if (what < 21) return begin_pass(prune());
  if (what < 32 && !world_.model.may_delete({repository, manifest})) return;
  if (what >= 52 && world_.model.is_being_deleted({repository, manifest})) return;
  ++active_;
  if (what < 23) return loops_.spawn(0, actor(pin(manifest)));
  if (what < 32) return loops_.spawn(0, actor(remove_manifest({repository, manifest})));
  if (what < 38) return loops_.spawn(0, actor(remove_blob({repository, blob})));
  if (what < 52) return loops_.spawn(0, actor(pull_cached(manifest)));
  loops_.spawn(0, actor(push(repository, manifest, random.has_chance(50))));
}

Awaitable<void> Life::push(std::size_t repository, std::size_t manifest, bool is_tagged) {
  const auto pushed = co_await push_whole(repository, manifest, is_tagged);
  if (!pushed) tell("push refused: " + pushed.error().message());
}

/// As clients do: parts first, what is told to be missing once more. False: it was given up.
Task<bool> Life::push_whole(std::size_t repository, std::size_t number, bool is_tagged) {
  const Catalogue::Manifest& manifest = world_.catalogue.manifests[number];
  const Place place(repository, number);
  for (int attempt = 0; attempt < kTriesMax; ++attempt) {
    Promises promises;  // to this client, of this attempt
    LB_CO_TRY(const bool is_complete, co_await push_parts(repository, manifest, promises));
    if (!is_complete || world_.model.is_being_deleted(place)) co_return false;
    registry::ManifestPush order{.repository = Model::repositories()[repository],
                                 .digest = manifest.digest,
                                 .tags = {},
                                 .content_type = "",
                                 .bytes = manifest.bytes,
                                 .condition = std::nullopt};
    if (is_tagged) order.tags.push_back(oci::Tag::parse("latest").value());
    const WallTime began = world_.clock.wall();
    world_.model.push_began(place);
    const auto pushed = co_await push_->manifest(test::a_call(), std::move(order));
    const bool is_acknowledged = pushed && pushed->missing.empty();
    world_.model.push_ended(place, is_acknowledged, began);
    tell("push of " + std::to_string(number) + " to " + std::to_string(repository) +
         (is_acknowledged ? ": 201" : ": not now"));
    if (!pushed) co_return std::unexpected(pushed.error());
    if (is_acknowledged) co_return true;
    for (const oci::Digest& digest : pushed->missing) tell("missing: " + digest.to_string());
    check_promises(repository, promises, pushed->missing);
  }
  co_return false;
}

void Life::check_promises(std::size_t repository, const Promises& promises, const std::vector<oci::Digest>& missing) {
  for (const auto& [number, promise] : promises) {
    const bool is_missing =
        std::ranges::find(missing, test::sha256_of(world_.catalogue.blobs[number])) != missing.end();
    const bool was_deleted = !world_.model.is_undeleted_since({repository, number}, promise.deletes_ended);
    const Duration kept = world_.clock.wall() - promise.at;
    if (!is_missing || was_deleted || kept >= kGrace - 2 * registry::kRenewedWithin) continue;
    break_promise("blob " + std::to_string(number) + " was told to be here " +
                  std::to_string(kept / std::chrono::minutes(1)) + " min ago, and is missing");
  }
}

Task<bool> Life::push_parts(std::size_t repository, const Catalogue::Manifest& manifest, Promises& promises) {
  for (const std::size_t blob : manifest.blobs) {
    const Place place(repository, blob);
    // As of before it was asked: time may pass until the answer comes.
    const Promise promise{world_.clock.wall(), world_.model.blob_deletes_ended(place)};
    LB_CO_TRY(const bool is_here, co_await bring_blob(repository, blob));
    if (!is_here) co_return false;
    promises[blob] = promise;
  }
  for (const std::size_t child : manifest.children) {
    const auto held = co_await names_->manifests().find(test::a_call(), Model::repositories()[repository],
                                                        world_.catalogue.manifests[child].digest);
    if (held) continue;
    if (world_.model.is_being_deleted({repository, child})) co_return false;
    LB_CO_TRY(const bool is_here, co_await push_whole(repository, child, false));
    if (!is_here) co_return false;
  }
  co_return true;
}

/// By a HEAD, a mount or an upload.
Task<bool> Life::bring_blob(std::size_t repository, std::size_t number) {
  const std::string& bytes = world_.catalogue.blobs[number];
  const oci::Digest digest = test::sha256_of(bytes);
  const oci::RepositoryId& id = Model::repositories()[repository];
  if (world_.random.has_chance(70)) {
    const auto held = co_await pull_->blob(test::a_call(), id, digest);
    if (held) tell("blob " + std::to_string(number) + " of " + std::to_string(repository) + " is here");
    if (held) co_return true;
  }
  if (world_.random.has_chance(30)) {
    const auto mounted = co_await push_->mount(test::a_call(), id, std::nullopt, digest);
    if (mounted) tell("blob " + std::to_string(number) + " mounted into " + std::to_string(repository));
    if (mounted) co_return true;
  }
  LB_CO_TRY(auto session, co_await uploads_->begin(test::a_call(), id, HashAlgorithm::sha256));
  LB_CO_CHECK(co_await session.append(test::block_of(world_.blocks, bytes)));
  LB_CO_CHECK(co_await uploads_->commit(test::a_call(), std::move(session), digest));
  tell("blob " + std::to_string(number) + " pushed to " + std::to_string(repository));
  co_return true;
}

Awaitable<void> Life::remove_manifest(Place place) {
  world_.model.delete_began(place);
  // A manifest that is deleted takes its part in keeping blobs with it.
  const std::vector<std::size_t>& blobs = world_.catalogue.manifests[place.second].blobs;
  for (const std::size_t blob : blobs) world_.model.blob_delete_began({place.first, blob});
  const oci::Digest digest = world_.catalogue.manifests[place.second].digest;
  const Status removed =
      co_await push_->remove_manifest(test::a_call(), Model::repositories()[place.first], oci::Reference(digest));
  for (const std::size_t blob : blobs) world_.model.blob_delete_ended({place.first, blob});
  world_.model.delete_ended(place, !removed);
  tell("delete of " + std::to_string(place.second) + " in " + std::to_string(place.first) +
       (removed ? "" : ": " + removed.error().message()));
}

Awaitable<void> Life::remove_blob(Place place) {
  world_.model.blob_delete_began(place);
  const oci::Digest digest = test::sha256_of(world_.catalogue.blobs[place.second]);
  const Status removed = co_await push_->remove_blob(test::a_call(), Model::repositories()[place.first], digest);
  world_.model.blob_delete_ended(place);
  tell("delete of blob " + std::to_string(place.second) + (removed ? "" : ": " + removed.error().message()));
}

/// As the door does.
void Life::note_pulled(std::size_t number) {
  Prepared& prepared = prepared_[number];
  const uint64_t stamp = stamps_.of(Model::cached()).load();
  if (world_.clock.now() < prepared.until && prepared.stamp == stamp) return;
  prepared = {world_.clock.now() + meta::kPullNotedWithin, stamp};
  names_->usage().note_pulled(Model::cached(), world_.catalogue.manifests[number].digest, world_.clock.wall());
}

Awaitable<void> Life::pull_cached(std::size_t number) {
  const Catalogue::Manifest& manifest = world_.catalogue.manifests[number];
  const auto pulled = co_await pull_->manifest(test::a_call(), Model::cached(), oci::Reference(manifest.digest));
  // Time jumps here, so that what is asked of an upstream may come too late.
  const auto is_late = [](const auto& answer) { return !answer && answer.error().code() == ErrorCode::timed_out; };
  if (!pulled && !is_late(pulled)) break_promise("a cached manifest cannot be pulled: " + pulled.error().message());
  if (pulled) {
    const WallTime now = world_.clock.wall();
    note_pulled(number);
    const auto held = co_await world_.disk.names.manifests().find(test::a_call(), Model::cached(), manifest.digest);
    if (held) world_.model.used(number, now);
    tell("cached manifest " + std::to_string(number) + " pulled");
  }
  for (const std::size_t blob : manifest.blobs) {
    const auto served =
        co_await pull_->blob(test::a_call(), Model::cached(), test::sha256_of(world_.catalogue.blobs[blob]));
    if (!served && !is_late(served)) break_promise("a cached blob cannot be pulled: " + served.error().message());
  }
}

}  // namespace lifeboat::gc
