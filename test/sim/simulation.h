#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "test/sim/sim_registry.h"

namespace lifeboat::sim {

struct Outcome {
  std::vector<std::string> faults;         ///< promises that were broken, in words; empty: all is well
  std::string trace;                       ///< when it was asked for
  uint64_t hash = 0;                       ///< of the trace
  std::map<std::string, uint64_t> counts;  ///< what the run has seen, by kind
  Duration took{};                         ///< simulated
};

/// One run: a busy time with random faults, a time in which every server is dead or lies, in the middle of it a restart
/// (a clean one, or a kill), and a time in which all are well. The same options give the same trace, to the letter.
Outcome simulate(const WorldOptions& options, bool keeps_trace);

}  // namespace lifeboat::sim
