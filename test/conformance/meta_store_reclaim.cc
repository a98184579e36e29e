#include <algorithm>
#include <set>

#include "test/conformance/meta_store_suite.h"

namespace lifeboat::test {
namespace {

WallTime at(int64_t ms) { return WallTime(Duration(ms)); }

std::vector<meta::Reclaimable> look(meta::Store& store, const Call& call, WallTime before, std::size_t rows_max = 100) {
  std::vector<meta::Reclaimable> found;
  std::optional<meta::ReclaimPosition> position = meta::ReclaimPosition{};
  while (position) {
    const auto page = run(store.reclaim().look(call, *position, before, rows_max));
    EXPECT_TRUE(page) << page.error().message();
    if (!page) return found;
    found.insert(found.end(), page->found.begin(), page->found.end());
    position = page->next;
  }
  return found;
}

std::vector<oci::Digest> digests_of(const auto& found) {
  std::vector<oci::Digest> digests;
  for (const auto& one : found) digests.push_back(one.digest);
  return digests;
}

meta::ManifestPut manifest_put(const oci::RepositoryId& repository, meta::ManifestRecord record,
                               std::vector<meta::Edge> edges) {
  return {.repository = repository,
          .manifest = std::move(record),
          .edges = std::move(edges),
          .tags = {},
          .condition = {},
          .source = "push"};
}

}  // namespace

TEST_P(MetaStoreSuite, reclaims_links_that_no_manifest_names_and_nobody_touched) {
  clock_.set_wall_ms(1000);
  ASSERT_TRUE(add(hosted("a"), digest("named"), 5));
  ASSERT_TRUE(add(hosted("a"), digest("left"), 6));
  ASSERT_TRUE(put(manifest_put(hosted("a"), record(digest("m")), {{meta::EdgeKind::layer, digest("named"), 5}})));
  clock_.set_wall_ms(2000);
  ASSERT_TRUE(add(hosted("a"), digest("young"), 7));
  // A manifest of another repository is no reason to keep a link here.
  ASSERT_TRUE(run(blobs().mount(call(), hosted("b"), hosted("a"), digest("named"))));
  for (const std::size_t rows : {1U, 2U, 100U}) {
    const auto found = look(store(), call(), at(1999), rows);
    ASSERT_EQ(digests_of(found), std::vector{digest("left")}) << rows << " rows at a time";
    EXPECT_EQ(found[0].repository, hosted("a"));
    EXPECT_EQ(found[0].size_bytes, 6U);
    EXPECT_EQ(found[0].touched, at(1000));
    EXPECT_EQ(found[0].links, 1U);
    EXPECT_FALSE(found[0].is_named);
  }
  EXPECT_TRUE(look(store(), call(), at(999)).empty());
  const auto later = look(store(), call(), at(2000));
  ASSERT_EQ(later.size(), 3U);
  EXPECT_EQ(later[2].repository, hosted("b"));
  EXPECT_TRUE(later[2].is_named);
  EXPECT_EQ(later[2].links, 2U);
}

TEST_P(MetaStoreSuite, condemns_what_the_last_link_leaves) {
  ASSERT_TRUE(add(hosted("a"), digest("x"), 6));
  ASSERT_TRUE(run(blobs().mount(call(), hosted("b"), hosted("a"), digest("x"))));
  const auto found = look(store(), call(), at(5000));
  ASSERT_EQ(found.size(), 2U);
  ASSERT_EQ(run(store().reclaim().release(call(), {found[0]}, at(5000)))->size(), 1U);
  EXPECT_FALSE(has_blob(hosted("a"), digest("x")));
  EXPECT_TRUE(has_blob(hosted("b"), digest("x")));
  EXPECT_TRUE(run(store().reclaim().unneeded(call(), {digest("x")}))->empty());
  EXPECT_TRUE(run(store().reclaim().condemned(call(), at(9999), 10))->empty());

  ASSERT_EQ(run(store().reclaim().release(call(), {found[1]}, at(5000)))->size(), 1U);
  EXPECT_FALSE(has_blob(hosted("b"), digest("x")));
  EXPECT_FALSE(run(blobs().mount(call(), hosted("c"), std::nullopt, digest("x"))));
  EXPECT_EQ(*run(store().reclaim().unneeded(call(), {digest("x")})), std::vector{digest("x")});
  EXPECT_TRUE(repository_names().empty());
  const auto condemned = run(store().reclaim().condemned(call(), at(5000), 10));
  ASSERT_EQ(digests_of(*condemned), std::vector{digest("x")});
  EXPECT_EQ(condemned->front().size_bytes, 6U);
  store().reclaim().acquit({digest("x")});
  EXPECT_TRUE(run(store().reclaim().condemned(call(), at(9999), 10))->empty());
}

TEST_P(MetaStoreSuite, releases_nothing_that_has_come_to_be_needed) {
  clock_.set_wall_ms(1000);
  for (const char* name : {"named", "renewed", "mounted again", "left"}) {
    ASSERT_TRUE(add(hosted("a"), digest(name)));
  }
  const auto found = look(store(), call(), at(1500));
  ASSERT_EQ(found.size(), 4U);
  clock_.set_wall_ms(2000);
  ASSERT_TRUE(put(manifest_put(hosted("a"), record(digest("m")), {{meta::EdgeKind::config, digest("named"), 7}})));
  ASSERT_TRUE(run(blobs().renew(call(), hosted("a"), digest("renewed"), Duration(0))));
  ASSERT_TRUE(run(blobs().mount(call(), hosted("a"), std::nullopt, digest("mounted again"))));
  EXPECT_EQ(digests_of(*run(store().reclaim().release(call(), found, at(1500)))), std::vector{digest("left")});
  for (const char* name : {"named", "renewed", "mounted again"})
    EXPECT_TRUE(has_blob(hosted("a"), digest(name))) << name;
}

TEST_P(MetaStoreSuite, reclaims_blobs_that_nothing_links_or_names) {
  ASSERT_TRUE(add(hosted("a"), digest("unlinked")));
  ASSERT_TRUE(run(blobs().unlink(call(), hosted("a"), digest("unlinked"))));
  auto found = look(store(), call(), at(0), 1);
  ASSERT_EQ(digests_of(found), std::vector{digest("unlinked")});
  EXPECT_FALSE(found[0].repository);
  ASSERT_TRUE(add(hosted("b"), digest("unlinked")));
  EXPECT_TRUE(run(store().reclaim().release(call(), found, at(9)))->empty()) << "somebody has it again";
  ASSERT_TRUE(run(blobs().unlink(call(), hosted("b"), digest("unlinked"))));
  EXPECT_EQ(run(store().reclaim().release(call(), found, at(9)))->size(), 1U);
  EXPECT_TRUE(look(store(), call(), at(9999)).empty());
}

TEST_P(MetaStoreSuite, condemns_a_manifest_with_its_last_repository) {
  clock_.set_wall_ms(3000);
  ASSERT_TRUE(put(hosted("a"), digest("m")));
  ASSERT_TRUE(put(hosted("b"), digest("m")));
  ASSERT_TRUE(put(of_upstream("ghcr.io", "a"), digest("m")));
  ASSERT_TRUE(run(manifests().remove(call(), of_upstream("ghcr.io", "a"), digest("m"))));
  EXPECT_TRUE(run(store().reclaim().condemned(call(), at(9999), 10))->empty());
  ASSERT_TRUE(run(manifests().remove(call(), hosted("a"), digest("m"))));
  EXPECT_TRUE(run(store().reclaim().unneeded(call(), {digest("m")}))->empty()) << "another repository has it";
  ASSERT_TRUE(run(manifests().remove(call(), hosted("b"), digest("m"))));
  EXPECT_TRUE(run(store().reclaim().condemned(call(), at(2999), 10))->empty());
  const auto condemned = run(store().reclaim().condemned(call(), at(3000), 10));
  ASSERT_EQ(digests_of(*condemned), std::vector{digest("m")});
  EXPECT_EQ(condemned->front().size_bytes, 512U);
  ASSERT_TRUE(put(hosted("c"), digest("m")));
  EXPECT_TRUE(run(store().reclaim().unneeded(call(), {digest("m")}))->empty()) << "it was pushed again";
}

TEST_P(MetaStoreSuite, keeps_the_blobs_of_a_removed_manifest_for_a_while) {
  clock_.set_wall_ms(1000);
  ASSERT_TRUE(add(hosted("a"), digest("linked"), 5));
  ASSERT_TRUE(add(hosted("b"), digest("only named"), 6));
  ASSERT_TRUE(put(manifest_put(hosted("a"), record(digest("m")),
                               {{meta::EdgeKind::layer, digest("linked"), 5},
                                {meta::EdgeKind::config, digest("only named"), 6},
                                {meta::EdgeKind::layer, digest("never here"), 7},
                                {meta::EdgeKind::manifest, digest("child"), 8}})));
  ASSERT_TRUE(run(blobs().unlink(call(), hosted("b"), digest("only named"))));
  clock_.set_wall_ms(5000);
  ASSERT_TRUE(run(manifests().remove(call(), hosted("a"), digest("m"))));
  EXPECT_TRUE(look(store(), call(), at(4999)).empty()) << "it could not be put again";
  EXPECT_TRUE(run(blobs().missing(call(), hosted("a"), {digest("linked"), digest("only named")}))->empty());
  EXPECT_FALSE(has_blob(hosted("a"), digest("never here")));
  EXPECT_FALSE(has_blob(hosted("a"), digest("child")));
  std::set<oci::Digest> later;
  for (const auto& one : look(store(), call(), at(5000))) later.insert(one.digest);
  EXPECT_EQ(later, (std::set{digest("linked"), digest("only named")}));
}

TEST_P(MetaStoreSuite, never_condemns_a_blob_that_is_a_manifest_as_well) {
  ASSERT_TRUE(add(hosted("a"), digest("both")));
  ASSERT_TRUE(put(hosted("a"), digest("both")));
  const auto found = look(store(), call(), at(9999));
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(run(store().reclaim().release(call(), found, at(9999)))->size(), 1U);
  EXPECT_TRUE(run(store().reclaim().condemned(call(), at(9999), 10))->empty());
  EXPECT_TRUE(run(store().reclaim().unneeded(call(), {digest("both")}))->empty());
}

TEST_P(MetaStoreSuite, renews_what_somebody_relies_on) {
  clock_.set_wall_ms(1000);
  ASSERT_TRUE(add(hosted("a"), digest("x"), 6));
  clock_.set_wall_ms(1400);
  EXPECT_EQ(run(blobs().renew(call(), hosted("a"), digest("x"), Duration(500)))->size_bytes, 6U);
  EXPECT_EQ(look(store(), call(), at(1000)).size(), 1U) << "it was touched shortly before";
  clock_.set_wall_ms(1600);
  ASSERT_TRUE(run(blobs().renew(call(), hosted("a"), digest("x"), Duration(500))));
  EXPECT_TRUE(look(store(), call(), at(1599)).empty());
  EXPECT_EQ(code_of(run(blobs().renew(call(), hosted("b"), digest("x"), Duration(0)))), ErrorCode::not_found);
}

TEST_P(MetaStoreSuite, renews_what_only_a_manifest_names) {
  ASSERT_TRUE(add(hosted("elsewhere"), digest("layer")));
  ASSERT_TRUE(put(manifest_put(hosted("a"), record(digest("m")), {{meta::EdgeKind::layer, digest("layer"), 7}})));
  ASSERT_TRUE(run(blobs().renew(call(), hosted("a"), digest("layer"), Duration(500))));
  ASSERT_TRUE(run(manifests().remove(call(), hosted("a"), digest("m"))));
  EXPECT_TRUE(has_blob(hosted("a"), digest("layer"))) << "a client was told that it need not send it";
}

TEST_P(MetaStoreSuite, puts_no_manifest_without_what_it_requires) {
  using enum meta::EdgeKind;
  ASSERT_TRUE(add(hosted("a"), digest("config")));
  ASSERT_TRUE(put(hosted("a"), digest("child")));
  const auto with = [&](meta::EdgeKind kind, const char* name) {
    return put(manifest_put(
        hosted("a"), record(digest("m")),
        {{config, digest("config"), 7, true}, {layer, digest("foreign"), 7}, {kind, digest(name), 7, true}}));
  };
  for (const auto& [kind, name] : {std::pair(layer, "gone"), std::pair(manifest, "gone"), std::pair(layer, "child"),
                                   std::pair(manifest, "config")}) {
    EXPECT_EQ(code_of(with(kind, name)), ErrorCode::unavailable) << name;
    EXPECT_FALSE(has_manifest(hosted("a"), digest("m")));
  }
  EXPECT_TRUE(with(manifest, "child"));
  EXPECT_TRUE(has_manifest(hosted("a"), digest("m")));
}

TEST_P(MetaStoreSuite, removes_no_manifest_that_an_index_of_the_repository_names) {
  ASSERT_TRUE(put(hosted("a"), digest("child"), {"v1-amd64"}));
  ASSERT_TRUE(put(hosted("b"), digest("child")));
  ASSERT_TRUE(
      put(manifest_put(hosted("a"), record(digest("index")), {{meta::EdgeKind::manifest, digest("child"), 7}})));
  const Status refused = run(manifests().remove(call(), hosted("a"), digest("child")));
  EXPECT_EQ(code_of(refused), ErrorCode::conflict);
  EXPECT_NE(refused.error().message().find(digest("index").to_string()), std::string::npos);
  EXPECT_TRUE(has_manifest(hosted("a"), digest("child")));
  EXPECT_TRUE(find_tag(hosted("a"), "v1-amd64"));
  EXPECT_TRUE(run(manifests().remove(call(), hosted("b"), digest("child")))) << "no index there names it";
  EXPECT_TRUE(run(manifests().remove(call(), hosted("a"), digest("index"))));
  EXPECT_TRUE(run(manifests().remove(call(), hosted("a"), digest("child"))));
}

TEST_P(MetaStoreSuite, needs_what_a_manifest_names_and_what_is_missed) {
  using enum meta::EdgeKind;
  const auto is_needed = [&](const char* name) {
    return run(store().reclaim().unneeded(call(), {digest(name)}))->empty();
  };
  EXPECT_FALSE(is_needed("layer"));
  ASSERT_TRUE(put(manifest_put(of_upstream("ghcr.io", "a"), record(digest("index")),
                               {{manifest, digest("child"), 7}, {layer, digest("layer"), 7}})));
  EXPECT_TRUE(is_needed("layer"));
  ASSERT_TRUE(put(hosted("b"), digest("child")));
  ASSERT_TRUE(run(manifests().remove(call(), hosted("b"), digest("child"))));
  EXPECT_TRUE(is_needed("child")) << "the index still names it";
  ASSERT_TRUE(run(manifests().remove(call(), of_upstream("ghcr.io", "a"), digest("index"))));
  EXPECT_FALSE(is_needed("layer"));
  EXPECT_FALSE(is_needed("child"));

  ASSERT_TRUE(run(faults().note(call(), {.digest = digest("layer")})));
  EXPECT_TRUE(is_needed("layer"));
  ASSERT_TRUE(run(faults().clear(call(), digest("layer"))));
  EXPECT_FALSE(is_needed("layer"));
}

TEST_P(MetaStoreSuite, keeps_links_that_a_missed_manifest_names) {
  using enum meta::EdgeKind;
  ASSERT_TRUE(add(hosted("a"), digest("layer")));
  ASSERT_TRUE(put(manifest_put(hosted("b"), record(digest("child")), {{layer, digest("layer"), 7}})));
  const auto seen = look(store(), call(), at(5000));
  ASSERT_EQ(digests_of(seen), std::vector{digest("layer")}) << "only another repository has the manifest";
  const auto expect_kept = [&](const char* why) {
    EXPECT_TRUE(look(store(), call(), at(5000)).empty()) << why;
    EXPECT_TRUE(run(store().reclaim().release(call(), seen, at(5000)))->empty()) << why;
  };
  ASSERT_TRUE(run(faults().note(call(), {.digest = digest("child")})));
  expect_kept("the manifest is lost");
  ASSERT_TRUE(run(faults().clear(call(), digest("child"))));
  ASSERT_TRUE(put(manifest_put(hosted("a"), record(digest("index")), {{manifest, digest("child"), 7}})));
  expect_kept("an index of the repository names the manifest");
  ASSERT_TRUE(run(manifests().remove(call(), hosted("a"), digest("index"))));
  EXPECT_EQ(run(store().reclaim().release(call(), seen, at(5000)))->size(), 1U);
}

TEST_P(MetaStoreSuite, tells_what_the_tags_of_hosted_repositories_need) {
  using enum meta::EdgeKind;
  for (const char* name : {"config", "layer", "other"}) ASSERT_TRUE(add(hosted("a"), digest(name)));
  ASSERT_TRUE(
      put(manifest_put(hosted("a"), record(digest("child")),
                       {{config, digest("config"), 7}, {layer, digest("layer"), 7}, {layer, digest("foreign"), 7}})));
  auto index = manifest_put(hosted("a"), record(digest("index")), {{manifest, digest("child"), 7}});
  index.tags = {tag("v1"), tag("v2")};
  ASSERT_TRUE(put(index));
  ASSERT_TRUE(put(hosted("a"), digest("untagged")));
  ASSERT_TRUE(put(of_upstream("ghcr.io", "a"), digest("cached"), {"v1"}));
  std::set<oci::Digest> needed;
  std::string position;
  do {
    const auto page = run(store().reclaim().needed_by_tags(call(), position, 1));
    ASSERT_TRUE(page) << page.error().message();
    needed.insert(page->digests.begin(), page->digests.end());
    position = page->next;
  } while (!position.empty());
  EXPECT_EQ(needed, (std::set{digest("index"), digest("child"), digest("config"), digest("layer")}));
  EXPECT_TRUE(run(store().reclaim().faults(call(), 10))->empty());
}

TEST_P(MetaStoreSuite, records_what_a_manifest_names_again) {
  using enum meta::EdgeKind;
  for (const char* name : {"config", "layer"}) ASSERT_TRUE(add(hosted("a"), digest(name)));
  ASSERT_TRUE(put(manifest_put(hosted("a"), record(digest("m")), {{config, digest("config"), 7}})));
  const std::vector<meta::Edge> edges{{config, digest("config"), 7}, {layer, digest("layer"), 7}};
  EXPECT_TRUE(run(store().reclaim().restore_edges(call(), hosted("a"), digest("m"), edges)).value());
  auto named = run(faults().named_by(call(), digest("m"))).value();
  std::ranges::sort(named);
  std::vector<oci::Digest> wanted{digest("config"), digest("layer")};
  std::ranges::sort(wanted);
  EXPECT_EQ(named, wanted);
  EXPECT_TRUE(look(store(), call(), at(5000)).empty());
  EXPECT_FALSE(run(store().reclaim().restore_edges(call(), hosted("b"), digest("m"), edges)).value());
  EXPECT_FALSE(run(manifests().find(call(), hosted("b"), digest("m")))) << "another repository has it";
}

}  // namespace lifeboat::test
