#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "blob/memory_store.h"
#include "http/handler.h"
#include "meta/memory_store.h"
#include "registry/addressing.h"
#include "registry/blob_fetch.h"
#include "registry/manifest_fetch.h"
#include "registry/pull.h"
#include "sys/event_loops.h"
#include "sys/http_client.h"
#include "test/failures/failure.h"
#include "test/support/fake_exchange.h"
#include "test/support/image.h"
#include "upstream/source.h"
#include "upstream/upstream.h"

namespace lifeboat::test {

/// The outgoing requests of one rig, answered or not. Redirects that are followed count as one.
class CountingClient final : public sys::HttpClient {
 public:
  explicit CountingClient(sys::HttpClient& real) : real_(real) {}
  Task<sys::HttpClientResponse> send(Call call, sys::HttpClientRequest request) override;
  Task<std::unique_ptr<sys::HttpDownload>> open(Call call, sys::HttpClientRequest request) override;
  int count() const { return count_; }

 private:
  sys::HttpClient& real_;
  std::atomic<int> count_ = 0;
};

/// This machine's clocks; the test can say that it is earlier or later.
class ShiftedClock final : public sys::Clock {
 public:
  SteadyTime now() const override { return real_.now(); }
  WallTime wall() const override { return real_.wall() + Duration(shift_ms_.load()); }
  Awaitable<void> sleep_until(SteadyTime time) override { return real_.sleep_until(time); }
  void shift(Duration by) { shift_ms_ = by.count(); }

 private:
  sys::SystemClock real_;
  std::atomic<int64_t> shift_ms_ = 0;
};

/// The whole chain of a pull as the server composes it, from the HTTP handler to libcurl, over stores in memory: one
/// upstream, "registry.example", whose first endpoint fails. Probes do not run: nothing is asked but for a request.
class FailureRig {
 public:
  /// `client`: shared by rigs. `has_backup`: a second endpoint that is as it should be.
  FailureRig(sys::HttpClient& client, const Failure& failure, Held held, bool has_backup);
  ~FailureRig();
  FailureRig(const FailureRig&) = delete;
  FailureRig& operator=(const FailureRig&) = delete;

  struct Seen {
    FakeAnswer answer;
    int asked = 0;  ///< requests to the upstream, its token endpoint and its storage
    std::chrono::milliseconds took{};
  };
  /// `on_sent`: called after each piece of the body.
  Seen ask(const std::string& method, const std::string& target,
           std::vector<std::pair<std::string, std::string>> fields = {}, std::function<void()> on_sent = {});
  Duration answer_within() const { return scene_.answer_within; }
  /// Of the scene.
  void open_gate() { scene_.gate->open(); }
  /// What was prepared is gone: the next request asks as if time had passed.
  void forget_prepared() { handler_->forget_prepared(); }

 private:
  class NoStatus final : public http::NodeStatus {
   public:
    http::StatusReport report() const override { return {}; }
  };
  void hold(Held held);
  void add_endpoint(upstream::EndpointOptions options);
  Awaitable<bool> handle(FakeExchange& exchange);
  Awaitable<void> stop();

  Scene scene_;
  std::unique_ptr<FailingRegistry> backup_;
  CountingClient client_;
  ShiftedClock clock_;
  std::unique_ptr<sys::FileSystem> files_ = sys::make_posix_file_system();
  sys::ThreadPool disk_{"disk", 1};
  sys::Metrics metrics_;
  Log log_{{.level = LogLevel::error}};
  sys::Notification breaker_opened_;
  blob::MemoryStore blobs_;
  meta::MemoryStore names_{clock_};
  NoStatus status_;
  registry::ContentLeases leases_{clock_};
  registry::ChangeStamps stamps_;
  std::vector<upstream::Upstream::Member> endpoints_;
  std::unique_ptr<upstream::Upstream> upstream_;
  sys::EventLoops loops_{1};
  registry::Addressing addressing_{names_, nullptr};
  registry::ManifestFetches manifest_fetches_{blobs_, names_, leases_, stamps_, clock_, loops_, log_};
  registry::BlobFetches blob_fetches_{blobs_, names_, leases_, clock_, loops_, metrics_, log_};
  registry::Faults faults_{{blobs_, blobs_, names_, leases_, stamps_, clock_, metrics_, log_}};
  registry::Pull pull_{blobs_, names_, addressing_, manifest_fetches_, blob_fetches_, faults_, clock_, metrics_, log_};
  registry::Push push_{blobs_, names_, leases_, stamps_};
  registry::Uploads uploads_{{}, blobs_, names_, leases_, clock_, metrics_, log_};
  registry::Capture capture_{{.walk = {blobs_, names_, manifest_fetches_, blob_fetches_, clock_},
                              .addressing = addressing_,
                              .pull = pull_,
                              .loops = loops_,
                              .metrics = metrics_,
                              .log = log_},
                             {}};
  registry::Freeze freeze_{names_, clock_, metrics_, log_};
  registry::Explain explain_{{blobs_, names_, addressing_, capture_, freeze_, clock_}};
  registry::Collector collector_{{.sweep = {.blobs = blobs_,
                                            .inventory = blobs_,
                                            .names = names_,
                                            .leases = leases_,
                                            .stamps = stamps_,
                                            .is_frozen = [](const auto&) { return false; }},
                                  .clock = clock_,
                                  .loops = loops_,
                                  .metrics = metrics_,
                                  .log = log_},
                                 {}};
  registry::Retainer retainer_{{.blobs = blobs_,
                                .names = names_,
                                .stamps = stamps_,
                                .is_frozen = [](const auto&) { return false; },
                                .clock = clock_,
                                .metrics = metrics_,
                                .log = log_},
                               {}};
  registry::TagHistory history_{blobs_, names_, push_, addressing_, stamps_};
  registry::Repairer repairer_{{blobs_, blobs_, names_, leases_, addressing_, faults_, clock_, loops_, metrics_, log_},
                               {}};
  registry::Scrubber scrubber_{{blobs_, blobs_, names_, faults_, repairer_, clock_, metrics_, log_}, {}};
  std::unique_ptr<http::Handler> handler_;
  std::thread thread_;
};

}  // namespace lifeboat::test
