#include <map>

#include "test/conformance/meta_store_suite.h"

namespace lifeboat::test {
namespace {

WallTime at(int64_t ms) { return WallTime(Duration(ms)); }

std::map<oci::Digest, meta::UsedManifest> manifests_of(meta::Store& store, const oci::RepositoryId& repository,
                                                       std::size_t limit = 100) {
  std::map<oci::Digest, meta::UsedManifest> found;
  std::string position;
  do {
    const auto page = run(store.usage().manifests(MetaStoreSuite::call(), repository, position, limit));
    EXPECT_TRUE(page) << page.error().message();
    if (!page) return found;
    for (const auto& one : page->manifests) EXPECT_TRUE(found.emplace(one.digest, one).second) << "given twice";
    position = page->next;
  } while (!position.empty());
  return found;
}

meta::ManifestPut index_of(const oci::RepositoryId& repository, const oci::Digest& digest,
                           const std::vector<oci::Digest>& children) {
  meta::ManifestPut put{.repository = repository,
                        .manifest = MetaStoreSuite::record(digest),
                        .edges = {},
                        .tags = {},
                        .condition = {},
                        .source = "push"};
  for (const oci::Digest& child : children) put.edges.push_back({meta::EdgeKind::manifest, child, 7});
  return put;
}

}  // namespace

TEST_P(MetaStoreSuite, notes_the_last_pull_of_a_manifest) {
  ASSERT_TRUE(put(hosted("a"), digest("m")));
  ASSERT_TRUE(put(hosted("b"), digest("m")));
  store().usage().note_pulled(hosted("a"), digest("m"), at(500));
  store().usage().note_pulled(hosted("a"), digest("m"), at(400));
  store().usage().note_pulled(hosted("a"), digest("unknown"), at(500));
  EXPECT_EQ(run(store().usage().pulled(call(), hosted("a"), digest("m"))).value(), at(500));
  EXPECT_EQ(run(store().usage().pulled(call(), hosted("b"), digest("m"))).value(), std::nullopt);
  EXPECT_EQ(run(store().usage().pulled(call(), hosted("a"), digest("unknown"))).value(), std::nullopt);
  EXPECT_EQ(manifests_of(store(), hosted("a")).at(digest("m")).pulled, at(500));
  ASSERT_TRUE(run(manifests().remove(call(), hosted("a"), digest("m"))));
  ASSERT_TRUE(put(hosted("a"), digest("m")));
  EXPECT_EQ(run(store().usage().pulled(call(), hosted("a"), digest("m"))).value(), std::nullopt);
}

TEST_P(MetaStoreSuite, notes_pulls_again_after_the_clock_was_set_back) {
  const int64_t hour = 3'600'000;
  ASSERT_TRUE(put(hosted("a"), digest("m")));
  store().usage().note_pulled(hosted("a"), digest("m"), at(9000 * hour));
  store().usage().note_pulled(hosted("a"), digest("m"), at(2 * hour));
  EXPECT_EQ(run(store().usage().pulled(call(), hosted("a"), digest("m"))).value(), at(2 * hour))
      << "it would count as pulled for a year";
}

TEST_P(MetaStoreSuite, keeps_pins_by_reference) {
  const auto add_pin = [&](const oci::RepositoryId& repository, const char* reference, const char* reason) {
    return run(store().usage().add_pin(
        call(), {.repository = repository, .reference = reference, .at = at(7), .reason = reason}));
  };
  ASSERT_TRUE(add_pin(of_upstream("ghcr.io", "a"), "v1", "of an upstream"));
  ASSERT_TRUE(add_pin(hosted("a"), "v2", "first"));
  ASSERT_TRUE(add_pin(hosted("a"), "v2", "second"));
  ASSERT_TRUE(add_pin(hosted("a"), "v1", ""));
  auto pins = run(store().usage().pins(call())).value();
  ASSERT_EQ(pins.size(), 3U);
  EXPECT_EQ(pins[0].reference, "v1");
  EXPECT_EQ(pins[1].reference, "v2");
  EXPECT_EQ(pins[1].reason, "second");
  EXPECT_EQ(pins[1].at, at(7));
  EXPECT_EQ(pins[2].repository, of_upstream("ghcr.io", "a"));
  ASSERT_TRUE(run(store().usage().remove_pin(call(), hosted("a"), "v1")));
  EXPECT_EQ(code_of(run(store().usage().remove_pin(call(), hosted("a"), "v1"))), ErrorCode::not_found);
  EXPECT_EQ(run(store().usage().pins(call()))->size(), 2U);
}

TEST_P(MetaStoreSuite, knows_since_when_a_manifest_has_no_tag) {
  const auto since = [&](const char* name) {
    return manifests_of(store(), hosted("a")).at(digest(name)).untagged_since;
  };
  clock_.set_wall_ms(1000);
  ASSERT_TRUE(put(hosted("a"), digest("never")));
  ASSERT_TRUE(put(hosted("a"), digest("moved"), {"v1"}));
  ASSERT_TRUE(put(hosted("a"), digest("twice"), {"v2", "v3"}));
  EXPECT_EQ(since("never"), at(1000));
  EXPECT_EQ(since("moved"), std::nullopt);
  clock_.set_wall_ms(2000);
  ASSERT_TRUE(put(hosted("a"), digest("next"), {"v1"}));
  ASSERT_TRUE(run(tags().remove(call(), hosted("a"), tag("v2"))));
  EXPECT_EQ(since("moved"), at(2000));
  EXPECT_EQ(since("twice"), std::nullopt) << "it has another tag";
  clock_.set_wall_ms(3000);
  ASSERT_TRUE(run(tags().remove(call(), hosted("a"), tag("v3"))));
  EXPECT_EQ(since("twice"), at(3000));
  clock_.set_wall_ms(4000);
  ASSERT_TRUE(put(hosted("a"), digest("never")));
  EXPECT_EQ(since("never"), at(4000)) << "who put it again is about to use it";
  ASSERT_TRUE(run(tags().point(call(), hosted("a"), tag("v9"), digest("twice"), "restore")));
  EXPECT_EQ(since("twice"), std::nullopt);
}

TEST_P(MetaStoreSuite, shows_a_repository_in_pages) {
  clock_.set_wall_ms(1000);
  ASSERT_TRUE(put(hosted("a"), digest("1"), {"t1", "t2"}));
  ASSERT_TRUE(put(hosted("a"), digest("2"), {"t3"}));
  meta::ManifestPut index = index_of(hosted("a"), digest("index"), {digest("1"), digest("2")});
  index.manifest.subject = digest("subject");
  ASSERT_TRUE(put(index));
  ASSERT_TRUE(put(hosted("b"), digest("other"), {"t1"}));
  for (const std::size_t limit : {1U, 2U, 3U, 100U}) {
    const auto found = manifests_of(store(), hosted("a"), limit);
    ASSERT_EQ(found.size(), 3U);
    EXPECT_EQ(found.at(digest("index")).children.size(), 2U);
    EXPECT_EQ(found.at(digest("index")).subject, digest("subject"));
    EXPECT_TRUE(found.at(digest("1")).children.empty());
  }
  const auto first = run(store().usage().tags(call(), hosted("a"), "", 2)).value();
  ASSERT_EQ(first.size(), 2U);
  EXPECT_EQ(first[1].tag, tag("t2"));
  EXPECT_EQ(first[1].digest, digest("1"));
  EXPECT_EQ(first[1].pushed, at(1000));
  const auto rest = run(store().usage().tags(call(), hosted("a"), "t2", 2)).value();
  ASSERT_EQ(rest.size(), 1U);
  EXPECT_EQ(rest[0].tag, tag("t3"));
  EXPECT_TRUE(run(store().usage().tags(call(), hosted("unknown"), "", 2))->empty());
  EXPECT_TRUE(manifests_of(store(), hosted("unknown")).empty());
}

TEST_P(MetaStoreSuite, removes_a_tag_only_as_it_was_seen) {
  ASSERT_TRUE(put(hosted("a"), digest("m"), {"v1", "pinned"}));
  const auto remove = [&](const char* name, const char* seen) {
    return run(store().usage().remove_tag(call(), hosted("a"), tag(name), digest(seen))).value();
  };
  ASSERT_TRUE(run(store().usage().add_pin(call(), {.repository = hosted("a"), .reference = "pinned"})));
  EXPECT_FALSE(remove("v1", "before"));
  EXPECT_FALSE(remove("none", "m"));
  EXPECT_FALSE(remove("pinned", "m"));
  EXPECT_TRUE(remove("v1", "m"));
  EXPECT_EQ(tag_names(hosted("a")), std::vector<std::string>{"pinned"});
  EXPECT_TRUE(has_manifest(hosted("a"), digest("m")));
}

TEST_P(MetaStoreSuite, removes_a_manifest_only_when_nothing_came_to_need_it) {
  const auto remove = [&](const char* name) {
    return run(store().usage().remove_manifest(call(), hosted("a"), digest(name), at(1000))).value();
  };
  clock_.set_wall_ms(1000);
  for (const char* name : {"loose", "child", "tagged", "put again", "pinned", "subject"}) {
    ASSERT_TRUE(put(hosted("a"), digest(name)));
  }
  clock_.set_wall_ms(1001);
  ASSERT_TRUE(put(hosted("a"), digest("put again")));
  ASSERT_TRUE(put(hosted("a"), digest("tagged"), {"v1"}));
  ASSERT_TRUE(put(index_of(hosted("a"), digest("index"), {digest("child")})));
  meta::ManifestPut signature = index_of(hosted("a"), digest("signature"), {});
  signature.manifest.subject = digest("subject");
  ASSERT_TRUE(put(signature));
  ASSERT_TRUE(
      run(store().usage().add_pin(call(), {.repository = hosted("a"), .reference = digest("pinned").to_string()})));
  for (const char* name : {"child", "tagged", "put again", "pinned", "subject", "unknown"}) {
    EXPECT_FALSE(remove(name)) << name;
  }
  EXPECT_TRUE(remove("loose"));
  EXPECT_FALSE(has_manifest(hosted("a"), digest("loose")));
  EXPECT_EQ(manifests_of(store(), hosted("a")).size(), 7U);
  const auto later = run(store().usage().remove_manifest(call(), hosted("a"), digest("subject"), at(1001)));
  EXPECT_TRUE(later.value()) << "what speaks of it has had no tag for as long";
}

TEST_P(MetaStoreSuite, removes_nothing_that_something_wanted_speaks_of_or_that_speaks_of_it) {
  const auto remove = [&](const char* name) {
    return run(store().usage().remove_manifest(call(), hosted("a"), digest(name), at(1000))).value();
  };
  const auto put_signature = [&](const char* name, const char* subject) {
    meta::ManifestPut signature = index_of(hosted("a"), digest(name), {});
    signature.manifest.subject = digest(subject);
    return put(signature);
  };
  clock_.set_wall_ms(1000);
  for (const char* subject : {"tagged", "young", "pinned", "of pinned", "old"}) {
    ASSERT_TRUE(put(hosted("a"), digest(subject)));
    ASSERT_TRUE(put_signature((std::string("signature of ") + subject).c_str(), subject));
  }
  ASSERT_TRUE(put_signature("signature of nothing", "not here"));
  clock_.set_wall_ms(1001);
  ASSERT_TRUE(put(hosted("a"), digest("tagged"), {"v1"}));
  ASSERT_TRUE(put(hosted("a"), digest("young")));
  for (const char* pinned : {"pinned", "signature of of pinned"}) {
    ASSERT_TRUE(
        run(store().usage().add_pin(call(), {.repository = hosted("a"), .reference = digest(pinned).to_string()})));
  }
  for (const char* name : {"signature of tagged", "signature of young", "signature of pinned", "of pinned"}) {
    EXPECT_FALSE(remove(name)) << name;
    EXPECT_TRUE(has_manifest(hosted("a"), digest(name))) << name;
  }
  for (const char* name : {"signature of old", "old", "signature of nothing"}) EXPECT_TRUE(remove(name)) << name;
}

TEST_P(MetaStoreSuite, leaves_what_a_tag_of_an_upstream_was_until_what_it_is_now_is_captured) {
  const oci::RepositoryId cached = of_upstream("ghcr.io", "a");
  const auto put_cached = [&](const char* name, std::optional<oci::Digest> subject, std::vector<oci::Tag> tags) {
    meta::ManifestPut put_it = index_of(cached, digest(name), {});
    put_it.manifest.subject = subject;
    put_it.tags = std::move(tags);
    put_it.capture_due = at(1);
    return put(put_it);
  };
  const auto remove = [&](const oci::RepositoryId& repository, const char* name) {
    return run(store().usage().remove_manifest(call(), repository, digest(name), at(9000))).value();
  };
  clock_.set_wall_ms(1000);
  ASSERT_TRUE(put_cached("old", std::nullopt, {tag("v1")}));
  ASSERT_TRUE(put_cached("signature of old", digest("old"), {}));
  ASSERT_TRUE(put_cached("never tagged", std::nullopt, {}));
  ASSERT_TRUE(put(hosted("a"), digest("old"), {"v1"}));
  clock_.set_wall_ms(2000);
  ASSERT_TRUE(put_cached("new", std::nullopt, {tag("v1")}));
  ASSERT_TRUE(put(hosted("a"), digest("new"), {"v1"}));
  for (const char* name : {"old", "signature of old"}) {
    EXPECT_FALSE(remove(cached, name)) << name << ": in an outage it is served in the place of the new one";
  }
  EXPECT_TRUE(remove(cached, "never tagged"));
  EXPECT_TRUE(remove(hosted("a"), "old")) << "what is hosted here has no outage";
  const auto job = run(store().captures().find(call(), cached, digest("new"))).value();
  ASSERT_TRUE(job);
  store().captures().finish(*job);
  for (const char* name : {"signature of old", "old"}) EXPECT_TRUE(remove(cached, name)) << name;
}

}  // namespace lifeboat::test
