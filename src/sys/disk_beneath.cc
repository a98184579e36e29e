#include "sys/disk_beneath.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <mutex>
#include <string>

#include "sys/ground.h"

namespace lifeboat::sys {
namespace {

constexpr int kFolder = O_PATH | O_DIRECTORY | O_CLOEXEC;

bool is_link(int directory, const char* name) {
  struct stat status{};
  return ::fstatat(directory, name, &status, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(status.st_mode);
}

Descriptor resolve(int root, const std::string& below) {
  open_how how{};
  how.flags = kFolder;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS;
  return Descriptor(
      static_cast<int>(retrying([&] { return ::syscall(SYS_openat2, root, below.c_str(), &how, sizeof how); })));
}

/// The same, folder by folder; EXDEV and ELOOP mean what they mean to openat2.
Descriptor walk(int root, const std::string& below) {
  Descriptor folder;
  for (std::size_t at = 0; at < below.size();) {
    const std::size_t end = std::min(below.find('/', at), below.size());
    const std::string name = below.substr(at, end - at);
    at = end + 1;
    if (name.empty() || name == ".") continue;
    if (name == "..") {
      errno = EXDEV;
      return Descriptor();
    }
    const int above = folder.is_open() ? folder.get() : root;
    Descriptor next(retrying([&] { return ::openat(above, name.c_str(), kFolder | O_NOFOLLOW); }));
    if (!next.is_open()) {
      if (errno == ENOTDIR && is_link(above, name.c_str())) errno = ELOOP;
      return next;
    }
    folder = std::move(next);
  }
  return folder;
}

class GroundBeneath final : public Ground {
 public:
  GroundBeneath(const Path& root, Resolving resolving)
      : root_(without_slashes(root.native())), is_walking_(resolving == Resolving::by_walking) {}

  Result<Place> find(const Path& path) const override {
    const std::string& text = path.native();
    if (is_root_or_above(text)) return Place{.name = text.c_str()};
    if (!text.starts_with(root_ + "/")) return refuse(path, "it is not below '" + root_ + "'");
    const std::size_t begin = text.find_first_not_of('/', root_.size());
    const std::size_t slash = text.rfind('/');
    LB_TRY(const int root, open_root());
    Place place{.directory = root, .name = text.c_str() + slash + 1, .follows_links = false};
    const std::string_view name = place.name;
    if (name == "..") return refuse(path, "it ends in no name");
    // A name with a slash behind it would be followed where it is a link: the folder itself is opened instead.
    if (name.empty()) place.name = ".";
    if (slash < begin) return place;
    place.opened = open_folder(root, text.substr(begin, slash - begin));
    if (!place.opened.is_open()) return failure(path, errno);
    place.directory = place.opened.get();
    return place;
  }

 private:
  static std::string without_slashes(std::string text) {
    while (text.size() > 1 && text.ends_with('/')) text.pop_back();
    return text == "/" ? "" : text;
  }

  bool is_root_or_above(const std::string& text) const {
    const bool is_relative = !root_.starts_with('/');
    return text == root_ || text == "/" || (is_relative && text == ".") || root_.starts_with(text + "/") ||
           without_slashes(text) == root_;
  }

  Descriptor open_folder(int root, const std::string& below) const {
    if (!is_walking_) {
      Descriptor folder = resolve(root, below);
      // A sandbox from before the call says EPERM.
      if (folder.is_open() || (errno != ENOSYS && errno != EPERM)) return folder;
      is_walking_ = true;
    }
    return walk(root, below);
  }

  static std::unexpected<Error> refuse(const Path& path, const std::string& why) {
    return fail(ErrorCode::invalid, "cannot use path '" + path.native() + "': " + why);
  }

  std::unexpected<Error> failure(const Path& path, int errno_value) const {
    if (errno_value == ELOOP) {
      return refuse(path, "a folder on the way is a symbolic link, and none is followed below '" + root_ + "'");
    }
    if (errno_value == EXDEV) return refuse(path, "it leads out of '" + root_ + "'");
    return fail_errno(errno_value, "cannot look at '" + path.native() + "'");
  }

  /// Opened once it is there, and then the same whatever is put under its name.
  Result<int> open_root() const {
    const std::lock_guard lock(mutex_);
    if (!opened_.is_open()) {
      const std::string path = root_.empty() ? "/" : root_;
      opened_ = Descriptor(retrying([&] { return ::open(path.c_str(), kFolder); }));
      if (!opened_.is_open()) return fail_errno(errno, "cannot look at '" + path + "'");
    }
    return opened_.get();
  }

  const std::string root_;  ///< without slashes at its end; "" for that of the disk
  mutable std::atomic<bool> is_walking_;
  mutable std::mutex mutex_;
  mutable Descriptor opened_;  // guarded by mutex_
};

}  // namespace

DiskBeneath make_disk_beneath(const Path& root, Resolving resolving) {
  const auto ground = std::make_shared<GroundBeneath>(root, resolving);
  return {.files = make_file_system_on(ground), .sharing = make_file_sharing_on(ground)};
}

}  // namespace lifeboat::sys
