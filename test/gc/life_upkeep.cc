// What goes on by itself: the collector, eviction and retention; and pins, which are for them.

#include "test/gc/life.h"
#include "test/support/blob_rig.h"

namespace lifeboat::gc {
namespace {

constexpr uint64_t kMuchBytes = 4000;

/// Time jumps here, so that a step may come too late.
bool is_late(const Error& error) { return error.code() == ErrorCode::timed_out; }

}  // namespace

registry::Sweep::Parts Life::sweep_parts() {
  return {.blobs = *blobs_,
          .inventory = *blobs_,
          .names = *names_,
          .leases = world_.mutation.without_lease ? other_leases_ : leases_,
          .stamps = stamps_,
          .is_frozen = [](const oci::RegistryHost&) { return false; }};
}

void Life::build_upkeep() {
  eviction_ = std::make_unique<GatedEviction>(world_.disk.names, *turns_, world_.mutation);
  collector_ = std::make_unique<registry::Collector>(
      registry::Collector::Parts{
          .sweep = sweep_parts(), .clock = world_.clock, .loops = loops_, .metrics = metrics_, .log = log_},
      registry::CollectorOptions{.grace = kGrace});
  // However much is cached, a part of it is to go.
  const auto measure = [this](Call) -> Task<registry::EvictionSpace> { return much_of_it(); };
  evictor_ = std::make_unique<registry::Evictor>(
      registry::Evictor::Parts{.eviction = *eviction_,
                               .blobs = *blobs_,
                               .names = *names_,
                               .addressing = *addressing_,
                               .stamps = stamps_,
                               .measure = measure,
                               .always_held = [] { return std::vector<oci::FullReference>(); },
                               .is_frozen = [](const oci::RegistryHost&) { return false; },
                               .collector = *collector_,
                               .clock = world_.clock,
                               .metrics = metrics_,
                               .log = log_},
      kUsedFor);
  retainer_ = std::make_unique<registry::Retainer>(
      registry::Retainer::Parts{.blobs = *blobs_,
                                .names = *names_,
                                .stamps = stamps_,
                                .is_frozen = [](const oci::RegistryHost&) { return false; },
                                .clock = world_.clock,
                                .metrics = metrics_,
                                .log = log_},
      registry::RetainerOptions{.policies = {{.match = {Model::repositories()[1].to_string()},
                                              .rule = {.delete_untagged_after = kUntaggedFor}}}});
}

Task<registry::EvictionSpace> Life::much_of_it() {
  const uint64_t wanted_bytes = world_.random.between(1, kMuchBytes);
  co_return registry::EvictionSpace{
      .used_bytes = kMuchBytes, .above_bytes = 0, .below_bytes = kMuchBytes - wanted_bytes};
}

Awaitable<void> Life::collect() {
  registry::Sweep sweep(sweep_parts(), {.before = world_.clock.wall() - kGrace, .is_stopping = [] { return false; }});
  const Status done = co_await sweep.run(test::a_call());
  is_collecting_ = false;
  const registry::SweepReport report = sweep.report();
  tell("collected " + std::to_string(report.links) + " links, " + std::to_string(report.contents) + " contents" +
       (done ? "" : ": " + done.error().message()));
  if (!done) break_promise("the collector cannot collect: " + done.error().message());
}

Awaitable<void> Life::evict() {
  // Or what is cached is mostly in use, and there is nothing to be taken by mistake.
  if (world_.random.has_chance(70)) world_.clock.advance(2 * kUsedFor);
  is_evicting_ = true;
  const auto report = co_await evictor_->look(test::a_call());
  is_evicting_ = false;
  is_collecting_ = false;
  if (!report) {
    tell("evicted: " + report.error().message());
    if (!is_late(report.error())) break_promise("nothing can be evicted: " + report.error().message());
    co_return;
  }
  tell("evicted " + std::to_string(report->images) + " images, " + std::to_string(report->contents) + " contents, " +
       std::to_string(report->pinned) + " pinned, " + std::to_string(report->in_use) + " in use");
}

Awaitable<void> Life::prune() {
  const auto report = co_await retainer_->prune(registry::Retainer::DryRun::no);
  is_collecting_ = false;
  if (!report) {
    tell("pruned: " + report.error().message());
    if (!is_late(report.error())) break_promise("nothing can be pruned: " + report.error().message());
    co_return;
  }
  tell("pruned " + std::to_string(report->manifests) + " manifests, " + std::to_string(report->changed) + " changed");
}

/// Of the cache; one that is pinned is let go.
Awaitable<void> Life::pin(std::size_t manifest) {
  const std::string digest = world_.catalogue.manifests[manifest].digest.to_string();
  if (world_.model.is_pinned(manifest)) {
    world_.model.pin_is_going(manifest);
    const Status removed = co_await names_->usage().remove_pin(test::a_call(), Model::cached(), digest);
    tell("pin of " + std::to_string(manifest) + " removed" + (removed ? "" : ": " + removed.error().message()));
    co_return;
  }
  meta::Pin pin{.repository = Model::cached(), .reference = digest, .at = world_.clock.wall()};
  const Status added = co_await names_->usage().add_pin(test::a_call(), std::move(pin));
  if (added) world_.model.pinned(manifest);
  tell("cached manifest " + std::to_string(manifest) + " pinned");
}

}  // namespace lifeboat::gc
