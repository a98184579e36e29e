#include "registry/upkeep/eviction.h"

#include <gtest/gtest.h>

#include <string>

#include "base/bytes.h"

namespace lifeboat::registry {
namespace {

using Standing = EvictionOrder::Standing;

meta::CachedImage image(const std::string& name, int64_t used_ms, bool is_pinned = false) {
  return {.repository = {oci::RegistryHost::parse("ghcr.io").value(), oci::Repository::parse("org/" + name).value()},
          .root = oci::Digest::of(HashAlgorithm::sha256, as_bytes(name)),
          .used = WallTime(Duration(used_ms)),
          .is_pinned = is_pinned};
}

std::vector<std::string> names(const EvictionOrder& order) {
  std::vector<std::string> found;
  for (const auto& one : order.oldest_first()) found.push_back(one.repository.name.to_string());
  return found;
}

TEST(EvictionSpace, is_due_beyond_the_upper_mark_and_wants_the_lower_one) {
  struct Row {
    EvictionSpace space;
    uint64_t wanted_bytes;
  };
  for (const Row& row : {Row{{.used_bytes = 0, .above_bytes = 100, .below_bytes = 80}, 0},
                         Row{{.used_bytes = 90, .above_bytes = 100, .below_bytes = 80}, 0},
                         Row{{.used_bytes = 100, .above_bytes = 100, .below_bytes = 80}, 0},
                         Row{{.used_bytes = 101, .above_bytes = 100, .below_bytes = 80}, 21},
                         Row{{.used_bytes = 300, .above_bytes = 100, .below_bytes = 0}, 300}}) {
    EXPECT_EQ(row.space.wanted_bytes(), row.wanted_bytes) << row.space.used_bytes << " bytes used";
    EXPECT_EQ(row.space.is_due(), row.wanted_bytes > 0) << row.space.used_bytes << " bytes used";
  }
}

TEST(EvictionOrder, takes_the_longest_unused_first) {
  EvictionOrder order(10);
  for (const auto& one : {image("new", 3000), image("old", 1000), image("middle", 2000), image("also-old", 1000)}) {
    order.consider(one, Standing::free);
  }
  EXPECT_EQ(names(order), (std::vector<std::string>{"org/also-old", "org/old", "org/middle", "org/new"}));
  EXPECT_FALSE(order.has_more());
}

TEST(EvictionOrder, leaves_out_what_must_stay) {
  EvictionOrder order(10);
  order.consider(image("pinned", 1, true), Standing::free);
  order.consider(image("pinned-of-frozen", 1, true), Standing::frozen);
  order.consider(image("prefetched", 2), Standing::wanted);
  order.consider(image("of-a-dead-host", 3), Standing::frozen);
  order.consider(image("free", 4), Standing::free);
  meta::CachedImage hosted = image("hosted", 5);
  hosted.repository.host.reset();
  order.consider(hosted, Standing::free);
  EXPECT_EQ(names(order), std::vector<std::string>{"org/free"});
  EXPECT_EQ(order.pinned(), 3U);
  EXPECT_EQ(order.frozen(), 1U);
}

TEST(EvictionOrder, keeps_no_more_than_it_was_told_and_the_oldest_of_them) {
  EvictionOrder order(2);
  for (int64_t used = 9; used > 0; --used) order.consider(image("a" + std::to_string(used), used), Standing::free);
  EXPECT_EQ(names(order), (std::vector<std::string>{"org/a1", "org/a2"}));
  EXPECT_TRUE(order.has_more());
}

TEST(Witnesses, are_the_images_of_each_repository_that_were_used_last) {
  const meta::CachedImage base = image("app", 0);
  const auto of_app = [&](const std::string& name, int64_t used_ms) {
    meta::CachedImage one = image(name, used_ms);
    one.repository = base.repository;
    return one;
  };
  Witnesses witnesses;
  EXPECT_TRUE(witnesses.of(base.repository).empty());
  for (const auto& one : {of_app("b", 2), of_app("d", 4), of_app("a", 1), of_app("c", 3), of_app("d", 4)}) {
    witnesses.consider(one);
  }
  witnesses.consider(image("other", 9));
  const std::vector<oci::Digest> wanted{of_app("d", 4).root, of_app("c", 3).root, of_app("b", 2).root};
  EXPECT_EQ(witnesses.of(base.repository), wanted);
}

TEST(EvictionOrder, leaves_out_what_was_used_just_before) {
  const WallTime now(Duration(1'000'000));
  EvictionOrder order(10, {.now = now, .unused_for = std::chrono::minutes(10)});
  order.consider(image("just-now", 1'000'000), Standing::free);
  order.consider(image("nine-minutes-ago", 1'000'000 - 9 * 60'000), Standing::free);
  const int64_t unnoted_ms = meta::kPullNotedWithin.count();
  order.consider(image("noted-before-it-was-pulled", 1'000'000 - 10 * 60'000 - unnoted_ms + 1), Standing::free);
  order.consider(image("ten-minutes-ago", 1'000'000 - 10 * 60'000 - unnoted_ms), Standing::free);
  order.consider(image("while-it-was-looked-at", 1'000'000 + 60'000), Standing::free);
  order.consider(image("before-the-clock-was-set-back", 9'000'000), Standing::free);
  EXPECT_EQ(names(order), std::vector<std::string>{"org/ten-minutes-ago"});
  EXPECT_EQ(order.in_use(), 5U);
}

}  // namespace
}  // namespace lifeboat::registry
