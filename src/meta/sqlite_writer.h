#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <thread>
#include <vector>

#include "base/call.h"
#include "base/log.h"
#include "base/task.h"
#include "meta/sqlite_connection.h"
#include "sys/clock.h"
#include "sys/thread_pool.h"

namespace lifeboat::meta {

/// The one who writes. A commit costs a sync of the disk however much is in it, so jobs that wait are committed
/// together, in one transaction. A job that fails leaves nothing, and the others do not notice: jobs refuse before they
/// write, as a rule; where one has written before it fails, the group runs again with a savepoint per job. (A savepoint
/// costs a copy of each page a job changes, so it is not taken for nothing.) A failed commit fails all of its jobs.
///
/// So a job may run twice, and must not care.
///
/// Writes that need only be durable "soon" are committed at once as well, and so seen by readers, but do not wait for
/// the disk: the next durable commit takes them along, or a sync after a second, or close().
class SqliteWriter {
 public:
  SqliteWriter(std::unique_ptr<SqliteConnection> connection, const sys::Clock& clock, Log* log);
  ~SqliteWriter();
  SqliteWriter(const SqliteWriter&) = delete;
  SqliteWriter& operator=(const SqliteWriter&) = delete;

  /// Runs `work` in a transaction and resumes when it is durable. What `work` wrote is undone when it returns an error.
  template <class T>
  Task<T> write(Call call, std::function<Result<T>(SqliteConnection&)> work) {
    auto job = std::make_shared<ResultJob<T>>(std::move(work));
    job->deadline = call.deadline();
    job->is_durable = true;
    enqueue(job);
    co_await pool_->run([this, &job] { drain_until_done(*job); });
    co_return std::move(*job->result);
  }

  /// Runs `work` soon; a failure is logged as that of `what`. Any thread.
  void write_soon(std::string_view what, std::function<Status(SqliteConnection&)> work);
  /// Resumes when readers see what write_soon() was given before.
  Awaitable<void> settle();

  /// Ends what was begun, makes all of it durable and closes the connection. Blocks. Nothing may be called after it.
  Status close();

 private:
  struct Job {
    virtual ~Job() = default;
    virtual Status run(SqliteConnection& connection) = 0;
    virtual void fail(const Error& error) = 0;

    SteadyTime deadline = SteadyTime::max();
    bool is_durable = false;
    bool is_too_late = false;  // on the writer's thread only
    bool has_failed = false;   // on the writer's thread only
    bool is_done = false;      // on the writer's thread only
  };

  template <class T>
  struct ResultJob final : Job {
    explicit ResultJob(std::function<Result<T>(SqliteConnection&)> w) : work(std::move(w)) {}
    Status run(SqliteConnection& connection) override {
      result = work(connection);
      if (!*result) return std::unexpected(result->error());
      return {};
    }
    void fail(const Error& error) override { result = std::unexpected(error); }

    std::function<Result<T>(SqliteConnection&)> work;
    std::optional<Result<T>> result;
  };

  struct SoonJob;
  using Group = std::vector<std::shared_ptr<Job>>;

  void enqueue(std::shared_ptr<Job> job);
  void drain_until_done(const Job& job);
  void run_group();
  Group take_group();
  enum class Savepoints : bool { without, with };
  /// What became of a group before its commit.
  enum class Ran { all, again_with_savepoints };
  Status commit_group(const Group& group);
  Result<Ran> run_jobs(const Group& group, Savepoints savepoints);
  Result<Ran> run_job(Job& job);
  Status run_in_savepoint(Job& job);
  Status roll_back();
  Status set_durability(bool is_durable);
  void note_commit(bool was_durable);
  void tell(std::string_view event, std::string_view write, std::string_view error) const;
  void sync_if_needed();
  void sync_every_second(std::stop_token stop);

  // Constant after construction.
  const sys::Clock& clock_;
  Log* const log_;  // may be nothing

  // On the writer's thread only, until close().
  std::unique_ptr<SqliteConnection> connection_;
  bool is_full_ = true;  // what `synchronous` is set to
  bool is_checkpoint_due_ = false;
  Status last_sync_;

  std::atomic<uint64_t> soon_given_ = 0;
  std::atomic<uint64_t> soon_done_ = 0;

  std::mutex mutex_;
  std::deque<std::shared_ptr<Job>> queue_;  // guarded by mutex_
  bool has_unsynced_ = false;               // guarded by mutex_
  std::condition_variable_any unsynced_;

  std::unique_ptr<sys::ThreadPool> pool_;
  std::jthread syncer_;  // last: it uses the rest
};

}  // namespace lifeboat::meta
