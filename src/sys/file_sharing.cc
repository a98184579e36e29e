#include "sys/file_sharing.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

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

 private:
  const int value_;
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

class PosixFileSharing final : public FileSharing {
 public:
  Status hard_link(const Path& from, const Path& to) override {
    const Opened file(from, O_RDONLY);
    if (!file.is_open()) return fail_errno(errno, about("open file", from));
    if (::fsync(file.get()) != 0) return fail_errno(errno, about("sync file", from));
    if (::link(from.c_str(), to.c_str()) != 0) return refusal(errno, about("link file", from));
    return {};
  }

  Status clone(const Path& from, const Path& to) override {
    const Opened file(from, O_RDONLY);
    if (!file.is_open()) return fail_errno(errno, about("open file", from));
    const Opened copy(to, O_WRONLY | O_CREAT | O_EXCL, 0444);
    if (!copy.is_open()) return refusal(errno, about("create file", to));
    const bool is_cloned = ::ioctl(copy.get(), FICLONE, file.get()) == 0;
    if (is_cloned && ::fsync(copy.get()) == 0) return {};
    const int failed_errno = errno;
    (void)::unlink(to.c_str());
    return refusal(failed_errno, about("clone file", from));
  }

  Status give_like(const Path& path, const Path& like) override {
    struct stat ours{};
    struct stat theirs{};
    if (::stat(path.c_str(), &ours) != 0) return fail_errno(errno, about("look at", path));
    if (::stat(like.c_str(), &theirs) != 0) return fail_errno(errno, about("look at", like));
    const mode_t mode = (ours.st_mode & 07777) | S_IWUSR;
    if (::chmod(path.c_str(), mode) != 0) return fail_errno(errno, about("make writable", path));
    const bool is_given = ours.st_uid == theirs.st_uid && ours.st_gid == theirs.st_gid;
    if (is_given || ::geteuid() != 0) return {};
    if (::chown(path.c_str(), theirs.st_uid, theirs.st_gid) != 0) return fail_errno(errno, about("give away", path));
    return {};
  }
};

}  // namespace

std::unique_ptr<FileSharing> make_posix_file_sharing() { return std::make_unique<PosixFileSharing>(); }

}  // namespace lifeboat::sys
