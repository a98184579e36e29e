#include <gtest/gtest.h>

#include <cstdlib>

#include "test/damage/damage_story.h"

/// LIFEBOAT_DAMAGE_SEED=42 tells one story, LIFEBOAT_DAMAGE_SEEDS=1000 LIFEBOAT_DAMAGE_FIRST=5000 others.
namespace lifeboat::test {
namespace {

uint64_t number_in(const char* variable, uint64_t otherwise) {
  const char* text = std::getenv(variable);  // NOLINT(concurrency-mt-unsafe): nothing sets it
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

TEST(Damage, is_found_healed_where_a_source_has_it_and_never_served_whole) {
  const uint64_t only = number_in("LIFEBOAT_DAMAGE_SEED", 0);
  const uint64_t first = only != 0 ? only : number_in("LIFEBOAT_DAMAGE_FIRST", 1);
  const uint64_t count = only != 0 ? 1 : number_in("LIFEBOAT_DAMAGE_SEEDS", 20);
  for (uint64_t seed = first; seed < first + count; ++seed) {
    DamageStory story(seed);
    const auto faults = story.tell();
    if (faults.empty()) continue;
    std::string told = "LIFEBOAT_DAMAGE_SEED=" + std::to_string(seed) + "\n";
    for (const std::string& done : story.damage()) told += "  " + done + "\n";
    for (const std::string& fault : faults) told += "- " + fault + "\n";
    ADD_FAILURE() << told;
  }
}

}  // namespace
}  // namespace lifeboat::test
