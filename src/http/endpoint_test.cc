#include "http/endpoint_test.h"

#include <thread>

namespace lifeboat::http {

struct EndpointTest::Registry {
  Registry(EndpointTest& test, std::shared_ptr<const registry::UpstreamHosts> hosts)
      : leases(test.clock_),
        addressing(test.names_, std::move(hosts)),
        manifest_fetches(test.blobs_, test.names_, leases, test.stamps_, test.clock_, loops, test.log_),
        blob_fetches(test.blobs_, test.names_, leases, test.clock_, loops, test.metrics_, test.log_),
        faults({test.blobs_, test.blobs_, test.names_, leases, test.stamps_, test.clock_, test.metrics_, test.log_}),
        pull(test.blobs_, test.names_, addressing, manifest_fetches, blob_fetches, faults, test.clock_, test.metrics_,
             test.log_),
        push(test.blobs_, test.names_, leases, test.stamps_),
        uploads({}, test.blobs_, test.names_, leases, test.clock_, test.metrics_, test.log_),
        capture({.walk = {test.blobs_, test.names_, manifest_fetches, blob_fetches, test.clock_},
                 .addressing = addressing,
                 .pull = pull,
                 .loops = loops,
                 .metrics = test.metrics_,
                 .log = test.log_},
                {}),
        freeze(test.names_, test.clock_, test.metrics_, test.log_),
        explain({test.blobs_, test.names_, addressing, capture, freeze, test.clock_}),
        collector({.sweep = {.blobs = test.blobs_,
                             .inventory = test.blobs_,
                             .names = test.names_,
                             .leases = leases,
                             .stamps = test.stamps_,
                             .is_frozen = [](const auto&) { return false; }},
                   .clock = test.clock_,
                   .loops = loops,
                   .metrics = test.metrics_,
                   .log = test.log_},
                  {}),
        retainer({.blobs = test.blobs_,
                  .names = test.names_,
                  .stamps = test.stamps_,
                  .is_frozen = [](const auto&) { return false; },
                  .clock = test.clock_,
                  .metrics = test.metrics_,
                  .log = test.log_},
                 {.policies = {{.match = {"*"}, .rule = {.keep_last = 1}}}}),
        history(test.blobs_, test.names_, push, addressing, test.stamps_),
        repairer({test.blobs_, test.blobs_, test.names_, leases, addressing, faults, test.clock_, loops, test.metrics_,
                  test.log_},
                 {}),
        scrubber({test.blobs_, test.blobs_, test.names_, faults, repairer, test.clock_, test.metrics_, test.log_}, {}),
        thread([this] { loops.run(); }) {}
  ~Registry() {
    loops.spawn(0, stop());
    thread.join();
  }
  Awaitable<void> stop() {
    co_await manifest_fetches.stop();
    co_await blob_fetches.stop();
    collector.stop();
    co_await collector.join();
    loops.stop();
  }

  sys::EventLoops loops{1};
  registry::ContentLeases leases;
  registry::Addressing addressing;
  registry::ManifestFetches manifest_fetches;
  registry::BlobFetches blob_fetches;
  registry::Faults faults;
  registry::Pull pull;
  registry::Push push;
  registry::Uploads uploads;
  registry::Capture capture;
  registry::Freeze freeze;
  registry::Explain explain;
  registry::Collector collector;
  registry::Retainer retainer;
  registry::TagHistory history;
  registry::Repairer repairer;
  registry::Scrubber scrubber;
  std::thread thread;
};

EndpointTest::EndpointTest() { start({}); }
EndpointTest::~EndpointTest() = default;

void EndpointTest::start(HandlerOptions options) {
  handler_.reset();
  registry_.reset();
  auto hosts = std::make_shared<registry::UpstreamHosts>();
  hosts->hosts.push_back({*oci::RegistryHost::parse("upstream.example"), &source_, {}, rules_});
  hosts->default_host = default_host_;
  registry_ = std::make_unique<Registry>(*this, hosts);
  handler_ = std::make_unique<Handler>(
      options,
      Handler::Parts{registry_->pull, registry_->push, registry_->uploads, registry_->addressing, stamps_, names_,
                     registry_->capture, registry_->explain, registry_->collector, registry_->retainer,
                     registry_->history, registry_->scrubber, registry_->repairer, status_, clock_, metrics_, log_, 1});
}

Awaitable<bool> EndpointTest::exchange(test::FakeExchange& exchange) {
  co_await handler_->handle(exchange);
  co_return true;
}

test::FakeAnswer EndpointTest::ask(test::FakeRequest request) {
  test::FakeExchange fake(std::move(request));
  test::run(exchange(fake));
  return fake.answer();
}

test::FakeAnswer EndpointTest::get(std::string target, std::vector<std::pair<std::string, std::string>> fields) {
  return ask({.method = "GET", .target = std::move(target), .fields = std::move(fields), .body = ""});
}

test::FakeAnswer EndpointTest::head(std::string target) {
  return ask({.method = "HEAD", .target = std::move(target), .fields = {}, .body = ""});
}

test::FakeAnswer EndpointTest::send(std::string method, std::string target, std::string body,
                                    std::vector<std::pair<std::string, std::string>> fields) {
  return ask(
      {.method = std::move(method), .target = std::move(target), .fields = std::move(fields), .body = std::move(body)});
}

std::string EndpointTest::code_of(const test::FakeAnswer& answer) {
  const auto errors = oci::parse_errors(answer.body);
  return errors.empty() ? "" : std::string(oci::to_string(errors.front().code));
}

std::string EndpointTest::push_blob(const std::string& repository, const std::string& bytes) {
  const std::string digest = digest_of(bytes);
  const auto answer = send("POST", "/v2/" + repository + "/blobs/uploads/?digest=" + digest, bytes);
  EXPECT_EQ(answer.status, 201) << answer.body;
  return digest;
}

std::string EndpointTest::push_manifest(const std::string& repository, const std::string& tag,
                                        const std::string& bytes) {
  const auto answer = send("PUT", "/v2/" + repository + "/manifests/" + tag, bytes);
  EXPECT_EQ(answer.status, 201) << answer.body;
  return digest_of(bytes);
}

std::string EndpointTest::manifest_of(const std::string& config, const std::string& extra) {
  return R"({"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"mediaType":)"
         R"("application/vnd.oci.image.config.v1+json","digest":")" +
         digest_of(config) + R"(","size":)" + std::to_string(config.size()) + R"(},"layers":[])" + extra + "}";
}

}  // namespace lifeboat::http
