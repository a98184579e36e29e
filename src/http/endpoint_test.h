#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "blob/memory_store.h"
#include "http/handler.h"
#include "meta/memory_store.h"
#include "oci/error_code.h"
#include "registry/blob_fetch.h"
#include "registry/manifest_fetch.h"
#include "sys/event_loops.h"
#include "test/support/fake_exchange.h"
#include "test/support/run.h"

namespace lifeboat::http {

inline std::string digest_of(std::string_view bytes, HashAlgorithm algorithm = HashAlgorithm::sha256) {
  return oci::Digest::of(algorithm, as_bytes(bytes)).to_string();
}

/// A source whose answers the test gives. Blobs come in pieces; the last waits until the test lets it go.
class ScriptedSource final : public blob::Source {
 public:
  struct Blob {
    std::string bytes;
    bool is_size_known = true;
    std::size_t fails_after = std::string::npos;  ///< the body breaks off there
  };

  std::optional<ErrorCode> fails;                             ///< everything, with this code
  std::map<std::string, std::string, std::less<>> manifests;  ///< by tag and by digest
  std::map<std::string, Blob, std::less<>> blobs;             ///< by digest
  int asked = 0;

  Task<blob::ResolvedTag> resolve(Call, oci::RepositoryId, oci::Tag tag) override;
  Task<blob::FetchedManifest> manifest(Call, oci::RepositoryId, oci::Reference reference) override;
  Task<std::unique_ptr<blob::Stream>> open(Call, oci::RepositoryId, oci::Digest digest) override;
  Task<TagPage> tags(Call, oci::RepositoryId, std::string, std::size_t) override;
  Task<std::vector<oci::Referrer>> referrers(Call, oci::RepositoryId, oci::Digest) override;

 private:
  sys::BlockPool blocks_;
};

/// The handler over stores in memory and one upstream, "upstream.example". Every request runs on event loops of the
/// test.
class EndpointTest : public testing::Test {
 protected:
  EndpointTest();
  ~EndpointTest() override;

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
  ScriptedSource source_;
  std::unique_ptr<Handler> handler_;

 private:
  struct Registry;
  Awaitable<bool> exchange(test::FakeExchange& exchange);
  std::unique_ptr<Registry> registry_;
};

}  // namespace lifeboat::http
