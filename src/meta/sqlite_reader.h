#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "base/call.h"
#include "base/guarded.h"
#include "base/task.h"
#include "meta/sqlite_connection.h"
#include "sys/clock.h"
#include "sys/thread_pool.h"

namespace lifeboat::meta {

/// Those who read: one thread per connection. A read sees all that was committed when it begins to run, and is not held
/// up by the writer.
class SqliteReader {
 public:
  SqliteReader(std::vector<std::unique_ptr<SqliteConnection>> connections, const sys::Clock& clock);

  /// Runs `work` on one of the threads and resumes with what it returned; timed_out when the deadline passed before.
  template <class T>
  Task<T> read(Call call, std::function<Result<T>(SqliteConnection&)> work) {
    co_return co_await pool_->run([this, &call, &work]() -> Result<T> {
      LB_CHECK(check_deadline(call));
      const Lease lease(*this);
      return work(lease.connection());
    });
  }

  /// Ends what was begun and closes the connections. Blocks. Nothing may be called after it.
  void close();

 private:
  class Lease {
   public:
    explicit Lease(SqliteReader& owner);
    ~Lease();
    Lease(const Lease&) = delete;
    Lease& operator=(const Lease&) = delete;
    SqliteConnection& connection() const { return *connection_; }

   private:
    SqliteReader& owner_;
    std::unique_ptr<SqliteConnection> connection_;
  };

  Status check_deadline(const Call& call) const;

  const sys::Clock& clock_;
  Guarded<std::vector<std::unique_ptr<SqliteConnection>>> idle_;
  std::unique_ptr<sys::ThreadPool> pool_;  // last: its threads use the rest
};

}  // namespace lifeboat::meta
