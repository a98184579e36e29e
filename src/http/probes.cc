#include "http/probes.h"

#include <string>

namespace lifeboat::http {
namespace {

sys::HttpResponse text_response(int status, std::string text) {
  sys::HttpResponse response;
  response.status = status;
  response.fields.add("Content-Type", "text/plain; charset=utf-8");
  response.fields.add("X-Content-Type-Options", "nosniff");
  response.fields.add("Cache-Control", "no-store");
  response.body = std::move(text);
  return response;
}

}  // namespace

Probes::Probes(meta::Store& names, sys::Metrics& metrics)
    : names_(names),
      metrics_(metrics),
      repositories_(metrics.gauge("lifeboat_store_repositories", "Repositories held.")),
      manifests_(metrics.gauge("lifeboat_store_manifests", "Manifests held.")),
      blobs_(metrics.gauge("lifeboat_store_blobs", "Blobs held.")),
      bytes_(metrics.gauge("lifeboat_store_bytes", "Bytes of the blobs held.")) {}

Awaitable<sys::HttpResponse> Probes::answer(Call call, ProbeRoute::Kind kind) {
  switch (kind) {
    case ProbeRoute::Kind::healthz:
    case ProbeRoute::Kind::livez: break;  // that this runs is the answer
    case ProbeRoute::Kind::readyz: co_return co_await readiness(call);
    case ProbeRoute::Kind::metrics: co_return co_await scrape(call);
  }
  co_return text_response(200, "ok\n");
}

Awaitable<sys::HttpResponse> Probes::readiness(Call call) {
  if (is_stopping_.load(std::memory_order_acquire)) co_return text_response(503, "not ready: stopping\n");
  const auto listed = co_await names_.repositories().list(call, "", 1);
  if (!listed) co_return text_response(503, "not ready: the store does not answer: " + listed.error().message() + "\n");
  co_return text_response(200, "ready\n");
}

Awaitable<sys::HttpResponse> Probes::scrape(Call call) {
  // When the store does not answer the gauges keep their last values: the rest is what one looks at then.
  if (const auto totals = co_await names_.totals(call)) {
    repositories_.set(static_cast<double>(totals->repositories));
    manifests_.set(static_cast<double>(totals->manifests));
    blobs_.set(static_cast<double>(totals->blobs));
    bytes_.set(static_cast<double>(totals->blob_bytes));
  }
  sys::HttpResponse response = text_response(200, metrics_.render());
  response.fields.set("Content-Type", "text/plain; version=0.0.4; charset=utf-8");
  co_return response;
}

}  // namespace lifeboat::http
