#include "registry/uploads.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "blob/memory_store.h"
#include "meta/memory_store.h"
#include "test/support/blob_rig.h"
#include "test/support/code_of.h"
#include "test/support/manual_clock.h"
#include "test/support/run.h"

namespace lifeboat::registry {
namespace {

using std::chrono::hours;
using test::a_call;
using test::code_of;
using test::run;
using test::sha256_of;

constexpr Duration kExpires = hours(24);

/// The store in memory, with sessions as old as the test says, and a disk that refuses them when it says so.
class AgedStore final : public blob::Store {
 public:
  explicit AgedStore(const sys::Clock& clock) : clock_(clock) {}

  std::map<oci::UploadId, WallTime> modified;  ///< by session; those that are not here: just now
  std::optional<ErrorCode> fails;              ///< opening a session, with this code
  int resumed = 0;

  Task<blob::Content> open(Call call, oci::Digest digest) override { return inner_.open(std::move(call), digest); }
  Task<void> put(Call call, oci::Digest digest, std::string bytes) override {
    return inner_.put(std::move(call), digest, std::move(bytes));
  }
  Task<std::unique_ptr<blob::Writer>> begin(Call call, oci::UploadId id, HashAlgorithm algorithm) override {
    if (fails) co_return fail(*fails, "cannot begin: scripted");
    co_return co_await inner_.begin(std::move(call), std::move(id), algorithm);
  }
  Task<std::unique_ptr<blob::Writer>> resume(Call call, oci::UploadId id, HashAlgorithm algorithm) override {
    if (fails) co_return fail(*fails, "cannot resume: scripted");
    ++resumed;
    co_return co_await inner_.resume(std::move(call), std::move(id), algorithm);
  }
  Task<void> discard(Call call, oci::UploadId id) override { return inner_.discard(std::move(call), std::move(id)); }
  Task<std::vector<blob::StoredSession>> sessions(Call call) override {
    LB_CO_TRY(auto found, co_await inner_.sessions(std::move(call)));
    for (blob::StoredSession& session : found) {
      const auto known = modified.find(session.id);
      session.modified = known == modified.end() ? clock_.wall() : known->second;
    }
    co_return found;
  }
  Task<void> remove(Call call, oci::Digest digest) override { return inner_.remove(std::move(call), digest); }

 private:
  const sys::Clock& clock_;
  blob::MemoryStore inner_;
};

class UploadsTest : public testing::Test {
 protected:
  UploadsTest() { start(); }

  /// A new process over what is stored.
  void start(UploadsOptions options = {}) {
    options.expires_after = kExpires;
    uploads_.reset();
    uploads_ = std::make_unique<Uploads>(options, blobs_, names_, leases_, clock_, metrics_, log_);
  }

  static oci::RepositoryId repository(std::string_view name = "team/app") {
    return {std::nullopt, *oci::Repository::parse(name)};
  }
  Result<Uploads::Lease> begin(const oci::RepositoryId& in = repository(),
                               HashAlgorithm algorithm = HashAlgorithm::sha256) {
    return run(uploads_->begin(a_call(), in, algorithm));
  }
  Result<Uploads::Lease> acquire(const oci::UploadId& id, const oci::RepositoryId& in = repository()) {
    return run(uploads_->acquire(a_call(), in, id));
  }
  void append(Uploads::Lease& lease, std::string_view bytes) {
    ASSERT_TRUE(run(lease.append(test::block_of(blocks_, bytes))));
    ASSERT_TRUE(run(lease.flush()));
  }
  /// A session that has these bytes and that nobody uses.
  oci::UploadId session_with(std::string_view bytes, const oci::RepositoryId& in = repository()) {
    Uploads::Lease lease = begin(in).value();
    append(lease, bytes);
    return lease.id();
  }
  Status commit(Uploads::Lease lease, const oci::Digest& digest) {
    return run(uploads_->commit(a_call(), std::move(lease), digest));
  }
  Result<oci::Digest> committed(const oci::UploadId& id, const oci::RepositoryId& in = repository()) {
    return run(uploads_->committed(a_call(), in, id));
  }
  Status drop_orphans() { return run(uploads_->drop_orphans(a_call())); }
  Status reap() { return run(uploads_->reap(a_call())); }
  void expect_content(std::string_view bytes, const oci::Digest& digest, const oci::RepositoryId& in = repository()) {
    const auto record = run(names_.blobs().find(a_call(), in, digest));
    ASSERT_TRUE(record) << record.error().message();
    EXPECT_EQ(record->size_bytes, bytes.size());
    const auto content = run(blobs_.open(a_call(), digest));
    ASSERT_TRUE(content) << content.error().message();
    EXPECT_EQ(test::read_all(*content->bytes), bytes);
  }
  bool is_on_disk(const oci::UploadId& id) {
    const auto found = run(blobs_.sessions(a_call())).value();
    return std::ranges::any_of(found, [&](const auto& session) { return session.id == id; });
  }
  /// A session nobody knows of.
  void leave_on_disk(const oci::UploadId& id) { ASSERT_TRUE(run(blobs_.begin(a_call(), id, HashAlgorithm::sha256))); }
  bool is_recorded(const oci::UploadId& id) { return run(names_.uploads().find(a_call(), id)).has_value(); }

  test::ManualClock clock_;
  sys::Metrics metrics_;
  Log log_{{.level = LogLevel::error}};
  sys::BlockPool blocks_;
  AgedStore blobs_{clock_};
  meta::MemoryStore names_{clock_};
  ContentLeases leases_{clock_};
  std::unique_ptr<Uploads> uploads_;
};

TEST_F(UploadsTest, take_bytes_over_several_requests) {
  for (const HashAlgorithm algorithm : {HashAlgorithm::sha256, HashAlgorithm::sha512}) {
    std::optional<oci::UploadId> id;
    {
      Uploads::Lease lease = begin(repository(), algorithm).value();
      EXPECT_EQ(lease.received(), 0u);
      append(lease, "hel");
      id = lease.id();
    }
    auto lease = acquire(*id);
    ASSERT_TRUE(lease) << lease.error().message();
    EXPECT_EQ(lease->id(), *id);
    EXPECT_EQ(lease->received(), 3u);
    append(*lease, "lo");
    EXPECT_EQ(lease->received(), 5u);
    const oci::Digest digest = oci::Digest::of(algorithm, as_bytes("hello"));
    ASSERT_TRUE(commit(std::move(*lease), digest));
    expect_content("hello", digest);
    EXPECT_EQ(code_of(acquire(*id)), "not_found") << "it is over";
    EXPECT_FALSE(is_on_disk(*id));
    EXPECT_EQ(uploads_->open_sessions(), 0u);
  }
}

TEST_F(UploadsTest, are_used_by_one_request_at_a_time) {
  const oci::UploadId id = session_with("hello");
  for (const bool is_after_restart : {false, true}) {
    if (is_after_restart) start();
    {
      const auto lease = acquire(id);
      ASSERT_TRUE(lease) << lease.error().message();
      EXPECT_EQ(code_of(acquire(id)), "conflict");
      EXPECT_EQ(code_of(acquire(id, repository("team/other"))), "not_found") << "a stranger learns nothing";
    }
    EXPECT_TRUE(acquire(id)) << "the other request has ended";
  }
}

TEST_F(UploadsTest, belong_to_one_repository) {
  const oci::UploadId id = session_with("hello");
  EXPECT_EQ(code_of(acquire(id, repository("team/other"))), "not_found");
  EXPECT_TRUE(acquire(id)) << "and a stranger's attempt does it no harm";
  start();
  EXPECT_EQ(code_of(acquire(id, repository("team/other"))), "not_found");
  EXPECT_EQ(uploads_->open_sessions(), 0u);
  EXPECT_TRUE(acquire(id));
  EXPECT_EQ(code_of(acquire(test::session_id(1))), "not_found") << "one that never was";
}

TEST_F(UploadsTest, go_on_after_a_restart) {
  const oci::UploadId id = session_with("hel");
  start();
  EXPECT_EQ(uploads_->open_sessions(), 0u);
  auto lease = acquire(id);
  ASSERT_TRUE(lease) << lease.error().message();
  EXPECT_EQ(lease->received(), 3u);
  EXPECT_EQ(uploads_->open_sessions(), 1u);
  append(*lease, "lo");
  EXPECT_EQ(lease->received(), 5u);
  ASSERT_TRUE(commit(std::move(*lease), sha256_of("hello")));
  expect_content("hello", sha256_of("hello"));
}

TEST_F(UploadsTest, are_gone_when_their_bytes_are) {
  const oci::UploadId id = session_with("hello");
  start();
  ASSERT_TRUE(run(blobs_.discard(a_call(), id)));
  EXPECT_EQ(code_of(acquire(id)), "not_found");
  EXPECT_EQ(uploads_->open_sessions(), 0u);
}

TEST_F(UploadsTest, stand_as_they_are_while_the_disk_refuses) {
  const oci::UploadId id = session_with("hello");
  start();
  blobs_.fails = ErrorCode::no_space;
  EXPECT_EQ(code_of(begin()), "no_space");
  EXPECT_EQ(code_of(acquire(id)), "no_space");
  EXPECT_EQ(uploads_->open_sessions(), 0u);
  blobs_.fails = std::nullopt;
  const auto lease = acquire(id);
  ASSERT_TRUE(lease) << lease.error().message();
  EXPECT_EQ(lease->received(), 5u);
}

TEST_F(UploadsTest, tell_what_an_ended_session_was_committed_as) {
  const oci::UploadId id = session_with("hello");
  EXPECT_EQ(code_of(committed(id)), "not_found") << "it runs";
  ASSERT_TRUE(commit(acquire(id).value(), sha256_of("hello")));
  for (const bool is_after_restart : {false, true}) {
    if (is_after_restart) start();
    const auto digest = committed(id);
    ASSERT_TRUE(digest) << digest.error().message();
    EXPECT_EQ(*digest, sha256_of("hello"));
    EXPECT_EQ(code_of(committed(id, repository("team/other"))), "not_found");
    EXPECT_EQ(code_of(committed(test::session_id(1))), "not_found");
    EXPECT_EQ(code_of(acquire(id)), "not_found");
  }
}

TEST_F(UploadsTest, are_over_when_the_digest_is_another) {
  const oci::UploadId id = session_with("hello");
  EXPECT_EQ(code_of(commit(acquire(id).value(), sha256_of("other"))), "corrupt");
  EXPECT_EQ(code_of(acquire(id)), "not_found");
  EXPECT_EQ(code_of(committed(id)), "not_found");
  EXPECT_FALSE(is_on_disk(id));
  EXPECT_FALSE(is_recorded(id));
  EXPECT_EQ(uploads_->open_sessions(), 0u);
  for (const char* bytes : {"hello", "other"}) {
    EXPECT_EQ(code_of(run(blobs_.open(a_call(), sha256_of(bytes)))), "not_found") << bytes;
    EXPECT_EQ(code_of(run(names_.blobs().find(a_call(), repository(), sha256_of(bytes)))), "not_found") << bytes;
  }
}

TEST_F(UploadsTest, are_bounded_in_each_repository) {
  start({.per_repository_max = 2});
  const oci::UploadId first = session_with("hello");
  const oci::UploadId second = session_with("hello");
  EXPECT_EQ(code_of(begin()), "too_many");
  EXPECT_TRUE(begin(repository("team/other")));
  EXPECT_TRUE(acquire(first)) << "going on is no beginning";
  ASSERT_TRUE(commit(acquire(first).value(), sha256_of("hello")));
  const oci::UploadId third = session_with("hello");
  EXPECT_EQ(code_of(begin()), "too_many");
  ASSERT_TRUE(run(uploads_->cancel(a_call(), acquire(second).value())));
  EXPECT_TRUE(begin());
  EXPECT_TRUE(acquire(third));
}

TEST_F(UploadsTest, leave_nothing_when_they_are_cancelled) {
  const oci::UploadId id = session_with("hello");
  ASSERT_TRUE(run(uploads_->cancel(a_call(), acquire(id).value())));
  EXPECT_EQ(code_of(acquire(id)), "not_found");
  EXPECT_EQ(code_of(committed(id)), "not_found");
  EXPECT_FALSE(is_on_disk(id));
  EXPECT_FALSE(is_recorded(id));
  EXPECT_EQ(uploads_->open_sessions(), 0u);
}

TEST_F(UploadsTest, open_no_more_than_the_bound_and_put_the_longest_idle_one_aside) {
  start({.open_max = 2});
  const oci::UploadId first = session_with("first", repository("a"));
  clock_.advance(Duration(10));
  const oci::UploadId second = session_with("second", repository("b"));
  clock_.advance(Duration(10));
  EXPECT_TRUE(acquire(first, repository("a"))) << "used again: now the second is idle for longer";
  clock_.advance(Duration(10));
  const oci::UploadId third = session_with("third", repository("c"));
  EXPECT_EQ(uploads_->open_sessions(), 2u);
  EXPECT_TRUE(is_on_disk(second)) << "put aside, not dropped";

  clock_.advance(Duration(10));
  EXPECT_TRUE(acquire(first, repository("a")));
  EXPECT_TRUE(acquire(third, repository("c")));
  EXPECT_EQ(blobs_.resumed, 0) << "these stayed open";

  auto lease = acquire(second, repository("b"));
  ASSERT_TRUE(lease) << lease.error().message();
  EXPECT_EQ(blobs_.resumed, 1);
  EXPECT_EQ(lease->received(), 6u);
  EXPECT_EQ(uploads_->open_sessions(), 2u) << "another went aside for it";
  EXPECT_EQ(code_of(acquire(second, repository("b"))), "conflict");
  append(*lease, " half");
  ASSERT_TRUE(commit(std::move(*lease), sha256_of("second half")));
  expect_content("second half", sha256_of("second half"), repository("b"));

  for (const auto& [id, name, bytes] : {std::tuple(first, "a", "first"), std::tuple(third, "c", "third")}) {
    auto other = acquire(id, repository(name));
    ASSERT_TRUE(other) << other.error().message();
    EXPECT_TRUE(commit(std::move(*other), sha256_of(bytes))) << name;
    expect_content(bytes, sha256_of(bytes), repository(name));
  }
}

TEST_F(UploadsTest, hash_as_they_were_begun_when_they_come_back_from_aside) {
  start({.open_max = 1});
  std::optional<oci::UploadId> id;
  {
    Uploads::Lease lease = begin(repository(), HashAlgorithm::sha512).value();
    append(lease, "hello");
    id = lease.id();
  }
  session_with("another");
  const oci::Digest digest = oci::Digest::of(HashAlgorithm::sha512, as_bytes("hello"));
  ASSERT_TRUE(commit(acquire(*id).value(), digest));
  EXPECT_EQ(blobs_.resumed, 1);
  expect_content("hello", digest);
}

TEST_F(UploadsTest, refuse_another_when_all_that_may_be_open_are_in_use) {
  start({.open_max = 2});
  const oci::UploadId aside = session_with("hello");
  std::optional<Uploads::Lease> one(begin(repository("a")).value());
  const Uploads::Lease other = begin(repository("b")).value();
  EXPECT_EQ(code_of(begin(repository("c"))), "too_many");
  EXPECT_EQ(code_of(acquire(aside)), "too_many");
  EXPECT_EQ(uploads_->open_sessions(), 2u);
  EXPECT_TRUE(is_on_disk(aside));
  const oci::UploadId id = one->id();
  one.reset();
  const auto lease = acquire(aside);
  ASSERT_TRUE(lease) << lease.error().message();
  EXPECT_EQ(lease->received(), 5u);
  EXPECT_EQ(code_of(acquire(id, repository("a"))), "too_many") << "now it is the one aside";
}

TEST_F(UploadsTest, drop_what_the_last_end_of_the_process_cut_off) {
  const oci::UploadId named = session_with("a client will go on with it");
  const oci::UploadId ended = session_with("committed, and its file was not removed");
  names_.uploads().add({ended, repository(), clock_.wall(), sha256_of("x")});
  clock_.advance(hours(1));
  start();
  const WallTime made = clock_.wall();
  clock_.advance(Duration(5000));
  const struct {
    std::string name;
    oci::UploadId id;
    WallTime modified;
    bool is_kept;
  } rows[] = {
      {"named by a record", named, made - hours(1), true},
      {"named by the record of an ended session", ended, made - hours(1), false},
      {"of yesterday, without a record", test::session_id(1), made - hours(24), false},
      {"just before what may be of this process", test::session_id(2), made - Duration(1001), false},
      {"begun by this process, on a file system whose clock lags", test::session_id(3), made - Duration(1000), true},
      {"begun by this process as it was made", test::session_id(4), made, true},
      {"a fetch of this process, not named by any record", test::session_id(5), made + Duration(4000), true},
  };
  EXPECT_EQ(code_of(acquire(ended)), "not_found") << "its bytes may be there, but it is over";
  for (const auto& row : rows) {
    if (!is_on_disk(row.id)) leave_on_disk(row.id);
    blobs_.modified[row.id] = row.modified;
  }
  ASSERT_TRUE(drop_orphans());
  for (const auto& row : rows) EXPECT_EQ(is_on_disk(row.id), row.is_kept) << row.name;
  EXPECT_TRUE(acquire(named));
}

TEST_F(UploadsTest, drop_nothing_while_the_names_cannot_be_asked) {
  const oci::UploadId id = session_with("hello");
  blobs_.modified[id] = clock_.wall() - hours(1);
  start();
  const Call late(SteadyTime::min(), "test");
  EXPECT_EQ(code_of(run(uploads_->drop_orphans(late))), "timed_out");
  EXPECT_TRUE(is_on_disk(id));
  EXPECT_TRUE(acquire(id));
}

TEST_F(UploadsTest, expire_when_nobody_has_used_them_for_long) {
  const oci::UploadId idle = session_with("idle");
  const oci::UploadId used = session_with("used");
  const Uploads::Lease in_use = begin().value();
  for (const oci::UploadId& id : {idle, used, in_use.id()}) blobs_.modified[id] = clock_.wall();
  clock_.advance(Duration(1));
  EXPECT_TRUE(acquire(used));
  clock_.advance(kExpires - Duration(2));
  ASSERT_TRUE(reap());
  EXPECT_EQ(uploads_->open_sessions(), 3u) << "a millisecond before";
  clock_.advance(Duration(1));
  ASSERT_TRUE(reap());
  EXPECT_EQ(code_of(acquire(idle)), "not_found");
  EXPECT_FALSE(is_on_disk(idle));
  EXPECT_FALSE(is_recorded(idle));
  EXPECT_TRUE(acquire(used)) << "to ask how far it got is to use it";
  EXPECT_TRUE(is_on_disk(used));
  EXPECT_TRUE(is_recorded(used));
  clock_.advance(kExpires);
  ASSERT_TRUE(reap());
  EXPECT_EQ(code_of(acquire(used)), "not_found");
  EXPECT_TRUE(is_on_disk(in_use.id())) << "however long a request takes";
  EXPECT_TRUE(is_recorded(in_use.id()));
  EXPECT_EQ(uploads_->open_sessions(), 1u);
}

TEST_F(UploadsTest, expire_by_their_last_byte_when_they_are_of_the_last_process) {
  const oci::UploadId alive = session_with("begun long ago, written to lately");
  const oci::UploadId dead = session_with("begun long ago");
  blobs_.modified[alive] = clock_.wall() + kExpires / 2;
  blobs_.modified[dead] = clock_.wall();
  start();
  clock_.advance(kExpires + Duration(1));
  ASSERT_TRUE(reap());
  EXPECT_EQ(code_of(acquire(dead)), "not_found");
  EXPECT_FALSE(is_on_disk(dead));
  EXPECT_FALSE(is_recorded(dead));
  EXPECT_TRUE(is_recorded(alive)) << "its client may go on with it";
  auto lease = acquire(alive);
  ASSERT_TRUE(lease) << lease.error().message();
  EXPECT_EQ(lease->received(), 33u);
  ASSERT_TRUE(commit(std::move(*lease), sha256_of("begun long ago, written to lately")));
}

TEST_F(UploadsTest, expire_when_they_were_put_aside) {
  start({.open_max = 1});
  const oci::UploadId aside = session_with("put aside");
  session_with("another");
  EXPECT_EQ(uploads_->open_sessions(), 1u);
  clock_.advance(kExpires);
  ASSERT_TRUE(reap());
  EXPECT_EQ(uploads_->open_sessions(), 0u);
  EXPECT_EQ(code_of(acquire(aside)), "not_found");
  EXPECT_FALSE(is_on_disk(aside));
  EXPECT_FALSE(is_recorded(aside));
}

TEST_F(UploadsTest, count_for_their_repository_when_they_were_put_aside) {
  start({.per_repository_max = 2, .open_max = 1});
  const oci::UploadId first = session_with("x");
  session_with("y");
  EXPECT_EQ(code_of(begin()), "too_many");
  ASSERT_TRUE(uploads_);
  EXPECT_TRUE(acquire(first));
}

TEST_F(UploadsTest, forget_in_the_end_what_they_were_committed_as) {
  const oci::UploadId id = session_with("hello");
  ASSERT_TRUE(commit(acquire(id).value(), sha256_of("hello")));
  clock_.advance(kExpires);
  ASSERT_TRUE(reap());
  EXPECT_TRUE(committed(id)) << "a client may still repeat its PUT";
  clock_.advance(Duration(1));
  ASSERT_TRUE(reap());
  EXPECT_EQ(code_of(committed(id)), "not_found");
  EXPECT_FALSE(is_recorded(id));
  expect_content("hello", sha256_of("hello"));
}

TEST_F(UploadsTest, never_calls_a_session_unknown_because_its_record_could_not_be_read) {
  const oci::UploadId id = session_with("hello");
  start();
  const Call late(SteadyTime::min(), "test");
  EXPECT_EQ(code_of(run(uploads_->acquire(late, repository(), id))), "timed_out");
}

TEST_F(UploadsTest, remembers_a_commit_from_its_end_on_however_long_the_upload_took) {
  const oci::UploadId id = session_with("hello");
  for (int i = 0; i < 3; ++i) {
    clock_.advance(hours(9));
    EXPECT_TRUE(acquire(id));
  }
  ASSERT_TRUE(commit(acquire(id).value(), sha256_of("hello")));
  ASSERT_TRUE(reap());
  EXPECT_TRUE(committed(id));
}

}  // namespace
}  // namespace lifeboat::registry
