#include <gtest/gtest.h>

#include <cstdlib>

#include "test/gc/life.h"

namespace lifeboat::gc {
namespace {

uint64_t number_of(const char* variable, uint64_t otherwise) {
  const char* const text = std::getenv(variable);  // NOLINT(concurrency-mt-unsafe): one thread
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

/// A few lives on one disk; what was broken first, nothing when all promises were kept.
std::optional<std::string> broken_by(uint64_t seed, const Mutation& left_out, std::string& trace) {
  World world(seed, left_out);
  const std::size_t lives = world.random.between(1, 4);
  for (std::size_t life = 1; life <= lives && !world.violation; ++life) {
    Life(world).run(world.random.between(20, 600), life == lives);
  }
  trace = world.trace;
  return world.violation;
}

/// Whether the model notices within the first seeds, in such words, that something is left out.
bool is_noticed(const Mutation& left_out, std::string_view words) {
  const uint64_t seeds = number_of("LIFEBOAT_GC_MUTANT_SEEDS", 400);
  std::string trace;
  for (uint64_t seed = 1; seed <= seeds; ++seed) {
    const auto broken = broken_by(seed, left_out, trace);
    if (broken && broken->find(words) != std::string::npos) return true;
  }
  return false;
}

}  // namespace

/// `LIFEBOAT_GC_SEED=42 gc_model_test` replays one; LIFEBOAT_GC_SEEDS and LIFEBOAT_GC_FIRST choose others.
TEST(Collection, breaks_no_promise_whatever_comes_between_its_steps) {
  const uint64_t only = number_of("LIFEBOAT_GC_SEED", 0);
  const uint64_t first = only != 0 ? only : number_of("LIFEBOAT_GC_FIRST", 1);
  const uint64_t seeds = only != 0 ? 1 : number_of("LIFEBOAT_GC_SEEDS", 300);
  for (uint64_t seed = first; seed < first + seeds; ++seed) {
    std::string trace;
    const auto broken = broken_by(seed, {}, trace);
    ASSERT_FALSE(broken) << "seed " << seed << ": " << *broken << "\nreplay: LIFEBOAT_GC_SEED=" << seed << "\n"
                         << trace;
    if (only != 0) std::printf("%s", trace.c_str());
  }
}

TEST(Collection, is_the_same_again_for_the_same_seed) {
  std::string first;
  std::string second;
  (void)broken_by(7, {}, first);
  (void)broken_by(7, {}, second);
  EXPECT_EQ(first, second);
  EXPECT_NE(first.find("201"), std::string::npos) << first;
  EXPECT_NE(first.find("collected"), std::string::npos) << first;
}

// The model is worth what it notices: each of these is one line of the product left out.
TEST(Collection, would_lose_bytes_without_leases) {
  EXPECT_TRUE(is_noticed({.without_lease = true}, "a row without bytes"));
}
TEST(Collection, would_break_indexes_without_the_check_in_the_put) {
  EXPECT_TRUE(is_noticed({.without_recheck = true}, "is a broken index"));
}
TEST(Collection, would_break_its_word_without_renewal) {
  EXPECT_TRUE(is_noticed({.without_renewal = true}, "was told to be here"));
}
TEST(Collection, would_lose_bytes_if_it_did_not_ask_again) {
  EXPECT_TRUE(is_noticed({.unlinks_unasked = true}, "a row without bytes"));
}

TEST(Eviction, would_take_what_was_used_meanwhile_if_it_did_not_ask_again) {
  EXPECT_TRUE(is_noticed({.evicts_used = true}, "was pulled just before and is gone"));
}
TEST(Eviction, would_take_what_was_pinned_meanwhile_if_it_did_not_ask_again) {
  EXPECT_TRUE(is_noticed({.evicts_pinned = true}, "was pinned and is gone"));
}

}  // namespace lifeboat::gc
