#pragma once

#include <memory>

#include "blob/data_directory.h"
#include "blob/store.h"
#include "meta/store.h"
#include "sys/clock.h"
#include "sys/file_system.h"
#include "sys/thread_pool.h"

namespace lifeboat::server {

/// The stores of a data directory for a command that works on it while no server does.
class OfflineStore {
 public:
  /// Takes the directory's lock, and creates what a server would create. conflict: a server runs on it, and the message
  /// says what to do. All arguments outlive it.
  static Result<std::unique_ptr<OfflineStore>> open(const sys::Path& root, sys::FileSystem& files, sys::Clock& clock);
  ~OfflineStore();
  OfflineStore(const OfflineStore&) = delete;
  OfflineStore& operator=(const OfflineStore&) = delete;

  const blob::DataDirectory& directory() const { return *directory_; }
  blob::Store& blobs() { return *blobs_; }
  meta::Store& names() { return *names_; }

 private:
  OfflineStore();

  sys::ThreadPool disk_;
  sys::ThreadPool hash_;
  std::unique_ptr<blob::DataDirectory> directory_;
  std::unique_ptr<blob::Store> blobs_;
  std::unique_ptr<meta::Store> names_;
};

}  // namespace lifeboat::server
