#pragma once

#include <atomic>

#include "base/call.h"
#include "base/task.h"
#include "http/route.h"
#include "meta/store.h"
#include "sys/http_message.h"
#include "sys/metrics.h"

namespace lifeboat::http {

/// `/healthz`, `/livez`, `/readyz` and `/metrics`. None of them depends on an upstream: a registry that is a lifeboat
/// is ready when everything else is down (DESIGN §1.8). Any thread.
class Probes {
 public:
  Probes(meta::Store& names, sys::Metrics& metrics);

  Awaitable<sys::HttpResponse> answer(Call call, ProbeRoute::Kind kind);
  /// From now on not ready: load balancers look elsewhere while running requests end.
  void set_stopping() { is_stopping_.store(true, std::memory_order_release); }

 private:
  Awaitable<sys::HttpResponse> readiness(Call call);
  Awaitable<sys::HttpResponse> scrape(Call call);

  meta::Store& names_;
  sys::Metrics& metrics_;
  sys::Gauge& repositories_;
  sys::Gauge& manifests_;
  sys::Gauge& blobs_;
  sys::Gauge& bytes_;
  std::atomic<bool> is_stopping_ = false;
};

}  // namespace lifeboat::http
