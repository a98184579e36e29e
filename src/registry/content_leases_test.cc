#include "registry/content_leases.h"

#include <gtest/gtest.h>

#include "test/support/blob_rig.h"
#include "test/support/manual_clock.h"
#include "test/support/run.h"

namespace lifeboat::registry {
namespace {

class ContentLeasesTest : public testing::Test {
 protected:
  Result<ContentLeases::Lease> share() { return test::run(leases_.share(test::a_call(), digest_)); }

  test::ManualClock clock_;
  ContentLeases leases_{clock_};
  const oci::Digest digest_ = test::sha256_of("x");
};

TEST_F(ContentLeasesTest, are_shared_by_any_number_of_writers) {
  const auto one = share();
  const auto other = share();
  EXPECT_TRUE(one && other);
  EXPECT_EQ(leases_.size(), 1U);
}

TEST_F(ContentLeasesTest, are_had_alone_only_when_nobody_has_a_share) {
  {
    const auto one = share();
    {
      const auto other = share();
      EXPECT_FALSE(leases_.take_alone(digest_));
    }
    EXPECT_FALSE(leases_.take_alone(digest_)) << "one of the two shares is still held";
    EXPECT_TRUE(leases_.take_alone(test::sha256_of("another")));
  }
  EXPECT_TRUE(leases_.take_alone(digest_));
  EXPECT_EQ(leases_.size(), 0U);
}

TEST_F(ContentLeasesTest, are_had_alone_by_one) {
  const auto alone = leases_.take_alone(digest_);
  EXPECT_TRUE(alone);
  EXPECT_FALSE(leases_.take_alone(digest_));
}

TEST_F(ContentLeasesTest, tell_a_writer_to_come_again_when_the_collector_is_not_done_in_time) {
  auto alone = leases_.take_alone(digest_);
  const Call short_call(clock_.now(), "test");
  const auto refused = test::run(leases_.share(short_call, digest_));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), ErrorCode::unavailable);
  alone.reset();
  EXPECT_TRUE(share());
}

}  // namespace
}  // namespace lifeboat::registry
