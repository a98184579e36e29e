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

#include "sys/ground.h"
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

/// How often a lock file that went meanwhile is opened again.
constexpr int kLockTriesMax = 16;

bool is_same_file(const struct stat& one, const struct stat& other) {
  return one.st_dev == other.st_dev && one.st_ino == other.st_ino;
}

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
  explicit PosixFileSystem(std::shared_ptr<const Ground> ground) : ground_(std::move(ground)) {}

  Result<std::unique_ptr<WritableFile>> create(const Path& path) override {
    LB_TRY(const Place at, ground_->find(path));
    Descriptor file = open_at(at, O_WRONLY | O_CREAT | O_EXCL | O_APPEND, kFileMode);
    if (!file.is_open() && errno == EEXIST)
      return fail(ErrorCode::conflict, about("create file", path) + ": the name is taken");
    if (!file.is_open()) return fail_at(at, errno, about("create file", path));
    return std::make_unique<PosixWritableFile>(path, std::move(file));
  }

  Result<std::unique_ptr<WritableFile>> open_to_append(const Path& path) override {
    LB_TRY(const Place at, ground_->find(path));
    Descriptor file = open_at(at, O_WRONLY | O_APPEND);
    if (!file.is_open() && errno == EACCES && change_mode(at, kFileMode | S_IWUSR) == 0) {
      // Files are made without write permission; only root may open one to write as it is.
      file = reopened(at);
    }
    if (!file.is_open()) return fail_at(at, errno, about("open file", path));
    return std::make_unique<PosixWritableFile>(path, std::move(file));
  }

  Result<std::shared_ptr<const ReadableFile>> open(const Path& path) override {
    // A pipe would wait for somebody who writes to it; a file knows no waiting.
    LB_TRY(const Place at, ground_->find(path));
    Descriptor file = open_at(at, O_RDONLY | O_NONBLOCK);
    if (!file.is_open()) return fail_at(at, errno, about("open file", path));
    struct stat status{};
    if (::fstat(file.get(), &status) != 0) return fail_errno(errno, about("look at", path));
    if (!S_ISREG(status.st_mode)) return fail(ErrorCode::invalid, about("open file", path) + ": it is not a file");
    return std::make_shared<PosixReadableFile>(path, std::move(file));
  }

  Status rename(const Path& from, const Path& to) override {
    LB_TRY(const Place old, ground_->find(from));
    LB_TRY(const Place fresh, ground_->find(to));
    if (::renameat(old.directory, old.name, fresh.directory, fresh.name) != 0)
      return fail_errno(errno, about("rename file", from) + " to '" + to.native() + "'");
    return {};
  }

  Status remove(const Path& path) override {
    LB_TRY(const Place at, ground_->find(path));
    if (::unlinkat(at.directory, at.name, 0) != 0) return fail_errno(errno, about("remove file", path));
    return {};
  }

  Status make_directory(const Path& path) override;

  Status sync_directory(const Path& path) override {
    LB_TRY(const Place at, ground_->find(path));
    const Descriptor directory = open_at(at, O_RDONLY | O_DIRECTORY);
    if (!directory.is_open()) return fail_at(at, errno, about("open directory", path));
    if (retrying([&] { return ::fsync(directory.get()); }) != 0)
      return fail_errno(errno, about("sync directory", path));
    return {};
  }

  Result<std::vector<DirectoryEntry>> list(const Path& path) override;
  Result<FileInfo> info(const Path& path) override;

  Result<std::unique_ptr<FileLock>> lock(const Path& path) override;

 private:
  static Path parent_of(const Path& path) { return path.parent_path().empty() ? Path(".") : path.parent_path(); }

  static int change_mode(const Place& at, mode_t mode) {
    return ::fchmodat(at.directory, at.name, mode, at.follows_links ? 0 : AT_SYMLINK_NOFOLLOW);
  }

  static Descriptor reopened(const Place& at) {
    Descriptor file = open_at(at, O_WRONLY | O_APPEND);
    const int open_errno = errno;
    (void)change_mode(at, kFileMode);
    errno = open_errno;
    return file;
  }

  const std::shared_ptr<const Ground> ground_;
};

int look_at(const Place& at, struct stat& status) {
  const int looked = ::fstatat(at.directory, at.name, &status, at.follows_links ? 0 : AT_SYMLINK_NOFOLLOW);
  if (looked != 0 || at.follows_links || !S_ISLNK(status.st_mode)) return looked;
  errno = ELOOP;
  return -1;
}

Status PosixFileSystem::make_directory(const Path& path) {
  auto at = ground_->find(path);
  const bool has_parent = !path.parent_path().empty() && path.parent_path() != path;
  const bool lacks_parent = !at && at.error().code() == ErrorCode::not_found;
  if (!at && !(lacks_parent && has_parent)) return std::unexpected(std::move(at).error());
  if (at && ::mkdirat(at->directory, at->name, kDirectoryMode) == 0) return sync_directory(parent_of(path));
  if (lacks_parent || (errno == ENOENT && has_parent)) {
    LB_CHECK(make_directory(path.parent_path()));
    at = ground_->find(path);
    if (!at) return std::unexpected(std::move(at).error());
    if (::mkdirat(at->directory, at->name, kDirectoryMode) == 0) return sync_directory(parent_of(path));
  }
  int mkdir_errno = errno;
  struct stat status{};
  if (mkdir_errno == EEXIST) {
    if (look_at(*at, status) == 0 && S_ISDIR(status.st_mode)) return {};
    if (errno == ELOOP) mkdir_errno = ELOOP;
  }
  return fail_at(*at, mkdir_errno, about("make directory", path));
}

Result<FileInfo> PosixFileSystem::info(const Path& path) {
  LB_TRY(const Place at, ground_->find(path));
  struct stat status{};
  if (look_at(at, status) != 0) return fail_at(at, errno, about("look at", path));
  const auto since_epoch =
      std::chrono::seconds(status.st_mtim.tv_sec) + std::chrono::milliseconds(status.st_mtim.tv_nsec / 1'000'000);
  return FileInfo{.size_bytes = static_cast<uint64_t>(status.st_size),
                  .is_directory = S_ISDIR(status.st_mode),
                  .modified = WallTime(since_epoch)};
}

Result<std::vector<DirectoryEntry>> PosixFileSystem::list(const Path& path) {
  LB_TRY(const Place at, ground_->find(path));
  Descriptor opened = open_at(at, O_RDONLY | O_DIRECTORY);
  if (!opened.is_open()) return fail_at(at, errno, about("list directory", path));
  const std::unique_ptr<DIR, int (*)(DIR*)> directory(::fdopendir(opened.get()), ::closedir);
  if (directory == nullptr) return fail_errno(errno, about("list directory", path));
  const int listed = opened.release();
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
      struct stat status{};
      const int flags = at.follows_links ? 0 : AT_SYMLINK_NOFOLLOW;
      const bool is_known = ::fstatat(listed, entry->d_name, &status, flags) == 0;
      is_directory = is_known && (S_ISDIR(status.st_mode) || S_ISLNK(status.st_mode));
    }
    entries.push_back({.name = std::string(name), .is_directory = is_directory});
  }
}

/// Whoever holds a lock may remove its file: then the lock of who opened it before is one of a file without a name, and
/// the next one would get another. Only a lock of the file that is still there counts.
Result<LockTaken> take_lock_at(const Place& at, const Path& path, int descriptor) {
  if (retrying([&] { return ::flock(descriptor, LOCK_EX | LOCK_NB); }) != 0) {
    if (errno == EWOULDBLOCK) return LockTaken::by_another;
    return fail_errno(errno, about("lock file", path));
  }
  struct stat held{};
  struct stat named{};
  if (::fstat(descriptor, &held) != 0) return fail_errno(errno, about("look at lock file", path));
  const bool is_named = held.st_nlink > 0 && look_at(at, named) == 0 && is_same_file(held, named);
  return is_named ? LockTaken::yes : LockTaken::of_a_lost_name;
}

Result<std::unique_ptr<FileLock>> PosixFileSystem::lock(const Path& path) {
  LB_TRY(const Place at, ground_->find(path));
  for (int tries = 0; tries < kLockTriesMax; ++tries) {
    Descriptor file = open_at(at, O_RDWR | O_CREAT, 0644);
    if (!file.is_open()) return fail_at(at, errno, about("open lock file", path));
    LB_TRY(const LockTaken taken, take_lock_at(at, path, file.get()));
    if (taken == LockTaken::of_a_lost_name) continue;
    if (taken == LockTaken::by_another) {
      return fail(ErrorCode::conflict, about("lock file", path) + ": process" + holder_of(file) + " holds it");
    }
    // The pid only serves the message above; a full disk must not keep a server from starting.
    const std::string pid = std::to_string(::getpid()) + "\n";
    if (::ftruncate(file.get(), 0) == 0) (void)!::pwrite(file.get(), pid.data(), pid.size(), 0);
    return std::make_unique<PosixFileLock>(std::move(file));
  }
  return fail(ErrorCode::conflict, about("lock file", path) + ": it was replaced each time it was taken");
}

}  // namespace

std::unique_ptr<WritableFile> writable_file(Path path, int descriptor) {
  return std::make_unique<PosixWritableFile>(std::move(path), Descriptor(descriptor));
}

bool is_symbolic_link(const Path& path) {
  struct stat status{};
  return ::lstat(path.c_str(), &status) == 0 && S_ISLNK(status.st_mode);
}

bool is_still_named(const ReadableFile& file, const Path& path) {
  struct stat opened{};
  struct stat named{};
  if (file.native_handle() < 0) return true;
  return ::fstat(file.native_handle(), &opened) == 0 && ::lstat(path.c_str(), &named) == 0 &&
         is_same_file(opened, named);
}

Result<LockTaken> take_lock(const Path& path, int descriptor) {
  return take_lock_at(Place{.name = path.c_str()}, path, descriptor);
}

Descriptor open_at(const Place& at, int flags, mode_t mode) {
  const int more = O_CLOEXEC | (at.follows_links ? 0 : O_NOFOLLOW);
  Descriptor opened(retrying([&] { return ::openat(at.directory, at.name, flags | more, mode); }));
  struct stat status{};
  if (opened.is_open() || at.follows_links || errno != ENOTDIR) return opened;
  // With O_DIRECTORY a link is told as what is no directory.
  const bool is_link = ::fstatat(at.directory, at.name, &status, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(status.st_mode);
  errno = is_link ? ELOOP : ENOTDIR;
  return opened;
}

std::unexpected<Error> fail_at(const Place& at, int errno_value, const std::string& what) {
  if (errno_value != ELOOP || at.follows_links) return fail_errno(errno_value, what);
  return fail(ErrorCode::invalid, what + ": it is a symbolic link, and none is followed here");
}

namespace {

class WholeDisk final : public Ground {
 public:
  Result<Place> find(const Path& path) const override { return Place{.name = path.c_str()}; }
};

}  // namespace

std::shared_ptr<const Ground> whole_disk() { return std::make_shared<WholeDisk>(); }

std::unique_ptr<FileSystem> make_file_system_on(std::shared_ptr<const Ground> ground) {
  return std::make_unique<PosixFileSystem>(std::move(ground));
}

std::unique_ptr<FileSystem> make_posix_file_system() { return make_file_system_on(whole_disk()); }

}  // namespace lifeboat::sys
