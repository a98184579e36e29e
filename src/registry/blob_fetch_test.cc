#include "registry/blob_fetch.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <future>
#include <latch>
#include <string>
#include <thread>
#include <vector>

#include "blob/memory_store.h"
#include "meta/memory_store.h"
#include "test/support/blob_rig.h"
#include "test/support/code_of.h"
#include "test/support/manual_clock.h"
#include "test/support/run.h"
#include "test/support/scripted_source.h"

namespace lifeboat::registry {
namespace {

using Phase = BlobFetch::State::Phase;
using test::BodyGate;
using test::code_of;
using test::run;
using test::ScriptedSource;

constexpr uint64_t kWithheld = BlobFetches::kWithheldBytes;
constexpr std::size_t kSize = 300 * kKiB;

std::string bytes_of(std::size_t size) {
  std::string bytes(size, '\0');
  for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<char>(i * 7 + i / 251);
  return bytes;
}

std::string first_of(const sys::ReadableFile& file, uint64_t count) {
  std::string bytes(count, '\0');
  const auto got = file.read_at(0, std::as_writable_bytes(std::span(bytes)));
  bytes.resize(got.value_or(0));
  return bytes;
}

/// Until when a test waits for what should be soon.
Call soon() { return {std::chrono::steady_clock::now() + std::chrono::seconds(30), "test"}; }
/// One whose deadline has passed: its waits end at once.
Call late() { return {std::chrono::steady_clock::now(), "test"}; }

Awaitable<BlobFetch::State> end_of(std::shared_ptr<BlobFetch> fetch) {
  const SteadyTime deadline = soon().deadline();
  for (;;) {
    const uint64_t seen = fetch->changed().version();
    BlobFetch::State now = fetch->state();
    if (now.phase == Phase::committed || now.phase == Phase::failed) co_return now;
    const bool has_changed = co_await fetch->changed().wait(seen, deadline);
    if (!has_changed) co_return now;
  }
}

/// Reads what becomes available, as it does, until the fetch has ended.
Awaitable<std::string> follow(std::shared_ptr<BlobFetch> fetch) {
  const SteadyTime deadline = soon().deadline();
  std::string read;
  for (;;) {
    const uint64_t seen = fetch->changed().version();
    const BlobFetch::State now = fetch->state();
    if (now.available_bytes > read.size()) {
      const std::size_t offset = read.size();
      read.resize(now.available_bytes);
      const auto count = now.bytes->read_at(offset, std::as_writable_bytes(std::span(read).subspan(offset)));
      read.resize(offset + count.value_or(0));
    }
    if (now.phase == Phase::committed || now.phase == Phase::failed) co_return read;
    const bool has_changed = co_await fetch->changed().wait(seen, deadline);
    if (!has_changed) co_return read;
  }
}

class BlobFetchesTest : public testing::Test {
 public:
  BlobFetchesTest() : thread_([this] { loops_.run(); }) {}
  ~BlobFetchesTest() override {
    for (const auto& [digest, blob] : source_.blobs) {
      if (blob.gate) blob.gate->open();
    }
    loops_.spawn(0, stop_all());
    thread_.join();
  }

 protected:
  Awaitable<void> stop_all() {
    co_await fetches_.stop();
    loops_.stop();
  }

  static oci::RepositoryId repository(std::string_view name = "team/app") {
    return {*oci::RegistryHost::parse("upstream.example"), *oci::Repository::parse(name)};
  }
  /// The source has this under the digest, whatever its own is.
  oci::Digest offer_as(const oci::Digest& digest, ScriptedSource::Blob blob) {
    source_.blobs.insert_or_assign(digest.to_string(), std::move(blob));
    return digest;
  }
  oci::Digest offer(ScriptedSource::Blob blob) {
    const oci::Digest digest = test::sha256_of(blob.bytes);
    return offer_as(digest, std::move(blob));
  }

  std::shared_ptr<BlobFetch> join(const oci::Digest& digest, const oci::RepositoryId& from = repository()) {
    return fetches_.join_or_start(soon(), {from, digest, &source_, nullptr});
  }
  Result<blob::Content> held(const oci::Digest& digest) { return run(blobs_.open(test::a_call(), digest)); }
  Result<meta::BlobRecord> recorded(const oci::Digest& digest, const oci::RepositoryId& in = repository()) {
    return run(names_.blobs().find(test::a_call(), in, digest));
  }
  std::size_t sessions() { return run(blobs_.sessions(test::a_call())).value().size(); }
  void expect_nothing_kept(const oci::Digest& digest, const std::string& name = "") {
    EXPECT_EQ(code_of(held(digest)), "not_found") << name;
    EXPECT_EQ(code_of(recorded(digest)), "not_found") << name;
    EXPECT_EQ(sessions(), 0u) << name;
  }

  test::ManualClock clock_;
  sys::Metrics metrics_;
  Log log_{{.level = LogLevel::error}};
  blob::MemoryStore blobs_;
  meta::MemoryStore names_{clock_};
  ContentLeases leases_{clock_};
  ScriptedSource source_;
  sys::EventLoops loops_{2};
  BlobFetches fetches_{blobs_, names_, leases_, clock_, loops_, metrics_, log_};
  std::thread thread_;
};

TEST_F(BlobFetchesTest, ask_the_source_once_for_any_number_of_readers) {
  const std::string bytes = bytes_of(kSize);
  const auto gate = std::make_shared<BodyGate>(kSize / 2);
  const oci::Digest digest = offer({.bytes = bytes, .gate = gate});
  constexpr std::size_t kReaders = 8;
  std::latch joined(kReaders);
  std::vector<std::string> read(kReaders);
  {
    std::vector<std::jthread> readers;
    for (std::string& own : read) {
      readers.emplace_back([&] {
        const auto fetch = join(digest);
        joined.count_down();
        own = run(follow(fetch));
      });
    }
    joined.wait();
    EXPECT_TRUE(run(gate->reached()));
    EXPECT_EQ(fetches_.running(), 1u);
    EXPECT_EQ(sessions(), 1u);
    gate->open();
  }
  for (const std::string& own : read) EXPECT_TRUE(own == bytes) << own.size();
  EXPECT_EQ(source_.opens, 1);
}

TEST_F(BlobFetchesTest, keep_what_hashed_right_and_record_it_in_its_repository) {
  for (const std::size_t size :
       {std::size_t{0}, std::size_t{1}, std::size_t{kWithheld}, std::size_t{kWithheld + 1}, kSize}) {
    for (const HashAlgorithm algorithm : {HashAlgorithm::sha256, HashAlgorithm::sha512}) {
      const std::string bytes = bytes_of(size);
      const oci::Digest digest = offer_as(oci::Digest::of(algorithm, as_bytes(bytes)), {.bytes = bytes});
      const BlobFetch::State end = run(end_of(join(digest)));
      ASSERT_EQ(end.phase, Phase::committed) << size;
      EXPECT_EQ(end.size_bytes, size);
      EXPECT_EQ(end.available_bytes, size);
      EXPECT_TRUE(test::read_all(*end.bytes) == bytes) << size;
      const auto content = held(digest);
      ASSERT_TRUE(content) << content.error().message();
      EXPECT_TRUE(test::read_all(*content->bytes) == bytes) << size;
      const auto record = recorded(digest);
      ASSERT_TRUE(record) << record.error().message();
      EXPECT_EQ(record->size_bytes, size);
      EXPECT_EQ(code_of(recorded(digest, repository("team/other"))), "not_found") << size;
      EXPECT_EQ(sessions(), 0u) << size;
    }
  }
}

TEST_F(BlobFetchesTest, ask_for_each_repository_by_itself) {
  const oci::Digest digest = offer({.bytes = bytes_of(kSize)});
  EXPECT_EQ(run(end_of(join(digest))).phase, Phase::committed);
  EXPECT_EQ(run(end_of(join(digest, repository("team/other")))).phase, Phase::committed);
  EXPECT_EQ(source_.opens, 2) << "what one repository may have says nothing of another";
  EXPECT_TRUE(recorded(digest, repository("team/other")));
}

TEST_F(BlobFetchesTest, offer_all_but_the_end_before_the_digest_has_matched) {
  const struct {
    std::string name;
    std::size_t written;
    uint64_t available;
  } rows[] = {
      {"nothing yet", 0, 0},
      {"less than is withheld", kWithheld - 1, 0},
      {"as much as is withheld", kWithheld, 0},
      {"one byte more", kWithheld + 1, 1},
      {"half of it", kSize / 2, kSize / 2 - kWithheld},
      {"all, and the source has not said that it is all", kSize, kSize - kWithheld},
  };
  std::string bytes = bytes_of(kSize);
  for (const auto& row : rows) {
    for (const bool is_size_known : {true, false}) {
      ++bytes.front();  // another blob
      const auto gate = std::make_shared<BodyGate>(row.written);
      const auto fetch = join(offer({.bytes = bytes, .is_size_known = is_size_known, .gate = gate}));
      ASSERT_TRUE(run(gate->reached())) << row.name;
      const BlobFetch::State now = fetch->state();
      EXPECT_EQ(now.phase, Phase::streaming) << row.name;
      EXPECT_EQ(now.size_bytes, is_size_known ? std::optional<uint64_t>(kSize) : std::nullopt) << row.name;
      EXPECT_EQ(now.available_bytes, row.available) << row.name;
      EXPECT_TRUE(first_of(*now.bytes, row.available) == bytes.substr(0, row.available)) << row.name;
      const auto promised = run(fetch->wait_for_promise(late()));
      EXPECT_EQ(code_of(promised), row.available > 0 ? "" : "timed_out") << row.name;
      gate->open();
      const BlobFetch::State end = run(end_of(fetch));
      EXPECT_EQ(end.phase, Phase::committed) << row.name;
      EXPECT_EQ(end.available_bytes, kSize) << row.name;
      EXPECT_EQ(end.size_bytes, kSize) << row.name;
      EXPECT_TRUE(test::read_all(*end.bytes) == bytes) << row.name;
    }
  }
}

TEST_F(BlobFetchesTest, never_offer_the_end_of_wrong_bytes) {
  for (const std::size_t size : {std::size_t{1}, std::size_t{kWithheld}, kSize}) {
    const auto gate = std::make_shared<BodyGate>(size);
    const oci::Digest digest =
        offer_as(test::sha256_of("right " + std::to_string(size)), {.bytes = bytes_of(size), .gate = gate});
    const auto fetch = join(digest);
    ASSERT_TRUE(run(gate->reached())) << size;
    const uint64_t before = fetch->state().available_bytes;
    EXPECT_EQ(before, size > kWithheld ? size - kWithheld : 0);
    gate->open();
    const BlobFetch::State end = run(end_of(fetch));
    ASSERT_EQ(end.phase, Phase::failed) << size;
    EXPECT_EQ(end.failure->code(), ErrorCode::corrupt) << end.failure->message();
    EXPECT_EQ(end.available_bytes, before);
    EXPECT_EQ(code_of(run(fetch->wait_for_promise(soon()))), "corrupt") << size;
    EXPECT_TRUE(run(follow(fetch)) == bytes_of(size).substr(0, before)) << size;
    expect_nothing_kept(digest, std::to_string(size));
  }
}

TEST_F(BlobFetchesTest, promise_nothing_of_what_was_cut_after_its_first_bytes) {
  constexpr std::size_t kCut = 200 * kKiB;
  const auto gate = std::make_shared<BodyGate>(kCut);
  const oci::Digest digest = offer({.bytes = bytes_of(kSize), .fails_after = kCut, .gate = gate});
  const auto fetch = join(digest);
  ASSERT_TRUE(run(gate->reached()));
  EXPECT_TRUE(run(fetch->wait_for_promise(soon()))) << "as long as nobody knows of the cut";
  gate->open();
  const BlobFetch::State end = run(end_of(fetch));
  ASSERT_EQ(end.phase, Phase::failed);
  EXPECT_EQ(end.available_bytes, kCut - kWithheld) << "for those who read already";
  EXPECT_EQ(code_of(run(fetch->wait_for_promise(soon()))), "unavailable");
  EXPECT_EQ(code_of(run(join(digest)->wait_for_promise(soon()))), "unavailable") << "who comes a moment later";
  expect_nothing_kept(digest);
}

TEST_F(BlobFetchesTest, remember_a_cut_or_a_lie_for_five_seconds) {
  const std::string bytes = bytes_of(kSize);
  std::string wrong = bytes;
  ++wrong.back();
  const struct {
    std::string name;
    ScriptedSource::Blob blob;
    std::string code;
  } rows[] = {
      {"cut after its first bytes", {.bytes = bytes, .fails_after = 200 * kKiB}, "unavailable"},
      {"cut before its first byte", {.bytes = bytes, .fails_after = 0}, "unavailable"},
      {"wrong bytes", {.bytes = wrong}, "corrupt"},
      {"more bytes than announced", {.bytes = bytes + "more", .announced = kSize}, "corrupt"},
  };
  for (const auto& row : rows) {
    const oci::RepositoryId own = repository("row" + std::to_string(&row - rows));
    const oci::Digest digest = offer_as(test::sha256_of(bytes), row.blob);
    const int opens = source_.opens;
    const auto failed = join(digest, own);
    EXPECT_EQ(run(end_of(failed)).phase, Phase::failed) << row.name;
    offer({.bytes = bytes});

    clock_.advance(Duration(4999));
    const auto again = join(digest, own);
    EXPECT_EQ(again, failed) << row.name;
    EXPECT_EQ(code_of(run(again->wait_for_promise(soon()))), row.code) << row.name;
    EXPECT_EQ(source_.opens, opens + 1) << row.name;

    clock_.advance(Duration(1));
    EXPECT_EQ(run(end_of(join(digest, own))).phase, Phase::committed) << row.name;
    EXPECT_EQ(source_.opens, opens + 2) << row.name;
  }
}

TEST_F(BlobFetchesTest, remember_nothing_where_the_source_gave_no_blob) {
  const oci::Digest digest = offer({.bytes = bytes_of(kSize)});
  for (const ErrorCode code : {ErrorCode::not_found, ErrorCode::unavailable, ErrorCode::timed_out,
                               ErrorCode::unauthorized, ErrorCode::too_many}) {
    const oci::RepositoryId own = repository(std::string("says_") + std::to_string(static_cast<int>(code)));
    const int opens = source_.opens;
    source_.fails = code;
    const auto failed = join(digest, own);
    EXPECT_EQ(code_of(run(failed->wait_for_promise(soon()))), to_string(code));
    EXPECT_EQ(code_of(recorded(digest, own)), "not_found");
    source_.fails = std::nullopt;
    EXPECT_EQ(run(end_of(join(digest, own))).phase, Phase::committed) << to_string(code);
    EXPECT_EQ(source_.opens, opens + 2) << to_string(code);
  }
}

TEST_F(BlobFetchesTest, take_no_more_bytes_than_were_announced) {
  std::string bytes = bytes_of(kSize);
  for (const std::size_t announced : {std::size_t{0}, kSize / 4, kSize - 1}) {
    ++bytes.front();  // another blob
    const oci::Digest digest = offer({.bytes = bytes, .announced = announced});
    const BlobFetch::State end = run(end_of(join(digest)));
    ASSERT_EQ(end.phase, Phase::failed) << announced;
    EXPECT_EQ(end.failure->code(), ErrorCode::corrupt) << announced;
    EXPECT_LE(end.available_bytes, announced);
    expect_nothing_kept(digest, std::to_string(announced));
  }
}

Awaitable<std::size_t> left_after_stop(BlobFetches& fetches) {
  co_await fetches.stop();
  co_return fetches.running();
}

TEST_F(BlobFetchesTest, go_on_when_all_readers_have_left) {
  const auto gate = std::make_shared<BodyGate>(kWithheld);
  const oci::Digest digest = offer({.bytes = bytes_of(kSize), .gate = gate});
  {
    const auto fetch = join(digest);
    EXPECT_EQ(code_of(run(fetch->wait_for_promise(late()))), "timed_out");
  }
  ASSERT_TRUE(run(gate->reached()));
  EXPECT_EQ(fetches_.running(), 1u);
  gate->open();
  EXPECT_EQ(run(left_after_stop(fetches_)), 0u);
  EXPECT_TRUE(held(digest));
  EXPECT_TRUE(recorded(digest));
}

Awaitable<void> stop_and_say(BlobFetches& fetches, std::promise<void>& stopped) {
  co_await fetches.stop();
  stopped.set_value();
}

Awaitable<void> say(std::promise<void>& said) {
  said.set_value();
  co_return;
}

TEST_F(BlobFetchesTest, let_running_fetches_end_and_start_no_more_when_they_stop) {
  const auto gate = std::make_shared<BodyGate>(kSize / 2);
  const oci::Digest running = offer({.bytes = bytes_of(kSize), .gate = gate});
  const oci::Digest refused = offer({.bytes = bytes_of(10)});
  const auto fetch = join(running);
  ASSERT_TRUE(run(gate->reached()));

  std::promise<void> stopped;
  std::future<void> is_stopped = stopped.get_future();
  std::promise<void> said;
  loops_.spawn(0, stop_and_say(fetches_, stopped));
  loops_.spawn(0, say(said));  // on the same loop and after it: by then the stop has begun, and waits
  said.get_future().wait();
  const auto late_comer = join(refused);
  EXPECT_EQ(code_of(run(late_comer->wait_for_promise(soon()))), "cancelled");
  EXPECT_EQ(source_.opens, 1);
  EXPECT_EQ(join(running), fetch) << "a reader more costs nothing";
  EXPECT_EQ(fetches_.running(), 1u);
  EXPECT_EQ(is_stopped.wait_for(std::chrono::seconds(0)), std::future_status::timeout);

  gate->open();
  ASSERT_EQ(is_stopped.wait_for(std::chrono::seconds(30)), std::future_status::ready);
  EXPECT_EQ(fetch->state().phase, Phase::committed);
  EXPECT_EQ(fetches_.running(), 0u);
  EXPECT_TRUE(held(running));
  expect_nothing_kept(refused);
}

}  // namespace
}  // namespace lifeboat::registry
