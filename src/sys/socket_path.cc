#include "sys/socket_path.h"

#include <fcntl.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

namespace lifeboat::sys {
namespace {

constexpr std::size_t kPathMaxBytes = sizeof(sockaddr_un::sun_path) - 1;

std::unexpected<Error> too_long(const Path& path, std::size_t got, std::string_view why) {
  return fail(ErrorCode::unsupported, "cannot use socket '" + path.string() + "': " + std::string(why) + " (got " +
                                          std::to_string(got) + " bytes, want at most " +
                                          std::to_string(kPathMaxBytes) + ")");
}

}  // namespace

Result<SocketPath> SocketPath::of(const Path& path) {
  if (path.native().size() <= kPathMaxBytes) return SocketPath(path.string(), -1);
  const Path folder = path.parent_path().empty() ? Path(".") : path.parent_path();
  const int directory = ::open(folder.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (directory < 0) {
    if (errno == EACCES)
      return fail(ErrorCode::denied, "cannot enter directory '" + folder.string() + "': permission denied");
    return fail_errno(errno, "cannot enter directory '" + folder.string() + "'");
  }
  const Path open_folder = "/proc/self/fd/" + std::to_string(directory);
  SocketPath shorter((open_folder / path.filename()).string(), directory);
  if (shorter.text_.size() > kPathMaxBytes)
    return too_long(path, path.filename().native().size(), "its name is too long");
  if (::access(open_folder.c_str(), F_OK) != 0) {
    return too_long(path, path.native().size(), "its path is too long, and there is no /proc to shorten it");
  }
  return shorter;
}

SocketPath::SocketPath(SocketPath&& other) noexcept
    : text_(std::move(other.text_)), directory_(std::exchange(other.directory_, -1)) {}

SocketPath::~SocketPath() {
  if (directory_ >= 0) ::close(directory_);
}

}  // namespace lifeboat::sys
