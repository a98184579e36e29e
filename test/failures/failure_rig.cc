#include "test/failures/failure_rig.h"

#include "base/assert.h"
#include "test/support/run.h"

namespace lifeboat::test {
namespace {

constexpr Duration kHeldFor = std::chrono::hours(2);

oci::RepositoryId the_repository() {
  return {oci::RegistryHost::parse("registry.example").value(), oci::Repository::parse("team/app").value()};
}

}  // namespace

Task<sys::HttpClientResponse> CountingClient::send(Call call, sys::HttpClientRequest request) {
  ++count_;
  co_return co_await real_.send(std::move(call), std::move(request));
}

Task<std::unique_ptr<sys::HttpDownload>> CountingClient::open(Call call, sys::HttpClientRequest request) {
  ++count_;
  co_return co_await real_.open(std::move(call), std::move(request));
}

FailureRig::FailureRig(sys::HttpClient& client, const Failure& failure, Held held, bool has_backup) : client_(client) {
  failure.set_up(scene_);
  add_endpoint(scene_.endpoint);
  if (has_backup) {
    backup_ = std::make_unique<FailingRegistry>(the_content(), FailingRegistry::Script{});
    add_endpoint({.url = backup_->url()});
  }
  upstream_ = std::make_unique<upstream::Upstream>(upstream::Upstream::Parts{clock_, log_, metrics_}, endpoints_);
  auto hosts = std::make_shared<registry::UpstreamHosts>();
  hosts->hosts.push_back({.host = *the_repository().host,
                          .source = upstream_.get(),
                          .freshness = {.revalidate_within = scene_.revalidate_within}});
  addressing_.replace_hosts(hosts);
  clock_.shift(-kHeldFor);
  hold(held);
  clock_.shift(Duration(0));
  handler_ = std::make_unique<http::Handler>(
      http::HandlerOptions{.answer_within = scene_.answer_within},
      http::Handler::Parts{pull_, push_, uploads_, addressing_, stamps_, names_, capture_, explain_, collector_,
                           retainer_, history_, scrubber_, repairer_, status_, clock_, metrics_, log_, 1});
  thread_ = std::thread([this] { loops_.run(); });
}

FailureRig::~FailureRig() {
  scene_.gate->open();
  loops_.spawn(0, stop());
  thread_.join();
}

Awaitable<void> FailureRig::stop() {
  co_await manifest_fetches_.stop();
  co_await blob_fetches_.stop();
  collector_.stop();
  co_await collector_.join();
  loops_.stop();
}

void FailureRig::add_endpoint(upstream::EndpointOptions options) {
  auto endpoint = upstream::Endpoint::make(std::move(options));
  LB_ASSERT(endpoint.has_value());
  const upstream::RegistrySource::Parts parts{client_, clock_, *files_, disk_, metrics_, log_, breaker_opened_};
  auto source = std::make_shared<upstream::RegistrySource>(parts, std::move(*endpoint), 1);
  endpoints_.push_back({source->endpoint().name(), source});
}

void FailureRig::hold(Held held) {
  if (held == Held::none) return;
  const Image& image = the_image();
  keep_manifest(blobs_, names_, the_repository(), image.manifest, {kTag});
  if (held == Held::part) return;
  keep_blob(blobs_, names_, the_repository(), image.config);
  keep_blob(blobs_, names_, the_repository(), image.layers.front());
}

FailureRig::Seen FailureRig::ask(const std::string& method, const std::string& target,
                                 std::vector<std::pair<std::string, std::string>> fields,
                                 std::function<void()> on_sent) {
  const int asked_before = client_.count();
  const auto began = std::chrono::steady_clock::now();
  FakeExchange exchange({.method = method, .target = target, .fields = std::move(fields)});
  exchange.on_sent = std::move(on_sent);
  (void)run(handle(exchange));
  return {.answer = exchange.answer(),
          .asked = client_.count() - asked_before,
          .took = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - began)};
}

/// As a connection does: what is prepared first. (Only for requests without conditions and ranges.)
Awaitable<bool> FailureRig::handle(FakeExchange& exchange) {
  const sys::HttpRequest& request = exchange.request();
  sys::PreparedHit hit;
  if (!request.fields.find("Range")) {
    hit = handler_->prepared(
        0, {.is_head = request.method == sys::HttpMethod::head, .target = request.target, .if_none_match = ""});
  }
  if (hit.answer) {
    co_await exchange.respond_prepared(std::move(hit));
  } else {
    co_await handler_->handle(exchange);
  }
  co_return true;
}

}  // namespace lifeboat::test
