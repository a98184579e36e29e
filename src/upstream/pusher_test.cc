#include "upstream/pusher.h"

#include <gtest/gtest.h>

#include <cstring>
#include <map>
#include <set>

#include "test/support/code_of.h"
#include "upstream/source_test.h"

namespace lifeboat::upstream {
namespace {

using source_test::Answer;
using source_test::call;
using source_test::digest_of;
using source_test::json;
using source_test::Request;
using source_test::tag;
using test::code_of;
using test::HttpImposter;
using Ending = HttpImposter::Ending;

/// Nobody waits in a test; how long it would have been is kept.
class HurriedClock final : public sys::Clock {
 public:
  SteadyTime now() const override { return real_.now(); }
  WallTime wall() const override { return real_.wall(); }
  Awaitable<void> sleep_until(SteadyTime time) override {
    longest = std::max(longest, std::chrono::round<Duration>(time - now()));
    co_return;
  }
  Duration longest{};

 private:
  sys::SystemClock real_;
};

/// The pushing half of a registry, which keeps what it gets and misbehaves where it is told.
class PushRegistry {
 public:
  PushRegistry()
      : server_([this](const Request& request) { return answer(request); },
                [this](const Request& request) { return refuse(request); }) {}

  // how it behaves
  uint64_t body_bytes_max = 0;   ///< 413 for more; 0: no bound
  int bodies_to_break = 0;       ///< the connection ends with the head
  std::string kept_of_broken{};  ///< what the session then has
  bool forgets_sessions = false;
  bool mounts = true;
  int tokens_good_for = 0;                   ///< requests with a body, then another token is wanted; 0: no login at all
  std::string commit_digest{};               ///< instead of the right one
  std::map<std::string, int> status_once{};  ///< of the next request with that method
  std::string location_query = "?_state=a%2Fb%3D";
  uint64_t chunk_bytes_min = 0;  ///< OCI-Chunk-Min-Length; 0: none
  bool tells_manifest_digests = true;

  // what it has
  std::map<std::string, std::string> blobs{};  ///< "team/app@sha256:…"
  std::map<std::string, std::string> manifests{};

  const HttpImposter& server() const { return server_; }
  std::string url() const { return server_.url(); }
  /// "POST PATCH PUT"
  std::string methods() const {
    std::string all;
    for (const Request& request : server_.requests()) {
      if (!request.target.starts_with("/token")) all += (all.empty() ? "" : " ") + request.method;
    }
    return all;
  }

 private:
  static Answer created(int status, std::vector<std::pair<std::string, std::string>> fields) {
    return {.status = status, .fields = std::move(fields)};
  }

  std::optional<Answer> refuse(const Request& request) {
    const auto length = request.fields.find("Content-Length");
    const uint64_t bytes = length ? std::stoull(std::string(*length)) : 0;
    if (body_bytes_max > 0 && bytes > body_bytes_max) {
      return Answer{
          .status = 413, .fields = {{"Content-Type", "text/html"}}, .body = "<html>", .ending = Ending::close};
    }
    if (bytes > 0 && request.target.contains("/uploads/") && bodies_to_break > 0) {
      --bodies_to_break;
      session_ = kept_of_broken;
      return Answer{.is_silent = true, .ending = Ending::reset};
    }
    return std::nullopt;
  }

  std::optional<Answer> log_in(const Request& request) {
    if (tokens_good_for == 0) return std::nullopt;
    if (request.target.starts_with("/token")) {
      scopes.push_back(request.target.substr(request.target.find("scope=")));
      uses_ = 0;
      return json(R"({"token":"t)" + std::to_string(++token_) + R"("})");
    }
    const bool is_good = request.fields.joined("Authorization") == "Bearer t" + std::to_string(token_);
    if (is_good && (request.body.empty() || uses_++ < tokens_good_for)) return std::nullopt;
    Answer refused = json(R"({"errors":[{"code":"UNAUTHORIZED"}]})", 401);
    refused.fields.emplace_back(
        "WWW-Authenticate", "Bearer realm=\"" + url() + "/token\",service=\"s\",scope=\"repository:team/app:pull\"");
    return refused;
  }

  Answer answer(const Request& request) {
    if (auto answer = log_in(request)) return *answer;
    if (const auto status = status_once.find(request.method); status != status_once.end()) {
      Answer once = json(R"({"errors":[]})", status->second);
      if (status->second == 429) once.fields.emplace_back("Retry-After", "7");
      status_once.erase(status);
      return once;
    }
    const std::string target = request.target.substr(4);
    if (target.contains("/blobs/uploads/")) return upload(request, target);
    const std::size_t slash = target.rfind('/');
    const std::string reference = target.substr(slash + 1);
    const std::string repository = target.substr(0, target.rfind('/', slash - 1));
    auto& kept = target.contains("/blobs/") ? blobs : manifests;
    const std::string name = repository + "@" + reference;
    if (request.method == "PUT") {
      kept[name] = request.body;
      Answer answer = created(201, {{"Docker-Content-Digest", digest_of(request.body).to_string()}});
      if (request.body.contains("\"subject\"")) answer.fields.emplace_back("OCI-Subject", "sha256:x");
      return answer;
    }
    const auto found = kept.find(name);
    if (found == kept.end()) return json(R"({"errors":[{"code":"BLOB_UNKNOWN"}]})", 404);
    if (request.method == "DELETE") {
      kept.erase(found);
      return created(202, {});
    }
    Answer answer{.status = 200};
    if (tells_manifest_digests) {
      answer.fields.emplace_back("Docker-Content-Digest", digest_of(found->second).to_string());
    }
    answer.body = found->second;
    return answer;
  }

  Answer upload(const Request& request, const std::string& target) {
    const std::string repository = target.substr(0, target.find("/blobs/uploads/"));
    const std::string query = target.contains('?') ? target.substr(target.find('?') + 1) : "";
    const std::pair<std::string, std::string> location{
        "Location", "/v2/" + repository + "/blobs/uploads/" + std::to_string(sessions_) + location_query};
    const auto range = [&] {
      return std::pair<std::string, std::string>("Range",
                                                 "0-" + std::to_string(session_.empty() ? 0 : session_.size() - 1));
    };
    if (request.method == "POST") {
      if (query.starts_with("mount=") && mounts) {
        std::string digest = query.substr(6, query.find('&') - 6);
        digest.replace(digest.find("%3A"), 3, ":");
        std::string from = query.substr(query.find("from=") + 5);
        if (const auto at = from.find("%2F"); at != from.npos) from.replace(at, 3, "/");
        const auto found = blobs.find(from + "@" + digest);
        if (found != blobs.end()) {
          blobs[repository + "@" + digest] = found->second;
          return created(201, {{"Docker-Content-Digest", digest}});
        }
      }
      ++sessions_;
      session_.clear();
      Answer begun = created(
          202, {{"Location", "/v2/" + repository + "/blobs/uploads/" + std::to_string(sessions_) + location_query}});
      if (chunk_bytes_min > 0) begun.fields.emplace_back("OCI-Chunk-Min-Length", std::to_string(chunk_bytes_min));
      return begun;
    }
    const bool is_current =
        request.target.contains("/uploads/" + std::to_string(sessions_)) && request.target.contains(location_query);
    if (forgets_sessions || !is_current) {
      forgets_sessions = false;
      return json(R"({"errors":[{"code":"BLOB_UPLOAD_UNKNOWN"}]})", 404);
    }
    if (request.method == "GET") return created(204, {location, range()});
    const std::string from = request.fields.joined("Content-Range");
    if (!from.empty() && !from.starts_with(std::to_string(session_.size()) + "-")) {
      return json(R"({"errors":[{"code":"BLOB_UPLOAD_INVALID"}]})", 416);
    }
    session_ += request.body;
    if (request.method == "PATCH") return created(202, {location, range()});
    const std::string digest = digest_of(session_).to_string();
    if (!query.ends_with("digest=sha256%3A" + digest.substr(7))) {
      return json(R"({"errors":[{"code":"DIGEST_INVALID"}]})", 400);
    }
    blobs[repository + "@" + digest] = session_;
    return created(201, {{"Docker-Content-Digest", commit_digest.empty() ? digest : commit_digest}});
  }

 public:
  std::vector<std::string> scopes{};

 private:
  std::string session_;
  int sessions_ = 0;
  int token_ = 0;
  int uses_ = 0;
  HttpImposter server_;
};

oci::Repository app() { return *oci::Repository::parse("team/app"); }
oci::Repository other() { return *oci::Repository::parse("team/other"); }

Task<void> give_all(blob::BlobUpload& upload, sys::BlockPool& blocks, const std::string& content) {
  while (upload.offset() < content.size()) {
    sys::Block block = blocks.take();
    const std::size_t count = std::min(block.free_space().size(), content.size() - upload.offset());
    std::memcpy(block.free_space().data(), content.data() + upload.offset(), count);
    block.grow(count);
    LB_CO_CHECK(co_await upload.give(call(), sys::SharedBytes::of(std::move(block))));
  }
  co_return co_await upload.commit(call());
}

/// As whoever copies does it: until it is there, or there is no use.
Task<bool> put(blob::Destination& to, sys::BlockPool& blocks, std::string content,
               std::optional<oci::Repository> mount_from = {}) {
  const blob::BlobName name{digest_of(content), content.size()};
  LB_CO_TRY(const auto upload, co_await to.begin(call(), app(), name, std::move(mount_from)));
  if (!upload) co_return true;
  for (;;) {
    auto given = co_await give_all(*upload, blocks, content);
    if (given) co_return false;
    LB_CO_TRY(const uint64_t from, co_await upload->resume(call(), std::move(given).error()));
    (void)from;
  }
}

class RegistryPusherTest : public source_test::RegistrySourceTest {
 protected:
  std::unique_ptr<RegistryPusher> pusher(const std::string& url, RegistryPusher::Options options = {}) {
    EndpointOptions endpoint;
    endpoint.url = url;
    return std::make_unique<RegistryPusher>(RegistryPusher::Parts{*uploads_, hurried_, *files_, disk_, log_},
                                            *Endpoint::make(std::move(endpoint)), options);
  }
  /// True: mounted.
  Result<bool> push(PushRegistry& registry, const std::string& content,
                    std::optional<oci::Repository> mount_from = {}) {
    const auto to = pusher(registry.url());
    return test::run(put(*to, blocks_, content, std::move(mount_from)));
  }
  static std::string name_of(const std::string& content) { return "team/app@" + digest_of(content).to_string(); }

  std::unique_ptr<sys::HttpUploadClient> uploads_ = sys::make_curl_upload_client({}, blocks_);
  HurriedClock hurried_;
};

const std::string& small() {
  static const std::string text(1000, 's');
  return text;
}
const std::string& large() {
  static const std::string text = [] {
    std::string all;
    for (std::size_t i = 0; all.size() < 9 * kMiB; ++i) all += std::to_string(i) + " ";
    return all;
  }();
  return text;
}

TEST_F(RegistryPusherTest, puts_a_small_blob_with_one_put_and_a_large_one_with_a_patch) {
  PushRegistry registry;
  EXPECT_EQ(push(registry, small()), false);
  EXPECT_EQ(registry.methods(), "POST PUT");
  EXPECT_EQ(push(registry, large()), false);
  EXPECT_EQ(registry.methods(), "POST PUT POST PATCH PUT");
  EXPECT_EQ(registry.blobs.at(name_of(small())), small());
  EXPECT_TRUE(registry.blobs.at(name_of(large())) == large()) << "other bytes came";
  for (const Request& request : registry.server().requests()) {
    EXPECT_FALSE(request.fields.find("Content-Range")) << "of a whole blob some registries dislike it";
  }
  EXPECT_EQ(push(registry, ""), false);
  EXPECT_TRUE(registry.blobs.contains(name_of(""))) << "an empty blob is one too";
}

TEST_F(RegistryPusherTest, knows_what_is_there) {
  PushRegistry registry;
  const auto to = pusher(registry.url());
  const blob::BlobName name{digest_of(small()), small().size()};
  EXPECT_EQ(test::run(to->has_blob(call(), app(), name)), false);
  EXPECT_EQ(push(registry, small()), false);
  EXPECT_EQ(test::run(to->has_blob(call(), app(), name)), true);
  const auto longer = test::run(to->has_blob(call(), app(), {name.digest, 7}));
  EXPECT_EQ(code_of(longer), "corrupt") << "a registry with another blob under that digest is broken";
}

TEST_F(RegistryPusherTest, mounts_and_sends_the_bytes_where_that_fails) {
  PushRegistry registry;
  registry.blobs["team/other@" + digest_of(small()).to_string()] = small();
  EXPECT_EQ(push(registry, small(), other()), true);
  EXPECT_EQ(registry.methods(), "POST");
  EXPECT_EQ(registry.blobs.at(name_of(small())), small());

  EXPECT_EQ(push(registry, large(), other()), false) << "the other repository has it not: the answer began a session";
  EXPECT_EQ(registry.methods(), "POST POST PATCH PUT");

  registry.status_once["POST"] = 403;
  const std::string third(500, 't');
  EXPECT_EQ(push(registry, third, other()), false) << "not allowed to read the other repository";
  EXPECT_EQ(registry.blobs.at(name_of(third)), third);
}

TEST_F(RegistryPusherTest, goes_on_where_a_broken_upload_was) {
  PushRegistry registry;
  registry.bodies_to_break = 1;
  registry.kept_of_broken = large().substr(0, 5 * kMiB);
  EXPECT_EQ(push(registry, large()), false);
  EXPECT_TRUE(registry.blobs.at(name_of(large())) == large()) << "other bytes came";
  EXPECT_EQ(registry.methods(), "POST PATCH HEAD GET PATCH PUT");
  const auto requests = registry.server().requests();
  EXPECT_EQ(requests.at(4).fields.joined("Content-Range"),
            std::to_string(5 * kMiB) + "-" + std::to_string(large().size() - 1));
  EXPECT_EQ(requests.at(4).body.size(), large().size() - 5 * kMiB);
}

TEST_F(RegistryPusherTest, begins_anew_where_the_session_is_gone) {
  PushRegistry registry;
  registry.bodies_to_break = 1;
  registry.forgets_sessions = true;
  EXPECT_EQ(push(registry, large()), false);
  EXPECT_TRUE(registry.blobs.at(name_of(large())) == large()) << "other bytes came";
}

TEST_F(RegistryPusherTest, gives_up_on_a_registry_that_breaks_every_upload) {
  PushRegistry registry;
  registry.bodies_to_break = 1000;
  const auto pushed = push(registry, large());
  EXPECT_EQ(code_of(pushed), "unavailable");
  EXPECT_GT(registry.bodies_to_break, 990);
}

TEST_F(RegistryPusherTest, sends_nothing_again_when_only_the_answer_was_lost) {
  PushRegistry registry;
  registry.bodies_to_break = 1;
  registry.blobs[name_of(large())] = large();
  EXPECT_EQ(push(registry, large()), false);
  EXPECT_EQ(registry.methods(), "POST PATCH HEAD");
}

TEST_F(RegistryPusherTest, sends_chunks_through_a_proxy_that_takes_no_more_and_remembers_it) {
  PushRegistry registry;
  registry.body_bytes_max = 4 * kMiB;
  const auto to = pusher(registry.url());
  EXPECT_EQ(test::run(put(*to, blocks_, large())), false);
  EXPECT_TRUE(registry.blobs.at(name_of(large())) == large()) << "other bytes came";
  const std::size_t before = registry.server().requests().size();
  std::string second = large();
  second[0] = 'x';
  EXPECT_EQ(test::run(put(*to, blocks_, second)), false);
  const auto requests = registry.server().requests();
  ASSERT_EQ(requests.size(), before + 5) << registry.methods();
  EXPECT_EQ(requests.at(before + 1).fields.joined("Content-Range"), "0-" + std::to_string(4 * kMiB - 1));
  EXPECT_EQ(requests.at(before + 2).fields.joined("Content-Range").substr(0, 8), std::to_string(4 * kMiB) + "-");
}

TEST_F(RegistryPusherTest, says_so_when_even_small_chunks_are_too_large) {
  PushRegistry registry;
  registry.body_bytes_max = 1000;
  const auto pushed = push(registry, large());
  EXPECT_EQ(code_of(pushed), "invalid");
  EXPECT_TRUE(pushed.error().message().contains("413")) << pushed.error().message();
}

TEST_F(RegistryPusherTest, says_so_when_the_smallest_chunk_a_registry_wants_is_too_large_for_its_proxy) {
  PushRegistry registry;
  registry.body_bytes_max = 4 * kMiB;
  registry.chunk_bytes_min = 5 * kMiB;
  const auto pushed = push(registry, large());
  EXPECT_EQ(code_of(pushed), "invalid");
  EXPECT_TRUE(pushed.error().message().contains("OCI-Chunk-Min-Length")) << pushed.error().message();
  EXPECT_LT(registry.server().requests().size(), 10U) << "it is not asked for ever";

  registry.chunk_bytes_min = 2 * kMiB;
  const auto fitting = push(registry, large());
  EXPECT_EQ(fitting, false) << "between the two there is room";
  EXPECT_TRUE(registry.blobs.at(name_of(large())) == large()) << "other bytes came";
}

TEST_F(RegistryPusherTest, reads_what_a_tag_means_where_a_registry_does_not_tell) {
  PushRegistry registry;
  registry.tells_manifest_digests = false;
  registry.manifests["team/app@latest"] = "{}";
  const auto to = pusher(registry.url());
  const oci::Reference latest(tag("latest"));
  EXPECT_EQ(test::run(to->has_manifest(call(), app(), latest, digest_of("{}"))), true);
  EXPECT_EQ(test::run(to->has_manifest(call(), app(), latest, digest_of("other"))), false);
}

TEST_F(RegistryPusherTest, gets_tokens_for_pushing_and_another_when_one_expires_on_the_way) {
  PushRegistry registry;
  registry.tokens_good_for = 1;
  EXPECT_EQ(push(registry, large()), false);
  ASSERT_FALSE(registry.scopes.empty());
  EXPECT_EQ(registry.scopes.at(0), "scope=repository%3Ateam%2Fapp%3Apull%2Cpush");
  std::string second = large();
  second[0] = 'x';
  registry.body_bytes_max = 4 * kMiB;  // several bodies, each other one with a token that has expired
  EXPECT_EQ(push(registry, second), false);
  EXPECT_TRUE(registry.blobs.at(name_of(second)) == second) << "other bytes came";
  EXPECT_GT(registry.scopes.size(), 3U);

  registry.blobs["team/other@" + digest_of(small()).to_string()] = small();
  EXPECT_EQ(push(registry, small(), other()), true);
  EXPECT_EQ(registry.scopes.back(),
            "scope=repository%3Ateam%2Fapp%3Apull%2Cpush&scope=repository%3Ateam%2Fother%3Apull");
}

TEST_F(RegistryPusherTest, keeps_its_login_from_the_host_that_a_location_names) {
  PushRegistry storage;
  HttpImposter registry([&](const Request& request) {
    if (request.fields.joined("Authorization").empty()) {
      Answer refused = json(R"({"errors":[{"code":"UNAUTHORIZED"}]})", 401);
      refused.fields.emplace_back("WWW-Authenticate", "Basic realm=\"x\"");
      return refused;
    }
    return Answer{.status = 202,
                  .fields = {{"Location", storage.url() + "/v2/team/app/blobs/uploads/0?_state=a%2Fb%3D"}}};
  });
  EndpointOptions options;
  options.url = registry.url();
  options.username = "user";
  options.password = "secret";
  RegistryPusher to({*uploads_, hurried_, *files_, disk_, log_}, *Endpoint::make(std::move(options)), {});
  const auto pushed = test::run(put(to, blocks_, small()));
  EXPECT_EQ(pushed, false) << (pushed ? "" : pushed.error().message());
  ASSERT_FALSE(storage.server().requests().empty());
  for (const Request& request : storage.server().requests()) {
    EXPECT_FALSE(request.fields.find("Authorization")) << request.method;
  }
}

TEST_F(RegistryPusherTest, waits_as_long_as_a_registry_asks) {
  PushRegistry registry;
  registry.status_once["POST"] = 429;
  EXPECT_EQ(push(registry, small()), false);
  EXPECT_GE(hurried_.longest, Duration(6000));
  EXPECT_LE(hurried_.longest, Duration(7000));
}

TEST_F(RegistryPusherTest, stops_at_a_refusal) {
  for (const auto& [status, code] : std::vector<std::pair<int, ErrorCode>>{
           {403, ErrorCode::denied}, {507, ErrorCode::no_space}, {405, ErrorCode::unsupported}}) {
    PushRegistry registry;
    registry.status_once["POST"] = status;
    EXPECT_EQ(code_of(push(registry, small())), to_string(code)) << status;
    EXPECT_EQ(registry.methods(), "POST") << status;
  }
}

TEST_F(RegistryPusherTest, compares_the_digest_that_a_registry_tells) {
  PushRegistry registry;
  registry.commit_digest = digest_of("other").to_string();
  EXPECT_EQ(code_of(push(registry, small())), "corrupt");
  registry.commit_digest = oci::Digest::of(HashAlgorithm::sha512, as_bytes(small())).to_string();
  EXPECT_EQ(push(registry, small()), false) << "of another algorithm it is another name of the same bytes";
}

TEST_F(RegistryPusherTest, puts_finds_and_removes_manifests) {
  PushRegistry registry;
  const auto to = pusher(registry.url());
  const std::string text = R"({"schemaVersion":2,"subject":{}})";
  const oci::MediaType type = *oci::MediaType::parse(oci::kOciManifest);
  const oci::Reference latest(tag("latest"));
  const blob::ManifestToPut manifest{.bytes = text, .media_type = type, .digest = digest_of(text)};
  EXPECT_EQ(test::run(to->has_manifest(call(), app(), latest, manifest.digest)), false);
  const auto put = test::run(to->put_manifest(call(), app(), latest, manifest));
  ASSERT_TRUE(put) << put.error().message();
  EXPECT_TRUE(put->is_subject_listed);
  EXPECT_EQ(registry.server().requests().back().fields.joined("Content-Type"), oci::kOciManifest);
  EXPECT_EQ(registry.manifests.at("team/app@latest"), text);
  EXPECT_EQ(test::run(to->has_manifest(call(), app(), latest, manifest.digest)), true);
  EXPECT_EQ(test::run(to->has_manifest(call(), app(), latest, digest_of("other"))), false) << "the tag means another";

  const blob::ManifestToPut wrong{.bytes = text, .media_type = type, .digest = digest_of("other")};
  EXPECT_EQ(code_of(test::run(to->put_manifest(call(), app(), latest, wrong))), "corrupt");

  EXPECT_TRUE(test::run(to->remove_manifest(call(), app(), latest)));
  EXPECT_TRUE(registry.manifests.empty());
  EXPECT_TRUE(test::run(to->remove_manifest(call(), app(), latest))) << "it is gone already";
  registry.status_once["DELETE"] = 405;
  EXPECT_EQ(code_of(test::run(to->remove_manifest(call(), app(), latest))), "unsupported");
}

TEST_F(RegistryPusherTest, keeps_to_its_bandwidth) {
  PushRegistry registry;
  const auto to = pusher(registry.url(), {.bytes_per_second = kMiB});
  EXPECT_EQ(test::run(put(*to, blocks_, large())), false);
  EXPECT_GT(hurried_.longest, Duration(6000)) << "the last of nine MiB waits for those before it";
}

}  // namespace
}  // namespace lifeboat::upstream
