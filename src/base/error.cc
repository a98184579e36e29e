#include "base/error.h"

#include <cerrno>
#include <cstring>

namespace lifeboat {

std::string_view to_string(ErrorCode code) {
  switch (code) {
    case ErrorCode::not_found: return "not_found";
    case ErrorCode::invalid: return "invalid";
    case ErrorCode::conflict: return "conflict";
    case ErrorCode::unauthorized: return "unauthorized";
    case ErrorCode::denied: return "denied";
    case ErrorCode::unavailable: return "unavailable";
    case ErrorCode::timed_out: return "timed_out";
    case ErrorCode::too_many: return "too_many";
    case ErrorCode::corrupt: return "corrupt";
    case ErrorCode::no_space: return "no_space";
    case ErrorCode::unsupported: return "unsupported";
    case ErrorCode::cancelled: return "cancelled";
    case ErrorCode::internal: return "internal";
  }
  return "internal";
}

std::string_view to_string(NetworkStep step) {
  switch (step) {
    case NetworkStep::none: return "none";
    case NetworkStep::not_sent: return "not_sent";
    case NetworkStep::resolve: return "resolve";
    case NetworkStep::connect: return "connect";
    case NetworkStep::tls: return "tls";
    case NetworkStep::first_byte: return "first_byte";
    case NetworkStep::redirect: return "redirect";
    case NetworkStep::body: return "body";
  }
  return "none";
}

Error Error::with_context(std::string_view context) && {
  message_.append(" ").append(context);
  return std::move(*this);
}

Error Error::at(NetworkStep step) && {
  step_ = step;
  return std::move(*this);
}

namespace {

ErrorCode code_of_errno(int errno_value) {
  switch (errno_value) {
    case ENOSPC:
    case EDQUOT:
    case EROFS: return ErrorCode::no_space;
    case ENOENT: return ErrorCode::not_found;
    case ETIMEDOUT: return ErrorCode::timed_out;
    default: return ErrorCode::internal;
  }
}

}  // namespace

std::unexpected<Error> fail_errno(int errno_value, std::string_view what) {
  std::string message(what);
  message.append(": ").append(std::strerror(errno_value));  // NOLINT(concurrency-mt-unsafe): glibc's is thread-safe
  return fail(code_of_errno(errno_value), std::move(message));
}

}  // namespace lifeboat
