#pragma once

// What the tests of RegistrySource share.

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <utility>

#include "test/support/http_imposter.h"
#include "test/support/run.h"
#include "upstream/source.h"

namespace lifeboat::upstream::source_test {

using std::chrono::milliseconds;
using std::chrono::seconds;
using test::HttpImposter;
using Answer = HttpImposter::Answer;
using Request = HttpImposter::Request;

inline constexpr const char* kManifest = R"({"schemaVersion":2})";
inline constexpr const char* kUnknown = R"({"errors":[{"code":"MANIFEST_UNKNOWN","message":"m"}]})";

inline Answer json(std::string body, int status = 200) {
  return {.status = status, .fields = {{"Content-Type", "application/json"}}, .body = std::move(body)};
}
inline Answer unknown() { return json(kUnknown, 404); }

inline oci::RepositoryId repository(const char* name = "team/app", const char* host = "r.example") {
  return {.host = *oci::RegistryHost::parse(host), .name = *oci::Repository::parse(name)};
}
inline oci::Tag tag(const char* text) { return *oci::Tag::parse(text); }
inline oci::Digest digest_of(std::string_view text) { return oci::Digest::of(HashAlgorithm::sha256, as_bytes(text)); }
inline Call call() { return {std::chrono::steady_clock::now() + seconds(20), "test"}; }

inline Task<std::string> read_all(blob::Source& source, oci::RepositoryId id, oci::Digest digest, uint64_t from = 0) {
  LB_CO_TRY(const auto stream, co_await source.open(call(), std::move(id), digest, from));
  std::string bytes;
  for (;;) {
    LB_CO_TRY(const sys::Block block, co_await stream->next());
    if (block.size() == 0) co_return bytes;
    bytes.append(as_text(block.bytes()));
  }
}

class RegistrySourceTest : public ::testing::Test {
 protected:
  std::unique_ptr<RegistrySource> source(const std::string& url, std::function<void(EndpointOptions&)> change = {}) {
    EndpointOptions options;
    options.url = url;
    if (change) change(options);
    auto endpoint = Endpoint::make(std::move(options));
    EXPECT_TRUE(endpoint);
    return std::make_unique<RegistrySource>(
        RegistrySource::Parts{*client_, clock_, *files_, disk_, metrics_, log_, opened_}, std::move(*endpoint), 1);
  }
  static void clock_wait(Duration duration) { std::this_thread::sleep_for(duration); }
  void probe(RegistrySource& asked) { test::run(probed(asked)); }
  static Awaitable<bool> probed(RegistrySource& asked) {
    co_await asked.probe(call());
    co_return true;
  }
  Result<blob::FetchedManifest> manifest(blob::Source& from, const char* name = "latest") {
    return test::run(from.manifest(call(), repository(), oci::Reference(tag(name))));
  }

  sys::BlockPool blocks_;
  sys::SystemClock clock_;
  sys::ThreadPool disk_{"disk", 1};
  std::unique_ptr<sys::FileSystem> files_ = sys::make_posix_file_system();
  std::unique_ptr<sys::HttpClient> client_ = sys::make_curl_http_client({.user_agent = "lifeboat/test"}, blocks_);
  sys::Metrics metrics_;
  Log log_{{.level = LogLevel::error}};
  sys::Notification opened_;
};

/// A registry with a token endpoint on the same port: credentials `user:<password>` give a token that works once
/// `is_token_good` says so.
class TokenRegistry {
 public:
  explicit TokenRegistry(std::string password)
      : password_(std::move(password)), server_([this](const Request& request) { return answer(request); }) {}
  const HttpImposter& server() const { return server_; }
  std::string url() const { return server_.url(); }
  int tokens() const {
    const auto requests = server_.requests();
    return static_cast<int>(
        std::ranges::count_if(requests, [](const Request& r) { return r.target.starts_with("/token"); }));
  }
  void set_password(std::string password) { password_ = std::move(password); }
  /// Tokens given so far stop working.
  void revoke() { ++generation_; }

 private:
  Answer answer(const Request& request) {
    const std::string authorization = request.fields.joined("Authorization");
    if (request.target.starts_with("/token")) {
      const std::string want = Credentials{"user", password_}.basic();
      if (authorization != want) return json(R"({"errors":[{"code":"UNAUTHORIZED"}]})", 401);
      return json(R"({"access_token":"t)" + std::to_string(generation_) + R"(","expires_in":300})");
    }
    if (authorization != "Bearer t" + std::to_string(generation_)) {
      Answer refused = json(R"({"errors":[{"code":"UNAUTHORIZED"}]})", 401);
      refused.fields.emplace_back(
          "WWW-Authenticate",
          "Bearer realm=\"" + server_.url() + "/token?a=b\",service=\"s v\",scope=\"repository:team/app:pull,push\"");
      return refused;
    }
    return json(kManifest);
  }

  std::string password_;
  int generation_ = 0;
  HttpImposter server_;
};

}  // namespace lifeboat::upstream::source_test
