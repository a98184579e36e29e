#include "upstream/source_test.h"

#include <fstream>

#include "test/support/temporary_directory.h"
#include "upstream/upstream.h"

namespace lifeboat::upstream::source_test {
namespace {

TEST_F(RegistrySourceTest, resolves_a_tag_by_head) {
  HttpImposter server([](const Request&) {
    return Answer{.fields = {{"Docker-Content-Digest", digest_of(kManifest).to_string()}}, .body = kManifest};
  });
  const auto resolved = test::run(source(server.url() + "/prefix/")->resolve(call(), repository(), tag("1.0")));
  ASSERT_TRUE(resolved) << resolved.error().message();
  EXPECT_EQ(resolved->digest, digest_of(kManifest));
  ASSERT_EQ(server.requests().size(), 1U);
  EXPECT_EQ(server.requests()[0].method, "HEAD");
  EXPECT_EQ(server.requests()[0].target, "/prefix/v2/team/app/manifests/1.0");
  EXPECT_TRUE(server.requests()[0].fields.joined("Accept").contains(oci::kDockerManifestList));
}

TEST_F(RegistrySourceTest, resolves_a_tag_by_get_when_head_tells_nothing) {
  struct Row {
    const char* name;
    int status;
    std::vector<std::pair<std::string, std::string>> fields;
  };
  const std::vector<Row> rows{
      {"no digest", 200, {}},
      {"a digest we do not know", 200, {{"Docker-Content-Digest", "md5:abc"}}},
      {"405", 405, {}},
      {"404 without a sign", 404, {}},
  };
  for (const Row& row : rows) {
    HttpImposter server([&](const Request& request) {
      return request.method == "HEAD" ? Answer{.status = row.status, .fields = row.fields} : json(kManifest);
    });
    const auto resolved = test::run(source(server.url())->resolve(call(), repository(), tag("1.0")));
    ASSERT_TRUE(resolved) << row.name << resolved.error().message();
    EXPECT_EQ(resolved->digest, digest_of(kManifest)) << row.name;
  }
}

TEST_F(RegistrySourceTest, asks_docker_hub_for_library_names) {
  HttpImposter server([](const Request&) { return json(kManifest); });
  const auto from = source(server.url());
  for (const char* name : {"alpine", "team/app"}) {
    (void)test::run(from->manifest(call(), repository(name, "docker.io"), oci::Reference(tag("3"))));
  }
  (void)test::run(from->manifest(call(), repository("alpine"), oci::Reference(tag("3"))));
  EXPECT_EQ(server.requests()[0].target, "/v2/library/alpine/manifests/3");
  EXPECT_EQ(server.requests()[1].target, "/v2/team/app/manifests/3");
  EXPECT_EQ(server.requests()[2].target, "/v2/alpine/manifests/3");
  EXPECT_EQ(Endpoint::make({.url = "https://docker.io/"})->url_of("/v2/"), "https://registry-1.docker.io/v2/");
}

TEST_F(RegistrySourceTest, tells_not_found_from_an_outage) {
  HttpImposter server([](const Request& request) {
    if (request.target.ends_with("/known")) return json(kManifest);
    if (request.target.ends_with("/unknown")) return unknown();
    return Answer{.status = 404, .fields = {{"Content-Type", "text/html"}}, .body = "<html>"};
  });
  const auto from = source(server.url());
  EXPECT_EQ(manifest(*from, "known")->bytes, kManifest);
  EXPECT_EQ(manifest(*from, "unknown").error().code(), ErrorCode::not_found);
  const auto portal = manifest(*from, "portal");
  EXPECT_EQ(portal.error().code(), ErrorCode::unavailable);
  EXPECT_TRUE(portal.error().message().contains("from upstream '" + server.host() + "'")) << portal.error().message();
  EXPECT_TRUE(metrics_.render().contains("lifeboat_upstream_requests_total{host=\"" + server.host() +
                                         "\",outcome=\"not_found\"} 1"));
}

TEST_F(RegistrySourceTest, streams_a_blob_and_follows_to_storage_without_its_token) {
  HttpImposter storage([](const Request&) { return Answer{.body = "content"}; });
  HttpImposter server([&](const Request& request) {
    if (request.fields.joined("Authorization") != Credentials{"u", "p"}.basic()) {
      return Answer{.status = 401, .fields = {{"WWW-Authenticate", "Basic realm=\"r\""}}};
    }
    return Answer{.status = 307, .fields = {{"Location", storage.url() + "/x?sig=1"}}};
  });
  const auto from = source(server.url(), [](EndpointOptions& options) {
    options.username = "u";
    options.password = "p";
  });
  EXPECT_EQ(test::run(read_all(*from, repository(), digest_of("content"))), "content");
  EXPECT_FALSE(storage.requests().at(0).fields.find("Authorization"));
  EXPECT_TRUE(metrics_.render().contains("lifeboat_upstream_received_bytes_total{host=\"" + server.host() + "\"} 7"));
}

TEST_F(RegistrySourceTest, names_what_is_wrong_with_a_blob) {
  HttpImposter server([](const Request& request) {
    if (request.target.ends_with(digest_of("short").to_string())) {
      return Answer{.body = "abc", .announced_bytes = 9, .ending = HttpImposter::Ending::close};
    }
    return json(R"({"errors":[{"code":"BLOB_UNKNOWN"}]})", 404);
  });
  const auto from = source(server.url());
  EXPECT_EQ(test::run(read_all(*from, repository(), digest_of("short"))).error().code(), ErrorCode::corrupt);
  EXPECT_EQ(test::run(read_all(*from, repository(), digest_of("gone"))).error().code(), ErrorCode::not_found);
}

TEST_F(RegistrySourceTest, gets_a_token_once_and_keeps_it) {
  TokenRegistry registry("secret");
  const auto from = source(registry.url(), [](EndpointOptions& options) {
    options.username = "user";
    options.password = "secret";
  });
  for (int i = 0; i < 3; ++i) ASSERT_EQ(manifest(*from)->bytes, kManifest) << i;
  EXPECT_EQ(registry.tokens(), 1);
  const auto requests = registry.server().requests();
  ASSERT_EQ(requests.size(), 5U) << "one challenge, one token, three answers";
  EXPECT_EQ(requests[1].target, "/token?a=b&service=s%20v&scope=repository%3Ateam%2Fapp%3Apull");

  registry.revoke();
  EXPECT_EQ(manifest(*from)->bytes, kManifest);
  EXPECT_EQ(registry.tokens(), 2);
}

TEST_F(RegistrySourceTest, asks_anew_with_another_login_as_often_as_its_budget_allows) {
  std::string url;
  HttpImposter server([&](const Request& request) {
    if (request.target.starts_with("/token")) return json(R"({"token":"t","expires_in":300})");
    return Answer{.status = 401, .fields = {{"WWW-Authenticate", "Bearer realm=\"" + url + "/token\",service=\"s\""}}};
  });
  url = server.url();
  const auto from = source(url);
  int too_many = 0;
  for (int i = 0; i < 50; ++i) {
    const ErrorCode code = manifest(*from).error().code();
    EXPECT_TRUE(code == ErrorCode::unauthorized || code == ErrorCode::too_many) << to_string(code);
    too_many += code == ErrorCode::too_many ? 1 : 0;
  }
  EXPECT_GE(too_many, 25) << "every token it gives it refuses, and is asked for another each time";
  EXPECT_EQ(from->health(), Health::State::closed);
}

TEST_F(RegistrySourceTest, reads_a_rotated_password_again) {
  const test::TemporaryDirectory directory;
  const std::string path = directory.path() / "password";
  std::ofstream(path) << "old\n";
  TokenRegistry registry("old");
  const auto from = source(registry.url(), [&](EndpointOptions& options) {
    options.username = "user";
    options.password_file = path;
  });
  ASSERT_EQ(manifest(*from)->bytes, kManifest);
  registry.set_password("new");
  registry.revoke();
  EXPECT_EQ(manifest(*from).error().code(), ErrorCode::unauthorized);
  std::ofstream(path) << "new\n";
  EXPECT_EQ(manifest(*from)->bytes, kManifest);
}

TEST_F(RegistrySourceTest, gives_no_credentials_to_a_foreign_realm) {
  HttpImposter thief([](const Request&) { return json(R"({"token":"x"})"); });
  HttpImposter server([&](const Request&) {
    const std::string port = thief.host().substr(thief.host().find(':'));
    return Answer{
        .status = 401,
        .fields = {{"WWW-Authenticate", "Bearer realm=\"http://127.0.0.2" + port + "/token\",service=\"s\""}}};
  });
  const auto from = source(server.url(), [](EndpointOptions& options) {
    options.username = "user";
    options.password = "secret";
  });
  const auto refused = manifest(*from);
  EXPECT_EQ(refused.error().code(), ErrorCode::unauthorized);
  EXPECT_TRUE(refused.error().message().contains("not trusted")) << refused.error().message();
  EXPECT_TRUE(thief.requests().empty());
}

TEST_F(RegistrySourceTest, does_not_ask_a_dead_endpoint_again) {
  HttpImposter server([](const Request&) { return Answer{.status = 503}; });
  const auto from = source(server.url());
  for (int i = 0; i < 10; ++i) EXPECT_EQ(manifest(*from).error().code(), ErrorCode::unavailable);
  EXPECT_EQ(server.requests().size(), 3U);
  EXPECT_EQ(from->health(), Health::State::open);
}

TEST_F(RegistrySourceTest, keeps_the_pause_it_was_asked_for) {
  HttpImposter server([](const Request&) { return Answer{.status = 429, .fields = {{"Retry-After", "60"}}}; });
  const auto from = source(server.url());
  for (int i = 0; i < 5; ++i) EXPECT_EQ(manifest(*from).error().code(), ErrorCode::too_many);
  EXPECT_EQ(server.requests().size(), 1U);
  EXPECT_EQ(from->health(), Health::State::closed);
}

TEST_F(RegistrySourceTest, tells_when_its_own_rate_limit_is_nearly_used_up) {
  HttpImposter storage([](const Request&) {
    return Answer{.fields = {{"RateLimit-Remaining", "1"}, {"RateLimit-Limit", "100"}}, .body = "content"};
  });
  std::atomic<int> remaining = 11;
  HttpImposter server([&](const Request& request) {
    if (request.target.contains("/blobs/"))
      return Answer{.status = 307, .fields = {{"Location", storage.url() + "/x"}}};
    Answer answer = json(kManifest);
    answer.fields.emplace_back("RateLimit-Limit", "100;w=21600");
    answer.fields.emplace_back("RateLimit-Remaining", std::to_string(remaining--) + ";w=21600");
    return answer;
  });
  const auto from = source(server.url());
  ASSERT_TRUE(manifest(*from));
  ASSERT_TRUE(test::run(read_all(*from, repository(), digest_of("content"))));
  EXPECT_FALSE(from->is_short_of_requests()) << "11 of 100 are left; what the storage says is about the storage";
  ASSERT_TRUE(manifest(*from));
  EXPECT_TRUE(from->is_short_of_requests());
}

TEST_F(RegistrySourceTest, does_not_ask_a_dead_realm_again) {
  int tokens = 0;
  std::string url;
  HttpImposter server([&](const Request& request) {
    if (request.target.starts_with("/token")) {
      ++tokens;
      return Answer{.status = 502};
    }
    return Answer{.status = 401, .fields = {{"WWW-Authenticate", "Bearer realm=\"" + url + "/token\",service=\"s\""}}};
  });
  url = server.url();
  const auto from = source(url);
  for (int i = 0; i < 8; ++i) EXPECT_EQ(manifest(*from).error().code(), ErrorCode::unavailable) << i;
  EXPECT_EQ(tokens, 3);
}

TEST_F(RegistrySourceTest, lists_tags_page_by_page) {
  HttpImposter server([](const Request& request) {
    Answer answer = json(R"({"name":"team/app","tags":["a","b"]})");
    if (request.target.contains("last=b")) return json(R"({"name":"team/app","tags":["c"]})");
    answer.fields.emplace_back("Link", R"(</v2/team/app/tags/list?last=b&n=2>; rel="next")");
    return answer;
  });
  const auto from = source(server.url());
  const auto first = test::run(from->tags(call(), repository(), "", 2));
  ASSERT_TRUE(first) << first.error().message();
  EXPECT_EQ(first->tags, (std::vector<std::string>{"a", "b"}));
  EXPECT_TRUE(first->has_more);
  const auto second = test::run(from->tags(call(), repository(), "b", 2));
  EXPECT_EQ(second->tags, (std::vector<std::string>{"c"}));
  EXPECT_FALSE(second->has_more);
}

std::string index_of(std::string_view digest) {
  return R"({"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[{"mediaType":"application/vnd.oci.image.manifest.v1+json","size":2,"artifactType":"a/b","digest":")" +
         std::string(digest) + "\"}]}";
}

TEST_F(RegistrySourceTest, lists_referrers_by_the_api_and_by_the_fallback_tag) {
  const oci::Digest subject = digest_of("subject");
  const std::string one = digest_of("1").to_string();
  const std::string two = digest_of("2").to_string();
  HttpImposter by_api([&](const Request& request) {
    Answer answer = json(index_of(request.target.contains("page=2") ? two : one));
    if (!request.target.contains("page=2")) answer.fields.emplace_back("Link", R"(</x?page=2>; rel="next")");
    return answer;
  });
  const auto listed = test::run(source(by_api.url())->referrers(call(), repository(), subject));
  ASSERT_TRUE(listed) << listed.error().message();
  ASSERT_EQ(listed->size(), 2U);
  EXPECT_EQ((*listed)[1].digest.to_string(), two);

  HttpImposter by_tag([&](const Request& request) {
    if (request.target == "/v2/team/app/manifests/sha256-" + subject.hex()) return json(index_of(one));
    return Answer{.status = 404, .fields = {{"Content-Type", "text/plain"}}, .body = "404 page not found"};
  });
  EXPECT_EQ(test::run(source(by_tag.url())->referrers(call(), repository(), subject))->size(), 1U);

  HttpImposter by_none([&](const Request&) { return unknown(); });
  EXPECT_TRUE(test::run(source(by_none.url())->referrers(call(), repository(), subject))->empty());

  HttpImposter down([&](const Request&) { return Answer{.status = 500}; });
  EXPECT_EQ(test::run(source(down.url())->referrers(call(), repository(), subject)).error().code(),
            ErrorCode::unavailable);
}

TEST_F(RegistrySourceTest, gives_way_to_the_next_endpoint) {
  const test::RefusingPort dead;
  HttpImposter mirror([](const Request&) { return unknown(); });
  HttpImposter origin(
      [](const Request& request) { return request.target.ends_with("/1.0") ? json(kManifest) : unknown(); });
  std::vector<Upstream::Member> all;
  all.push_back({"dead", source(dead.url())});
  all.push_back({"mirror", source(mirror.url())});
  all.push_back({"origin", source(origin.url())});
  Upstream upstream({clock_, log_, metrics_}, std::move(all));
  EXPECT_EQ(manifest(upstream, "1.0")->bytes, kManifest);
  EXPECT_EQ(manifest(upstream, "2.0").error().code(), ErrorCode::unavailable) << "the dead one may have it";

  std::vector<Upstream::Member> reachable;
  reachable.push_back({"mirror", source(mirror.url())});
  reachable.push_back({"origin", source(origin.url())});
  EXPECT_EQ(manifest(*std::make_unique<Upstream>(Upstream::Parts{clock_, log_, metrics_}, std::move(reachable)), "2.0")
                .error()
                .code(),
            ErrorCode::not_found);
}

TEST_F(RegistrySourceTest, leaves_time_for_the_endpoint_behind_one_that_hangs) {
  const test::BlackHole hole;
  HttpImposter origin([](const Request&) { return json(kManifest); });
  std::vector<Upstream::Member> all;
  all.push_back({"hole", source(hole.url())});
  all.push_back({"origin", source(origin.url())});
  Upstream upstream({clock_, log_, metrics_}, std::move(all));
  const Call patient{std::chrono::steady_clock::now() + seconds(2), "test"};
  const auto fetched = test::run(upstream.manifest(patient, repository(), oci::Reference(tag("1.0"))));
  ASSERT_TRUE(fetched) << fetched.error().message();
}

TEST_F(RegistrySourceTest, asks_for_rewritten_names_and_only_for_those_it_has) {
  HttpImposter server([](const Request&) { return json(kManifest); });
  const auto asked = source(server.url(), [](EndpointOptions& options) {
    options.match = "team/*";
    options.rewrite = "mirror/team/*";
  });
  EXPECT_TRUE(manifest(*asked));
  EXPECT_EQ(server.requests().back().target, "/v2/mirror/team/app/manifests/latest");
  const auto other = test::run(asked->manifest(call(), repository("other/app"), oci::Reference(tag("latest"))));
  EXPECT_EQ(other.error().code(), ErrorCode::not_found);
  EXPECT_EQ(server.requests().size(), 1U) << "asked for a repository it is not for";
}

TEST_F(RegistrySourceTest, asks_for_the_rest_of_a_blob) {
  const std::string bytes = "0123456789";
  const auto answer_with = [&](int status, std::string content_range, std::string body) {
    Answer answer{.status = status, .body = std::move(body)};
    if (!content_range.empty()) answer.fields.emplace_back("Content-Range", std::move(content_range));
    return answer;
  };
  const struct {
    std::string name;
    Answer answer;
    std::optional<ErrorCode> failure;
  } rows[] = {
      {"the rest", answer_with(206, "bytes 6-9/10", "6789"), {}},
      {"all of it, from one that knows no ranges", answer_with(200, "", bytes), {}},
      {"other bytes than those", answer_with(206, "bytes 5-9/10", "56789"), ErrorCode::corrupt},
      {"a part that does not say which", answer_with(206, "", "6789"), ErrorCode::corrupt},
  };
  for (const auto& row : rows) {
    HttpImposter server([&](const Request&) { return row.answer; });
    const auto rest = test::run(read_all(*source(server.url()), repository(), digest_of(bytes), 6));
    if (row.failure) {
      ASSERT_FALSE(rest) << row.name;
      EXPECT_EQ(rest.error().code(), *row.failure) << row.name;
    } else {
      ASSERT_TRUE(rest) << row.name << ": " << rest.error().message();
      EXPECT_EQ(*rest, "6789") << row.name;
    }
    EXPECT_EQ(server.requests().front().fields.joined("Range"), "bytes=6-") << row.name;
  }
}

TEST_F(RegistrySourceTest, compares_a_manifest_with_the_digest_it_was_asked_for) {
  HttpImposter server([](const Request&) { return json(R"({"schemaVersion":2,"other":true})"); });
  const auto asked = source(server.url());
  const auto fetched = test::run(asked->manifest(call(), repository(), oci::Reference(digest_of(kManifest))));
  ASSERT_FALSE(fetched);
  EXPECT_EQ(fetched.error().code(), ErrorCode::corrupt);
}

TEST_F(RegistrySourceTest, compares_the_manifest_of_a_tag_with_the_digest_it_comes_with) {
  HttpImposter server([](const Request&) {
    Answer spoiled = json(R"({"schemaVersion":2,"other":true})");
    spoiled.fields.push_back({"Docker-Content-Digest", digest_of(kManifest).to_string()});
    return spoiled;
  });
  const auto fetched = manifest(*source(server.url()));
  ASSERT_FALSE(fetched) << "what was changed on its way passes for what the tag names";
  EXPECT_EQ(fetched.error().code(), ErrorCode::corrupt);
}

TEST_F(RegistrySourceTest, lets_no_client_ask_a_dead_endpoint_until_a_probe_was_answered) {
  std::atomic<bool> is_down = true;
  HttpImposter server([&](const Request&) { return is_down ? Answer{.status = 503} : json(kManifest); });
  const auto asked =
      source(server.url(), [](EndpointOptions& options) { options.health.pause_min = milliseconds(40); });
  for (int i = 0; i < 3; ++i) EXPECT_FALSE(manifest(*asked));
  EXPECT_EQ(asked->health(), Health::State::open);
  const std::size_t before = server.requests().size();
  clock_wait(milliseconds(60));
  EXPECT_FALSE(manifest(*asked)) << "behind the pause";
  EXPECT_EQ(server.requests().size(), before) << "a client's question went out while the breaker was open";
  probe(*asked);
  EXPECT_EQ(server.requests().size(), before + 1);
  EXPECT_EQ(server.requests().back().method, "HEAD") << "what a probe costs";
  EXPECT_TRUE(server.requests().back().target.ends_with("/manifests/latest")) << "the question that failed";
  EXPECT_EQ(asked->health(), Health::State::open);
  is_down = false;
  clock_wait(milliseconds(120));
  EXPECT_FALSE(manifest(*asked));
  probe(*asked);
  EXPECT_EQ(asked->health(), Health::State::closed);
  EXPECT_TRUE(manifest(*asked));
}

TEST_F(RegistrySourceTest, opens_at_the_first_failure_to_connect) {
  const test::RefusingPort dead;
  const auto asked = source(dead.url());
  EXPECT_FALSE(manifest(*asked));
  EXPECT_EQ(asked->health(), Health::State::open);
  EXPECT_NE(asked->next_probe(), SteadyTime::max());
}

TEST_F(RegistrySourceTest, does_not_blame_the_endpoint_at_once_for_the_storage_it_redirects_to) {
  const test::RefusingPort storage;
  HttpImposter server([&](const Request& request) {
    if (!request.target.contains("/blobs/")) return json(kManifest);
    return Answer{.status = 307, .fields = {{"Location", storage.url() + "/blob"}}};
  });
  const auto asked = source(server.url());
  EXPECT_EQ(test::run(read_all(*asked, repository(), digest_of("x"))).error().step(), NetworkStep::redirect);
  EXPECT_EQ(asked->health(), Health::State::closed);
  EXPECT_TRUE(manifest(*asked));
}

TEST(Endpoint, refuses_what_cannot_work) {
  EXPECT_FALSE(Endpoint::make({.url = "r.example"}));
  EXPECT_FALSE(Endpoint::make({.url = "https://u:p@r.example"}));
  EXPECT_FALSE(Endpoint::make({.url = "https://r.example/?ns=a"}));
  EXPECT_FALSE(Endpoint::make({.url = "https://r.example", .username = "u"}));
  EXPECT_FALSE(Endpoint::make({.url = "https://r.example", .password = "p"}));
  EXPECT_FALSE(Endpoint::make({.url = "https://r.example", .match = "org/*", .rewrite = "mirror"}));
  EXPECT_FALSE(Endpoint::make({.url = "https://r.example", .client_key = "key.pem"}));
  EXPECT_FALSE(Endpoint::make({.url = "https://r.example", .docker_config = "a", .credential_helper = "b"}));
  EXPECT_FALSE(
      Endpoint::make({.url = "https://r.example", .username = "u", .password_file = "a", .password_env = "b"}));
}

}  // namespace
}  // namespace lifeboat::upstream::source_test
