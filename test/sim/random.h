#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "base/time.h"

namespace lifeboat::sim {

/// Numbers that follow from the seed alone, on every machine (splitmix64; the standard's distributions differ).
class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed) {}

  uint64_t next() {
    state_ += 0x9e3779b97f4a7c15ULL;
    uint64_t mixed = state_;
    mixed = (mixed ^ (mixed >> 30U)) * 0xbf58476d1ce4e5b9ULL;
    mixed = (mixed ^ (mixed >> 27U)) * 0x94d049bb133111ebULL;
    return mixed ^ (mixed >> 31U);
  }
  /// Both ends included.
  uint64_t between(uint64_t least, uint64_t most) { return least + next() % (most - least + 1); }
  Duration between(Duration least, Duration most) {
    return least + Duration(static_cast<int64_t>(between(0, static_cast<uint64_t>((most - least).count()))));
  }
  bool has_chance(unsigned percent) { return between(0, 99) < percent; }
  template <class Value>
  const Value& pick(const std::vector<Value>& values) {
    return values.at(between(0, values.size() - 1));
  }
  /// Numbers of its own, so that what one part draws does not change what another sees.
  Random fork() { return Random(next()); }

 private:
  uint64_t state_;
};

}  // namespace lifeboat::sim
