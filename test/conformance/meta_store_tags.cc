#include "test/conformance/meta_store_suite.h"

namespace lifeboat::test {

TEST_P(MetaStoreSuite, lists_tags_bytewise_and_in_pages) {
  ASSERT_TRUE(put(hosted("a"), digest("m"), {"b", "a", "B", "a.1", "a-1", "a_1", "A", "1", "10", "2", "_"}));
  const std::vector<std::string> all{"1", "10", "2", "A", "B", "_", "a", "a-1", "a.1", "a_1", "b"};
  EXPECT_EQ(tag_names(hosted("a")), all);
  struct Row {
    std::string name;
    std::string last;
    std::size_t limit;
    std::vector<std::string> tags;
    bool has_more;
  };
  const std::vector<Row> rows{
      {"the first page", "", 3, {"1", "10", "2"}, true},
      {"after a tag that is there", "2", 3, {"A", "B", "_"}, true},
      {"after a tag that is not there", "a0", 2, {"a_1", "b"}, false},
      {"exactly the rest", "a-1", 3, {"a.1", "a_1", "b"}, false},
      {"exactly the rest but one", "a-1", 2, {"a.1", "a_1"}, true},
      {"after the last", "b", 5, {}, false},
      {"after everything", "\xff", 5, {}, false},
      {"all", "", all.size(), all, false},
      {"any number a client can think of", "", static_cast<std::size_t>(-1), all, false},
      {"none", "", 0, {}, false},
      {"after a text with a zero", std::string("a\0z", 3), 2, {"a-1", "a.1"}, true},
  };
  for (const Row& row : rows) {
    const auto page = run(tags().list(call(), hosted("a"), row.last, row.limit));
    ASSERT_TRUE(page) << row.name << ": " << page.error().message();
    EXPECT_EQ(page->tags, row.tags) << row.name;
    EXPECT_EQ(page->has_more, row.has_more) << row.name;
  }
}

TEST_P(MetaStoreSuite, tells_an_unknown_repository_from_one_without_tags) {
  EXPECT_EQ(code_of(run(tags().list(call(), hosted("a"), "", 10))), ErrorCode::not_found);
  ASSERT_TRUE(put(hosted("a"), digest("m")));
  EXPECT_TRUE(tag_names(hosted("a")).empty());
  ASSERT_TRUE(add(hosted("b"), digest("x")));
  EXPECT_TRUE(tag_names(hosted("b")).empty());
  ASSERT_TRUE(run(manifests().remove(call(), hosted("a"), digest("m"))));
  EXPECT_TRUE(tag_names(hosted("a")).empty()) << "it was there once";
  EXPECT_EQ(code_of(run(tags().list(call(), of_upstream("ghcr.io", "a"), "", 10))), ErrorCode::not_found);
  uploads().add({upload_id(1), hosted("c"), WallTime{}, std::nullopt});
  EXPECT_EQ(code_of(run(tags().list(call(), hosted("c"), "", 10))), ErrorCode::not_found);
}

TEST_P(MetaStoreSuite, points_a_tag_only_at_a_manifest_of_the_repository) {
  ASSERT_TRUE(put(hosted("a"), digest("m"), {"v1"}));
  ASSERT_TRUE(put(hosted("b"), digest("n")));
  const auto point = [&](const oci::RepositoryId& repository, const oci::Digest& to) {
    return run(tags().point(call(), repository, tag("v1"), to, "ghcr.io"));
  };
  EXPECT_EQ(code_of(point(hosted("a"), digest("n"))), ErrorCode::not_found);
  EXPECT_EQ(code_of(point(hosted("unknown"), digest("m"))), ErrorCode::not_found);
  EXPECT_EQ(find_tag(hosted("a"), "v1")->digest, digest("m"));
  EXPECT_FALSE(run(repositories().contains(call(), hosted("unknown"))).value());
  ASSERT_TRUE(put(hosted("a"), digest("n")));
  EXPECT_TRUE(point(hosted("a"), digest("n")));
  EXPECT_EQ(find_tag(hosted("a"), "v1")->digest, digest("n"));
  EXPECT_TRUE(has_manifest(hosted("a"), digest("m"))) << "it lost its tag, not itself";
}

TEST_P(MetaStoreSuite, remembers_when_a_hosted_tag_last_moved) {
  ASSERT_TRUE(put(hosted("a"), digest("n")));
  clock_.set_wall_ms(2000);
  ASSERT_TRUE(put(hosted("a"), digest("m"), {"v1"}));
  clock_.set_wall_ms(3000);
  ASSERT_TRUE(put(hosted("a"), digest("m"), {"v1"}));
  const auto same = find_tag(hosted("a"), "v1");
  ASSERT_TRUE(same) << same.error().message();
  EXPECT_EQ(same->updated, WallTime(Duration(2000)));
  EXPECT_EQ(same->checked, same->updated);
  clock_.set_wall_ms(4000);
  ASSERT_TRUE(run(tags().point(call(), hosted("a"), tag("v1"), digest("n"), "push")));
  const auto moved = find_tag(hosted("a"), "v1");
  EXPECT_EQ(moved->updated, WallTime(Duration(4000)));
  EXPECT_EQ(moved->checked, moved->updated);
}

TEST_P(MetaStoreSuite, remembers_when_an_upstream_confirmed_a_tag) {
  const oci::RepositoryId repository = of_upstream("ghcr.io", "team/app");
  clock_.set_wall_ms(2000);
  ASSERT_TRUE(put(repository, digest("m"), {"v1"}));
  clock_.set_wall_ms(3000);
  ASSERT_TRUE(run(tags().point(call(), repository, tag("v1"), digest("m"), "ghcr.io")));
  auto found = find_tag(repository, "v1");
  ASSERT_TRUE(found) << found.error().message();
  EXPECT_EQ(found->updated, WallTime(Duration(2000)));
  EXPECT_EQ(found->checked, WallTime(Duration(3000)));
  tags().note_checked(repository, tag("v1"), WallTime(Duration(4000)), false);
  found = find_tag(repository, "v1");
  EXPECT_EQ(found->updated, WallTime(Duration(2000)));
  EXPECT_EQ(found->checked, WallTime(Duration(4000)));
  EXPECT_EQ(found->confirmed, WallTime(Duration(4000)));
  EXPECT_FALSE(found->is_gone_upstream);
}

TEST_P(MetaStoreSuite, remembers_when_a_tag_that_is_gone_was_last_there) {
  const oci::RepositoryId repository = of_upstream("ghcr.io", "team/app");
  clock_.set_wall_ms(2000);
  ASSERT_TRUE(put(repository, digest("m"), {"v1"}));
  EXPECT_EQ(find_tag(repository, "v1")->confirmed, WallTime(Duration(2000)));
  tags().note_checked(repository, tag("v1"), WallTime(Duration(3000)), false);
  for (const int gone_ms : {5000, 6000}) {
    tags().note_checked(repository, tag("v1"), WallTime(Duration(gone_ms)), true);
    EXPECT_EQ(find_tag(repository, "v1")->checked, WallTime(Duration(gone_ms)));
    EXPECT_EQ(find_tag(repository, "v1")->confirmed, WallTime(Duration(3000))) << "that it is gone confirms nothing";
  }
  clock_.set_wall_ms(7000);
  ASSERT_TRUE(run(tags().point(call(), repository, tag("v1"), digest("m"), "ghcr.io")));
  EXPECT_EQ(find_tag(repository, "v1")->confirmed, WallTime(Duration(7000))) << "it is back where it was";
  clock_.set_wall_ms(8000);
  ASSERT_TRUE(put(repository, digest("n"), {"v1"}));
  EXPECT_EQ(find_tag(repository, "v1")->confirmed, WallTime(Duration(8000))) << "it moved";
}

TEST_P(MetaStoreSuite, keeps_a_tag_that_is_gone_upstream_until_it_is_back) {
  const oci::RepositoryId repository = of_upstream("ghcr.io", "team/app");
  ASSERT_TRUE(put(repository, digest("m"), {"v1"}));
  const auto lose = [&] { tags().note_checked(repository, tag("v1"), WallTime(Duration(5000)), true); };
  lose();
  EXPECT_TRUE(find_tag(repository, "v1")->is_gone_upstream);
  EXPECT_EQ(tag_names(repository), std::vector<std::string>{"v1"});
  tags().note_checked(repository, tag("v1"), WallTime(Duration(6000)), false);
  EXPECT_FALSE(find_tag(repository, "v1")->is_gone_upstream);
  lose();
  ASSERT_TRUE(run(tags().point(call(), repository, tag("v1"), digest("m"), "ghcr.io")));
  EXPECT_FALSE(find_tag(repository, "v1")->is_gone_upstream) << "confirmed where it is";
  lose();
  ASSERT_TRUE(put(repository, digest("n"), {"v1"}));
  EXPECT_FALSE(find_tag(repository, "v1")->is_gone_upstream) << "moved";
}

TEST_P(MetaStoreSuite, notes_nothing_about_tags_it_does_not_have) {
  tags().note_checked(hosted("unknown"), tag("v1"), WallTime(Duration(5000)), true);
  ASSERT_TRUE(put(hosted("a"), digest("m")));
  tags().note_checked(hosted("a"), tag("v1"), WallTime(Duration(5000)), true);
  EXPECT_EQ(code_of(find_tag(hosted("a"), "v1")), ErrorCode::not_found);
  EXPECT_EQ(code_of(find_tag(hosted("unknown"), "v1")), ErrorCode::not_found);
  EXPECT_FALSE(run(repositories().contains(call(), hosted("unknown"))).value());
}

TEST_P(MetaStoreSuite, removes_a_tag_and_leaves_its_manifest) {
  ASSERT_TRUE(put(hosted("a"), digest("m"), {"v1", "v2"}));
  ASSERT_TRUE(run(tags().remove(call(), hosted("a"), tag("v1"))));
  EXPECT_EQ(tag_names(hosted("a")), std::vector<std::string>{"v2"});
  EXPECT_TRUE(has_manifest(hosted("a"), digest("m")));
  EXPECT_EQ(code_of(run(tags().remove(call(), hosted("a"), tag("v1")))), ErrorCode::not_found);
  EXPECT_EQ(code_of(run(tags().remove(call(), hosted("unknown"), tag("v1")))), ErrorCode::not_found);
}

TEST_P(MetaStoreSuite, tells_tags_apart_by_the_case_of_their_letters) {
  ASSERT_TRUE(put(hosted("a"), digest("m"), {"v1"}));
  ASSERT_TRUE(put(hosted("a"), digest("n"), {"V1"}));
  EXPECT_EQ(find_tag(hosted("a"), "v1")->digest, digest("m"));
  EXPECT_EQ(find_tag(hosted("a"), "V1")->digest, digest("n"));
}

TEST_P(MetaStoreSuite, remembers_who_pointed_a_tag_where) {
  ASSERT_TRUE(put(hosted("a"), digest("m"), {"v1"}));
  ASSERT_TRUE(put(hosted("a"), digest("n"), {"v1"}));
  ASSERT_TRUE(run(tags().point(call(), hosted("a"), tag("v1"), digest("m"), "restore")));
  const auto past = run(tags().history(call(), hosted("a"), tag("v1"), 10)).value();
  ASSERT_EQ(past.size(), 3U);
  EXPECT_EQ(past[0].number, 3U);
  EXPECT_EQ(past[0].source, "restore");
  EXPECT_EQ(past[2].number, 1U);
  EXPECT_EQ(past[2].source, "push");
}

TEST_P(MetaStoreSuite, remembers_tags_of_manifests_that_were_removed) {
  EXPECT_TRUE(run(tags().remembered(call(), hosted("a"), "", 10)).value().tags.empty());
  ASSERT_TRUE(put(hosted("a"), digest("m"), {"v1", "v2"}));
  ASSERT_TRUE(put(hosted("a"), digest("n"), {"v3"}));
  ASSERT_TRUE(put(hosted("b"), digest("m"), {"other"}));
  ASSERT_TRUE(run(manifests().remove(call(), hosted("a"), digest("m"))));
  ASSERT_TRUE(run(tags().remove(call(), hosted("a"), tag("v3"))));
  ASSERT_TRUE(run(manifests().remove(call(), hosted("a"), digest("n"))));
  const auto page = [&](const std::string& last, std::size_t limit) {
    return run(tags().remembered(call(), hosted("a"), last, limit)).value();
  };
  EXPECT_EQ(page("", 10).tags, (std::vector<std::string>{"v1", "v2", "v3"}));
  EXPECT_FALSE(page("", 3).has_more);
  EXPECT_EQ(page("v1", 1).tags, std::vector<std::string>{"v2"});
  EXPECT_TRUE(page("v1", 1).has_more);
  const auto past = run(tags().history(call(), hosted("a"), tag("v1"), 10)).value();
  ASSERT_EQ(past.size(), 1U) << "the history went with the manifest";
  EXPECT_EQ(past[0].digest, digest("m"));
  ASSERT_TRUE(put(hosted("a"), digest("m"), {"v1"}));
  EXPECT_EQ(run(tags().history(call(), hosted("a"), tag("v1"), 10))->front().number, 2U);
}

}  // namespace lifeboat::test
