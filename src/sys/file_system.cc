#include "sys/file_system.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <utility>

#include "sys/posix_file.h"

namespace lifeboat::sys {
namespace {

/// Content is read-only from its first byte, so that no chmod is needed when it is committed.
constexpr mode_t kFileMode = 0444;
constexpr mode_t kDirectoryMode = 0755;

std::string about(std::string_view verb_noun, const Path& path) {
  std::string text("cannot ");
  text.append(verb_noun).append(" '").append(path.native()).append("'");
  return text;
}

/// Repeats a system call that a signal interrupted.
template <class Call>
auto retrying(Call call) {
  decltype(call()) result = 0;
  do {
    result = call();
  } while (result < 0 && errno == EINTR);
  return result;
}

class Descriptor {
 public:
  explicit Descriptor(int value) : value_(value) {}
  Descriptor(Descriptor&& other) noexcept : value_(std::exchange(other.value_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(value_, other.value_);
    return *this;
  }
  ~Descriptor() {
    // What a late close might still report was asked for by fsync before anything was acknowledged.
    if (value_ >= 0) ::close(value_);
  }
  int get() const { return value_; }
  bool is_open() const { return value_ >= 0; }

 private:
  int value_;
};

Descriptor open_descriptor(const Path& path, int flags, mode_t mode = 0) {
  return Descriptor(retrying([&] { return ::open(path.c_str(), flags | O_CLOEXEC, mode); }));
}

class PosixReadableFile final : public ReadableFile {
 public:
  PosixReadableFile(Path path, Descriptor file) : path_(std::move(path)), file_(std::move(file)) {}

  Result<std::size_t> read_at(uint64_t offset, ByteSpan out) const override {
    std::size_t done = 0;
    while (done < out.size()) {
      const auto position = static_cast<off_t>(offset + done);
      const ssize_t count =
          retrying([&] { return ::pread(file_.get(), out.data() + done, out.size() - done, position); });
      if (count < 0) return fail_errno(errno, about("read file", path_));
      if (count == 0) break;
      done += static_cast<std::size_t>(count);
    }
    return done;
  }

  Result<std::size_t> read_past_cache(uint64_t offset, ByteSpan out) const override {
    // Reading ahead would leave pages that the next call takes for somebody else's.
    (void)::posix_fadvise(file_.get(), 0, 0, POSIX_FADV_RANDOM);
    const std::size_t cached = read_cached(offset, out);
    if (cached == out.size()) return cached;
    LB_TRY(const std::size_t rest, read_at(offset + cached, out.subspan(cached)));
    if (rest > 0) {
      const auto first = static_cast<off_t>(offset + cached);
      (void)::posix_fadvise(file_.get(), first, static_cast<off_t>(rest), POSIX_FADV_DONTNEED);
    }
    return cached + rest;
  }

  Result<uint64_t> size() const override {
    struct stat status{};
    if (::fstat(file_.get(), &status) != 0) return fail_errno(errno, about("get the size of file", path_));
    return static_cast<uint64_t>(status.st_size);
  }

  int native_handle() const override { return file_.get(); }

 private:
  /// What needs no disk, from the first byte on.
  std::size_t read_cached(uint64_t offset, ByteSpan out) const {
    const iovec piece{.iov_base = out.data(), .iov_len = out.size()};
    const ssize_t count =
        retrying([&] { return ::preadv2(file_.get(), &piece, 1, static_cast<off_t>(offset), RWF_NOWAIT); });
    return count < 0 ? 0 : static_cast<std::size_t>(count);
  }

  const Path path_;
  const Descriptor file_;
};

class PosixWritableFile final : public WritableFile {
 public:
  PosixWritableFile(Path path, Descriptor file) : path_(std::move(path)), file_(std::move(file)) {}

  Status append(ByteView bytes) override {
    while (!bytes.empty()) {
      const ssize_t count = retrying([&] { return ::write(file_.get(), bytes.data(), bytes.size()); });
      if (count < 0) return fail_errno(errno, about("write file", path_));
      if (count == 0) return fail_errno(EIO, about("write file", path_));
      bytes = bytes.subspan(static_cast<std::size_t>(count));
    }
    return {};
  }

  Status truncate(uint64_t size) override {
    if (retrying([&] { return ::ftruncate(file_.get(), static_cast<off_t>(size)); }) != 0)
      return fail_errno(errno, about("truncate file", path_));
    return {};
  }

  Status sync() override {
    // fdatasync brings the length along, which is all of the metadata that matters here.
    if (retrying([&] { return ::fdatasync(file_.get()); }) != 0) return fail_errno(errno, about("sync file", path_));
    return {};
  }

 private:
  const Path path_;
  const Descriptor file_;
};

class PosixFileLock final : public FileLock {
 public:
  explicit PosixFileLock(Descriptor file) : file_(std::move(file)) {}

 private:
  const Descriptor file_;  // the lock goes when it is closed
};

/// " 4711" when the lock file tells who holds it.
std::string holder_of(const Descriptor& file) {
  char text[24] = {};
  const ssize_t count = retrying([&] { return ::pread(file.get(), text, sizeof text, 0); });
  long pid = 0;
  if (count <= 0 || std::from_chars(text, text + count, pid).ec != std::errc() || pid <= 0) return "";
  return " " + std::to_string(pid);
}

class PosixFileSystem final : public FileSystem {
 public:
  Result<std::unique_ptr<WritableFile>> create(const Path& path) override {
    Descriptor file = open_descriptor(path, O_WRONLY | O_CREAT | O_EXCL | O_APPEND, kFileMode);
    if (!file.is_open() && errno == EEXIST)
      return fail(ErrorCode::conflict, about("create file", path) + ": the name is taken");
    if (!file.is_open()) return fail_errno(errno, about("create file", path));
    return std::make_unique<PosixWritableFile>(path, std::move(file));
  }

  Result<std::unique_ptr<WritableFile>> open_to_append(const Path& path) override {
    Descriptor file = open_descriptor(path, O_WRONLY | O_APPEND);
    if (!file.is_open() && errno == EACCES && ::chmod(path.c_str(), kFileMode | S_IWUSR) == 0) {
      // Files are made without write permission; only root may open one to write as it is.
      file = reopened(path);
    }
    if (!file.is_open()) return fail_errno(errno, about("open file", path));
    return std::make_unique<PosixWritableFile>(path, std::move(file));
  }

  Result<std::shared_ptr<const ReadableFile>> open(const Path& path) override {
    // A pipe would wait for somebody who writes to it; a file knows no waiting.
    Descriptor file = open_descriptor(path, O_RDONLY | O_NONBLOCK);
    if (!file.is_open()) return fail_errno(errno, about("open file", path));
    struct stat status{};
    if (::fstat(file.get(), &status) != 0) return fail_errno(errno, about("look at", path));
    if (!S_ISREG(status.st_mode)) return fail(ErrorCode::invalid, about("open file", path) + ": it is not a file");
    return std::make_shared<PosixReadableFile>(path, std::move(file));
  }

  Status rename(const Path& from, const Path& to) override {
    if (::rename(from.c_str(), to.c_str()) != 0)
      return fail_errno(errno, about("rename file", from) + " to '" + to.native() + "'");
    return {};
  }

  Status remove(const Path& path) override {
    if (::unlink(path.c_str()) != 0) return fail_errno(errno, about("remove file", path));
    return {};
  }

  Status make_directory(const Path& path) override {
    if (::mkdir(path.c_str(), kDirectoryMode) == 0) return sync_directory(parent_of(path));
    if (errno == ENOENT && !path.parent_path().empty() && path.parent_path() != path) {
      LB_CHECK(make_directory(path.parent_path()));
      if (::mkdir(path.c_str(), kDirectoryMode) == 0) return sync_directory(parent_of(path));
    }
    const int mkdir_errno = errno;
    struct stat status{};
    if (mkdir_errno == EEXIST && ::stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode)) return {};
    return fail_errno(mkdir_errno, about("make directory", path));
  }

  Status sync_directory(const Path& path) override {
    const Descriptor directory = open_descriptor(path, O_RDONLY | O_DIRECTORY);
    if (!directory.is_open()) return fail_errno(errno, about("open directory", path));
    if (retrying([&] { return ::fsync(directory.get()); }) != 0)
      return fail_errno(errno, about("sync directory", path));
    return {};
  }

  Result<std::vector<DirectoryEntry>> list(const Path& path) override;
  Result<FileInfo> info(const Path& path) override;

  Status make_read_only(const Path& path) override {
    if (::chmod(path.c_str(), kFileMode) != 0) return fail_errno(errno, about("make read-only the file", path));
    return {};
  }

  Result<std::unique_ptr<FileLock>> lock(const Path& path) override;

 private:
  static Path parent_of(const Path& path) { return path.parent_path().empty() ? Path(".") : path.parent_path(); }

  static Descriptor reopened(const Path& path) {
    Descriptor file = open_descriptor(path, O_WRONLY | O_APPEND);
    const int open_errno = errno;
    (void)::chmod(path.c_str(), kFileMode);
    errno = open_errno;
    return file;
  }
};

Result<FileInfo> PosixFileSystem::info(const Path& path) {
  struct stat status{};
  if (::stat(path.c_str(), &status) != 0) return fail_errno(errno, about("look at", path));
  const auto since_epoch =
      std::chrono::seconds(status.st_mtim.tv_sec) + std::chrono::milliseconds(status.st_mtim.tv_nsec / 1'000'000);
  return FileInfo{.size_bytes = static_cast<uint64_t>(status.st_size),
                  .is_directory = S_ISDIR(status.st_mode),
                  .modified = WallTime(since_epoch)};
}

Result<std::vector<DirectoryEntry>> PosixFileSystem::list(const Path& path) {
  const std::unique_ptr<DIR, int (*)(DIR*)> directory(::opendir(path.c_str()), ::closedir);
  if (directory == nullptr) return fail_errno(errno, about("list directory", path));
  std::vector<DirectoryEntry> entries;
  for (;;) {
    errno = 0;
    const dirent* entry = ::readdir(directory.get());  // NOLINT(concurrency-mt-unsafe): one stream, one thread
    if (entry == nullptr && errno != 0) return fail_errno(errno, about("list directory", path));
    if (entry == nullptr) return entries;
    const std::string_view name = entry->d_name;
    if (name == "." || name == "..") continue;
    bool is_directory = entry->d_type == DT_DIR;
    if (entry->d_type == DT_UNKNOWN || entry->d_type == DT_LNK) {
      const Result<FileInfo> found = info(path / name);
      is_directory = found && found->is_directory;
    }
    entries.push_back({.name = std::string(name), .is_directory = is_directory});
  }
}

Result<std::unique_ptr<FileLock>> PosixFileSystem::lock(const Path& path) {
  Descriptor file = open_descriptor(path, O_RDWR | O_CREAT, 0644);
  if (!file.is_open()) return fail_errno(errno, about("open lock file", path));
  if (retrying([&] { return ::flock(file.get(), LOCK_EX | LOCK_NB); }) != 0) {
    if (errno != EWOULDBLOCK) return fail_errno(errno, about("lock file", path));
    return fail(ErrorCode::conflict, about("lock file", path) + ": process" + holder_of(file) + " holds it");
  }
  // The pid only serves the message above; a full disk must not keep a server from starting.
  const std::string pid = std::to_string(::getpid()) + "\n";
  if (::ftruncate(file.get(), 0) == 0) (void)!::pwrite(file.get(), pid.data(), pid.size(), 0);
  return std::make_unique<PosixFileLock>(std::move(file));
}

}  // namespace

std::unique_ptr<WritableFile> writable_file(Path path, int descriptor) {
  return std::make_unique<PosixWritableFile>(std::move(path), Descriptor(descriptor));
}

bool is_symbolic_link(const Path& path) {
  struct stat status{};
  return ::lstat(path.c_str(), &status) == 0 && S_ISLNK(status.st_mode);
}

std::unique_ptr<FileSystem> make_posix_file_system() { return std::make_unique<PosixFileSystem>(); }

}  // namespace lifeboat::sys
