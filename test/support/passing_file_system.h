#pragma once

#include "sys/file_system.h"

namespace lifeboat::test {

/// A disk that passes everything on, for a test that changes one thing about it.
class PassingFileSystem : public sys::FileSystem {
 public:
  /// `real` outlives this.
  explicit PassingFileSystem(sys::FileSystem& real) : real_(real) {}

  Result<std::unique_ptr<sys::WritableFile>> create(const sys::Path& path) override { return real_.create(path); }
  Result<std::unique_ptr<sys::WritableFile>> open_to_append(const sys::Path& path) override {
    return real_.open_to_append(path);
  }
  Result<std::shared_ptr<const sys::ReadableFile>> open(const sys::Path& path) override { return real_.open(path); }
  Status rename(const sys::Path& from, const sys::Path& to) override { return real_.rename(from, to); }
  Status remove(const sys::Path& path) override { return real_.remove(path); }
  Status make_directory(const sys::Path& path) override { return real_.make_directory(path); }
  Status sync_directory(const sys::Path& path) override { return real_.sync_directory(path); }
  Result<std::vector<sys::DirectoryEntry>> list(const sys::Path& path) override { return real_.list(path); }
  Result<sys::FileInfo> info(const sys::Path& path) override { return real_.info(path); }
  Result<std::unique_ptr<sys::FileLock>> lock(const sys::Path& path) override { return real_.lock(path); }

 private:
  sys::FileSystem& real_;
};

}  // namespace lifeboat::test
