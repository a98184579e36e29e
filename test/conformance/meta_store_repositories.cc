#include "sys/event_loops.h"
#include "test/conformance/meta_store_suite.h"

namespace lifeboat::test {

TEST_P(MetaStoreSuite, lists_repositories_by_the_name_clients_use) {
  EXPECT_TRUE(repository_names().empty());
  for (const char* name : {"b", "a/b", "a-b", "a", "z"}) ASSERT_TRUE(put(hosted(name), digest("m")));
  ASSERT_TRUE(add(of_upstream("ghcr.io", "team/app"), digest("x")));
  ASSERT_TRUE(add(of_upstream("docker.io", "library/busybox"), digest("x")));
  const std::vector<std::string> all{"a", "a-b", "a/b", "b", "docker.io/library/busybox", "ghcr.io/team/app", "z"};
  EXPECT_EQ(repository_names(), all);
  struct Row {
    std::string name;
    std::string last;
    std::size_t limit;
    std::vector<std::string> names;
    bool has_more;
  };
  const std::vector<Row> rows{
      {"the first page", "", 2, {"a", "a-b"}, true},
      {"after a name that is there", "a/b", 2, {"b", "docker.io/library/busybox"}, true},
      {"after a name that is not there", "c", 9, {"docker.io/library/busybox", "ghcr.io/team/app", "z"}, false},
      {"exactly the rest", "b", 3, {"docker.io/library/busybox", "ghcr.io/team/app", "z"}, false},
      {"none", "", 0, {}, false},
      {"any number a client can think of", "", static_cast<std::size_t>(-1), all, false},
  };
  for (const Row& row : rows) {
    const auto page = run(repositories().list(call(), row.last, row.limit));
    ASSERT_TRUE(page) << row.name << ": " << page.error().message();
    EXPECT_EQ(page->names, row.names) << row.name;
    EXPECT_EQ(page->has_more, row.has_more) << row.name;
  }
}

TEST_P(MetaStoreSuite, lists_a_name_once_that_two_repositories_share) {
  ASSERT_TRUE(put(hosted("ghcr.io/team/app"), digest("m")));
  ASSERT_TRUE(put(of_upstream("ghcr.io", "team/app"), digest("n")));
  EXPECT_EQ(repository_names(), std::vector<std::string>{"ghcr.io/team/app"});
  EXPECT_FALSE(has_manifest(hosted("ghcr.io/team/app"), digest("n")));
}

TEST_P(MetaStoreSuite, lists_a_repository_only_while_it_has_content) {
  const std::vector<std::string> listed{"a"};
  ASSERT_TRUE(add(hosted("a"), digest("x")));
  ASSERT_TRUE(put(hosted("a"), digest("m")));
  ASSERT_TRUE(run(blobs().unlink(call(), hosted("a"), digest("x"))));
  EXPECT_EQ(repository_names(), listed) << "it has a manifest";
  ASSERT_TRUE(run(manifests().remove(call(), hosted("a"), digest("m"))));
  EXPECT_TRUE(repository_names().empty());
  EXPECT_TRUE(run(repositories().contains(call(), hosted("a"))).value()) << "it was there once";
  ASSERT_TRUE(add(hosted("a"), digest("x")));
  EXPECT_EQ(repository_names(), listed) << "it has a blob again";
  ASSERT_TRUE(run(blobs().unlink(call(), hosted("a"), digest("x"))));
  EXPECT_TRUE(repository_names().empty());
}

TEST_P(MetaStoreSuite, contains_what_a_write_has_made) {
  EXPECT_FALSE(run(repositories().contains(call(), hosted("a"))).value());
  ASSERT_TRUE(add(hosted("a"), digest("x")));
  EXPECT_TRUE(run(repositories().contains(call(), hosted("a"))).value());
  EXPECT_FALSE(run(repositories().contains(call(), of_upstream("ghcr.io", "a"))).value());
  EXPECT_FALSE(run(repositories().contains(call(), hosted("a/b"))).value());
}

TEST_P(MetaStoreSuite, counts_what_there_is) {
  EXPECT_EQ(run(store().totals(call()))->repositories, 0U);
  ASSERT_TRUE(add(hosted("a"), digest("x"), 100));
  ASSERT_TRUE(add(hosted("b"), digest("x"), 100));
  ASSERT_TRUE(add(hosted("b"), digest("y"), 11));
  ASSERT_TRUE(put(hosted("a"), digest("m")));
  ASSERT_TRUE(put(hosted("b"), digest("m")));
  ASSERT_TRUE(put(hosted("c"), digest("n")));
  const auto totals = run(store().totals(call()));
  ASSERT_TRUE(totals) << totals.error().message();
  EXPECT_EQ(totals->repositories, 3U);
  EXPECT_EQ(totals->manifests, 2U);
  EXPECT_EQ(totals->blobs, 2U);
  EXPECT_EQ(totals->blob_bytes, 111U);
}

TEST_P(MetaStoreSuite, knows_upload_sessions_as_soon_as_they_are_added) {
  const WallTime started(Duration(1234));
  uploads().add({upload_id(1), of_upstream("ghcr.io", "team/app"), started, std::nullopt});
  auto found = run(uploads().find(call(), upload_id(1)));
  ASSERT_TRUE(found) << found.error().message();
  EXPECT_EQ(found->id, upload_id(1));
  EXPECT_EQ(found->repository, of_upstream("ghcr.io", "team/app"));
  EXPECT_EQ(found->started, started);
  EXPECT_FALSE(found->committed);
  uploads().add({upload_id(1), of_upstream("ghcr.io", "team/app"), started + Duration(1), digest("x")});
  found = run(uploads().find(call(), upload_id(1)));
  EXPECT_EQ(found->committed, digest("x"));
  EXPECT_EQ(found->started, started + Duration(1));
  uploads().remove(upload_id(1));
  EXPECT_EQ(code_of(run(uploads().find(call(), upload_id(1)))), ErrorCode::not_found);
}

TEST_P(MetaStoreSuite, forgives_words_about_unknown_upload_sessions) {
  uploads().remove(upload_id(2));
  EXPECT_EQ(code_of(run(uploads().find(call(), upload_id(2)))), ErrorCode::not_found);
}

TEST_P(MetaStoreSuite, finds_the_upload_sessions_that_started_before_a_time) {
  for (int i = 1; i <= 5; ++i) {
    uploads().add({upload_id(i), hosted("a"), WallTime(Duration(1000 * i)), std::nullopt});
  }
  const auto before = [&](int ms) {
    std::vector<oci::UploadId> ids;
    const auto found = run(uploads().started_before(call(), WallTime(Duration(ms))));
    EXPECT_TRUE(found) << found.error().message();
    for (const meta::UploadRecord& upload : found.value()) ids.push_back(upload.id);
    return ids;
  };
  EXPECT_TRUE(before(1000).empty());
  EXPECT_EQ(before(3000), (std::vector{upload_id(1), upload_id(2)}));
  EXPECT_EQ(before(9000).size(), 5U);
}

namespace {

constexpr int kWriters = 24;
constexpr int kRounds = 15;

/// What the coroutines of one test count.
struct Crowd {
  meta::Store& store;
  std::atomic<int> failures = 0;
  std::atomic<int> won = 0;
  std::atomic<int> ended = 0;
};

void note(Crowd& crowd, bool is_right) {
  if (!is_right) crowd.failures.fetch_add(1);
}

/// One of many: each round writes its own names and a shared one, and reads its own writes.
Awaitable<void> write_and_read(Crowd& crowd, sys::EventLoops& loops, int number) {
  const std::string own = "own" + std::to_string(number);
  const oci::RepositoryId repository = MetaStoreSuite::hosted(number % 2 == 0 ? "shared" : own);
  for (int round = 0; round < kRounds; ++round) {
    const std::string name = own + "-" + std::to_string(round);
    const oci::Digest manifest = MetaStoreSuite::digest("manifest " + name);
    const oci::Digest layer = MetaStoreSuite::digest("layer " + std::to_string(round));
    const Call call = MetaStoreSuite::call();
    const meta::BlobRecord blob{layer, 7};
    const Status added = co_await crowd.store.blobs().add(call, repository, blob);
    note(crowd, added.has_value());
    meta::ManifestPut put{.repository = repository,
                          .manifest = MetaStoreSuite::record(manifest),
                          .edges = {},
                          .tags = {MetaStoreSuite::tag(name)},
                          .condition = {},
                          .source = "push"};
    put.edges.push_back({meta::EdgeKind::layer, layer, 7});
    note(crowd, (co_await crowd.store.manifests().put(call, std::move(put))).has_value());
    const auto found = co_await crowd.store.tags().find(call, repository, MetaStoreSuite::tag(name));
    note(crowd, found && found->digest == manifest);
    const auto page = co_await crowd.store.tags().list(call, repository, "", 1000);
    note(crowd, page && std::ranges::find(page->tags, name) != page->tags.end());
    // All want the same new tag of this round: exactly one may have it, and the others leave nothing.
    meta::ManifestPut first{.repository = MetaStoreSuite::hosted("contest"),
                            .manifest = MetaStoreSuite::record(manifest),
                            .edges = {},
                            .tags = {MetaStoreSuite::tag("round" + std::to_string(round))},
                            .condition = meta::TagCondition{std::nullopt},
                            .source = "push"};
    const Status contest = co_await crowd.store.manifests().put(call, std::move(first));
    if (contest) crowd.won.fetch_add(1);
    note(crowd, contest || contest.error().code() == ErrorCode::conflict);
    crowd.store.tags().note_checked(repository, MetaStoreSuite::tag(name), WallTime(Duration(77)), false);
    const auto checked = co_await crowd.store.tags().find(call, repository, MetaStoreSuite::tag(name));
    note(crowd, checked && checked->checked == WallTime(Duration(77)));
  }
  if (crowd.ended.fetch_add(1) + 1 == kWriters) loops.stop();
}

}  // namespace

TEST_P(MetaStoreSuite, serves_many_coroutines_at_once) {
  Crowd crowd{.store = store()};
  sys::EventLoops loops(2);
  for (int i = 0; i < kWriters; ++i) {
    loops.spawn(static_cast<unsigned>(i) % 2, write_and_read(crowd, loops, i));
  }
  loops.run();
  EXPECT_EQ(crowd.ended.load(), kWriters);
  EXPECT_EQ(crowd.failures.load(), 0);
  EXPECT_EQ(crowd.won.load(), kRounds);
  const auto totals = run(store().totals(call()));
  EXPECT_EQ(totals->manifests, static_cast<uint64_t>(kWriters * kRounds));
  EXPECT_EQ(totals->blobs, static_cast<uint64_t>(kRounds));
  EXPECT_EQ(totals->repositories, 2U + kWriters / 2);
  EXPECT_EQ(tag_names(hosted("shared")).size(), static_cast<std::size_t>(kWriters / 2 * kRounds));
  EXPECT_EQ(tag_names(hosted("contest")).size(), static_cast<std::size_t>(kRounds));
}

}  // namespace lifeboat::test
