#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

/// What the API says of scrubbing, as doc/reference/openapi.yaml has it. Members that are not known are passed over.
namespace lifeboat::http {

/// The body of `POST /api/v1/scrub`.
struct ScrubRequest {
  bool is_repaired = true;  ///< false: only look
  uint64_t rate_bytes = 0;  ///< a second; 0: as fast as it goes
  friend bool operator==(const ScrubRequest&, const ScrubRequest&) = default;
};
std::string render_scrub_request(const ScrubRequest& request);
/// invalid: it is none. What is left out is as above.
Result<ScrubRequest> parse_scrub_request(std::string_view json);

/// Content that is missing though names stand for it.
struct FaultReport {
  std::string digest;
  std::string kind;                   ///< "missing", "wrong_size", "wrong_bytes"
  std::string detail;                 ///< what was found
  uint32_t tries = 0;                 ///< to repair it
  std::string last_error{};           ///< of the last of them
  int64_t retry_in_s = 0;             ///< 0: it is due
  std::vector<std::string> breaks{};  ///< "app:v1"; without a tag that leads to it, repositories
  friend bool operator==(const FaultReport&, const FaultReport&) = default;
};

/// The answer of `GET /api/v1/scrub`: the tour under way or the last one, and what is broken now.
struct ScrubReport {
  struct Finding {
    std::string digest;
    std::string kind;
    std::string detail;
    friend bool operator==(const Finding&, const Finding&) = default;
  };
  bool is_running = false;
  bool is_finished = false;  ///< it came to its end
  bool is_ordered = false;
  bool is_repaired = true;
  uint64_t checked = 0;
  uint64_t checked_bytes = 0;
  uint64_t known = 0;  ///< about
  uint64_t known_bytes = 0;
  uint64_t found = 0;
  std::vector<Finding> findings{};  ///< the first 1,000
  uint64_t unrecorded = 0;
  uint64_t unrecorded_bytes = 0;
  std::string error{};  ///< why it broke off
  uint64_t broken = 0;
  std::vector<FaultReport> faults{};  ///< the first 100 of them
  friend bool operator==(const ScrubReport&, const ScrubReport&) = default;
};
std::string render_fault(const FaultReport& fault);
Result<FaultReport> parse_fault(std::string_view json);

std::string render_scrub(const ScrubReport& report);
Result<ScrubReport> parse_scrub(std::string_view json);

}  // namespace lifeboat::http
