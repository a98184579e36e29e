#include "sys/file_sharing.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "sys/ground.h"
#include "sys/posix_file.h"

namespace lifeboat::sys {
namespace {

std::string about(std::string_view verb_noun, const Path& path) {
  std::string text("cannot ");
  return text.append(verb_noun).append(" '").append(path.native()).append("'");
}

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
Status give(int descriptor, const struct stat& ours, const Path& path, const struct stat& theirs) {
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
  explicit PosixFileSharing(std::shared_ptr<const Ground> ground) : ground_(std::move(ground)) {}

  Status hard_link(const ReadableFile& from, const Path& to) override {
    if (::fsync(from.native_handle()) != 0) return fail_errno(errno, about("sync the file to link as", to));
    LB_TRY(const Place at, ground_->find(to));
    const std::string file = "/proc/self/fd/" + std::to_string(from.native_handle());
    if (::linkat(AT_FDCWD, file.c_str(), at.directory, at.name, AT_SYMLINK_FOLLOW) == 0) return {};
    return refusal(errno, about("link file", to));
  }

  Result<bool> is_safe_in(const ReadableFile& file, const Path& directory) override {
    struct stat theirs{};
    if (::fstat(file.native_handle(), &theirs) != 0) return fail_errno(errno, "cannot look at a file that is read");
    LB_TRY(const struct stat ours, look_at(directory));
    return (theirs.st_uid == 0 || theirs.st_uid == ours.st_uid) && (theirs.st_mode & (S_IWGRP | S_IWOTH)) == 0;
  }

  Result<std::unique_ptr<WritableFile>> create(const Path& path, const Path& like, OwnerMay may) override {
    LB_TRY(const Place at, ground_->find(path));
    Descriptor file = open_at(at, O_WRONLY | O_CREAT | O_EXCL | O_APPEND, 0444);
    if (!file.is_open()) return refusal(errno, about("create file", path));
    if (Status given = give_file(file.get(), path, like, may); !given) {
      (void)::unlinkat(at.directory, at.name, 0);
      return std::unexpected(std::move(given).error());
    }
    return writable_file(path, file.release());
  }

  Status clone(const ReadableFile& from, const Path& to, const Path& like, OwnerMay may) override {
    LB_TRY(const Place at, ground_->find(to));
    const Descriptor copy = open_at(at, O_WRONLY | O_CREAT | O_EXCL, 0444);
    if (!copy.is_open()) return refusal(errno, about("create file", to));
    const bool is_cloned = ::ioctl(copy.get(), FICLONE, from.native_handle()) == 0 && ::fsync(copy.get()) == 0;
    const int clone_errno = errno;
    Status given = is_cloned ? give_file(copy.get(), to, like, may) : refusal(clone_errno, about("clone to file", to));
    if (!given) (void)::unlinkat(at.directory, at.name, 0);
    return given;
  }

  Status give_directory(const Path& path, const Path& like) override {
    LB_TRY(const Place at, ground_->find(path));
    const Descriptor directory = open_at(at, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
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
    LB_TRY(const struct stat theirs, look_at(like));
    return give(directory.get(), ours, path, theirs);
  }

 private:
  Result<struct stat> look_at(const Path& path) const {
    LB_TRY(const Place at, ground_->find(path));
    struct stat status{};
    const int flags = at.follows_links ? 0 : AT_SYMLINK_NOFOLLOW;
    if (::fstatat(at.directory, at.name, &status, flags) != 0) return fail_at(at, errno, about("look at", path));
    return status;
  }

  Status give_file(int descriptor, const Path& path, const Path& like, OwnerMay may) const {
    struct stat ours{};
    if (::fstat(descriptor, &ours) != 0) return fail_errno(errno, about("look at", path));
    const mode_t mode = (ours.st_mode & 0777) | (may == OwnerMay::write ? S_IWUSR : 0);
    if (::fchmod(descriptor, mode) != 0) return fail_errno(errno, about("set the permissions of", path));
    LB_TRY(const struct stat theirs, look_at(like));
    return give(descriptor, ours, path, theirs);
  }

  const std::shared_ptr<const Ground> ground_;
};

}  // namespace

std::unique_ptr<FileSharing> make_file_sharing_on(std::shared_ptr<const Ground> ground) {
  return std::make_unique<PosixFileSharing>(std::move(ground));
}

std::unique_ptr<FileSharing> make_posix_file_sharing() { return make_file_sharing_on(whole_disk()); }

}  // namespace lifeboat::sys
