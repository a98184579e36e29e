#include "meta/sqlite_writer.h"

#include <algorithm>

#include "base/assert.h"
#include "meta/refusal.h"

namespace lifeboat::meta {
namespace {

/// A group is bounded so that the first of it need not wait for an endless last.
constexpr std::size_t kGroupMax = 256;
/// Soon-writes nobody waits for; when the disk stalls for so long that this many wait, further ones are dropped.
constexpr uint64_t kSoonWaitingMax = 16'384;
constexpr std::chrono::milliseconds kSoon{1000};
/// Pages of the log after which it is written back: 16 MiB, so that a page that is changed often is written once.
constexpr int kCheckpointPages = 4096;

constexpr Sql kFull{"ask for durable commits", "PRAGMA synchronous = FULL"};
constexpr Sql kNormal{"ask for quick commits", "PRAGMA synchronous = NORMAL"};
constexpr Sql kBegin{"begin a transaction", "BEGIN IMMEDIATE"};
constexpr Sql kCommit{"commit a transaction", "COMMIT"};
constexpr Sql kRollback{"undo a transaction", "ROLLBACK"};
constexpr Sql kSavepoint{"begin a write", "SAVEPOINT job"};
constexpr Sql kRelease{"end a write", "RELEASE job"};
constexpr Sql kUndo{"undo a write", "ROLLBACK TO job"};

Status run(SqliteConnection& connection, const Sql& sql) { return SqliteQuery(connection, sql).run(); }

}  // namespace

struct SqliteWriter::SoonJob final : Job {
  SoonJob(SqliteWriter& o, std::string_view w, std::function<Status(SqliteConnection&)> f)
      : owner(o), what(w), work(std::move(f)) {}
  Status run(SqliteConnection& connection) override {
    Status done = work(connection);
    if (!done) fail(done.error());
    return done;
  }
  void fail(const Error& error) override { owner.tell("meta.write_lost", what, error.message()); }

  SqliteWriter& owner;
  std::string what;
  std::function<Status(SqliteConnection&)> work;
};

SqliteWriter::SqliteWriter(std::unique_ptr<SqliteConnection> connection, const sys::Clock& clock, Log* log)
    : clock_(clock),
      log_(log),
      connection_(std::move(connection)),
      pool_(std::make_unique<sys::ThreadPool>("meta-write", 1)),
      syncer_([this](std::stop_token stop) { sync_every_second(std::move(stop)); }) {}

SqliteWriter::~SqliteWriter() {
  if (connection_) (void)close();
}

void SqliteWriter::enqueue(std::shared_ptr<Job> job) {
  const std::lock_guard lock(mutex_);
  queue_.push_back(std::move(job));
}

void SqliteWriter::write_soon(std::string_view what, std::function<Status(SqliteConnection&)> work) {
  const uint64_t waiting = soon_given_.load() - soon_done_.load();
  if (waiting >= kSoonWaitingMax) {
    tell("meta.write_lost", what, "too many writes wait for the disk");
    return;
  }
  auto job = std::make_shared<SoonJob>(*this, what, std::move(work));
  soon_given_.fetch_add(1);
  enqueue(job);
  pool_->post([this, job] {
    drain_until_done(*job);
    soon_done_.fetch_add(1);
  });
}

Awaitable<void> SqliteWriter::settle() {
  // The thread takes its work in order, so that work of ours comes after all that was given before.
  if (soon_given_.load() != soon_done_.load()) co_await pool_->run([] {});
}

void SqliteWriter::drain_until_done(const Job& job) {
  while (!job.is_done) run_group();
}

SqliteWriter::Group SqliteWriter::take_group() {
  const std::lock_guard lock(mutex_);
  const auto count = static_cast<std::ptrdiff_t>(std::min(queue_.size(), kGroupMax));
  Group group(std::make_move_iterator(queue_.begin()), std::make_move_iterator(queue_.begin() + count));
  queue_.erase(queue_.begin(), queue_.begin() + count);
  return group;
}

void SqliteWriter::run_group() {
  const Group group = take_group();
  LB_ASSERT(!group.empty());
  const SteadyTime now = clock_.now();
  for (const auto& job : group) {
    if (job->deadline >= now) continue;
    job->is_too_late = job->has_failed = true;
    job->fail(refusal::too_late("write to").error());
  }
  const Status committed = commit_group(group);
  for (const auto& job : group) {
    if (!committed && !job->has_failed) job->fail(committed.error());
    job->is_done = true;
  }
}

Status SqliteWriter::commit_group(const Group& group) {
  const bool is_durable = std::ranges::any_of(group, [](const auto& job) { return job->is_durable; });
  LB_CHECK(set_durability(is_durable));
  LB_TRY(Ran ran, run_jobs(group, Savepoints::without));
  if (ran == Ran::again_with_savepoints) {
    LB_TRY(ran, run_jobs(group, Savepoints::with));
  }
  if (Status done = run(*connection_, kCommit); !done) {
    (void)roll_back();
    return done;
  }
  note_commit(is_durable);
  return {};
}

/// Begins the transaction, and leaves it open when all have run. An error: it could not go on. What a job itself found
/// wrong is in the job.
Result<SqliteWriter::Ran> SqliteWriter::run_jobs(const Group& group, Savepoints savepoints) {
  LB_CHECK(run(*connection_, kBegin));
  for (const auto& job : group) {
    if (job->is_too_late) continue;
    job->has_failed = false;
    Result<Ran> ran = Ran::all;
    if (savepoints == Savepoints::without) {
      ran = run_job(*job);
    } else if (Status done = run_in_savepoint(*job); !done) {
      ran = std::unexpected(std::move(done).error());
    }
    if (ran == Ran::all) continue;
    LB_CHECK(roll_back());
    return ran;
  }
  return Ran::all;
}

Result<SqliteWriter::Ran> SqliteWriter::run_job(Job& job) {
  const int64_t changed_before = connection_->all_changed_rows();
  Status done = job.run(*connection_);
  if (done) return Ran::all;
  job.has_failed = true;
  if (!connection_->is_in_transaction()) return std::unexpected(std::move(done).error());
  return connection_->all_changed_rows() == changed_before ? Ran::all : Ran::again_with_savepoints;
}

Status SqliteWriter::run_in_savepoint(Job& job) {
  LB_CHECK(run(*connection_, kSavepoint));
  Status done = job.run(*connection_);
  if (!done) {
    job.has_failed = true;
    if (!connection_->is_in_transaction()) return done;
    LB_CHECK(run(*connection_, kUndo));
  }
  return run(*connection_, kRelease);
}

Status SqliteWriter::roll_back() {
  // SQLite leaves a transaction by itself after some errors.
  if (!connection_->is_in_transaction()) return {};
  return run(*connection_, kRollback);
}

Status SqliteWriter::set_durability(bool is_durable) {
  if (is_full_ == is_durable) return {};
  // Takes effect when it is compiled, so it cannot be kept compiled.
  LB_CHECK(connection_->execute(is_durable ? kFull : kNormal));
  is_full_ = is_durable;
  return {};
}

void SqliteWriter::note_commit(bool was_durable) {
  const int pages = connection_->take_committed_pages();
  if (pages == 0) return;
  {
    const std::lock_guard lock(mutex_);
    has_unsynced_ = !was_durable;
  }
  if (!was_durable) unsynced_.notify_one();
  if (pages < kCheckpointPages || is_checkpoint_due_) return;
  // Behind the answers to the jobs of this group: nobody waits for it.
  is_checkpoint_due_ = true;
  pool_->post([this] {
    is_checkpoint_due_ = false;
    if (const Status done = connection_->checkpoint(); !done) {
      tell("meta.write_failed", "checkpoint", done.error().message());
    }
  });
}

void SqliteWriter::tell(std::string_view event, std::string_view write, std::string_view error) const {
  if (log_ != nullptr) log_->warning(event, {{"write", write}, {"error", error}});
}

void SqliteWriter::sync_if_needed() {
  {
    const std::lock_guard lock(mutex_);
    if (!has_unsynced_) return;
    has_unsynced_ = false;
  }
  last_sync_ = connection_->sync_log();
  if (!last_sync_) tell("meta.write_failed", "sync", last_sync_.error().message());
}

void SqliteWriter::sync_every_second(std::stop_token stop) {
  std::unique_lock lock(mutex_);
  while (unsynced_.wait(lock, stop, [this] { return has_unsynced_; })) {
    unsynced_.wait_for(lock, stop, kSoon, [] { return false; });
    if (stop.stop_requested()) return;
    pool_->post([this] { sync_if_needed(); });
  }
}

Status SqliteWriter::close() {
  syncer_.request_stop();
  syncer_.join();
  pool_.reset();
  sync_if_needed();
  connection_.reset();
  return std::exchange(last_sync_, Status{});
}

}  // namespace lifeboat::meta
