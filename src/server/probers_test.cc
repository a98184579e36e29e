#include "server/probers.h"

#include <gtest/gtest.h>

#include "meta/memory_store.h"
#include "sys/block_pool.h"
#include "sys/clock.h"
#include "sys/file_system.h"
#include "sys/http_client.h"
#include "sys/thread_pool.h"

namespace lifeboat::server {
namespace {

TEST(OwnUrl, is_how_this_machine_reaches_the_process) {
  EXPECT_EQ(own_url("0.0.0.0:5000", false), "http://127.0.0.1:5000");
  EXPECT_EQ(own_url("[::]:5000", false), "http://[::1]:5000");
  EXPECT_EQ(own_url("10.0.0.1:5000", true), "https://10.0.0.1:5000");
}

TEST(Probers, are_made_of_the_configuration) {
  sys::BlockPool blocks;
  sys::SystemClock clock;
  sys::Metrics metrics;
  Log log({.level = LogLevel::error});
  const auto files = sys::make_posix_file_system();
  sys::ThreadPool disk("disk", 1);
  const auto client = sys::make_curl_http_client({.user_agent = "lifeboat/test"}, blocks);
  meta::MemoryStore names(clock);
  Config config;
  config.probes.resize(2);
  config.probes[0].name = "backup";
  config.probes[0].target = "https://backup.example/prefix";
  config.probes[0].compare_with = "self";
  config.probes[1].name = "self";
  config.probes[1].target = "self";
  const auto built = Probers::build(
      config, {.registry = {*client, clock, *files, disk, log}, .tours = names.tours(), .metrics = metrics},
      "0.0.0.0:5000");
  ASSERT_TRUE(built) << built.error().message();
  ASSERT_EQ((*built)->all().size(), 2U);
  const auto status = (*built)->status();
  EXPECT_EQ(status.at(0).name, "backup");
  EXPECT_EQ(status.at(0).target, "backup.example/prefix");
  EXPECT_EQ(status.at(1).target, "self");
  EXPECT_EQ(status.at(1).last_run, "");
  EXPECT_TRUE(metrics.render().contains("registry_manifest_integrity_last_run_timestamp{target=\"backup\"} 0"))
      << "what alerts look at is there before the first tour";
}

}  // namespace
}  // namespace lifeboat::server
