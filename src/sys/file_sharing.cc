#include "sys/file_sharing.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "sys/posix_file.h"

namespace lifeboat::sys {
namespace {

std::string about(std::string_view verb_noun, const Path& path) {
  std::string text("cannot ");
  return text.append(verb_noun).append(" '").append(path.native()).append("'");
}

/// A descriptor that is closed at the end.
class Opened {
 public:
  Opened(const Path& path, int flags, mode_t mode = 0) : value_(::open(path.c_str(), flags | O_CLOEXEC, mode)) {}
  Opened(const Opened&) = delete;
  Opened& operator=(const Opened&) = delete;
  ~Opened() {
    if (value_ >= 0) ::close(value_);
  }
  int get() const { return value_; }
  bool is_open() const { return value_ >= 0; }
  int release() { return std::exchange(value_, -1); }

 private:
  int value_;
};

/// Refusals that a copy does not meet.
bool is_for_copying(int errno_value) {
  return errno_value == EXDEV || errno_value == EPERM || errno_value == EMLINK || errno_value == EOPNOTSUPP ||
         errno_value == ENOTTY || errno_value == EINVAL || errno_value == ENOSYS;
}

std::unexpected<Error> refusal(int errno_value, const std::string& what) {
  if (is_for_copying(errno_value)) {
    return fail(ErrorCode::unsupported, fail_errno(errno_value, what).error().message());
  }
  if (errno_value == EEXIST) return fail(ErrorCode::conflict, what + ": the name is taken");
  return fail_errno(errno_value, what);
}

/// Only root can give something away.
Status give(int descriptor, const struct stat& ours, const Path& path, const Path& like) {
  struct stat theirs{};
  if (::stat(like.c_str(), &theirs) != 0) return fail_errno(errno, about("look at", like));
  const bool is_given = ours.st_uid == theirs.st_uid && ours.st_gid == theirs.st_gid;
  if (is_given || ::geteuid() != 0) return {};
  if (::fchown(descriptor, theirs.st_uid, theirs.st_gid) != 0) return fail_errno(errno, about("give away", path));
  return {};
}

/// True when nothing is in the directory.
Result<bool> is_empty(int descriptor, const Path& path) {
  const int copy = ::fcntl(descriptor, F_DUPFD_CLOEXEC, 0);
  const std::unique_ptr<DIR, int (*)(DIR*)> entries(copy < 0 ? nullptr : ::fdopendir(copy), ::closedir);
  if (entries == nullptr) return fail_errno(errno, about("list directory", path));
  // NOLINTNEXTLINE(concurrency-mt-unsafe): one stream, one thread
  while (const dirent* entry = ::readdir(entries.get())) {
    const std::string_view name = entry->d_name;
    if (name != "." && name != "..") return false;
  }
  return true;
}

class PosixFileSharing final : public FileSharing {
 public:
  Status hard_link(const ReadableFile& from, const Path& to) override {
    if (::fsync(from.native_handle()) != 0) return fail_errno(errno, about("sync the file to link as", to));
    const std::string file = "/proc/self/fd/" + std::to_string(from.native_handle());
    if (::linkat(AT_FDCWD, file.c_str(), AT_FDCWD, to.c_str(), AT_SYMLINK_FOLLOW) == 0) return {};
    return refusal(errno, about("link file", to));
  }

  Result<bool> is_safe_in(const ReadableFile& file, const Path& directory) override {
    struct stat theirs{};
    struct stat ours{};
    if (::fstat(file.native_handle(), &theirs) != 0) return fail_errno(errno, "cannot look at a file that is read");
    if (::stat(directory.c_str(), &ours) != 0) return fail_errno(errno, about("look at", directory));
    return (theirs.st_uid == 0 || theirs.st_uid == ours.st_uid) && (theirs.st_mode & (S_IWGRP | S_IWOTH)) == 0;
  }

  Result<std::unique_ptr<WritableFile>> create(const Path& path, const Path& like, OwnerMay may) override {
    Opened file(path, O_WRONLY | O_CREAT | O_EXCL | O_APPEND, 0444);
    if (!file.is_open()) return refusal(errno, about("create file", path));
    if (Status given = give_file(file.get(), path, like, may); !given) {
      (void)::unlink(path.c_str());
      return std::unexpected(std::move(given).error());
    }
    return writable_file(path, file.release());
  }

  Status clone(const ReadableFile& from, const Path& to, const Path& like, OwnerMay may) override {
    const Opened copy(to, O_WRONLY | O_CREAT | O_EXCL, 0444);
    if (!copy.is_open()) return refusal(errno, about("create file", to));
    const bool is_cloned = ::ioctl(copy.get(), FICLONE, from.native_handle()) == 0 && ::fsync(copy.get()) == 0;
    const int clone_errno = errno;
    Status given = is_cloned ? give_file(copy.get(), to, like, may) : refusal(clone_errno, about("clone to file", to));
    if (!given) (void)::unlink(to.c_str());
    return given;
  }

  Status give_directory(const Path& path, const Path& like) override {
    const Opened directory(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    if (!directory.is_open() && (errno == ENOTDIR || errno == ELOOP)) {
      return fail(ErrorCode::conflict, about("give away", path) + ": it is not the directory that was made there");
    }
    if (!directory.is_open()) return fail_errno(errno, about("open directory", path));
    LB_TRY(const bool is_new, is_empty(directory.get(), path));
    if (!is_new) return fail(ErrorCode::conflict, about("give away", path) + ": something is in it already");
    struct stat ours{};
    if (::fstat(directory.get(), &ours) != 0) return fail_errno(errno, about("look at", path));
    const mode_t mode = (ours.st_mode & 0777) | S_IWUSR;
    if (::fchmod(directory.get(), mode) != 0) return fail_errno(errno, about("make writable", path));
    return give(directory.get(), ours, path, like);
  }

 private:
  static Status give_file(int descriptor, const Path& path, const Path& like, OwnerMay may) {
    struct stat ours{};
    if (::fstat(descriptor, &ours) != 0) return fail_errno(errno, about("look at", path));
    const mode_t mode = (ours.st_mode & 0777) | (may == OwnerMay::write ? S_IWUSR : 0);
    if (::fchmod(descriptor, mode) != 0) return fail_errno(errno, about("set the permissions of", path));
    return give(descriptor, ours, path, like);
  }
};

}  // namespace

std::unique_ptr<FileSharing> make_posix_file_sharing() { return std::make_unique<PosixFileSharing>(); }

}  // namespace lifeboat::sys
