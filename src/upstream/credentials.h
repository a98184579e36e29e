#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "base/task.h"
#include "sys/file_system.h"
#include "sys/thread_pool.h"
#include "upstream/endpoint.h"

namespace lifeboat::upstream {

struct Credentials {
  std::string username;
  std::string password;
  /// The value of an Authorization field.
  std::string basic() const;
  friend bool operator==(const Credentials&, const Credentials&) = default;
};

/// The credentials of one endpoint: a user name with a password from a file or a variable, a Docker config, or a
/// credential helper. They are read when they are first needed and again when they were refused, so that a rotated one
/// works without a restart; however many ask, they are read once. Any thread.
class CredentialStore {
 public:
  CredentialStore(const Endpoint& endpoint, sys::FileSystem& files, sys::ThreadPool& disk);
  ~CredentialStore();

  /// Nothing: anonymous. unauthorized: the place they are kept cannot be read, or has none.
  Task<std::optional<Credentials>> current();
  /// As they are kept now, when they are others than `refused`; what is in use stays in use until they are seen to work
  /// (adopt). A helper is a process: it is asked once a second at most, however often they are refused.
  Awaitable<std::optional<Credentials>> others_than(std::optional<Credentials> refused);

  /// What is in use; nothing before the first need.
  std::optional<Credentials> in_use();
  /// As they are kept now; what is in use stays in use.
  Task<std::optional<Credentials>> kept();
  /// They were seen to work: they are in use from now on.
  void adopt(Credentials credentials);
  /// How often others came into use so far.
  uint64_t adoptions() const { return adoptions_; }

 private:
  struct Reading;
  bool can_change() const;
  bool is_helper_just_asked() const;  ///< mu_ is held
  Task<std::optional<Credentials>> read();
  Result<std::optional<Credentials>> read_now();
  Result<Credentials> ask_helper(const std::string& helper);

  // constant after construction
  const EndpointOptions options_;
  const std::string authority_;
  sys::FileSystem& files_;
  sys::ThreadPool& disk_;

  // guarded by mu_
  std::mutex mu_;
  std::optional<Credentials> known_;
  std::shared_ptr<Reading> reading_;
  SteadyTime helper_asked_{};
  std::optional<Error> failure_;  ///< of the last reading

  std::atomic<uint64_t> adoptions_ = 0;
};

}  // namespace lifeboat::upstream
