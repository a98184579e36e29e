#include "test/conformance/meta_store_suite.h"

namespace lifeboat::test {
namespace {

WallTime at(int64_t ms) { return WallTime(Duration(ms)); }

std::vector<oci::Digest> manifests_of(const std::vector<meta::CaptureJob>& jobs) {
  std::vector<oci::Digest> digests;
  for (const meta::CaptureJob& job : jobs) digests.push_back(job.manifest);
  return digests;
}

}  // namespace

TEST_P(MetaStoreSuite, takes_a_capture_with_its_manifest) {
  meta::ManifestPut with{.repository = of_upstream("ghcr.io", "a/b"),
                         .manifest = record(digest("m")),
                         .edges = {},
                         .tags = {},
                         .condition = {},
                         .source = "ghcr.io",
                         .capture_due = at(500)};
  ASSERT_TRUE(put(std::move(with)));
  ASSERT_TRUE(put(of_upstream("ghcr.io", "a/b"), digest("without")));
  const auto job = run(captures().find(call(), of_upstream("ghcr.io", "a/b"), digest("m")));
  ASSERT_TRUE(job && *job);
  EXPECT_EQ((*job)->repository, of_upstream("ghcr.io", "a/b"));
  EXPECT_EQ((*job)->manifest, digest("m"));
  EXPECT_EQ((*job)->due, at(500));
  EXPECT_EQ((*job)->failures, 0U);
  EXPECT_EQ((*job)->platforms, "");
  EXPECT_FALSE(run(captures().find(call(), of_upstream("ghcr.io", "a/b"), digest("without"))).value());
  EXPECT_FALSE(run(captures().find(call(), of_upstream("quay.io", "a/b"), digest("m"))).value());
  EXPECT_EQ(run(captures().totals(call()))->waiting, 1U);
}

TEST_P(MetaStoreSuite, gives_captures_in_the_order_they_are_due) {
  const oci::RepositoryId repository = of_upstream("ghcr.io", "a/b");
  for (const auto& [name, due] : {std::pair("late", 300), std::pair("first", 100), std::pair("second", 200)}) {
    ASSERT_TRUE(put(repository, digest(name)));
    ASSERT_TRUE(run(captures().add(call(), repository, digest(name), "", at(due))));
  }
  EXPECT_EQ(manifests_of(*run(captures().due(call(), at(200), 10))), (std::vector{digest("first"), digest("second")}));
  EXPECT_EQ(manifests_of(*run(captures().due(call(), at(200), 1))), std::vector{digest("first")});
  EXPECT_TRUE(run(captures().due(call(), at(99), 10))->empty());
}

TEST_P(MetaStoreSuite, keeps_the_platforms_of_a_capture_that_is_asked_for_again) {
  const oci::RepositoryId repository = of_upstream("ghcr.io", "a/b");
  ASSERT_TRUE(put(repository, digest("m")));
  ASSERT_TRUE(run(captures().add(call(), repository, digest("m"), "linux/arm64", at(100))));
  captures().postpone({repository, digest("m"), "linux/arm64", at(100), 2, "no route"}, at(900));
  EXPECT_EQ(run(captures().find(call(), repository, digest("m"))).value()->failures, 2U);
  ASSERT_TRUE(run(captures().add(call(), repository, digest("m"), "", at(200))));
  auto job = run(captures().find(call(), repository, digest("m"))).value();
  ASSERT_TRUE(job);
  EXPECT_EQ(job->platforms, "linux/arm64");
  EXPECT_EQ(job->due, at(200));
  EXPECT_EQ(job->failures, 0U);
  EXPECT_EQ(job->last_error, "");
  ASSERT_TRUE(run(captures().add(call(), repository, digest("m"), "all", at(200))));
  job = run(captures().find(call(), repository, digest("m"))).value();
  EXPECT_EQ(job->platforms, "all");
  EXPECT_EQ(run(captures().totals(call()))->waiting, 1U);
}

TEST_P(MetaStoreSuite, adds_the_platforms_of_a_capture_that_is_asked_for_again_to_those_it_has) {
  const oci::RepositoryId repository = of_upstream("ghcr.io", "a/b");
  ASSERT_TRUE(put(repository, digest("m")));
  const auto after_adding = [&](const char* platforms) {
    EXPECT_TRUE(run(captures().add(call(), repository, digest("m"), platforms, at(100))));
    return run(captures().find(call(), repository, digest("m"))).value().value().platforms;
  };
  EXPECT_EQ(after_adding("linux/arm64"), "linux/arm64");
  EXPECT_EQ(after_adding("linux/amd64"), "linux/amd64,linux/arm64") << "who asked first still wants his";
  EXPECT_EQ(after_adding("linux/arm/v7,linux/arm64"), "linux/amd64,linux/arm/v7,linux/arm64") << "each once";
  EXPECT_EQ(after_adding(""), "linux/amd64,linux/arm/v7,linux/arm64");
  EXPECT_EQ(after_adding("all"), "all");
  EXPECT_EQ(after_adding("linux/s390x"), "all") << "it is one of them";
}

TEST_P(MetaStoreSuite, captures_only_manifests_it_has) {
  ASSERT_TRUE(put(of_upstream("ghcr.io", "a"), digest("m")));
  const auto unknown = run(captures().add(call(), of_upstream("ghcr.io", "a"), digest("other"), "", at(1)));
  EXPECT_EQ(code_of(unknown), ErrorCode::not_found);
  const auto elsewhere = run(captures().add(call(), of_upstream("ghcr.io", "b"), digest("m"), "", at(1)));
  EXPECT_EQ(code_of(elsewhere), ErrorCode::not_found);
}

TEST_P(MetaStoreSuite, remembers_how_a_capture_failed) {
  const oci::RepositoryId repository = of_upstream("ghcr.io", "a");
  ASSERT_TRUE(put(repository, digest("m")));
  ASSERT_TRUE(run(captures().add(call(), repository, digest("m"), "", at(100))));
  captures().postpone({repository, digest("m"), "", at(100), 3, "cannot get blob: 503"}, at(5000));
  captures().postpone({repository, digest("gone"), "", at(1), 1, "of what is not there"}, at(2));
  const auto job = run(captures().find(call(), repository, digest("m"))).value();
  ASSERT_TRUE(job);
  EXPECT_EQ(job->due, at(5000));
  EXPECT_EQ(job->failures, 3U);
  EXPECT_EQ(job->last_error, "cannot get blob: 503");
  const auto totals = run(captures().totals(call())).value();
  EXPECT_EQ(totals.waiting, 1U);
  EXPECT_EQ(totals.failing, 1U);
}

TEST_P(MetaStoreSuite, forgets_a_capture_that_is_done_or_lost_its_manifest) {
  const oci::RepositoryId repository = of_upstream("ghcr.io", "a");
  for (const char* name : {"done", "deleted", "stays"}) {
    ASSERT_TRUE(put(repository, digest(name)));
    ASSERT_TRUE(run(captures().add(call(), repository, digest(name), "", at(1))));
  }
  captures().finish({repository, digest("done"), "", at(1), 0, ""});
  captures().finish({repository, digest("never was"), "", at(1), 0, ""});
  ASSERT_TRUE(run(manifests().remove(call(), repository, digest("deleted"))));
  EXPECT_EQ(manifests_of(*run(captures().due(call(), at(9), 10))), std::vector{digest("stays")});
}

TEST_P(MetaStoreSuite, keeps_a_capture_that_was_asked_for_again_while_it_ran) {
  const oci::RepositoryId repository = of_upstream("ghcr.io", "a");
  ASSERT_TRUE(put(repository, digest("m")));
  ASSERT_TRUE(run(captures().add(call(), repository, digest("m"), "", at(100))));
  const meta::CaptureJob first = run(captures().find(call(), repository, digest("m"))).value().value();
  ASSERT_TRUE(run(captures().add(call(), repository, digest("m"), "linux/arm64", at(100))));
  captures().finish(first);
  meta::CaptureJob failed = first;
  failed.failures = 1;
  captures().postpone(failed, at(9000));
  const auto job = run(captures().find(call(), repository, digest("m"))).value();
  ASSERT_TRUE(job) << "it ran for other platforms";
  EXPECT_EQ(job->due, at(100));
  EXPECT_EQ(job->failures, 0U);
}

TEST_P(MetaStoreSuite, hurries_the_captures_of_one_host) {
  for (const char* host : {"ghcr.io", "quay.io"}) {
    ASSERT_TRUE(put(of_upstream(host, "a"), digest("m")));
    ASSERT_TRUE(run(captures().add(call(), of_upstream(host, "a"), digest("m"), "", at(9000))));
  }
  ASSERT_TRUE(put(of_upstream("ghcr.io", "b"), digest("sooner")));
  ASSERT_TRUE(run(captures().add(call(), of_upstream("ghcr.io", "b"), digest("sooner"), "", at(10))));
  captures().hurry(oci::RegistryHost::parse("ghcr.io").value(), at(100));
  EXPECT_EQ(manifests_of(*run(captures().due(call(), at(100), 10))), (std::vector{digest("sooner"), digest("m")}));
  EXPECT_EQ(run(captures().find(call(), of_upstream("quay.io", "a"), digest("m"))).value()->due, at(9000));
}

TEST_P(MetaStoreSuite, knows_what_platforms_a_repository_is_pulled_for) {
  ASSERT_TRUE(put(of_upstream("ghcr.io", "a"), digest("m")));
  ASSERT_TRUE(put(of_upstream("ghcr.io", "b"), digest("m")));
  captures().note_platform(of_upstream("ghcr.io", "a"), "linux/arm64");
  captures().note_platform(of_upstream("ghcr.io", "a"), "linux/amd64");
  captures().note_platform(of_upstream("ghcr.io", "a"), "linux/arm64");
  captures().note_platform(of_upstream("ghcr.io", "unknown"), "linux/arm64");
  EXPECT_EQ(run(captures().platforms(call(), of_upstream("ghcr.io", "a"))).value(),
            (std::vector<std::string>{"linux/amd64", "linux/arm64"}));
  EXPECT_TRUE(run(captures().platforms(call(), of_upstream("ghcr.io", "b")))->empty());
  EXPECT_TRUE(run(captures().platforms(call(), of_upstream("ghcr.io", "unknown")))->empty());
}

TEST_P(MetaStoreSuite, finds_the_indexes_that_name_a_manifest) {
  const auto index = [&](const char* name, const char* child, meta::EdgeKind kind) {
    return meta::ManifestPut{.repository = hosted("a"),
                             .manifest = record(digest(name)),
                             .edges = {{kind, digest(child), 7}},
                             .tags = {},
                             .condition = {},
                             .source = "push"};
  };
  ASSERT_TRUE(put(hosted("a"), digest("child")));
  ASSERT_TRUE(put(index("one", "child", meta::EdgeKind::manifest)));
  ASSERT_TRUE(put(index("two", "child", meta::EdgeKind::manifest)));
  ASSERT_TRUE(put(index("as a layer", "child", meta::EdgeKind::layer)));
  ASSERT_TRUE(put(index("of another", "sibling", meta::EdgeKind::manifest)));
  std::vector<oci::Digest> both{digest("one"), digest("two")};
  std::ranges::sort(both);
  EXPECT_EQ(run(manifests().parents(call(), hosted("a"), digest("child"))).value(), both);
  EXPECT_TRUE(run(manifests().parents(call(), hosted("b"), digest("child")))->empty());
  EXPECT_TRUE(run(manifests().parents(call(), hosted("a"), digest("one")))->empty());
}

TEST_P(MetaStoreSuite, keeps_where_a_tag_was) {
  const oci::RepositoryId repository = of_upstream("ghcr.io", "a");
  const auto now = [&](int64_t ms) { clock_.set_wall_ms(ms); };
  now(1000);
  ASSERT_TRUE(put(repository, digest("first"), {"v1"}));
  now(2000);
  ASSERT_TRUE(put(repository, digest("second"), {"v1"}));
  ASSERT_TRUE(put(repository, digest("second"), {"v1"}));  // a confirmation is no move
  now(3000);
  ASSERT_TRUE(run(tags().point(call(), repository, tag("v1"), digest("first"), "ghcr.io")));
  const auto past = run(tags().history(call(), repository, tag("v1"), 10)).value();
  ASSERT_EQ(past.size(), 3U);
  EXPECT_EQ(past[0].digest, digest("first"));
  EXPECT_EQ(past[0].since, at(3000));
  EXPECT_EQ(past[1].digest, digest("second"));
  EXPECT_EQ(past[1].since, at(2000));
  EXPECT_EQ(past[2].digest, digest("first"));
  EXPECT_EQ(run(tags().history(call(), repository, tag("v1"), 1))->size(), 1U);
  EXPECT_TRUE(run(tags().history(call(), repository, tag("v2"), 9))->empty());
  EXPECT_TRUE(run(tags().history(call(), of_upstream("ghcr.io", "b"), tag("v1"), 9))->empty());
  ASSERT_TRUE(run(tags().remove(call(), repository, tag("v1"))));
  EXPECT_EQ(run(tags().history(call(), repository, tag("v1"), 10))->size(), 3U) << "the past outlives the tag";
}

}  // namespace lifeboat::test
