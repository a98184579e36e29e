#include <algorithm>
#include <map>

#include "meta/memory_store.h"
#include "meta/sqlite_store.h"
#include "test/conformance/meta_store_suite.h"
#include "test/support/temporary_directory.h"

namespace lifeboat::test {
namespace {

using meta::EdgeKind;

WallTime at(int64_t ms) { return WallTime(Duration(ms)); }

struct Kind {
  std::string name;
  std::function<std::unique_ptr<meta::Store>(const std::filesystem::path&, const sys::Clock&, meta::EvictionIndex*&)>
      make;
};

/// What a store that can evict does, however it keeps its names.
class EvictionSuite : public testing::TestWithParam<Kind> {
 protected:
  EvictionSuite() : store_(GetParam().make(directory_.path() / "names.db", clock_, eviction_)) {}
  meta::Store& store() { return *store_; }
  meta::EvictionIndex& eviction() { return *eviction_; }
  static Call call() { return MetaStoreSuite::call(); }
  static oci::Digest digest(std::string_view text) { return MetaStoreSuite::digest(text); }
  static oci::RepositoryId hosted(std::string_view name) { return MetaStoreSuite::hosted(name); }
  static oci::Tag tag(std::string_view name) { return MetaStoreSuite::tag(name); }
  bool has_blob(const oci::RepositoryId& repository, std::string_view name) {
    return run(store().blobs().find(call(), repository, digest(name))).has_value();
  }
  bool has_manifest(const oci::RepositoryId& repository, std::string_view name) {
    return run(store().manifests().find(call(), repository, digest(name))).has_value();
  }
  Status put(const oci::RepositoryId& repository, std::string_view name, std::vector<meta::Edge> edges = {}) {
    meta::ManifestRecord record = MetaStoreSuite::record(digest(name));
    record.size_bytes = 10;
    return run(store().manifests().put(call(), {.repository = repository,
                                                .manifest = record,
                                                .edges = std::move(edges),
                                                .tags = {tag("v1")},
                                                .condition = {},
                                                .source = "push"}));
  }

  TemporaryDirectory directory_;
  StandingClock clock_;
  meta::EvictionIndex* eviction_ = nullptr;
  std::unique_ptr<meta::Store> store_;
};

/// A repository with an upstream, filled at chosen times.
struct Cache {
  meta::Store& store;
  meta::EvictionIndex& eviction;
  StandingClock& clock;
  oci::RepositoryId repository = MetaStoreSuite::of_upstream("ghcr.io", "org/app");

  void blob(const std::string& name, uint64_t size_bytes, int64_t ms) {
    clock.set_wall_ms(ms);
    ASSERT_TRUE(run(store.blobs().add(MetaStoreSuite::call(), repository, {MetaStoreSuite::digest(name), size_bytes})));
  }
  void manifest(const std::string& name, std::vector<meta::Edge> edges, int64_t ms, std::vector<oci::Tag> tags = {},
                std::optional<oci::Digest> subject = {}) {
    clock.set_wall_ms(ms);
    meta::ManifestRecord record = MetaStoreSuite::record(MetaStoreSuite::digest(name));
    record.size_bytes = 10;
    record.subject = subject;
    ASSERT_TRUE(run(store.manifests().put(MetaStoreSuite::call(), {.repository = repository,
                                                                   .manifest = record,
                                                                   .edges = std::move(edges),
                                                                   .tags = std::move(tags),
                                                                   .condition = {},
                                                                   .source = "ghcr.io",
                                                                   .capture_due = at(ms)})));
  }
  static meta::Edge layer(const std::string& name) { return {EdgeKind::layer, MetaStoreSuite::digest(name), 1}; }
  static meta::Edge child(const std::string& name) { return {EdgeKind::manifest, MetaStoreSuite::digest(name), 10}; }

  std::vector<meta::CachedImage> images(std::size_t rows_max = 100) {
    std::vector<meta::CachedImage> found;
    std::optional<meta::EvictionPosition> position = meta::EvictionPosition{};
    while (position) {
      const auto page = run(eviction.look(MetaStoreSuite::call(), *position, rows_max));
      EXPECT_TRUE(page) << page.error().message();
      if (!page) return found;
      found.insert(found.end(), page->images.begin(), page->images.end());
      position = page->next;
    }
    return found;
  }
  meta::Evicted evict(const std::string& root, int64_t used_ms) {
    const auto evicted =
        run(eviction.evict(MetaStoreSuite::call(), {repository, MetaStoreSuite::digest(root), at(used_ms)}));
    EXPECT_TRUE(evicted) << evicted.error().message();
    return evicted.value_or(meta::Evicted{});
  }
};

}  // namespace

TEST_P(EvictionSuite, sees_the_images_of_upstreams_by_their_roots) {
  Cache cache{store(), eviction(), clock_};
  cache.blob("layer", 5, 1000);
  cache.manifest("child", {Cache::layer("layer")}, 1000);
  cache.manifest("index", {Cache::child("child"), Cache::child("never fetched")}, 1000, {tag("v1")});
  cache.manifest("signature", {}, 3000, {tag("sig")}, digest("child"));
  cache.manifest("orphaned signature", {}, 4000, {tag("old-sig")}, digest("long gone"));
  ASSERT_TRUE(put(hosted("team/app"), "pushed"));
  for (const std::size_t rows : {1U, 2U, 100U}) {
    std::map<oci::Digest, WallTime> found;
    for (const auto& image : cache.images(rows)) {
      EXPECT_EQ(image.repository, cache.repository);
      found.emplace(image.root, image.used);
    }
    const std::map<oci::Digest, WallTime> wanted{{digest("index"), at(3000)}, {digest("orphaned signature"), at(4000)}};
    EXPECT_EQ(found, wanted) << rows << " rows at a time";
  }
}

TEST_P(EvictionSuite, evicts_an_image_whole) {
  Cache cache{store(), eviction(), clock_};
  cache.blob("layer", 5, 1000);
  cache.manifest("child", {Cache::layer("layer")}, 1000, {tag("v1-amd64")});
  cache.manifest("index", {Cache::child("child")}, 1000, {tag("v1"), tag("latest")});
  cache.manifest("signature", {}, 1000, {tag("sig")}, digest("child"));
  const auto evicted = cache.evict("index", 1000);
  EXPECT_TRUE(evicted.has_gone);
  EXPECT_EQ(evicted.contents, 4U);
  EXPECT_EQ(evicted.bytes, 35U);
  EXPECT_TRUE(cache.images().empty());
  EXPECT_TRUE(run(store().tags().list(call(), cache.repository, "", 9))->tags.empty());
  EXPECT_FALSE(has_blob(cache.repository, "layer"));
  EXPECT_EQ(run(store().captures().totals(call()))->waiting, 0U) << "nobody fetches again what has just gone";
  EXPECT_TRUE(run(store().repositories().list(call(), "", 9))->names.empty());
  // Condemned long ago: no grace keeps the bytes of what can be fetched again.
  EXPECT_EQ(run(store().reclaim().condemned(call(), at(1), 10))->size(), 4U);
  EXPECT_EQ(run(store().reclaim().unneeded(call(), {digest("layer"), digest("index")}))->size(), 2U);
  EXPECT_FALSE(cache.evict("index", 1000).has_gone) << "it is no longer there";
}

TEST_P(EvictionSuite, keeps_what_another_image_shares_with_an_evicted_one) {
  Cache cache{store(), eviction(), clock_};
  for (const char* name : {"base", "old", "new"}) cache.blob(name, 100, 1000);
  cache.manifest("arm", {Cache::layer("base")}, 1000);
  cache.manifest("amd of v1", {Cache::layer("base"), Cache::layer("old")}, 1000);
  cache.manifest("amd of v2", {Cache::layer("base"), Cache::layer("new")}, 1000);
  cache.manifest("v1", {Cache::child("arm"), Cache::child("amd of v1")}, 1000, {tag("v1")});
  cache.manifest("v2", {Cache::child("arm"), Cache::child("amd of v2")}, 1000, {tag("v2")});
  cache.manifest("signature of arm", {}, 1000, {}, digest("arm"));
  EXPECT_EQ(cache.evict("v1", 1000).bytes, 120U) << "v1, its own child and that one's own layer";
  EXPECT_FALSE(has_blob(cache.repository, "old"));
  EXPECT_FALSE(has_manifest(cache.repository, "amd of v1"));
  for (const char* name : {"v2", "amd of v2", "arm", "signature of arm"}) {
    EXPECT_TRUE(has_manifest(cache.repository, name)) << name;
  }
  for (const char* name : {"base", "new"}) EXPECT_TRUE(has_blob(cache.repository, name)) << name;
  EXPECT_EQ(cache.evict("v2", 1000).bytes, 240U) << "the rest";
}

TEST_P(EvictionSuite, evicts_nothing_that_another_repository_needs) {
  Cache cache{store(), eviction(), clock_};
  cache.blob("layer", 5, 1000);
  cache.blob("linked", 6, 1000);
  cache.manifest("image", {Cache::layer("layer"), Cache::layer("linked")}, 1000, {tag("v1")});
  ASSERT_TRUE(run(store().blobs().mount(call(), hosted("team/app"), std::nullopt, digest("linked"))));
  ASSERT_TRUE(put(hosted("team/app"), "image", {Cache::layer("layer"), Cache::layer("linked")}));
  const auto evicted = cache.evict("image", 1000);
  EXPECT_TRUE(evicted.has_gone);
  EXPECT_EQ(evicted.contents, 0U) << "a hosted image is made of the same";
  EXPECT_TRUE(has_manifest(hosted("team/app"), "image"));
  for (const char* name : {"layer", "linked"}) {
    EXPECT_TRUE(has_blob(hosted("team/app"), name)) << name;
    EXPECT_FALSE(has_blob(cache.repository, name)) << name;
  }
  EXPECT_TRUE(run(store().reclaim().condemned(call(), at(9999), 10))->empty());
}

TEST_P(EvictionSuite, leaves_the_grace_to_what_was_deleted_from_a_hosted_repository) {
  Cache cache{store(), eviction(), clock_};
  cache.manifest("image", {}, 1000, {tag("v1")});
  ASSERT_TRUE(put(hosted("team/app"), "image"));
  clock_.set_wall_ms(5000);
  ASSERT_TRUE(run(store().manifests().remove(call(), hosted("team/app"), digest("image"))));
  const auto evicted = cache.evict("image", 1000);
  EXPECT_TRUE(evicted.has_gone);
  EXPECT_EQ(evicted.contents, 0U) << "the bytes stay for the grace";
  EXPECT_TRUE(run(store().reclaim().condemned(call(), at(4999), 10))->empty()) << "it could not be put again";
  const auto condemned = run(store().reclaim().condemned(call(), at(5000), 10));
  ASSERT_EQ(condemned->size(), 1U);
  EXPECT_EQ(condemned->front().digest, digest("image"));
  EXPECT_EQ(condemned->front().size_bytes, 10U);
  EXPECT_EQ(*run(store().reclaim().unneeded(call(), {digest("image")})), std::vector{digest("image")});
}

TEST_P(EvictionSuite, evicts_nothing_that_was_used_or_named_since_it_was_looked_at) {
  Cache cache{store(), eviction(), clock_};
  cache.blob("layer", 5, 1000);
  cache.manifest("child", {Cache::layer("layer")}, 1000, {tag("v1")});
  cache.blob("late layer", 5, 2000);
  cache.manifest("busy", {Cache::layer("late layer")}, 1000);
  EXPECT_FALSE(cache.evict("busy", 1000).has_gone) << "a layer has come since";
  cache.manifest("index", {Cache::child("child")}, 1000);
  EXPECT_FALSE(cache.evict("child", 1000).has_gone) << "a child does not go without its index";
  EXPECT_FALSE(cache.evict("unknown", 1000).has_gone);
  ASSERT_TRUE(put(hosted("team/app"), "pushed"));
  EXPECT_FALSE(run(eviction().evict(call(), {hosted("team/app"), digest("pushed"), at(9999)}))->has_gone);
  EXPECT_TRUE(has_manifest(hosted("team/app"), "pushed"));
  EXPECT_TRUE(has_manifest(cache.repository, "busy"));
  EXPECT_TRUE(has_blob(cache.repository, "late layer"));
  EXPECT_TRUE(has_manifest(cache.repository, "child"));
}

TEST_P(EvictionSuite, goes_by_the_last_pull_of_any_part) {
  Cache cache{store(), eviction(), clock_};
  cache.manifest("child", {}, 1000);
  cache.manifest("index", {Cache::child("child")}, 1000, {tag("v1")});
  ASSERT_EQ(cache.images().size(), 1U);
  EXPECT_EQ(cache.images()[0].used, at(1000)) << "never pulled: when it came";
  store().usage().note_pulled(cache.repository, digest("child"), at(7000));
  EXPECT_EQ(cache.images()[0].used, at(7000));
  EXPECT_FALSE(cache.evict("index", 6999).has_gone) << "pulled since";
  EXPECT_TRUE(cache.evict("index", 7000).has_gone);
}

TEST_P(EvictionSuite, leaves_what_is_pinned) {
  Cache cache{store(), eviction(), clock_};
  cache.manifest("child", {}, 1000);
  cache.manifest("index", {Cache::child("child")}, 1000, {tag("v1")});
  for (const std::string& reference : {std::string("v1"), digest("child").to_string()}) {
    ASSERT_TRUE(run(store().usage().add_pin(call(), {.repository = cache.repository, .reference = reference})));
    EXPECT_TRUE(cache.images()[0].is_pinned) << reference;
    EXPECT_FALSE(cache.evict("index", 9999).has_gone) << reference;
    ASSERT_TRUE(run(store().usage().remove_pin(call(), cache.repository, reference)));
  }
  ASSERT_TRUE(run(store().usage().add_pin(call(), {.repository = hosted("org/app"), .reference = "v1"})));
  EXPECT_FALSE(cache.images()[0].is_pinned) << "a pin of another repository";
  EXPECT_TRUE(cache.evict("index", 9999).has_gone);
}

TEST_P(EvictionSuite, leaves_what_a_tag_was_until_what_it_is_now_is_captured) {
  Cache cache{store(), eviction(), clock_};
  cache.manifest("child", {}, 1000);
  cache.manifest("old", {Cache::child("child")}, 1000, {tag("v1")});
  cache.manifest("other", {}, 1000, {tag("v2")});
  cache.manifest("new", {}, 2000, {tag("v1")});
  EXPECT_FALSE(cache.evict("old", 9999).has_gone) << "in an outage it is served in the place of the new one";
  EXPECT_TRUE(has_manifest(cache.repository, "child"));
  EXPECT_TRUE(cache.evict("other", 9999).has_gone) << "no tag has left it";
  const auto job = run(store().captures().find(call(), cache.repository, digest("new"))).value();
  ASSERT_TRUE(job);
  store().captures().finish(*job);
  EXPECT_TRUE(cache.evict("old", 9999).has_gone);
}

INSTANTIATE_TEST_SUITE_P(Meta, EvictionSuite,
                         testing::Values(Kind{"MemoryStore",
                                              [](const auto&, const sys::Clock& clock, meta::EvictionIndex*& eviction) {
                                                auto store = std::make_unique<meta::MemoryStore>(clock);
                                                eviction = &store->eviction();
                                                return std::unique_ptr<meta::Store>(std::move(store));
                                              }},
                                         Kind{"SqliteStore",
                                              [](const auto& path, const sys::Clock& clock,
                                                 meta::EvictionIndex*& eviction) {
                                                auto store = meta::SqliteStore::open(path, clock).value();
                                                eviction = &store->eviction();
                                                return std::unique_ptr<meta::Store>(std::move(store));
                                              }}),
                         [](const auto& row) { return row.param.name; });

}  // namespace lifeboat::test
