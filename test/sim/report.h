#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "test/sim/virtual_time.h"

namespace lifeboat::sim {

/// What happened in a run, line by line with the time, and which promises it broke. The trace is kept as text on demand
/// only; its hash tells two runs of one seed apart.
class Report {
 public:
  Report(const VirtualTime& time, bool keeps_trace) : time_(time), keeps_trace_(keeps_trace) {}

  void note(std::string_view line);
  /// A broken promise, in words.
  void fault(std::string text);
  /// One more of a kind: shows that a run has seen it.
  void count(const std::string& kind) { ++counts_[kind]; }

  Duration now() const { return time_.elapsed(); }
  uint64_t hash() const { return hash_; }
  uint64_t lines() const { return lines_; }
  const std::string& trace() const { return trace_; }
  const std::vector<std::string>& faults() const { return faults_; }
  const std::map<std::string, uint64_t>& counts() const { return counts_; }

 private:
  const VirtualTime& time_;
  const bool keeps_trace_;
  uint64_t hash_ = 14695981039346656037ULL;
  uint64_t lines_ = 0;
  std::string trace_;
  std::vector<std::string> faults_;
  std::map<std::string, uint64_t> counts_;
};

/// "12.345 s"
std::string to_text(Duration time);
/// The first letters of a digest's hex part, for people.
std::string brief(std::string_view digest);

}  // namespace lifeboat::sim
