#pragma once

#include <fcntl.h>
#include <unistd.h>

#include <memory>
#include <utility>

#include "sys/file_sharing.h"
#include "sys/file_system.h"

/// How paths are looked up, for the files here that call the system.
namespace lifeboat::sys {

/// A descriptor that is closed at the end; -1 for none.
class Descriptor {
 public:
  explicit Descriptor(int value = -1) : value_(value) {}
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
  int release() { return std::exchange(value_, -1); }

 private:
  int value_;
};

/// A name and the directory it is in, for the calls that end in "at".
struct Place {
  int directory = AT_FDCWD;
  const char* name = "";      ///< a part of the path that was looked up
  bool follows_links = true;  ///< that stand under the name itself
  Descriptor opened{};        ///< `directory`, when it was opened for this
};

/// Repeats a system call that a signal interrupted.
template <class Call>
auto retrying(Call call) {
  decltype(call()) result = 0;
  do {
    result = call();
  } while (result < 0 && errno == EINTR);
  return result;
}

/// Opens what is at a place; `errno` tells why not.
Descriptor open_at(const Place& at, int flags, mode_t mode = 0);

/// The failure of a system call at a place, as fail_errno; invalid: a link that is not followed.
std::unexpected<Error> fail_at(const Place& at, int errno_value, const std::string& what);

/// Which part of the disk paths may lead to. Any thread; blocks.
class Ground {
 public:
  virtual ~Ground() = default;
  /// `path` outlives the answer. Errors as of FileSystem.
  virtual Result<Place> find(const Path& path) const = 0;
};

std::unique_ptr<FileSystem> make_file_system_on(std::shared_ptr<const Ground> ground);
std::unique_ptr<FileSharing> make_file_sharing_on(std::shared_ptr<const Ground> ground);
/// All of it, with whatever links there are.
std::shared_ptr<const Ground> whole_disk();

}  // namespace lifeboat::sys
