#pragma once

#include "registry/addressing.h"
#include "registry/blob_fetch.h"
#include "registry/content_leases.h"
#include "registry/manifest_fetch.h"
#include "registry/pull.h"
#include "registry/push.h"
#include "registry/upkeep/collector.h"
#include "registry/upkeep/evictor.h"
#include "registry/upkeep/retainer.h"
#include "registry/uploads.h"
#include "test/gc/model.h"
#include "test/support/scripted_source.h"

namespace lifeboat::gc {

/// What stays while processes come and go.
struct World {
  World(uint64_t seed, const Mutation& left_out);

  const Mutation mutation;
  sim::Random random;
  test::ManualClock clock;
  const Catalogue catalogue = Catalogue::make();
  Disk disk{clock};
  Model model{catalogue};
  test::ScriptedSource upstream;
  sys::BlockPool blocks;
  std::string trace;
  std::optional<std::string> violation;
};

/// One life of the process: pushers, deleters, pullers of the cache and the collector, step by step in an order that is
/// drawn, until it has made its steps or is killed between two of them.
class Life {
 public:
  explicit Life(World& world);
  /// Ends killed, or with nothing under way; `is_last`: the latter, and then what nothing needs must go.
  void run(std::size_t steps, bool is_last);

 private:
  using Place = Model::Place;
  Awaitable<void> drive(std::size_t steps, bool is_last);
  Awaitable<void> drive_steps(std::size_t steps, bool is_last);
  Awaitable<bool> step();
  Awaitable<void> drain();
  Awaitable<void> end_in_peace();
  void begin_something();
  void begin_use(std::size_t manifest);
  void build_upkeep();
  void begin_pass(Awaitable<void> pass);
  Awaitable<void> actor(Awaitable<void> work);

  Awaitable<void> push(std::size_t repository, std::size_t manifest, bool is_tagged);
  Task<bool> push_whole(std::size_t repository, std::size_t manifest, bool is_tagged);
  /// A blob this client need not send: it was told so.
  struct Promise {
    WallTime at{};
    uint64_t deletes_ended = 0;
  };
  using Promises = std::map<std::size_t, Promise>;
  Task<bool> push_parts(std::size_t repository, const Catalogue::Manifest& manifest, Promises& promises);
  Task<bool> bring_blob(std::size_t repository, std::size_t blob);
  void check_promises(std::size_t repository, const Promises& promises, const std::vector<oci::Digest>& missing);
  Awaitable<void> remove_manifest(Place place);
  Awaitable<void> remove_blob(Place place);
  Awaitable<void> pull_cached(std::size_t manifest);
  void note_pulled(std::size_t manifest);
  Awaitable<void> collect();
  Awaitable<void> evict();
  Task<registry::EvictionSpace> much_of_it();
  Awaitable<void> prune();
  Awaitable<void> pin(std::size_t manifest);
  void tell(std::string event) { world_.trace += event + "\n"; }
  void break_promise(std::string what);

  World& world_;
  registry::Sweep::Parts sweep_parts();

  std::size_t active_ = 0;
  bool is_collecting_ = false;
  bool is_evicting_ = false;
  /// Until when the door gives an answer again without noting that, unless the repository changes.
  struct Prepared {
    SteadyTime until{};
    uint64_t stamp = 0;
  };
  std::map<std::size_t, Prepared> prepared_;  ///< by cached manifest
  Log log_{{.level = LogLevel::error}};
  sys::Metrics metrics_;
  registry::ContentLeases leases_{world_.clock};
  registry::ContentLeases other_leases_{world_.clock};
  registry::ChangeStamps stamps_;
  std::unique_ptr<Turns> turns_;
  std::unique_ptr<GatedBlobs> blobs_;
  std::unique_ptr<GatedNames> names_;
  std::unique_ptr<registry::Addressing> addressing_;
  std::unique_ptr<registry::ManifestFetches> manifest_fetches_;
  std::unique_ptr<registry::BlobFetches> blob_fetches_;
  std::unique_ptr<registry::Faults> faults_;
  std::unique_ptr<registry::Pull> pull_;
  std::unique_ptr<registry::Push> push_;
  std::unique_ptr<registry::Uploads> uploads_;
  std::unique_ptr<GatedEviction> eviction_;
  std::unique_ptr<registry::Collector> collector_;
  std::unique_ptr<registry::Evictor> evictor_;
  std::unique_ptr<registry::Retainer> retainer_;
  sys::EventLoops loops_{1};  ///< last: what still waits in it when the process is killed uses all of the above
};

}  // namespace lifeboat::gc
