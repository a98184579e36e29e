#include "server/offline.h"

#include <filesystem>

#include "blob/data_directory.h"
#include "blob/fs_store.h"
#include "meta/sqlite_store.h"
#include "sys/clock.h"
#include "sys/event_loops.h"
#include "sys/file_system.h"
#include "sys/metrics.h"
#include "sys/thread_pool.h"

namespace lifeboat::server {
namespace {

Awaitable<void> collect_and_stop(registry::Collector& collector, registry::Sweep::DryRun dry_run,
                                 sys::EventLoops& loops) {
  (void)co_await collector.collect(dry_run);  // its state tells
  loops.stop();
}

}  // namespace

Result<http::GcReport> collect_offline(const Config& config, registry::Sweep::DryRun dry_run) {
  const std::filesystem::path database = std::filesystem::path(config.storage.root) / "meta" / "lifeboat.db";
  std::error_code ignored;
  if (!std::filesystem::exists(database, ignored)) {
    return fail(ErrorCode::not_found, "cannot collect '" + config.storage.root +
                                          "': no server runs there, and it is no data directory (there is no '" +
                                          database.string() + "')");
  }
  Log log({.level = LogLevel::error, .format = config.log.format});
  sys::SystemClock clock;
  sys::Metrics metrics;
  const auto files = sys::make_posix_file_system();
  sys::ThreadPool disk("disk", 2);
  sys::ThreadPool hash("hash", 1);
  LB_TRY(const auto directory, blob::DataDirectory::open(config.storage.root, *files));
  LB_TRY(const auto blobs, blob::FsStore::open(*directory, *files, {disk, hash}));
  LB_TRY(const auto names, meta::SqliteStore::open(database, clock, {.size_max_bytes = 0, .log = &log}));
  registry::ContentLeases leases(clock);
  registry::ChangeStamps stamps;
  http::GcReport report;
  {
    sys::EventLoops loops(1);
    registry::Collector collector({.sweep = {.blobs = *blobs,
                                             .inventory = *blobs,
                                             .names = *names,
                                             .leases = leases,
                                             .stamps = stamps,
                                             .is_frozen = [](const oci::RegistryHost&) { return true; }},
                                   .clock = clock,
                                   .loops = loops,
                                   .metrics = metrics,
                                   .log = log},
                                  {.grace = config.gc.grace, .every = Duration(0)});
    loops.spawn(0, collect_and_stop(collector, dry_run, loops));
    loops.run();
    report = http::report_of(collector.state());
  }
  LB_CHECK(names->close());
  return report;
}

}  // namespace lifeboat::server
