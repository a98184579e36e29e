#include "registry/manifest_fetch.h"

#include <gtest/gtest.h>

#include <chrono>
#include <optional>
#include <string>
#include <thread>

#include "blob/memory_store.h"
#include "meta/memory_store.h"
#include "test/support/run.h"
#include "test/support/scripted_source.h"

namespace lifeboat::registry {
namespace {

using test::digest_of;
using test::ScriptedSource;

std::string document(int build) {
  const std::string config = "config " + std::to_string(build);
  return R"({"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"mediaType":)"
         R"("application/vnd.oci.image.config.v1+json","digest":")" +
         digest_of(config) + R"(","size":8},"layers":[]})";
}

class ManifestFetchesTest : public testing::Test {
 protected:
  Result<ManifestFetches::Answer> fetch(bool is_held, WallTime held_checked = WallTime::max()) {
    return test::run(fetched(is_held, held_checked));
  }

  ScriptedSource source_;

 private:
  Task<ManifestFetches::Answer> fetched(bool is_held, WallTime held_checked) {
    sys::EventLoops loops(1);
    std::optional<ManifestFetches> fetches;
    fetches.emplace(blobs_, names_, leases_, stamps_, clock_, loops, log_);
    const Call call(clock_.now() + std::chrono::seconds(20), "test");
    ManifestFetches::Request request{.repository = repository_,
                                     .reference = oci::Reference(*oci::Tag::parse("v1")),
                                     .source = &source_,
                                     .keep_alive = nullptr,
                                     .is_held = is_held,
                                     .held_checked = held_checked};
    std::jthread thread([&] { loops.run(); });
    auto answer = co_await fetches->fetch(call, std::move(request));
    co_await fetches->stop();
    loops.stop();
    co_return answer;
  }

  const oci::RepositoryId repository_{.host = *oci::RegistryHost::parse("r.example"),
                                      .name = *oci::Repository::parse("team/app")};
  sys::SystemClock clock_;
  Log log_{{.level = LogLevel::error}};
  blob::MemoryStore blobs_;
  meta::MemoryStore names_;
  ContentLeases leases_{clock_};
  ChangeStamps stamps_;
};

TEST_F(ManifestFetchesTest, does_not_take_a_tag_for_gone_when_nobody_has_what_it_names) {
  source_.manifests["v1"] = document(1);
  ASSERT_TRUE(fetch(false));
  source_.manifests["v1"] = document(2);  // its HEAD names a digest that a GET does not find
  const auto lacking = fetch(true);
  ASSERT_FALSE(lacking);
  EXPECT_EQ(lacking.error().code(), ErrorCode::unavailable) << lacking.error().message();

  source_.manifests.clear();
  EXPECT_EQ(fetch(true).error().code(), ErrorCode::not_found) << "the tag itself is gone";
}

TEST_F(ManifestFetchesTest, does_not_ask_for_a_tag_that_was_confirmed_since) {
  source_.manifests["v1"] = document(1);
  ASSERT_TRUE(fetch(false));
  const int asked = source_.asked;
  ASSERT_TRUE(fetch(true, WallTime{}));
  EXPECT_EQ(source_.asked, asked) << "whoever looked before the last answer came asks again";
  ASSERT_TRUE(fetch(true));
  EXPECT_EQ(source_.asked, asked + 1);
}

}  // namespace
}  // namespace lifeboat::registry
