#pragma once

#include <memory>

#include "http/access_log.h"
#include "http/answer_cache.h"
#include "http/http_metrics.h"
#include "http/probes.h"
#include "http/request_context.h"
#include "http/route.h"
#include "http/services.h"
#include "sys/http_server.h"

namespace lifeboat::http {

/// Everything this process answers over HTTP: a prepared answer when there is one; else target → route → endpoint, then
/// the log and the metrics. Whatever an endpoint does, each request gets an answer and no exception leaves.
class Handler final : public sys::HttpHandler {
 public:
  /// All of it outlives the handler.
  struct Parts {
    registry::Pull& pull;
    registry::Push& push;
    registry::Uploads& uploads;
    registry::Addressing& addressing;
    registry::ChangeStamps& stamps;
    meta::Store& names;
    registry::Capture& capture;
    registry::Explain& explain;
    registry::Collector& collector;
    registry::Retainer& retainer;
    registry::TagHistory& history;
    registry::Scrubber& scrubber;
    registry::Repairer& repairer;
    const NodeStatus& status;
    sys::Clock& clock;
    sys::Metrics& metrics;
    Log& log;
    unsigned loops = 1;  ///< sys::EventLoops::count()
  };
  Handler(HandlerOptions options, const Parts& parts);

  sys::PreparedHit prepared(unsigned loop, const sys::HttpRequestView& request) override;
  Awaitable<void> handle(sys::HttpExchange& exchange) override;
  sys::HttpResponse refuse(int status, std::string_view reason) override;

  /// `/readyz` says no from now on. Any thread.
  void set_stopping() { probes_.set_stopping(); }
  /// After what names mean has changed (another set of upstreams). Any thread.
  void forget_prepared() { answers_.forget_all(); }

 private:
  using Routed = std::expected<RoutedRequest, RouteRefusal>;
  Awaitable<void> dispatch(RequestContext& context, const Routed& routed);
  Awaitable<void> probe(RequestContext& context, const ProbeRoute& route);
  void record(RequestContext& context, RouteKind route, SteadyTime began);

  const HandlerOptions options_;
  sys::Clock& clock_;
  Log& log_;
  AnswerCache answers_;
  Services services_;
  Probes probes_;
  HttpMetrics metrics_;
};

}  // namespace lifeboat::http
