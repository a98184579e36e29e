#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

/// What the API says of captures, as doc/reference/openapi.yaml has it. Members that are not known are passed over.
namespace lifeboat::http {

/// The body of `POST /api/v1/prefetch`.
struct PrefetchOrder {
  std::string reference;                 ///< as oci::FullReference has it
  std::vector<std::string> platforms{};  ///< "linux/arm64", or "all"
  friend bool operator==(const PrefetchOrder&, const PrefetchOrder&) = default;
};
std::string render_order(const PrefetchOrder& order);
/// invalid: it is none.
Result<PrefetchOrder> parse_order(std::string_view json);

/// Its answer: what is fetched now.
struct PrefetchReport {
  std::string repository;
  std::string digest;
  std::vector<std::string> platforms{};  ///< all it is fetched for; "all" for every one there is
  std::string stale{};                   ///< why the tag could not be confirmed; "" when it was
  friend bool operator==(const PrefetchReport&, const PrefetchReport&) = default;
};
std::string render_prefetch(const PrefetchReport& report);
Result<PrefetchReport> parse_prefetch(std::string_view json);

/// The answer of `GET /api/v1/capture`.
struct CaptureReport {
  struct Platform {
    std::string platform;  ///< "" for what is no program to run
    std::string digest;
    bool is_whole = false;
    friend bool operator==(const Platform&, const Platform&) = default;
  };
  enum class Phase { waiting, running, done };
  Phase phase = Phase::waiting;
  uint64_t blobs_done = 0;
  uint64_t blobs_wanted = 0;
  uint64_t bytes_done = 0;
  uint64_t bytes_wanted = 0;
  uint32_t failures = 0;  ///< in a row
  std::string last_error{};
  std::optional<std::chrono::seconds> retry_in{};  ///< while waiting; 0: it is due
  bool is_here = false;                            ///< the manifest
  bool is_whole = false;                           ///< and all under it
  std::size_t missing = 0;                         ///< blobs that are not here, of a manifest without children
  std::vector<Platform> platforms{};               ///< of an index
  friend bool operator==(const CaptureReport&, const CaptureReport&) = default;
};
std::string render_capture(const CaptureReport& report);
Result<CaptureReport> parse_capture(std::string_view json);
std::string_view to_string(CaptureReport::Phase phase);
/// One that is not known is taken for `waiting`.
CaptureReport::Phase parse_phase(std::string_view text);

}  // namespace lifeboat::http
