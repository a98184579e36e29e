#include "sys/symbolic_link.h"

#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "sys/posix_file.h"

namespace lifeboat::sys {

Status replace_symbolic_link(const Path& link, const std::string& target, const Path& temporary) {
  const std::string what = "cannot make link '" + link.native() + "'";
  std::error_code error;
  if (std::filesystem::exists(std::filesystem::symlink_status(link, error)) && !is_symbolic_link(link)) {
    return fail(ErrorCode::conflict, what + ": what stands there is no link");
  }
  if (::unlink(temporary.c_str()) != 0 && errno != ENOENT) return fail_errno(errno, what);
  if (::symlink(target.c_str(), temporary.c_str()) != 0) return fail_errno(errno, what);
  if (::rename(temporary.c_str(), link.c_str()) == 0) return {};
  const int rename_errno = errno;
  (void)::unlink(temporary.c_str());
  return fail_errno(rename_errno, what);
}

Result<std::string> read_symbolic_link(const Path& link) {
  std::error_code error;
  const Path target = std::filesystem::read_symlink(link, error);
  if (error) return fail(ErrorCode::not_found, "cannot read link '" + link.native() + "': " + error.message());
  return target.native();
}

}  // namespace lifeboat::sys
