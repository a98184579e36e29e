#include <algorithm>

#include "test/conformance/meta_store_suite.h"

namespace lifeboat::test {
namespace {

WallTime at(int64_t ms) { return WallTime(Duration(ms)); }

meta::Fault fault_of(const oci::Digest& digest, int64_t due_ms = 0) {
  return {.digest = digest, .kind = meta::FaultKind::wrong_bytes, .detail = "rot", .found = at(5), .due = at(due_ms)};
}

meta::ManifestPut put_of(oci::RepositoryId repository, const oci::Digest& digest, std::vector<meta::Edge> edges,
                         std::vector<oci::Tag> tags = {}) {
  return {.repository = std::move(repository),
          .manifest = MetaStoreSuite::record(digest),
          .edges = std::move(edges),
          .tags = std::move(tags),
          .condition = {},
          .source = "push"};
}

std::vector<oci::Digest> digests_of(const std::vector<meta::KnownContent>& known) {
  std::vector<oci::Digest> digests;
  for (const meta::KnownContent& one : known) digests.push_back(one.digest);
  return digests;
}

}  // namespace

TEST_P(MetaStoreSuite, does_not_find_a_blob_with_a_fault_until_it_is_added_again) {
  ASSERT_TRUE(add(hosted("a"), digest("x"), 7));
  ASSERT_TRUE(add(hosted("b"), digest("x"), 7));
  ASSERT_TRUE(run(faults().note(call(), fault_of(digest("x")))));
  EXPECT_FALSE(has_blob(hosted("a"), digest("x")));
  EXPECT_EQ(run(blobs().missing(call(), hosted("a"), {digest("x")})).value(), std::vector{digest("x")});
  EXPECT_EQ(code_of(run(blobs().mount(call(), hosted("c"), hosted("a"), digest("x")))), ErrorCode::not_found)
      << "a mount would tell the client that it need not upload it";
  EXPECT_EQ(code_of(run(blobs().mount(call(), hosted("c"), std::nullopt, digest("x")))), ErrorCode::not_found);
  ASSERT_TRUE(add(hosted("a"), digest("x"), 7));
  EXPECT_TRUE(has_blob(hosted("a"), digest("x")));
  EXPECT_TRUE(has_blob(hosted("b"), digest("x"))) << "the content is the same for all";
  EXPECT_FALSE(run(faults().find(call(), digest("x"))).value());
}

TEST_P(MetaStoreSuite, does_not_find_a_manifest_with_a_fault_until_it_is_put_again) {
  ASSERT_TRUE(put(hosted("a"), digest("m"), {"v1"}));
  ASSERT_TRUE(run(faults().note(call(), fault_of(digest("m")))));
  EXPECT_FALSE(has_manifest(hosted("a"), digest("m")));
  EXPECT_EQ(run(manifests().missing(call(), hosted("a"), {digest("m")})).value(), std::vector{digest("m")});
  EXPECT_EQ(find_tag(hosted("a"), "v1")->digest, digest("m")) << "the name stays: it tells what is missing";
  ASSERT_TRUE(put(hosted("a"), digest("m")));
  EXPECT_TRUE(has_manifest(hosted("a"), digest("m")));
  EXPECT_EQ(run(faults().count(call())).value(), 0U);
}

TEST_P(MetaStoreSuite, removes_a_manifest_that_has_a_fault) {
  ASSERT_TRUE(put(hosted("a"), digest("m"), {"v1"}));
  ASSERT_TRUE(run(faults().note(call(), fault_of(digest("m")))));
  EXPECT_TRUE(run(manifests().remove(call(), hosted("a"), digest("m"))));
  EXPECT_TRUE(tag_names(hosted("a")).empty());
}

TEST_P(MetaStoreSuite, keeps_a_fault_as_it_was_first_noted_and_lists_by_when_they_are_due) {
  ASSERT_TRUE(run(faults().note(call(), fault_of(digest("late"), 300))));
  ASSERT_TRUE(run(faults().note(call(), fault_of(digest("soon"), 100))));
  ASSERT_TRUE(run(faults().note(call(), fault_of(digest("soon"), 900))));
  auto all = run(faults().list(call(), 10)).value();
  ASSERT_EQ(all.size(), 2U);
  EXPECT_EQ(all[0].digest, digest("soon"));
  EXPECT_EQ(all[0].due, at(100));
  EXPECT_EQ(all[0].kind, meta::FaultKind::wrong_bytes);
  EXPECT_EQ(all[0].detail, "rot");
  EXPECT_EQ(all[0].found, at(5));
  EXPECT_EQ(run(faults().list(call(), 1))->size(), 1U);

  all[0].tries = 3;
  all[0].due = at(500);
  all[0].last_error = "nobody has it";
  faults().postpone(all[0]);
  const auto tried = run(faults().find(call(), digest("soon"))).value();
  ASSERT_TRUE(tried);
  EXPECT_EQ(tried->tries, 3U);
  EXPECT_EQ(tried->last_error, "nobody has it");
  EXPECT_EQ(run(faults().list(call(), 10))->front().digest, digest("late"));
  ASSERT_TRUE(run(faults().clear(call(), digest("soon"))));
  ASSERT_TRUE(run(faults().clear(call(), digest("never was"))));
  EXPECT_EQ(run(faults().count(call())).value(), 1U);
}

TEST_P(MetaStoreSuite, lists_what_repositories_have_page_by_page) {
  ASSERT_TRUE(add(hosted("a"), digest("layer"), 7));
  ASSERT_TRUE(put(put_of(hosted("a"), digest("m"), {{meta::EdgeKind::layer, digest("layer"), 7}})));
  ASSERT_TRUE(add(hosted("a"), digest("unlinked"), 7));
  ASSERT_TRUE(run(blobs().unlink(call(), hosted("a"), digest("unlinked"))));
  ASSERT_TRUE(add(hosted("b"), digest("faulty"), 7));
  ASSERT_TRUE(run(faults().note(call(), fault_of(digest("faulty")))));
  std::vector<oci::Digest> expected{digest("layer"), digest("m")};
  std::ranges::sort(expected);
  const auto all = run(faults().known(call(), std::nullopt, 10)).value();
  EXPECT_EQ(digests_of(all), expected);
  for (const meta::KnownContent& one : all) {
    EXPECT_EQ(one.is_manifest, one.digest == digest("m"));
    EXPECT_EQ(one.size_bytes, one.is_manifest ? 512U : 7U);
  }
  EXPECT_EQ(digests_of(run(faults().known(call(), std::nullopt, 1)).value()), std::vector{expected[0]});
  EXPECT_EQ(digests_of(run(faults().known(call(), expected[0], 10)).value()), std::vector{expected[1]});
  EXPECT_TRUE(run(faults().known(call(), expected[1], 10))->empty());
}

TEST_P(MetaStoreSuite, names_the_tags_that_break_without_some_content) {
  ASSERT_TRUE(add(hosted("a"), digest("layer"), 7));
  const std::vector<meta::Edge> to_layer{{meta::EdgeKind::layer, digest("layer"), 7}};
  const std::vector<meta::Edge> to_child{{meta::EdgeKind::manifest, digest("child"), 512}};
  ASSERT_TRUE(put(put_of(hosted("a"), digest("child"), to_layer, {tag("plain")})));
  ASSERT_TRUE(put(put_of(hosted("a"), digest("index"), to_child, {tag("multi")})));
  ASSERT_TRUE(put(put_of(hosted("a"), digest("other"), {}, {tag("sound")})));
  ASSERT_TRUE(put(put_of(of_upstream("ghcr.io", "b"), digest("index"), to_child, {tag("theirs")})));
  const auto over = run(faults().tags_over(call(), digest("layer"), 10)).value();
  EXPECT_EQ(over, (std::vector<meta::TagPlace>{{hosted("a"), tag("multi")}, {hosted("a"), tag("plain")}}))
      << "of the other repository nothing leads down to the layer: it has no such child";
  EXPECT_EQ(run(faults().tags_over(call(), digest("child"), 10))->size(), 3U);
  EXPECT_EQ(run(faults().tags_over(call(), digest("index"), 10))->size(), 2U);
  EXPECT_EQ(run(faults().tags_over(call(), digest("layer"), 1))->size(), 1U);
  EXPECT_TRUE(run(faults().tags_over(call(), digest("never was"), 10))->empty());

  EXPECT_EQ(run(faults().named_by(call(), digest("index"))).value(), std::vector{digest("child")});
  EXPECT_TRUE(run(faults().named_by(call(), digest("other")))->empty());
  EXPECT_EQ(run(faults().places(call(), digest("layer"))).value(),
            (std::vector<meta::ContentPlace>{{hosted("a"), false}}));
  EXPECT_EQ(run(faults().places(call(), digest("child"))).value(),
            (std::vector<meta::ContentPlace>{{hosted("a"), true}, {of_upstream("ghcr.io", "b"), true}}));
  EXPECT_TRUE(run(faults().places(call(), digest("never was")))->empty());
}

TEST_P(MetaStoreSuite, finds_manifests_that_a_hosted_index_names_and_nobody_recorded) {
  const std::vector<meta::Edge> to_lost{{meta::EdgeKind::manifest, digest("lost"), 512}};
  ASSERT_TRUE(put(put_of(hosted("a"), digest("index"), to_lost, {tag("multi")})));
  ASSERT_TRUE(put(put_of(of_upstream("ghcr.io", "b"), digest("index"), to_lost)));
  EXPECT_EQ(run(faults().lost_manifests(call(), 10)).value(),
            (std::vector<meta::LostManifest>{{hosted("a"), digest("lost")}}))
      << "of an upstream not every child is held";
  ASSERT_TRUE(put(hosted("a"), digest("lost")));
  EXPECT_TRUE(run(faults().lost_manifests(call(), 10))->empty());
}

}  // namespace lifeboat::test
