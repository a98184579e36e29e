#include "registry/upkeep/freeze.h"

#include <gtest/gtest.h>

#include "blob/memory_store.h"
#include "meta/memory_store.h"
#include "test/support/image.h"
#include "test/support/manual_clock.h"

namespace lifeboat::registry {
namespace {

oci::RegistryHost host(const char* name) { return oci::RegistryHost::parse(name).value(); }

class FreezeTest : public testing::Test {
 protected:
  double gauge(const char* name) {
    const std::string text = metrics_.render();
    const std::size_t at = text.find(std::string("lifeboat_upstream_frozen{host=\"") + name + "\"} ");
    return at == std::string::npos ? -1 : std::stod(text.substr(text.find("} ", at) + 2));
  }

  test::ManualClock clock_;
  sys::Metrics metrics_;
  Log log_{{.level = LogLevel::error}};
  blob::MemoryStore blobs_;
  meta::MemoryStore names_{clock_};
  std::vector<Freeze::Host> hosts_{{host("ghcr.io")}, {host("quay.io")}};
  Freeze freeze_{names_, clock_, metrics_, log_};
};

TEST_F(FreezeTest, begins_when_a_host_cannot_be_asked_and_ends_when_it_can) {
  EXPECT_FALSE(freeze_.look(hosts_));
  hosts_[0].can_be_asked = false;
  EXPECT_FALSE(freeze_.is_frozen(host("ghcr.io"))) << "nobody looked";
  EXPECT_TRUE(freeze_.look(hosts_));
  EXPECT_FALSE(freeze_.look(hosts_)) << "nothing new";
  EXPECT_TRUE(freeze_.is_frozen(host("ghcr.io")));
  EXPECT_FALSE(freeze_.is_frozen(host("quay.io")));
  EXPECT_EQ(gauge("ghcr.io"), 1);
  hosts_[0].can_be_asked = true;
  EXPECT_TRUE(freeze_.look(hosts_));
  EXPECT_FALSE(freeze_.is_frozen(host("ghcr.io")));
  EXPECT_EQ(gauge("ghcr.io"), 0);
}

TEST_F(FreezeTest, ends_for_a_host_that_is_no_longer_configured) {
  hosts_[0].can_be_asked = false;
  freeze_.look(hosts_);
  hosts_.erase(hosts_.begin());
  EXPECT_TRUE(freeze_.look(hosts_));
  EXPECT_FALSE(freeze_.is_frozen(host("ghcr.io")));
}

TEST_F(FreezeTest, hurries_the_captures_that_waited_for_its_end) {
  const oci::RepositoryId repository{host("ghcr.io"), oci::Repository::parse("a").value()};
  test::keep_manifest(blobs_, names_, repository, test::image_of("a", 1).manifest);
  const oci::Digest digest = test::sha256_of(test::image_of("a", 1).manifest);
  const Call call = test::a_call();
  ASSERT_TRUE(test::run(names_.captures().add(call, repository, digest, "", clock_.wall() + std::chrono::hours(1))));
  hosts_[0].can_be_asked = false;
  freeze_.look(hosts_);
  EXPECT_TRUE(test::run(names_.captures().due(call, clock_.wall(), 1))->empty());
  hosts_[0].can_be_asked = true;
  freeze_.look(hosts_);
  EXPECT_EQ(test::run(names_.captures().due(call, clock_.wall(), 1))->size(), 1U);
}

}  // namespace
}  // namespace lifeboat::registry
