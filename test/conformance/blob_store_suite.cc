#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <functional>
#include <optional>
#include <vector>

#include "blob/memory_store.h"
#include "test/support/blob_rig.h"
#include "test/support/run.h"
#include "test/support/temporary_directory.h"

/// What blob::Store and blob::Writer promise, asked of every implementation.
namespace lifeboat::test {
namespace {

/// A store and what it stands on.
class Subject {
 public:
  virtual ~Subject() = default;
  virtual blob::Store& store() = 0;
  virtual blob::Integrity& integrity() = 0;
  /// As a failing disk does: other bytes under the digest, or none.
  virtual void damage(const oci::Digest& digest, std::optional<std::string> bytes) = 0;
};

class OnDisk final : public Subject {
 public:
  OnDisk() { LB_ASSERT(rig_.open(directory_.path() / "data")); }
  blob::Store& store() override { return *rig_.store; }
  blob::Integrity& integrity() override { return *rig_.store; }
  void damage(const oci::Digest& digest, std::optional<std::string> bytes) override {
    const std::string hex = digest.hex();
    const auto path = directory_.path() / "data/blobs" / digest.algorithm_name() / hex.substr(0, 2) / hex;
    std::filesystem::remove(path);
    if (bytes) std::ofstream(path, std::ios::binary) << *bytes;
  }

 private:
  TemporaryDirectory directory_;
  std::unique_ptr<sys::FileSystem> files_ = sys::make_posix_file_system();
  FsStoreRig rig_{*files_, 2};
};

class InMemory final : public Subject {
 public:
  blob::Store& store() override { return store_; }
  blob::Integrity& integrity() override { return store_; }
  void damage(const oci::Digest& digest, std::optional<std::string> bytes) override {
    store_.damage(digest, std::move(bytes));
  }

 private:
  blob::MemoryStore store_;
};

struct Implementation {
  const char* name;
  std::function<std::unique_ptr<Subject>()> make;
};

class BlobStore : public testing::TestWithParam<Implementation> {
 protected:
  Result<blob::Content> open(const oci::Digest& digest) { return run(store_.open(a_call(), digest)); }
  Status put(const oci::Digest& digest, std::string bytes) { return run(store_.put(a_call(), digest, bytes)); }
  std::unique_ptr<blob::Writer> begin(uint64_t number, HashAlgorithm algorithm = HashAlgorithm::sha256) {
    auto writer = run(store_.begin(a_call(), session_id(number), algorithm));
    LB_ASSERT(writer);
    return std::move(*writer);
  }
  void append(blob::Writer& writer, std::string_view bytes) {
    EXPECT_TRUE(run(writer.append(block_of(blocks_, bytes))));
  }
  std::vector<std::string> session_names() {
    std::vector<std::string> names;
    const auto sessions = run(store_.sessions(a_call())).value();
    for (const blob::StoredSession& session : sessions) names.push_back(session.id.to_string());
    return names;
  }

  Result<blob::Damage> quarantine(const oci::Digest& digest, uint64_t size_bytes) {
    return run(subject_->integrity().quarantine(a_call(), digest, size_bytes, WallTime(Duration(1'000))));
  }

  sys::BlockPool blocks_;
  std::unique_ptr<Subject> subject_ = GetParam().make();
  blob::Store& store_ = subject_->store();
};

TEST_P(BlobStore, says_not_found_for_what_it_has_not) {
  const auto content = open(sha256_of("absent"));
  ASSERT_FALSE(content);
  EXPECT_EQ(content.error().code(), ErrorCode::not_found);
  EXPECT_NE(content.error().message().find(sha256_of("absent").to_string()), std::string::npos);
}

TEST_P(BlobStore, gives_back_what_was_put) {
  ASSERT_TRUE(put(sha256_of("hello"), "hello"));
  const auto content = open(sha256_of("hello"));
  ASSERT_TRUE(content);
  EXPECT_EQ(content->size_bytes, 5U);
  EXPECT_EQ(read_all(*content->bytes), "hello");
}

TEST_P(BlobStore, put_is_idempotent_and_takes_empty_bytes) {
  for (int i = 0; i < 2; ++i) {
    ASSERT_TRUE(put(sha256_of("hello"), "hello"));
    ASSERT_TRUE(put(sha256_of(""), ""));
  }
  EXPECT_EQ(open(sha256_of(""))->size_bytes, 0U);
  EXPECT_TRUE(session_names().empty());
}

TEST_P(BlobStore, put_refuses_bytes_of_another_digest) {
  const Status done = put(sha256_of("good"), "evil");
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code(), ErrorCode::corrupt);
  EXPECT_NE(done.error().message().find("got " + sha256_of("evil").to_string()), std::string::npos);
  EXPECT_FALSE(open(sha256_of("good")));
  EXPECT_FALSE(open(sha256_of("evil")));
}

TEST_P(BlobStore, commits_what_was_appended) {
  const auto writer = begin(1);
  EXPECT_EQ(writer->id(), session_id(1));
  append(*writer, "hello ");
  append(*writer, "");
  append(*writer, "world");
  EXPECT_EQ(writer->received(), 11U);
  EXPECT_FALSE(open(sha256_of("hello world")));
  const auto committed = run(writer->commit(sha256_of("hello world")));
  ASSERT_TRUE(committed) << committed.error().message();
  EXPECT_EQ(committed->size_bytes, 11U);
  EXPECT_EQ(read_all(*committed->bytes), "hello world");
  EXPECT_EQ(read_all(*open(sha256_of("hello world"))->bytes), "hello world");
  EXPECT_TRUE(session_names().empty());
}

TEST_P(BlobStore, commits_nothing_as_the_empty_content) {
  ASSERT_TRUE(run(begin(1)->commit(sha256_of(""))));
  EXPECT_EQ(open(sha256_of(""))->size_bytes, 0U);
}

TEST_P(BlobStore, commits_many_full_blocks_in_their_order) {
  const auto writer = begin(1);
  Hasher hasher(HashAlgorithm::sha256);
  for (char letter = 'a'; letter < 'a' + 12; ++letter) {
    const std::string bytes(sys::Block::kCapacity, letter);
    hasher.update(as_bytes(bytes));
    append(*writer, bytes);
  }
  const oci::Digest digest = oci::Digest::of_raw(HashAlgorithm::sha256, hasher.current());
  const auto committed = run(writer->commit(digest));
  ASSERT_TRUE(committed) << committed.error().message();
  EXPECT_EQ(oci::Digest::of(HashAlgorithm::sha256, as_bytes(read_all(*committed->bytes))), digest);
}

TEST_P(BlobStore, commits_under_another_algorithm_than_it_hashed_with) {
  const auto writer = begin(1, HashAlgorithm::sha256);
  append(*writer, "hello");
  const oci::Digest digest = oci::Digest::of(HashAlgorithm::sha512, as_bytes("hello"));
  ASSERT_TRUE(run(writer->commit(digest)));
  EXPECT_EQ(read_all(*open(digest)->bytes), "hello");
  EXPECT_FALSE(open(sha256_of("hello")));
}

TEST_P(BlobStore, commit_under_a_wrong_digest_discards) {
  const auto writer = begin(1);
  append(*writer, "evil");
  const auto committed = run(writer->commit(sha256_of("good")));
  ASSERT_FALSE(committed);
  EXPECT_EQ(committed.error().code(), ErrorCode::corrupt);
  EXPECT_NE(committed.error().message().find("got " + sha256_of("evil").to_string()), std::string::npos);
  EXPECT_NE(committed.error().message().find("want " + sha256_of("good").to_string()), std::string::npos);
  EXPECT_FALSE(open(sha256_of("good")));
  EXPECT_FALSE(open(sha256_of("evil")));
  EXPECT_TRUE(session_names().empty());
}

TEST_P(BlobStore, commit_of_what_is_there_drops_the_session) {
  ASSERT_TRUE(put(sha256_of("hello"), "hello"));
  const auto writer = begin(1);
  append(*writer, "hello");
  const auto committed = run(writer->commit(sha256_of("hello")));
  ASSERT_TRUE(committed);
  EXPECT_EQ(read_all(*committed->bytes), "hello");
  EXPECT_TRUE(session_names().empty());
}

Awaitable<void> commit_and_count(blob::Writer& writer, oci::Digest digest, std::atomic<int>& good,
                                 std::atomic<int>& left, sys::EventLoops& loops) {
  const auto committed = co_await writer.commit(digest);
  if (committed && read_all(*committed->bytes) == "hello") ++good;
  if (--left == 0) loops.stop();
}

TEST_P(BlobStore, concurrent_commits_of_one_digest_all_succeed) {
  constexpr int kWriters = 8;
  std::vector<std::unique_ptr<blob::Writer>> writers;
  for (unsigned i = 0; i < kWriters; ++i) {
    writers.push_back(begin(i));
    append(*writers.back(), "hello");
  }
  sys::EventLoops loops(2);
  std::atomic<int> good = 0;
  std::atomic<int> left = kWriters;
  for (unsigned i = 0; i < kWriters; ++i)
    loops.spawn(i % 2, commit_and_count(*writers[i], sha256_of("hello"), good, left, loops));
  loops.run();
  EXPECT_EQ(good, kWriters);
  EXPECT_TRUE(session_names().empty());
}

TEST_P(BlobStore, flush_makes_all_bytes_readable) {
  const auto writer = begin(1);
  std::atomic<uint64_t> told = 0;
  writer->on_written([&told](uint64_t written) { told = written; });
  append(*writer, "0123456789");
  append(*writer, "abc");
  ASSERT_TRUE(run(writer->flush()));
  EXPECT_EQ(writer->written(), 13U);
  EXPECT_EQ(told, 13U);
  EXPECT_EQ(read_all(**writer->readable()), "0123456789abc");
}

TEST_P(BlobStore, bytes_of_a_session_stay_readable_after_its_end) {
  const auto kept = begin(1);
  append(*kept, "kept");
  const auto kept_bytes = kept->readable().value();
  ASSERT_TRUE(run(kept->commit(sha256_of("kept"))));
  const auto dropped = begin(2);
  append(*dropped, "dropped");
  const auto dropped_bytes = dropped->readable().value();
  ASSERT_TRUE(run(dropped->discard()));
  EXPECT_EQ(read_all(*kept_bytes), "kept");
  EXPECT_EQ(read_all(*dropped_bytes), "dropped");
}

TEST_P(BlobStore, a_session_is_begun_once) {
  const auto writer = begin(1);
  const auto second = run(store_.begin(a_call(), session_id(1), HashAlgorithm::sha256));
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code(), ErrorCode::conflict);
}

TEST_P(BlobStore, a_session_outlives_its_writer_and_is_resumed) {
  const std::string first(3 * sys::Block::kCapacity / 2, 'x');
  {
    const auto writer = begin(1);
    append(*writer, std::string_view(first).substr(0, sys::Block::kCapacity));
    append(*writer, std::string_view(first).substr(sys::Block::kCapacity));
  }
  auto writer = run(store_.resume(a_call(), session_id(1), HashAlgorithm::sha256));
  ASSERT_TRUE(writer) << writer.error().message();
  EXPECT_EQ((*writer)->received(), first.size());
  EXPECT_EQ((*writer)->written(), first.size());
  append(**writer, " and more");
  EXPECT_EQ((*writer)->received(), first.size() + 9);
  const auto committed = run((*writer)->commit(sha256_of(first + " and more")));
  ASSERT_TRUE(committed) << committed.error().message();
  EXPECT_EQ(read_all(*committed->bytes), first + " and more");
}

TEST_P(BlobStore, resumes_no_session_that_is_not_there) {
  const auto writer = run(store_.resume(a_call(), session_id(7), HashAlgorithm::sha256));
  ASSERT_FALSE(writer);
  EXPECT_EQ(writer.error().code(), ErrorCode::not_found);
}

TEST_P(BlobStore, lists_sessions_with_their_sizes) {
  const auto writer = begin(1);
  append(*writer, "12345");
  ASSERT_TRUE(run(writer->flush()));
  const auto other = begin(2);
  auto sessions = run(store_.sessions(a_call())).value();
  std::ranges::sort(sessions, {}, &blob::StoredSession::id);
  ASSERT_EQ(sessions.size(), 2U);
  EXPECT_EQ(sessions[0].id, session_id(1));
  EXPECT_EQ(sessions[0].size_bytes, 5U);
  EXPECT_EQ(sessions[1].size_bytes, 0U);
  EXPECT_GT(sessions[0].modified, WallTime{});
}

TEST_P(BlobStore, discards_sessions_by_either_way_and_twice) {
  const auto writer = begin(1);
  append(*writer, "x");
  EXPECT_TRUE(run(writer->discard()));
  EXPECT_TRUE(run(writer->discard()));
  {
    const auto left = begin(2);
  }
  EXPECT_TRUE(run(store_.discard(a_call(), session_id(2))));
  EXPECT_TRUE(run(store_.discard(a_call(), session_id(2))));
  EXPECT_TRUE(session_names().empty());
}

TEST_P(BlobStore, removes_content_and_readers_keep_it) {
  ASSERT_TRUE(put(sha256_of("hello"), "hello"));
  const auto content = open(sha256_of("hello"));
  ASSERT_TRUE(run(store_.remove(a_call(), sha256_of("hello"))));
  ASSERT_TRUE(run(store_.remove(a_call(), sha256_of("hello"))));
  EXPECT_FALSE(open(sha256_of("hello")));
  EXPECT_EQ(read_all(*content->bytes), "hello");
  ASSERT_TRUE(put(sha256_of("hello"), "hello"));
  EXPECT_TRUE(open(sha256_of("hello")));
}

TEST_P(BlobStore, moves_away_what_is_not_what_it_should_be_and_takes_it_anew) {
  using Kind = blob::Damage::Kind;
  struct Row {
    const char* name;
    std::optional<std::string> bytes;
    Kind kind;
  };
  const std::string good = "hello world";
  const oci::Digest digest = sha256_of(good);
  for (const Row& row : {Row{"whole", good, Kind::none}, Row{"a flipped bit", "hellp world", Kind::wrong_bytes},
                         Row{"cut short", "hello", Kind::wrong_size}, Row{"too long", good + "!", Kind::wrong_size},
                         Row{"empty", "", Kind::wrong_size}, Row{"gone", std::nullopt, Kind::missing}}) {
    SCOPED_TRACE(row.name);
    ASSERT_TRUE(put(digest, good));
    subject_->damage(digest, row.bytes);
    const auto damage = quarantine(digest, good.size());
    ASSERT_TRUE(damage) << damage.error().message();
    EXPECT_EQ(damage->kind, row.kind) << damage->detail;
    EXPECT_EQ(damage->detail.empty(), row.kind == Kind::none);
    EXPECT_EQ(open(digest).has_value(), row.kind == Kind::none);
    ASSERT_TRUE(put(digest, good));
    const auto healed = open(digest);
    ASSERT_TRUE(healed);
    EXPECT_EQ(read_all(*healed->bytes), good) << "what is brought again must stand, not what was there";
  }
}

TEST_P(BlobStore, reads_content_through_in_pieces) {
  const std::string bytes(3'000'000, 'x');
  ASSERT_TRUE(put(sha256_of(bytes), bytes));
  auto reading = run(subject_->integrity().read_through(a_call(), sha256_of(bytes)));
  ASSERT_TRUE(reading);
  uint64_t read = 0;
  int turns = 0;
  for (;; ++turns) {
    const auto count = run((*reading)->next(1'000'000));
    ASSERT_TRUE(count);
    if (*count == 0) break;
    read += *count;
  }
  EXPECT_EQ(read, bytes.size());
  EXPECT_GT(turns, 1) << "others get their turn in between";
  EXPECT_EQ((*reading)->so_far(), sha256_of(bytes));
  const auto absent = run(subject_->integrity().read_through(a_call(), sha256_of("absent")));
  ASSERT_FALSE(absent);
  EXPECT_EQ(absent.error().code(), ErrorCode::not_found);
}

TEST_P(BlobStore, lists_what_stands_under_a_first_byte) {
  ASSERT_TRUE(put(sha256_of("one"), "one"));
  const std::byte first = sha256_of("one").raw()[0];
  const auto found = run(subject_->integrity().list(a_call(), HashAlgorithm::sha256, first)).value();
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].digest, sha256_of("one"));
  EXPECT_EQ(found[0].size_bytes, 3U);
  const std::byte other = first ^ std::byte{1};
  EXPECT_TRUE(run(subject_->integrity().list(a_call(), HashAlgorithm::sha256, other))->empty());
  EXPECT_TRUE(run(subject_->integrity().list(a_call(), HashAlgorithm::sha512, first))->empty());
}

TEST_P(BlobStore, gives_all_blocks_back) {
  {
    const auto writer = begin(1);
    for (int i = 0; i < 5; ++i) append(*writer, "some bytes");
    ASSERT_TRUE(run(writer->flush()));
  }
  EXPECT_EQ(blocks_.in_use(), 0U);
}

INSTANTIATE_TEST_SUITE_P(Conformance, BlobStore,
                         testing::Values(Implementation{"memory", [] { return std::make_unique<InMemory>(); }},
                                         Implementation{"fs", [] { return std::make_unique<OnDisk>(); }}),
                         [](const auto& row) { return row.param.name; });

}  // namespace
}  // namespace lifeboat::test
