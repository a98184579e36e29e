#pragma once

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

/// The credentials of one endpoint. A secret in a file is read when it is first needed and again when it was refused,
/// so that a rotated one works without a restart. Any thread.
class CredentialStore {
 public:
  CredentialStore(const EndpointOptions& options, sys::FileSystem& files, sys::ThreadPool& disk);

  /// Nothing: anonymous. unauthorized: the file cannot be read or is empty.
  Task<std::optional<Credentials>> current();
  /// True when reading again gave other credentials than `refused`.
  Awaitable<bool> has_others_than(std::optional<Credentials> refused);

 private:
  Task<std::optional<Credentials>> read();

  // constant after construction
  const std::string username_;
  const std::string password_file_;
  sys::FileSystem& files_;
  sys::ThreadPool& disk_;

  // guarded by mu_
  std::mutex mu_;
  std::optional<Credentials> known_;
};

}  // namespace lifeboat::upstream
