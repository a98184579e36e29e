#include "http/answer_cache.h"

#include <gtest/gtest.h>

#include <string>

#include "http/prepared_answer.h"

namespace lifeboat::http {
namespace {

class HandClock final : public sys::Clock {
 public:
  SteadyTime now() const override { return now_; }
  WallTime wall() const override { return {}; }
  Awaitable<void> sleep_until(SteadyTime) override { co_return; }
  SteadyTime now_{};
};

class EmptyFile final : public sys::ReadableFile {
 public:
  Result<std::size_t> read_at(uint64_t, ByteSpan) const override { return 0; }
  Result<uint64_t> size() const override { return 0; }
};

oci::RepositoryId repository(std::string_view name) { return {std::nullopt, *oci::Repository::parse(name)}; }

class AnswerCacheTest : public testing::Test {
 protected:
  AnswerCache make(std::size_t max_bytes = 64 * kKiB, unsigned loops = 1, std::size_t max_files = 1024) {
    return AnswerCache({.loops = loops, .max_bytes = max_bytes, .max_files = max_files}, clock_);
  }
  static AnswerCache::Answer answer(std::string body, std::string digest = "sha256:x") {
    sys::HttpResponse head;
    head.fields.add("ETag", "\"" + digest + "\"");
    const uint64_t size = body.size();
    return {prepare(head, {std::move(body), nullptr, size}), std::move(digest), RouteKind::manifest, SteadyTime::max()};
  }
  Watch watch(const AnswerCache& cache, std::string_view name = "app") {
    Watch watch(stamps_, cache.meaning());
    watch.add(repository(name));
    return watch;
  }

  HandClock clock_;
  registry::ChangeStamps stamps_;
};

TEST_F(AnswerCacheTest, gives_what_was_kept_for_the_same_target_on_the_same_loop) {
  AnswerCache cache = make(64 * kKiB, 2);
  cache.keep(0, "/a", answer("one"), watch(cache));
  EXPECT_EQ(cache.find(0, {false, "/a", ""}).hit.answer->body, "one");
  EXPECT_EQ(cache.find(0, {false, "/a", ""}).route, RouteKind::manifest);
  EXPECT_EQ(cache.find(1, {false, "/a", ""}).hit.answer, nullptr);
  EXPECT_EQ(cache.find(0, {false, "/a?x", ""}).hit.answer, nullptr);
}

TEST_F(AnswerCacheTest, chooses_the_304_when_the_client_has_it) {
  AnswerCache cache = make();
  cache.keep(0, "/a", answer("one", "sha256:x"), watch(cache));
  EXPECT_FALSE(cache.find(0, {false, "/a", ""}).hit.is_not_modified);
  EXPECT_FALSE(cache.find(0, {false, "/a", "\"sha256:y\""}).hit.is_not_modified);
  EXPECT_TRUE(cache.find(0, {false, "/a", "\"sha256:x\""}).hit.is_not_modified);
  EXPECT_TRUE(cache.find(0, {true, "/a", "*"}).hit.is_not_modified);
}

TEST_F(AnswerCacheTest, forgets_when_the_repository_changes) {
  AnswerCache cache = make();
  cache.keep(0, "/a", answer("one"), watch(cache));
  stamps_.bump(repository("app"));
  EXPECT_EQ(cache.find(0, {false, "/a", ""}).hit.answer, nullptr);
  EXPECT_EQ(cache.size(0), 0U);
}

TEST_F(AnswerCacheTest, never_gives_an_answer_made_from_a_state_before_a_change) {
  AnswerCache cache = make();
  const Watch before = watch(cache);
  stamps_.bump(repository("app"));  // while the answer was made
  cache.keep(0, "/a", answer("one"), before);
  EXPECT_EQ(cache.find(0, {false, "/a", ""}).hit.answer, nullptr);
}

TEST_F(AnswerCacheTest, watches_the_hosted_repository_of_the_same_name_too) {
  AnswerCache cache = make();
  Watch both(stamps_, cache.meaning());
  both.add_hosted("app");
  both.add({*oci::RegistryHost::parse("docker.io"), *oci::Repository::parse("library/app")});
  cache.keep(0, "/a", answer("one"), both);
  EXPECT_NE(cache.find(0, {false, "/a", ""}).hit.answer, nullptr);
  stamps_.bump(repository("app"));
  EXPECT_EQ(cache.find(0, {false, "/a", ""}).hit.answer, nullptr);
}

TEST_F(AnswerCacheTest, forgets_all_when_the_meaning_of_targets_changes) {
  AnswerCache cache = make();
  const Watch before = watch(cache);
  cache.keep(0, "/a", answer("one"), before);
  cache.forget_all();
  EXPECT_EQ(cache.find(0, {false, "/a", ""}).hit.answer, nullptr);
  cache.keep(0, "/a", answer("one"), before);
  EXPECT_EQ(cache.find(0, {false, "/a", ""}).hit.answer, nullptr);
}

TEST_F(AnswerCacheTest, forgets_at_the_end_of_its_time) {
  AnswerCache cache = make();
  AnswerCache::Answer stale = answer("one");
  stale.valid_until = clock_.now() + Duration(1000);
  cache.keep(0, "/a", std::move(stale), watch(cache));
  clock_.now_ += Duration(999);
  EXPECT_NE(cache.find(0, {false, "/a", ""}).hit.answer, nullptr);
  clock_.now_ += Duration(1);
  EXPECT_EQ(cache.find(0, {false, "/a", ""}).hit.answer, nullptr);
}

TEST_F(AnswerCacheTest, lets_the_least_recently_used_go) {
  AnswerCache cache = make(8 * kKiB);
  const std::string body(kKiB, 'x');
  for (const char* target : {"/a", "/b", "/c"}) cache.keep(0, target, answer(body), watch(cache));
  EXPECT_NE(cache.find(0, {false, "/a", ""}).hit.answer, nullptr);
  for (const char* target : {"/d", "/e"}) cache.keep(0, target, answer(body), watch(cache));
  EXPECT_LE(cache.bytes(0), 8 * kKiB);
  EXPECT_NE(cache.find(0, {false, "/a", ""}).hit.answer, nullptr);
  EXPECT_EQ(cache.find(0, {false, "/b", ""}).hit.answer, nullptr);
}

TEST_F(AnswerCacheTest, does_not_take_what_is_too_large_for_its_share) {
  AnswerCache cache = make(8 * kKiB);
  cache.keep(0, "/a", answer(std::string(4 * kKiB, 'x')), watch(cache));
  EXPECT_EQ(cache.size(0), 0U);
  AnswerCache none = make(0);
  none.keep(0, "/a", answer("x"), watch(none));
  EXPECT_EQ(none.size(0), 0U);
}

TEST_F(AnswerCacheTest, replaces_and_counts_exactly) {
  AnswerCache cache = make();
  cache.keep(0, "/a", answer("one"), watch(cache));
  const std::size_t bytes = cache.bytes(0);
  cache.keep(0, "/a", answer("two"), watch(cache));
  EXPECT_EQ(cache.bytes(0), bytes);
  EXPECT_EQ(cache.size(0), 1U);
  EXPECT_EQ(cache.find(0, {false, "/a", ""}).hit.answer->body, "two");
  stamps_.bump(repository("app"));
  (void)cache.find(0, {false, "/a", ""});
  EXPECT_EQ(cache.bytes(0), 0U);
}

TEST_F(AnswerCacheTest, bounds_the_files_it_keeps_open) {
  AnswerCache cache = make(kMiB, 1, 2);
  const auto file_answer = [] {
    AnswerCache::Answer file = answer("");
    file.prepared = prepare({}, {"", std::make_shared<EmptyFile>(), 1000});
    return file;
  };
  cache.keep(0, "/memory", answer("x"), watch(cache));
  for (const char* target : {"/a", "/b", "/c"}) cache.keep(0, target, file_answer(), watch(cache));
  EXPECT_EQ(cache.files(0), 2U);
  EXPECT_EQ(cache.find(0, {false, "/a", ""}).hit.answer, nullptr);
  EXPECT_NE(cache.find(0, {false, "/memory", ""}).hit.answer, nullptr);
  EXPECT_NE(cache.find(0, {false, "/c", ""}).hit.answer, nullptr);
}

TEST(PreparedAnswer, has_a_304_without_the_fields_of_the_body) {
  sys::HttpResponse head;
  head.fields.add("Content-Type", "text/x");
  add_content_fields(head.fields, "sha256:x", false);
  const auto answer = prepare(head, {"body", nullptr, 4});
  EXPECT_EQ(answer->head,
            "HTTP/1.1 200 OK\r\nContent-Type: text/x\r\nDocker-Content-Digest: sha256:x\r\nETag: \"sha256:x\"\r\n"
            "Cache-Control: no-cache\r\nContent-Length: 4\r\n");
  EXPECT_EQ(answer->not_modified_head,
            "HTTP/1.1 304 Not Modified\r\nDocker-Content-Digest: sha256:x\r\nETag: \"sha256:x\"\r\n"
            "Cache-Control: no-cache\r\n");
}

}  // namespace
}  // namespace lifeboat::http
