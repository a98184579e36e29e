#include "http/http_metrics.h"

#include <algorithm>
#include <string_view>

namespace lifeboat::http {
namespace {

constexpr std::string_view kClassNames[] = {"1xx", "2xx", "3xx", "4xx", "5xx"};

}  // namespace

HttpMetrics::HttpMetrics(sys::Metrics& metrics)
    : metrics_(metrics),
      received_bytes_(metrics.counter("lifeboat_http_received_bytes_total", "Bytes of request bodies received.")),
      sent_bytes_(metrics.counter("lifeboat_http_sent_bytes_total", "Bytes of answers' bodies sent.")) {}

void HttpMetrics::count(const RequestTally& tally) {
  requests(tally).add();
  duration(tally.route).observe(tally.seconds);
  if (tally.received_bytes > 0) received_bytes_.add(static_cast<double>(tally.received_bytes));
  if (tally.sent_bytes > 0) sent_bytes_.add(static_cast<double>(tally.sent_bytes));
}

sys::Counter& HttpMetrics::requests(const RequestTally& tally) {
  const auto status_class = static_cast<std::size_t>(std::clamp(tally.status / 100, 1, 5) - 1);
  const auto method = static_cast<std::size_t>(tally.method);
  const auto route = static_cast<std::size_t>(tally.route);
  auto& slot = requests_[(method * kRouteKinds + route) * kStatusClasses + status_class];
  if (sys::Counter* known = slot.load(std::memory_order_acquire)) return *known;
  sys::Counter& found = metrics_.counter("lifeboat_http_requests_total", "Requests answered.",
                                         {{"method", sys::to_string(tally.method)},
                                          {"route", to_string(tally.route)},
                                          {"status_class", kClassNames[status_class]}});
  slot.store(&found, std::memory_order_release);
  return found;
}

sys::Histogram& HttpMetrics::duration(RouteKind route) {
  auto& slot = durations_[static_cast<std::size_t>(route)];
  if (sys::Histogram* known = slot.load(std::memory_order_acquire)) return *known;
  sys::Histogram& found =
      metrics_.histogram("lifeboat_http_request_duration_seconds",
                         "From a request's head to the last byte of its answer; prepared answers count as 0.",
                         {{"route", to_string(route)}});
  slot.store(&found, std::memory_order_release);
  return found;
}

}  // namespace lifeboat::http
