#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "blob/memory_store.h"
#include "http/handler.h"
#include "meta/memory_store.h"
#include "oci/error_code.h"
#include "registry/blob_fetch.h"
#include "registry/manifest_fetch.h"
#include "sys/event_loops.h"
#include "test/support/fake_exchange.h"
#include "test/support/run.h"
#include "test/support/scripted_source.h"

namespace lifeboat::http {

using test::digest_of;

/// Says of the node what the test wants.
class ScriptedStatus final : public NodeStatus {
 public:
  StatusReport report() const override { return said; }
  StatusReport said;
};

/// The handler over stores in memory and one upstream, "upstream.example". Every request runs on event loops of the
/// test.
class EndpointTest : public testing::Test {
 public:
  EndpointTest();
  ~EndpointTest() override;

 protected:
  /// A new handler with these options; what is stored stays.
  void start(HandlerOptions options);
  test::FakeAnswer ask(test::FakeRequest request);
  test::FakeAnswer get(std::string target, std::vector<std::pair<std::string, std::string>> fields = {});
  test::FakeAnswer head(std::string target);
  test::FakeAnswer send(std::string method, std::string target, std::string body = "",
                        std::vector<std::pair<std::string, std::string>> fields = {});
  /// The first code of an error answer's body.
  static std::string code_of(const test::FakeAnswer& answer);

  /// Pushes and gives the digest.
  std::string push_blob(const std::string& repository, const std::string& bytes);
  std::string push_manifest(const std::string& repository, const std::string& tag, const std::string& bytes);
  /// A manifest with this config and no layers.
  static std::string manifest_of(const std::string& config, const std::string& extra = "");

  sys::SystemClock clock_;
  sys::Metrics metrics_;
  Log log_{{.level = LogLevel::error}};
  blob::MemoryStore blobs_;
  meta::MemoryStore names_;
  registry::ChangeStamps stamps_;
  test::ScriptedSource source_;
  std::vector<registry::FreshnessRule> rules_;         ///< of the upstream, from the next start on
  std::optional<registry::DefaultHost> default_host_;  ///< from the next start on
  ScriptedStatus status_;
  std::unique_ptr<Handler> handler_;

 private:
  struct Registry;
  Awaitable<bool> exchange(test::FakeExchange& exchange);
  std::unique_ptr<Registry> registry_;
};

}  // namespace lifeboat::http
