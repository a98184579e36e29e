#include "test/conformance/meta_store_suite.h"

namespace lifeboat::test {

TEST_P(MetaStoreSuite, finds_a_blob_where_it_was_added_and_nowhere_else) {
  ASSERT_TRUE(add(hosted("a"), digest("x"), 42));
  const auto found = run(blobs().find(call(), hosted("a"), digest("x")));
  ASSERT_TRUE(found) << found.error().message();
  EXPECT_EQ(found->digest, digest("x"));
  EXPECT_EQ(found->size_bytes, 42U);
  EXPECT_FALSE(has_blob(hosted("b"), digest("x")));
  EXPECT_FALSE(has_blob(of_upstream("ghcr.io", "a"), digest("x")));
  EXPECT_FALSE(has_blob(hosted("a"), digest("y")));
}

TEST_P(MetaStoreSuite, keeps_digests_of_both_algorithms_apart) {
  ASSERT_TRUE(add(hosted("a"), digest("x", HashAlgorithm::sha512), 1));
  EXPECT_TRUE(has_blob(hosted("a"), digest("x", HashAlgorithm::sha512)));
  EXPECT_FALSE(has_blob(hosted("a"), digest("x")));
}

TEST_P(MetaStoreSuite, adds_a_blob_twice_as_once_and_with_the_size_it_was_last_verified_with) {
  ASSERT_TRUE(add(hosted("a"), digest("x"), 7));
  ASSERT_TRUE(add(hosted("a"), digest("x"), 7));
  ASSERT_TRUE(add(hosted("b"), digest("x"), 7));
  EXPECT_EQ(run(blobs().find(call(), hosted("a"), digest("x")))->size_bytes, 7U);
  ASSERT_TRUE(add(hosted("c"), digest("x"), 8)) << "a wrong record must not keep out what hashes right";
  EXPECT_EQ(run(blobs().find(call(), hosted("a"), digest("x")))->size_bytes, 8U);
}

TEST_P(MetaStoreSuite, finds_a_blob_that_a_manifest_of_the_repository_names) {
  ASSERT_TRUE(add(hosted("elsewhere"), digest("layer")));
  ASSERT_TRUE(add(hosted("elsewhere"), digest("config")));
  ASSERT_TRUE(put({.repository = hosted("a"),
                   .manifest = record(digest("manifest")),
                   .edges = {{meta::EdgeKind::config, digest("config"), 7},
                             {meta::EdgeKind::layer, digest("layer"), 7},
                             {meta::EdgeKind::layer, digest("never came"), 7}},
                   .tags = {},
                   .condition = {},
                   .source = "push"}));
  EXPECT_TRUE(has_blob(hosted("a"), digest("layer")));
  EXPECT_TRUE(has_blob(hosted("a"), digest("config")));
  EXPECT_FALSE(has_blob(hosted("a"), digest("never came")));
  EXPECT_FALSE(has_blob(hosted("b"), digest("layer")));
  ASSERT_TRUE(run(manifests().remove(call(), hosted("a"), digest("manifest"))));
  EXPECT_TRUE(has_blob(hosted("a"), digest("layer"))) << "the manifest can be put again for a while";
  EXPECT_FALSE(has_blob(hosted("a"), digest("never came")));
}

TEST_P(MetaStoreSuite, does_not_take_a_manifest_for_a_blob) {
  ASSERT_TRUE(put(hosted("a"), digest("child")));
  ASSERT_TRUE(put({.repository = hosted("a"),
                   .manifest = record(digest("index")),
                   .edges = {{meta::EdgeKind::manifest, digest("child"), 512}},
                   .tags = {},
                   .condition = {},
                   .source = "push"}));
  EXPECT_FALSE(has_blob(hosted("a"), digest("child")));
  ASSERT_TRUE(add(hosted("b"), digest("child")));
  EXPECT_FALSE(has_blob(hosted("a"), digest("child"))) << "named as a manifest, not as a blob";
}

TEST_P(MetaStoreSuite, mounts_from_a_repository_that_may_serve_the_blob) {
  ASSERT_TRUE(add(hosted("from"), digest("x"), 42));
  const auto mounted = run(blobs().mount(call(), hosted("to"), hosted("from"), digest("x")));
  ASSERT_TRUE(mounted) << mounted.error().message();
  EXPECT_EQ(mounted->size_bytes, 42U);
  EXPECT_TRUE(has_blob(hosted("to"), digest("x")));
  EXPECT_TRUE(run(repositories().contains(call(), hosted("to"))).value());
}

TEST_P(MetaStoreSuite, mounts_nothing_that_the_source_may_not_serve) {
  ASSERT_TRUE(add(hosted("owner"), digest("x")));
  ASSERT_TRUE(put(hosted("empty"), digest("manifest")));
  struct Row {
    std::string name;
    std::optional<oci::RepositoryId> from;
    oci::Digest blob;
  };
  const std::vector<Row> rows{{"a repository without it", hosted("empty"), digest("x")},
                              {"an unknown repository", hosted("unknown"), digest("x")},
                              {"an unknown blob", hosted("owner"), digest("y")},
                              {"an unknown blob from anywhere", std::nullopt, digest("y")},
                              {"a manifest from anywhere", std::nullopt, digest("manifest")}};
  for (const Row& row : rows) {
    const auto mounted = run(blobs().mount(call(), hosted("to"), row.from, row.blob));
    EXPECT_EQ(code_of(mounted), ErrorCode::not_found) << row.name;
  }
  EXPECT_FALSE(run(repositories().contains(call(), hosted("to"))).value());
}

TEST_P(MetaStoreSuite, mounts_from_anywhere_when_no_source_is_named) {
  ASSERT_TRUE(add(of_upstream("ghcr.io", "a"), digest("linked")));
  EXPECT_TRUE(run(blobs().mount(call(), hosted("to"), std::nullopt, digest("linked"))));
  EXPECT_TRUE(has_blob(hosted("to"), digest("linked")));
}

TEST_P(MetaStoreSuite, does_not_mount_from_anywhere_what_no_repository_has_any_more) {
  ASSERT_TRUE(add(hosted("a"), digest("x")));
  ASSERT_TRUE(run(blobs().unlink(call(), hosted("a"), digest("x"))));
  EXPECT_EQ(code_of(run(blobs().mount(call(), hosted("to"), std::nullopt, digest("x")))), ErrorCode::not_found);
  ASSERT_TRUE(put({.repository = hosted("b"),
                   .manifest = record(digest("manifest")),
                   .edges = {{meta::EdgeKind::layer, digest("x"), 7}},
                   .tags = {},
                   .condition = {},
                   .source = "push"}));
  EXPECT_TRUE(run(blobs().mount(call(), hosted("to"), std::nullopt, digest("x")))) << "a manifest names it again";
}

TEST_P(MetaStoreSuite, unlinks_a_blob_from_one_repository_only) {
  ASSERT_TRUE(add(hosted("a"), digest("x")));
  ASSERT_TRUE(add(hosted("b"), digest("x")));
  ASSERT_TRUE(run(blobs().unlink(call(), hosted("a"), digest("x"))));
  EXPECT_FALSE(has_blob(hosted("a"), digest("x")));
  EXPECT_TRUE(has_blob(hosted("b"), digest("x")));
  EXPECT_EQ(code_of(run(blobs().unlink(call(), hosted("a"), digest("x")))), ErrorCode::not_found);
  EXPECT_EQ(code_of(run(blobs().unlink(call(), hosted("unknown"), digest("x")))), ErrorCode::not_found);
}

TEST_P(MetaStoreSuite, does_not_unlink_what_a_manifest_of_the_repository_names) {
  ASSERT_TRUE(add(hosted("a"), digest("x")));
  ASSERT_TRUE(add(hosted("b"), digest("x")));
  ASSERT_TRUE(put({.repository = hosted("a"),
                   .manifest = record(digest("manifest")),
                   .edges = {{meta::EdgeKind::layer, digest("x"), 7}},
                   .tags = {},
                   .condition = {},
                   .source = "push"}));
  const Status refused = run(blobs().unlink(call(), hosted("a"), digest("x")));
  ASSERT_EQ(code_of(refused), ErrorCode::conflict);
  EXPECT_NE(refused.error().message().find(digest("manifest").to_string()), std::string::npos)
      << refused.error().message();
  EXPECT_TRUE(run(blobs().unlink(call(), hosted("b"), digest("x")))) << "no manifest of b names it";
  ASSERT_TRUE(run(manifests().remove(call(), hosted("a"), digest("manifest"))));
  EXPECT_TRUE(run(blobs().unlink(call(), hosted("a"), digest("x"))));
}

TEST_P(MetaStoreSuite, tells_which_blobs_are_missing_in_the_order_asked) {
  ASSERT_TRUE(add(hosted("a"), digest("here")));
  ASSERT_TRUE(add(hosted("b"), digest("in b")));
  const std::vector<oci::Digest> asked{digest("z"), digest("here"), digest("in b"), digest("y"), digest("z")};
  EXPECT_EQ(run(blobs().missing(call(), hosted("a"), asked)).value(),
            (std::vector{digest("z"), digest("in b"), digest("y"), digest("z")}));
  EXPECT_EQ(run(blobs().missing(call(), hosted("unknown"), asked)).value(), asked);
  EXPECT_TRUE(run(blobs().missing(call(), hosted("a"), {})).value().empty());
}

}  // namespace lifeboat::test
