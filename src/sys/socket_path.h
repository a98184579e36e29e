#pragma once

#include <string>

#include "base/error.h"
#include "sys/file_system.h"

namespace lifeboat::sys {

/// The path of a socket in the file system in a form that sockaddr_un takes, which ends at 107 bytes (unix(7)). A
/// longer one leads through its opened directory, by way of /proc/self/fd: good in this process only, and while this
/// object lives. Blocks as long as opening a directory does.
class SocketPath {
 public:
  /// The socket need not be there; its directory must. not_found: it is not; denied: it may not be entered;
  /// unsupported: no form of the path is short enough.
  static Result<SocketPath> of(const Path& path);
  SocketPath(SocketPath&& other) noexcept;
  SocketPath& operator=(SocketPath&&) = delete;
  ~SocketPath();

  const std::string& text() const { return text_; }

 private:
  SocketPath(std::string text, int directory) : text_(std::move(text)), directory_(directory) {}

  std::string text_;
  int directory_ = -1;  ///< -1: the path is short enough as it is
};

}  // namespace lifeboat::sys
