#include "upstream/upstream.h"

#include <gtest/gtest.h>

#include <array>
#include <string>
#include <thread>
#include <vector>

#include "test/support/run.h"
#include "test/support/scripted_source.h"

namespace lifeboat::upstream {
namespace {

using test::digest_of;
using test::ScriptedSource;

/// Hands every question on to a source of the test.
class Link final : public blob::Source {
 public:
  explicit Link(ScriptedSource& to) : to_(to) {}
  Task<blob::ResolvedTag> resolve(Call call, oci::RepositoryId repository, oci::Tag tag) override {
    return to_.resolve(std::move(call), std::move(repository), std::move(tag));
  }
  Task<blob::FetchedManifest> manifest(Call call, oci::RepositoryId repository, oci::Reference reference) override {
    return to_.manifest(std::move(call), std::move(repository), std::move(reference));
  }
  Task<std::unique_ptr<blob::Stream>> open(Call call, oci::RepositoryId repository, oci::Digest digest,
                                           uint64_t from) override {
    return to_.open(std::move(call), std::move(repository), digest, from);
  }
  Task<TagPage> tags(Call call, oci::RepositoryId repository, std::string last, std::size_t limit) override {
    return to_.tags(std::move(call), std::move(repository), std::move(last), limit);
  }
  Task<std::vector<oci::Referrer>> referrers(Call call, oci::RepositoryId repository, oci::Digest subject) override {
    return to_.referrers(std::move(call), std::move(repository), subject);
  }
  bool can_be_asked() const override { return to_.can_be_asked(); }
  bool is_failing() const override { return to_.is_failing(); }
  bool is_short_of_requests() const override { return to_.is_short_of_requests(); }

 private:
  ScriptedSource& to_;
};

class UpstreamTest : public testing::Test {
 protected:
  UpstreamTest() {
    make();
    for (std::size_t i = 0; i < bytes_.size(); ++i) bytes_[i] = static_cast<char>(i * 7 + i / 251);
    for (ScriptedSource& endpoint : endpoints_) endpoint.blobs[digest_of(bytes_)] = {.bytes = bytes_};
  }
  void make(Duration hedge_after = {}) {
    std::vector<Upstream::Member> members;
    for (ScriptedSource& endpoint : endpoints_) {
      members.push_back({"endpoint-" + std::to_string(members.size()), std::make_shared<Link>(endpoint)});
    }
    upstream_ = std::make_unique<Upstream>(Upstream::Parts{clock_, log_, metrics_}, std::move(members), hedge_after);
  }

  struct Read {
    std::string bytes;
    std::optional<ErrorCode> failure;
  };
  /// All of it, as far as it comes; `then` at its end.
  Read read(void (*then)(blob::Stream&) = [](blob::Stream&) {}) {
    Read result;
    test::run(read_into(result, then));
    return result;
  }
  Awaitable<bool> read_into(Read& result, void (*then)(blob::Stream&)) {
    const Call call(clock_.now() + Duration(20'000), "test");
    const oci::RepositoryId repository{.host = *oci::RegistryHost::parse("r.example"),
                                       .name = *oci::Repository::parse("team/app")};
    auto stream = co_await upstream_->open(call, repository, *oci::Digest::parse(digest_of(bytes_)), 0);
    if (!stream) {
      result.failure = stream.error().code();
      co_return false;
    }
    EXPECT_EQ((*stream)->size_bytes(), bytes_.size());
    for (;;) {
      auto block = co_await (*stream)->next();
      if (!block) result.failure = block.error().code();
      if (!block || block->size() == 0) break;
      result.bytes.append(as_text(block->bytes()));
    }
    then(**stream);
    co_return true;
  }
  Awaitable<bool> read_and_go(Read& result, test::BodyGate& gate) {
    co_await read_into(result, [](blob::Stream&) {});
    upstream_.reset();
    gate.open();
    co_await clock_.sleep_until(clock_.now() + Duration(20));  // for the late answer to come
    co_return true;
  }
  ScriptedSource::Blob& blob_of(std::size_t endpoint) { return endpoints_.at(endpoint).blobs[digest_of(bytes_)]; }

  sys::SystemClock clock_;
  sys::Metrics metrics_;
  Log log_{{.level = LogLevel::error}};
  std::string bytes_ = std::string(1'000'000, '\0');
  std::array<ScriptedSource, 3> endpoints_;
  std::unique_ptr<Upstream> upstream_;
};

TEST_F(UpstreamTest, continues_a_body_that_breaks_off_at_the_next_endpoint) {
  blob_of(0).fails_after = 350'000;
  blob_of(1).fails_after = 650'000;
  const Read got = read();
  EXPECT_FALSE(got.failure) << to_string(*got.failure);
  EXPECT_TRUE(got.bytes == bytes_) << "joined wrongly, " << got.bytes.size() << " bytes";
  EXPECT_EQ(endpoints_[1].last_from, 350'000U);
  EXPECT_EQ(endpoints_[2].last_from, 650'000U);
}

TEST_F(UpstreamTest, is_short_of_requests_when_the_endpoint_it_would_ask_is) {
  EXPECT_FALSE(upstream_->is_short_of_requests());
  endpoints_[1].is_short = true;
  EXPECT_FALSE(upstream_->is_short_of_requests()) << "the first one is asked, and has enough";
  endpoints_[0].is_reachable = false;
  EXPECT_TRUE(upstream_->is_short_of_requests()) << "the first one is not asked now";
  endpoints_[1].is_reachable = false;
  endpoints_[2].is_reachable = false;
  EXPECT_FALSE(upstream_->is_short_of_requests()) << "nobody is asked";
  EXPECT_FALSE(upstream_->can_be_asked());
}

TEST_F(UpstreamTest, goes_on_after_an_outage_as_often_as_its_budget_allows) {
  endpoints_[0].fails = ErrorCode::unavailable;  // and is asked all the same: no breaker takes it out
  for (int i = 0; i < 100; ++i) EXPECT_FALSE(read().failure) << "the next one is well, and not hammered by that";
  endpoints_[1].is_known_to_fail = true;
  endpoints_[2].is_known_to_fail = true;
  endpoints_[0].opens = 0;
  endpoints_[1].opens = 0;
  make(Duration(0));  // nothing asked yet
  int answered = 0;
  for (int i = 0; i < 100; ++i) answered += read().failure ? 0 : 1;
  EXPECT_GE(answered, 10) << "a few in any case";
  EXPECT_LE(answered, 30) << "and a fifth of the hundred";
  EXPECT_EQ(endpoints_[0].opens, 100) << "first attempts always pass";
  EXPECT_EQ(endpoints_[1].opens, answered);
  const std::string metrics = metrics_.render();
  EXPECT_TRUE(metrics.contains("lifeboat_upstream_retries_total{host=\"endpoint-1\",result=\"made\"} " +
                               std::to_string(answered)));
  EXPECT_TRUE(metrics.contains("lifeboat_upstream_retries_total{host=\"endpoint-1\",result=\"refused\"} " +
                               std::to_string(100 - answered)));
}

TEST_F(UpstreamTest, goes_on_for_nothing_where_it_hammers_nobody) {
  const struct {
    std::string name;
    ErrorCode code;
    bool is_seen;
  } rows[] = {
      {"not found", ErrorCode::not_found, false},
      {"refused credentials", ErrorCode::unauthorized, false},
      {"a rate limit", ErrorCode::too_many, false},
      {"an outage that the breaker has seen", ErrorCode::unavailable, true},
  };
  for (const auto& row : rows) {
    endpoints_[0].fails = row.code;
    endpoints_[0].is_reachable = !row.is_seen;
    for (int i = 0; i < 50; ++i) EXPECT_FALSE(read().failure) << row.name << ", " << i;
  }
}

TEST_F(UpstreamTest, continues_bodies_as_often_as_its_budget_allows) {
  blob_of(0).fails_after = 350'000;
  endpoints_[1].is_known_to_fail = true;
  endpoints_[2].is_known_to_fail = true;
  int answered = 0;
  for (int i = 0; i < 60; ++i) answered += read().failure ? 0 : 1;
  EXPECT_GE(answered, 10);
  EXPECT_LE(answered, 22);
  endpoints_[0].is_reachable = false;
  EXPECT_FALSE(read().failure) << "its breaker has seen it";
}

TEST_F(UpstreamTest, asks_the_next_as_well_when_one_does_not_answer_in_time) {
  make(Duration(10));
  endpoints_[0].head_gate = std::make_shared<test::BodyGate>(0);  // never opened
  EXPECT_TRUE(read().bytes == bytes_);
  EXPECT_EQ(endpoints_[0].opens, 1);
  EXPECT_EQ(endpoints_[1].opens, 1);
  EXPECT_EQ(endpoints_[2].opens, 0) << "one was enough";
}

TEST_F(UpstreamTest, asks_one_alone_that_answers_in_time) {
  make(std::chrono::hours(1));
  EXPECT_TRUE(read().bytes == bytes_);
  EXPECT_EQ(endpoints_[1].opens, 0);
  endpoints_[0].fails = ErrorCode::unavailable;
  EXPECT_TRUE(read().bytes == bytes_) << "a failure is no reason to wait";
  EXPECT_EQ(endpoints_[1].opens, 1);
}

TEST_F(UpstreamTest, waits_for_the_slow_one_when_no_other_has_it) {
  make(Duration(10));
  const auto gate = std::make_shared<test::BodyGate>(0);
  endpoints_[0].head_gate = gate;
  endpoints_[1].blobs.clear();
  endpoints_[2].blobs.clear();
  std::jthread opener([&] {
    while (endpoints_[2].opens == 0) std::this_thread::yield();
    gate->open();
  });
  EXPECT_TRUE(read().bytes == bytes_);
}

TEST_F(UpstreamTest, lets_go_of_what_a_slow_endpoint_answers_in_the_end) {
  make(Duration(10));
  const auto gate = std::make_shared<test::BodyGate>(0);
  endpoints_[0].head_gate = gate;
  Read got;
  // The upstream goes while the slow endpoint is still asked; then that one answers.
  test::run(read_and_go(got, *gate));
  EXPECT_TRUE(got.bytes == bytes_);
}

TEST_F(UpstreamTest, skips_an_endpoint_that_cannot_continue) {
  blob_of(0).fails_after = 100'000;
  endpoints_[1].fails = ErrorCode::unavailable;
  EXPECT_TRUE(read().bytes == bytes_);
  endpoints_[1].fails.reset();
  endpoints_[1].blobs.clear();
  EXPECT_TRUE(read().bytes == bytes_) << "one that does not have it";
}

TEST_F(UpstreamTest, asks_the_endpoint_that_cut_it_again_when_no_other_is_left) {
  blob_of(0).fails_after = 600'000;  // and again there, when it is asked for the rest
  endpoints_[1].fails = ErrorCode::unavailable;
  endpoints_[2].fails = ErrorCode::unavailable;
  const Read got = read();
  EXPECT_EQ(got.failure, ErrorCode::unavailable);
  EXPECT_TRUE(got.bytes == bytes_.substr(0, 600'000)) << got.bytes.size();
  EXPECT_EQ(endpoints_[0].opens, 2) << "once from the beginning, once for the rest, and no more without progress";
}

TEST_F(UpstreamTest, never_joins_bodies_of_other_sizes) {
  blob_of(0).fails_after = 300'000;
  blob_of(1).announced = bytes_.size() + 1;
  blob_of(2).is_size_known = false;
  const Read got = read();
  EXPECT_EQ(got.failure, ErrorCode::unavailable);
  EXPECT_TRUE(got.bytes == bytes_.substr(0, 300'000)) << got.bytes.size();
}

TEST_F(UpstreamTest, takes_a_body_that_ends_early_for_cut) {
  endpoints_[0].blobs[digest_of(bytes_)] = {.bytes = bytes_.substr(0, 400'000), .announced = bytes_.size()};
  const Read got = read();
  EXPECT_FALSE(got.failure);
  EXPECT_TRUE(got.bytes == bytes_) << got.bytes.size();
  EXPECT_EQ(endpoints_[1].last_from, 400'000U);
}

TEST_F(UpstreamTest, continues_at_a_known_liar_only_when_nobody_else_can) {
  read([](blob::Stream& stream) { stream.reject(); });  // endpoint 0 lied
  endpoints_[2].fails = ErrorCode::unavailable;
  blob_of(1).fails_after = 400'000;
  const Read got = read();
  EXPECT_TRUE(got.bytes == bytes_);
  EXPECT_EQ(endpoints_[1].opens, 2) << "asked for the rest before the liar is";
  EXPECT_EQ(endpoints_[0].last_from, 400'000U) << "and then the liar, since nobody else is left";
}

TEST_F(UpstreamTest, asks_who_sent_wrong_bytes_last) {
  const Read first = read([](blob::Stream& stream) { stream.reject(); });
  EXPECT_FALSE(first.failure);
  EXPECT_EQ(endpoints_[0].rejections, 1);
  read();
  EXPECT_EQ(endpoints_[0].opens, 1);
  EXPECT_EQ(endpoints_[1].opens, 1);
  endpoints_[1].fails = ErrorCode::unavailable;
  endpoints_[2].fails = ErrorCode::unavailable;
  read();
  EXPECT_EQ(endpoints_[0].opens, 2) << "when no other has it, it is asked all the same";
}

TEST_F(UpstreamTest, distrusts_every_endpoint_that_gave_a_part) {
  blob_of(0).fails_after = 500'000;
  read([](blob::Stream& stream) { stream.reject(); });
  EXPECT_EQ(endpoints_[1].opens, 1);
  read();
  EXPECT_EQ(endpoints_[0].opens, 1);
  EXPECT_EQ(endpoints_[1].opens, 1);
  EXPECT_EQ(endpoints_[2].opens, 1);
}

}  // namespace
}  // namespace lifeboat::upstream
