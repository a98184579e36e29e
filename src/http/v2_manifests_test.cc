#include "http/v2_manifests.h"

#include <gtest/gtest.h>

#include <string>

#include "http/endpoint_test.h"

namespace lifeboat::http {
namespace {

using Fields = std::vector<std::pair<std::string, std::string>>;

class ManifestsTest : public EndpointTest {
 protected:
  std::string push(const std::string& tag, const std::string& extra = "") {
    push_blob("app", "config");
    return push_manifest("app", tag, manifest_of("config", extra));
  }
};

TEST_F(ManifestsTest, are_served_as_they_were_pushed) {
  push_blob("app", "config");
  const std::string bytes = manifest_of("config") + "\n  ";
  const auto put = send("PUT", "/v2/app/manifests/v1", bytes,
                        {{"Content-Type", "application/vnd.oci.image.manifest.v1+json; charset=utf-8"}});
  ASSERT_EQ(put.status, 201) << put.body;
  const std::string digest = digest_of(bytes);
  EXPECT_EQ(put.field("Location"), "/v2/app/manifests/" + digest);
  EXPECT_EQ(put.field("Docker-Content-Digest"), digest);
  EXPECT_EQ(put.field("OCI-Tag"), "v1");

  const auto by_tag = get("/v2/app/manifests/v1", {{"Accept", "text/html"}});
  EXPECT_EQ(by_tag.status, 200);
  EXPECT_EQ(by_tag.body, bytes);
  EXPECT_EQ(by_tag.field("Content-Type"), "application/vnd.oci.image.manifest.v1+json");
  EXPECT_EQ(by_tag.field("Docker-Content-Digest"), digest);
  EXPECT_EQ(by_tag.field("ETag"), "\"" + digest + "\"");
  EXPECT_EQ(by_tag.field("Cache-Control"), "no-cache");
  EXPECT_EQ(by_tag.field("Docker-Distribution-Api-Version"), "registry/2.0");

  const auto by_digest = head("/v2/app/manifests/" + digest);
  EXPECT_EQ(by_digest.status, 200);
  EXPECT_EQ(by_digest.body, "");
  EXPECT_EQ(by_digest.length, bytes.size());
  EXPECT_EQ(by_digest.field("Cache-Control"), "max-age=31536000, immutable");
}

TEST_F(ManifestsTest, answer_304_to_who_has_them) {
  const std::string digest = push("v1");
  const auto answer =
      get("/v2/app/manifests/v1", {{"If-None-Match", "W/\"x\""}, {"If-None-Match", "\"" + digest + "\""}});
  EXPECT_EQ(answer.status, 304);
  EXPECT_EQ(answer.field("ETag"), "\"" + digest + "\"");
  EXPECT_EQ(answer.body, "");
}

TEST_F(ManifestsTest, come_from_prepared_answers_until_the_tag_moves) {
  const std::string first = push("v1");
  const sys::HttpRequestView view{.is_head = false, .target = "/v2/app/manifests/v1", .if_none_match = ""};
  EXPECT_EQ(handler_->prepared(0, view).answer, nullptr);
  get("/v2/app/manifests/v1");
  const auto hit = handler_->prepared(0, view);
  ASSERT_NE(hit.answer, nullptr);
  EXPECT_EQ(digest_of(hit.answer->body), first);
  const std::string etag = "\"" + first + "\"";
  EXPECT_TRUE(handler_->prepared(0, {true, "/v2/app/manifests/v1", etag}).is_not_modified);

  const std::string second = push("v1", R"(,"annotations":{"a":"b"})");
  EXPECT_EQ(handler_->prepared(0, view).answer, nullptr);
  EXPECT_EQ(get("/v2/app/manifests/v1").field("Docker-Content-Digest"), second);
  EXPECT_NE(handler_->prepared(0, view).answer, nullptr);
  handler_->forget_prepared();
  EXPECT_EQ(handler_->prepared(0, view).answer, nullptr);
}

TEST_F(ManifestsTest, are_noted_as_pulled_when_a_client_gets_them) {
  const oci::Digest digest = *oci::Digest::parse(push("v1"));
  const oci::RepositoryId app{std::nullopt, *oci::Repository::parse("app")};
  const auto pulled = [&] {
    return test::run(names_.usage().pulled(Call(SteadyTime::max(), "test"), app, digest)).value();
  };
  EXPECT_EQ(get("/v2/app/manifests/v1", {{"User-Agent", "lifeboat-inspector"}}).status, 200);
  EXPECT_EQ(pulled(), std::nullopt) << "our own probe uses nothing";
  EXPECT_EQ(get("/v2/app/manifests/v1", {{"User-Agent", "containerd/2"}}).status, 200);
  EXPECT_NE(pulled(), std::nullopt) << "an answer that was prepared for the probe hid the pull";
}

TEST_F(ManifestsTest, are_noted_as_pulled_when_a_node_that_has_them_asks) {
  const oci::Digest digest = *oci::Digest::parse(push("v1"));
  const oci::RepositoryId app{std::nullopt, *oci::Repository::parse("app")};
  EXPECT_EQ(get("/v2/app/manifests/v1", {{"User-Agent", "lifeboat-inspector"}}).status, 200);
  EXPECT_EQ(handler_->prepared(0, {true, "/v2/app/manifests/v1", ""}).answer, nullptr)
      << "an answer that was prepared for the probe would hide the use";
  EXPECT_EQ(head("/v2/app/manifests/v1").status, 200);
  const auto pulled = test::run(names_.usage().pulled(Call(SteadyTime::max(), "test"), app, digest));
  EXPECT_NE(pulled.value(), std::nullopt) << "retention would take what runs";
}

TEST_F(ManifestsTest, are_404_where_there_are_none) {
  push("v1");
  for (const std::string target : {"/v2/app/manifests/v2", "/v2/nothing/manifests/v1", "/v2/app/manifests/.INVALID"}) {
    const auto answer = get(target);
    EXPECT_EQ(answer.status, 404) << target;
    EXPECT_EQ(code_of(answer), "MANIFEST_UNKNOWN") << target;
    const auto bodiless = head(target);
    EXPECT_EQ(bodiless.status, 404) << target;
    EXPECT_EQ(bodiless.body, "") << target;
  }
  EXPECT_EQ(code_of(get("/v2/App/manifests/v1")), "NAME_INVALID");
  EXPECT_EQ(get("/v2/app/manifests/sha256:1").status, 400);
}

TEST_F(ManifestsTest, are_refused_when_malformed) {
  push_blob("app", "config");
  const std::string good = manifest_of("config");
  const struct {
    std::string name, target, bytes;
    Fields fields;
    int status;
    std::string code;
  } rows[] = {
      {"no JSON", "v1", "{", {}, 400, "MANIFEST_INVALID"},
      {"another type in the header",
       "v1",
       good,
       {{"Content-Type", "application/vnd.oci.image.index.v1+json"}},
       400,
       "MANIFEST_INVALID"},
      {"another digest", digest_of("x"), good, {}, 400, "DIGEST_INVALID"},
      {"a malformed digest", "sha256:totallywrong", good, {}, 400, "DIGEST_INVALID"},
      {"a malformed tag", ".v1", good, {}, 400, "MANIFEST_INVALID"},
      {"a malformed tag in the query", digest_of(good) + "?tag=.x", good, {}, 400, "MANIFEST_INVALID"},
      {"too large", "v1", std::string(oci::kManifestMaxBytes + 1, ' '), {}, 413, "MANIFEST_INVALID"},
  };
  for (const auto& row : rows) {
    const auto answer = send("PUT", "/v2/app/manifests/" + row.target, row.bytes, row.fields);
    EXPECT_EQ(answer.status, row.status) << row.name;
    EXPECT_EQ(code_of(answer), row.code) << row.name;
  }
  const auto chunked = ask({.method = "PUT",
                            .target = "/v2/app/manifests/v1",
                            .fields = {},
                            .body = std::string(oci::kManifestMaxBytes + 1, ' '),
                            .is_chunked = true});
  EXPECT_EQ(chunked.status, 413);
  EXPECT_EQ(get("/v2/app/manifests/v1").status, 404);
}

TEST_F(ManifestsTest, name_each_content_that_is_missing) {
  const auto answer = send("PUT", "/v2/app/manifests/v1", manifest_of("nobody has it"));
  EXPECT_EQ(answer.status, 400);
  const auto errors = oci::parse_errors(answer.body);
  ASSERT_EQ(errors.size(), 1U);
  EXPECT_EQ(errors[0].code, oci::OciErrorCode::manifest_blob_unknown);
  EXPECT_EQ(errors[0].detail, digest_of("nobody has it"));
}

TEST_F(ManifestsTest, take_many_tags_in_one_push) {
  push_blob("app", "config");
  const std::string bytes = manifest_of("config");
  std::string target = "/v2/app/manifests/" + digest_of(bytes) + "?";
  for (int i = 0; i < 12; ++i) target += "tag=t" + std::to_string(i) + "&";
  const auto put = send("PUT", target, bytes);
  ASSERT_EQ(put.status, 201) << put.body;
  EXPECT_EQ(put.fields.joined("OCI-Tag"), "t0, t1, t2, t3, t4, t5, t6, t7, t8, t9, t10, t11");
  EXPECT_EQ(get("/v2/app/manifests/t11").body, bytes);
  std::string too_many = "/v2/app/manifests/" + digest_of(bytes) + "?";
  for (std::size_t i = 0; i <= kTagsPerPushMax; ++i) too_many += "tag=t" + std::to_string(i) + "&";
  EXPECT_EQ(send("PUT", too_many, bytes).status, 414);
}

TEST_F(ManifestsTest, keep_the_condition_of_a_push) {
  const std::string first = push("v1");
  const std::string bytes = manifest_of("config", R"(,"annotations":{"a":"b"})");
  EXPECT_EQ(send("PUT", "/v2/app/manifests/v1", bytes, {{"If-None-Match", "*"}}).status, 412);
  EXPECT_EQ(send("PUT", "/v2/app/manifests/v1", bytes, {{"If-Match", "\"" + digest_of("x") + "\""}}).status, 412);
  EXPECT_EQ(send("PUT", "/v2/app/manifests/v1", bytes, {{"If-Match", "*"}}).status, 412);
  EXPECT_EQ(get("/v2/app/manifests/v1").field("Docker-Content-Digest"), first);
  EXPECT_EQ(send("PUT", "/v2/app/manifests/v1", bytes, {{"If-Match", "\"" + first + "\""}}).status, 201);
  EXPECT_EQ(send("PUT", "/v2/app/manifests/v2", bytes, {{"If-None-Match", "*"}}).status, 201);
}

TEST_F(ManifestsTest, tell_the_subject_they_refer_to) {
  const std::string subject = push("v1");
  const std::string extra = R"(,"artifactType":"a/b+json","subject":{"mediaType":)"
                            R"("application/vnd.oci.image.manifest.v1+json","digest":")" +
                            subject + R"(","size":10})";
  const auto put = send("PUT", "/v2/app/manifests/ref", manifest_of("config", extra));
  ASSERT_EQ(put.status, 201) << put.body;
  EXPECT_EQ(put.field("OCI-Subject"), subject);

  const auto list = get("/v2/app/referrers/" + subject);
  EXPECT_EQ(list.status, 200);
  EXPECT_EQ(list.field("Content-Type"), oci::kOciIndex);
  EXPECT_EQ(oci::parse_referrers(as_bytes(list.body))->size(), 1U);
  const auto filtered = get("/v2/app/referrers/" + subject + "?artifactType=a/b+json");
  EXPECT_EQ(filtered.field("OCI-Filters-Applied"), "artifactType");
  EXPECT_EQ(oci::parse_referrers(as_bytes(filtered.body))->size(), 1U);
  EXPECT_EQ(oci::parse_referrers(as_bytes(get("/v2/app/referrers/" + subject + "?artifactType=c/d").body))->size(), 0U);
  EXPECT_EQ(send("DELETE", "/v2/app/manifests/" + digest_of(manifest_of("config", extra))).status, 202);
  EXPECT_EQ(oci::parse_referrers(as_bytes(get("/v2/app/referrers/" + subject).body))->size(), 0U);
}

TEST_F(ManifestsTest, have_an_empty_list_of_referrers_before_they_exist) {
  const auto list = get("/v2/no/such/repository/referrers/" + digest_of(""));
  EXPECT_EQ(list.status, 200);
  EXPECT_EQ(list.field("Content-Type"), oci::kOciIndex);
  EXPECT_EQ(oci::parse_referrers(as_bytes(list.body))->size(), 0U);
  EXPECT_EQ(get("/v2/app/referrers/sha256:1").status, 400);
}

TEST_F(ManifestsTest, go_by_tag_or_by_digest) {
  const std::string digest = push("v1");
  push("v2");
  EXPECT_EQ(send("DELETE", "/v2/app/manifests/v1").status, 202);
  EXPECT_EQ(get("/v2/app/manifests/v1").status, 404);
  EXPECT_EQ(get("/v2/app/manifests/v2").status, 200);
  EXPECT_EQ(send("DELETE", "/v2/app/manifests/" + digest).status, 202);
  EXPECT_EQ(get("/v2/app/manifests/v2").status, 404);
  EXPECT_EQ(get("/v2/app/manifests/" + digest).status, 404);
  EXPECT_EQ(send("DELETE", "/v2/app/manifests/v1").status, 404);
}

TEST_F(ManifestsTest, stay_where_deleting_is_off) {
  const std::string digest = push("v1");
  start({.delete_enabled = false});
  for (const std::string& what : {std::string("manifests/v1"), "manifests/" + digest, "blobs/" + digest_of("config")}) {
    const auto answer = send("DELETE", "/v2/app/" + what);
    EXPECT_EQ(answer.status, 405) << what;
    EXPECT_EQ(code_of(answer), "UNSUPPORTED") << what;
    EXPECT_NE(answer.field("Allow"), "") << what;
  }
  EXPECT_EQ(get("/v2/app/manifests/v1").status, 200);
}

TEST_F(ManifestsTest, come_through_from_an_upstream_and_stay_when_it_is_down) {
  const std::string bytes = manifest_of("config");
  source_.manifests["v1"] = bytes;
  source_.manifests[digest_of(bytes)] = bytes;
  for (const std::string target :
       {"/v2/upstream.example/app/manifests/v1", "/v2/app/manifests/v1?ns=upstream.example"}) {
    const auto answer = get(target);
    EXPECT_EQ(answer.status, 200) << target << answer.body;
    EXPECT_EQ(answer.body, bytes) << target;
    EXPECT_EQ(answer.field("Warning"), "") << target;
  }
  EXPECT_EQ(get("/v2/app/manifests/v1?ns=upstream.example").field("OCI-Namespace"), "upstream.example");
  source_.fails = ErrorCode::unavailable;
  EXPECT_EQ(get("/v2/upstream.example/app/manifests/" + digest_of(bytes)).status, 200);
  for (const ErrorCode code : {ErrorCode::unavailable, ErrorCode::unauthorized, ErrorCode::denied, ErrorCode::too_many,
                               ErrorCode::timed_out, ErrorCode::corrupt}) {
    source_.fails = code;
    const auto missing = get("/v2/upstream.example/other/manifests/v1");
    EXPECT_EQ(missing.status, 503) << to_string(code);
    EXPECT_NE(missing.field("Retry-After"), "") << to_string(code);
  }
  source_.fails = ErrorCode::not_found;
  EXPECT_EQ(get("/v2/upstream.example/other/manifests/v1").status, 404);
  EXPECT_EQ(get("/v2/app/manifests/v1?ns=unknown.example").status, 404);
  EXPECT_EQ(send("PUT", "/v2/upstream.example/app/manifests/v1", bytes).status, 405);
}

TEST_F(ManifestsTest, are_as_fresh_as_the_rule_for_their_tag_or_digest_says) {
  rules_ = {{.match = *oci::ReferencePattern::parse("app:latest"), .fresh_for = Duration(0)},
            {.match = *oci::ReferencePattern::parse("app"), .not_found_for = Duration(0)}};
  start({});
  source_.manifests["v1"] = source_.manifests["latest"] = manifest_of("config");
  const struct {
    const char* name;
    std::string target;
    int want_asked_again;
  } rows[] = {
      {"a tag without a rule of its own", "app/manifests/v1", 0},
      {"a tag that is never fresh", "app/manifests/latest", 1},
      {"a tag that is not there, whose absence is forgotten", "app/manifests/v2", 1},
      {"a tag that is not there", "other/manifests/v2", 0},
      {"a digest that is not there, whose absence is forgotten", "app/manifests/" + digest_of("x"), 1},
      {"a digest that is not there", "other/manifests/" + digest_of("x"), 0},
  };
  for (const auto& row : rows) {
    get("/v2/upstream.example/" + row.target);
    const int asked = source_.asked;
    get("/v2/upstream.example/" + row.target);
    EXPECT_EQ(source_.asked - asked, row.want_asked_again) << row.name;
  }
}

TEST_F(ManifestsTest, answer_other_methods_with_what_there_is) {
  const auto answer = send("POST", "/v2/app/manifests/v1");
  EXPECT_EQ(answer.status, 405);
  EXPECT_EQ(answer.field("Allow"), "GET, HEAD, PUT, DELETE");
  EXPECT_EQ(code_of(answer), "UNSUPPORTED");
}

}  // namespace
}  // namespace lifeboat::http
