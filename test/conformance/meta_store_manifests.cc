#include "test/conformance/meta_store_suite.h"

namespace lifeboat::test {

TEST_P(MetaStoreSuite, gives_back_the_record_of_a_manifest) {
  const meta::ManifestRecord put_record{.digest = digest("m", HashAlgorithm::sha512),
                                        .media_type = "application/vnd.oci.image.index.v1+json",
                                        .size_bytes = 1234,
                                        .subject = digest("subject"),
                                        .artifact_type = "application/vnd.example+json",
                                        .annotations_json = R"({"k":"v \u0000 é"})"};
  ASSERT_TRUE(put(
      {.repository = hosted("a"), .manifest = put_record, .edges = {}, .tags = {}, .condition = {}, .source = "push"}));
  const auto found = run(manifests().find(call(), hosted("a"), put_record.digest));
  ASSERT_TRUE(found) << found.error().message();
  EXPECT_EQ(found->digest, put_record.digest);
  EXPECT_EQ(found->media_type, put_record.media_type);
  EXPECT_EQ(found->size_bytes, put_record.size_bytes);
  EXPECT_EQ(found->subject, put_record.subject);
  EXPECT_EQ(found->artifact_type, put_record.artifact_type);
  EXPECT_EQ(found->annotations_json, put_record.annotations_json);
  EXPECT_FALSE(has_manifest(hosted("b"), put_record.digest));
  EXPECT_FALSE(has_manifest(hosted("a"), digest("other")));
}

TEST_P(MetaStoreSuite, takes_the_same_manifest_again) {
  ASSERT_TRUE(add(hosted("b"), digest("layer")));
  meta::ManifestPut first{
      .repository = hosted("a"),
      .manifest = record(digest("m")),
      .edges = {{meta::EdgeKind::layer, digest("layer"), 7}, {meta::EdgeKind::layer, digest("layer"), 7}},
      .tags = {tag("v1")},
      .condition = {},
      .source = "push"};
  meta::ManifestPut second = first;
  second.manifest.media_type = "application/vnd.docker.distribution.manifest.v2+json";
  ASSERT_TRUE(put(std::move(first)));
  ASSERT_TRUE(put(std::move(second)));
  EXPECT_EQ(run(manifests().find(call(), hosted("a"), digest("m")))->media_type,
            "application/vnd.docker.distribution.manifest.v2+json");
  EXPECT_TRUE(has_blob(hosted("a"), digest("layer")));
  EXPECT_EQ(run(store().totals(call()))->manifests, 1U);
}

TEST_P(MetaStoreSuite, sets_all_tags_of_a_push) {
  std::vector<std::string> names;
  for (int i = 10; i < 25; ++i) names.push_back("t" + std::to_string(i));
  ASSERT_TRUE(put(hosted("a"), digest("m"), names));
  EXPECT_EQ(tag_names(hosted("a")), names);
  for (const std::string& name : names) EXPECT_EQ(find_tag(hosted("a"), name)->digest, digest("m")) << name;
}

TEST_P(MetaStoreSuite, holds_a_push_to_its_condition) {
  struct Row {
    std::string name;
    std::vector<std::string> tags;
    std::optional<oci::Digest> condition;
    bool is_met;
  };
  const std::vector<Row> rows{
      {"the digest the tag has", {"old"}, digest("old"), true},
      {"another digest", {"old"}, digest("other"), false},
      {"a digest for a tag that is not there", {"none"}, digest("old"), false},
      {"nothing for a tag that is not there", {"none"}, std::nullopt, true},
      {"nothing for a tag that is there", {"old"}, std::nullopt, false},
      {"one of two tags does not meet it", {"none", "old"}, std::nullopt, false},
      {"no tag at all", {}, digest("other"), true},
  };
  int number = 0;
  for (const Row& row : rows) {
    const oci::RepositoryId repository = hosted("r" + std::to_string(number++));
    ASSERT_TRUE(put(repository, digest("old"), {"old"}));
    meta::ManifestPut push{.repository = repository,
                           .manifest = record(digest("new")),
                           .edges = {},
                           .tags = {},
                           .condition = meta::TagCondition{row.condition},
                           .source = "push"};
    for (const std::string& name : row.tags) push.tags.push_back(tag(name));
    const Status done = put(std::move(push));
    EXPECT_EQ(code_of(done), row.is_met ? std::nullopt : std::optional(ErrorCode::conflict)) << row.name;
    EXPECT_EQ(has_manifest(repository, digest("new")), row.is_met) << row.name;
    EXPECT_EQ(find_tag(repository, "old")->digest,
              row.is_met && row.tags == std::vector<std::string>{"old"} ? digest("new") : digest("old"))
        << row.name;
  }
}

TEST_P(MetaStoreSuite, makes_no_repository_for_a_push_that_fails) {
  const Status refused = put({.repository = hosted("a"),
                              .manifest = record(digest("m")),
                              .edges = {},
                              .tags = {tag("v1")},
                              .condition = meta::TagCondition{digest("other")},
                              .source = "push"});
  ASSERT_EQ(code_of(refused), ErrorCode::conflict);
  EXPECT_NE(refused.error().message().find(digest("other").to_string()), std::string::npos);
  EXPECT_FALSE(run(repositories().contains(call(), hosted("a"))).value());
  EXPECT_TRUE(repository_names().empty());
}

TEST_P(MetaStoreSuite, removes_a_manifest_with_all_its_tags_from_one_repository) {
  ASSERT_TRUE(put(hosted("a"), digest("m"), {"v1", "v2"}));
  ASSERT_TRUE(put(hosted("a"), digest("n"), {"v3"}));
  ASSERT_TRUE(put(hosted("b"), digest("m"), {"v1"}));
  ASSERT_TRUE(run(manifests().remove(call(), hosted("a"), digest("m"))));
  EXPECT_FALSE(has_manifest(hosted("a"), digest("m")));
  EXPECT_EQ(tag_names(hosted("a")), std::vector<std::string>{"v3"});
  EXPECT_TRUE(has_manifest(hosted("b"), digest("m")));
  EXPECT_EQ(tag_names(hosted("b")), std::vector<std::string>{"v1"});
  EXPECT_EQ(code_of(run(manifests().remove(call(), hosted("a"), digest("m")))), ErrorCode::not_found);
  EXPECT_EQ(code_of(run(manifests().remove(call(), hosted("unknown"), digest("m")))), ErrorCode::not_found);
}

TEST_P(MetaStoreSuite, keeps_edges_as_long_as_a_repository_has_the_manifest) {
  ASSERT_TRUE(add(hosted("owner"), digest("layer")));
  for (const char* name : {"a", "b"}) {
    ASSERT_TRUE(put({.repository = hosted(name),
                     .manifest = record(digest("m")),
                     .edges = {{meta::EdgeKind::layer, digest("layer"), 7}},
                     .tags = {},
                     .condition = {},
                     .source = "push"}));
  }
  ASSERT_TRUE(run(manifests().remove(call(), hosted("a"), digest("m"))));
  EXPECT_TRUE(has_blob(hosted("b"), digest("layer")));
  ASSERT_TRUE(run(manifests().remove(call(), hosted("b"), digest("m"))));
  ASSERT_TRUE(put(hosted("b"), digest("m")));
  EXPECT_TRUE(run(blobs().unlink(call(), hosted("b"), digest("layer")))) << "edges of a manifest that had left";
  EXPECT_FALSE(has_blob(hosted("b"), digest("layer"))) << "edges of a manifest that had left";
}

TEST_P(MetaStoreSuite, lists_referrers_by_digest_and_only_of_the_repository) {
  std::vector<oci::Digest> digests;
  for (int i = 0; i < 20; ++i) digests.push_back(digest("r" + std::to_string(i)));
  digests.push_back(digest("r", HashAlgorithm::sha512));
  for (const oci::Digest& one : digests) {
    meta::ManifestRecord referrer = record(one);
    referrer.subject = digest("subject");
    referrer.artifact_type = "application/vnd.example.sbom";
    referrer.annotations_json = R"({"a":"b"})";
    ASSERT_TRUE(put(
        {.repository = hosted("a"), .manifest = referrer, .edges = {}, .tags = {}, .condition = {}, .source = "push"}));
  }
  std::ranges::sort(digests);
  const auto found = run(manifests().referrers(call(), hosted("a"), digest("subject")));
  ASSERT_TRUE(found) << found.error().message();
  ASSERT_EQ(found->size(), digests.size());
  for (std::size_t i = 0; i < digests.size(); ++i) {
    EXPECT_EQ((*found)[i].digest, digests[i]);
    EXPECT_EQ((*found)[i].media_type, record(digests[i]).media_type);
    EXPECT_EQ((*found)[i].size_bytes, 512U);
    EXPECT_EQ((*found)[i].artifact_type, "application/vnd.example.sbom");
    EXPECT_EQ((*found)[i].annotations_json, R"({"a":"b"})");
  }
  EXPECT_TRUE(run(manifests().referrers(call(), hosted("b"), digest("subject"))).value().empty());
  EXPECT_TRUE(run(manifests().referrers(call(), hosted("a"), digest("r0"))).value().empty());
  ASSERT_TRUE(run(manifests().remove(call(), hosted("a"), digests[0])));
  EXPECT_EQ(run(manifests().referrers(call(), hosted("a"), digest("subject"))).value().size(), digests.size() - 1);
}

TEST_P(MetaStoreSuite, tells_which_manifests_are_missing_in_the_order_asked) {
  ASSERT_TRUE(put(hosted("a"), digest("here")));
  ASSERT_TRUE(put(hosted("b"), digest("in b")));
  const std::vector<oci::Digest> asked{digest("z"), digest("here"), digest("in b"), digest("z")};
  EXPECT_EQ(run(manifests().missing(call(), hosted("a"), asked)).value(),
            (std::vector{digest("z"), digest("in b"), digest("z")}));
  EXPECT_EQ(run(manifests().missing(call(), hosted("unknown"), asked)).value(), asked);
}

TEST_P(MetaStoreSuite, does_nothing_for_a_call_whose_deadline_has_passed) {
  const Call late(clock_.now() - std::chrono::milliseconds(1), "late");
  EXPECT_EQ(code_of(run(blobs().add(late, hosted("a"), {digest("x"), 7}))), ErrorCode::timed_out);
  EXPECT_EQ(code_of(run(blobs().find(late, hosted("a"), digest("x")))), ErrorCode::timed_out);
  EXPECT_FALSE(has_blob(hosted("a"), digest("x")));
  EXPECT_TRUE(run(blobs().add(Call(clock_.now(), "in time"), hosted("a"), {digest("x"), 7})));
}

}  // namespace lifeboat::test
