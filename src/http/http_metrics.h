#pragma once

#include <array>
#include <atomic>
#include <cstdint>

#include "http/route.h"
#include "sys/http_message.h"
#include "sys/metrics.h"

namespace lifeboat::http {

/// One request that was answered.
struct RequestTally {
  sys::HttpMethod method = sys::HttpMethod::other;
  RouteKind route = RouteKind::other;
  int status = 0;
  double seconds = 0;
  uint64_t received_bytes = 0;
  uint64_t sent_bytes = 0;
};

/// Counts requests. Any thread; an instrument is looked up when it is first needed, so that only series that occurred
/// are exposed and none is looked up twice.
class HttpMetrics {
 public:
  explicit HttpMetrics(sys::Metrics& metrics);
  void count(const RequestTally& tally);

 private:
  static constexpr std::size_t kMethods = 7;
  static constexpr std::size_t kStatusClasses = 5;
  sys::Counter& requests(const RequestTally& tally);
  sys::Histogram& duration(RouteKind route);

  sys::Metrics& metrics_;
  sys::Counter& received_bytes_;
  sys::Counter& sent_bytes_;
  std::array<std::atomic<sys::Counter*>, kMethods * kRouteKinds * kStatusClasses> requests_{};
  std::array<std::atomic<sys::Histogram*>, kRouteKinds> durations_{};
};

}  // namespace lifeboat::http
