#pragma once

#include <expected>
#include <string>
#include <string_view>
#include <utility>

namespace lifeboat {

/// What the caller can do about a failure. The set is closed; HTTP statuses and OCI codes are derived from it in
/// exactly one table (http/error_response).
enum class ErrorCode {
  not_found,     ///< the thing is not here, and who says so is entitled to
  invalid,       ///< the request or document is malformed: do not repeat it unchanged
  conflict,      ///< the state does not allow it now (wrong offset, precondition, still referenced)
  unauthorized,  ///< credentials are missing or were refused
  denied,        ///< credentials are fine and do not suffice
  unavailable,   ///< could not be asked (refused, reset, 5xx): repeat later or elsewhere
  timed_out,     ///< a deadline passed: repeat later or elsewhere
  too_many,      ///< a rate or quota: repeat after a pause
  corrupt,       ///< bytes are not what their digest or length says
  no_space,      ///< disk full or over quota
  unsupported,   ///< known and not offered
  cancelled,     ///< the server is stopping or the caller left
  internal,      ///< a bug or an unclassified failure of the operating system
};

std::string_view to_string(ErrorCode code);

/// How far an outgoing request had come when it failed.
enum class NetworkStep {
  none,      ///< it was answered, or the caller's own deadline came first
  not_sent,  ///< nobody was asked: a breaker is open, or a pause has not passed
  resolve,
  connect,
  tls,
  first_byte,  ///< sent, and no whole head came back
  redirect,    ///< a host it was sent on to failed before its own answer
  body,
};

std::string_view to_string(NetworkStep step);

/// A failure: a code, a message of the form `cannot <verb> <noun> '<subject>': <reason> (got …, want …)`, and the
/// context callers add on the way up. Never holds a secret or a query string.
class [[nodiscard]] Error {
 public:
  Error(ErrorCode code, std::string message) : code_(code), message_(std::move(message)) {}

  ErrorCode code() const { return code_; }
  const std::string& message() const { return message_; }
  NetworkStep step() const { return step_; }

  /// The same failure with where it happened added, e.g. "from upstream 'ghcr.io'".
  Error with_context(std::string_view context) &&;
  /// The same failure with how far it had come.
  Error at(NetworkStep step) &&;

  friend bool operator==(const Error&, const Error&) = default;

 private:
  ErrorCode code_;
  std::string message_;
  NetworkStep step_ = NetworkStep::none;
};

template <class T>
using Result = std::expected<T, Error>;
using Status = Result<void>;

/// `return fail(ErrorCode::invalid, "cannot …")`
inline std::unexpected<Error> fail(ErrorCode code, std::string message) {
  return std::unexpected<Error>(Error(code, std::move(message)));
}

/// The failure of the last system call (`errno_value`), classified: ENOSPC/EDQUOT → no_space, EROFS → no_space,
/// ENOENT → not_found, ETIMEDOUT → timed_out, else internal. The text of the operating system is appended.
std::unexpected<Error> fail_errno(int errno_value, std::string_view what);

}  // namespace lifeboat

#define LB_JOIN_(a, b) a##b
#define LB_JOIN(a, b) LB_JOIN_(a, b)
#define LB_TRY_(tmp, ret, decl, expr)                               \
  auto tmp = (expr);                                                \
  if (!tmp) ret std::unexpected(std::move(tmp).error()); /*NOLINT*/ \
  decl = std::move(*tmp)
#define LB_CHECK_(tmp, ret, expr) \
  if (auto tmp = (expr); !tmp) ret std::unexpected(std::move(tmp).error())

/// `LB_TRY(auto x, f());` — x is the value of f(), or this function returns f()'s error. LB_CO_TRY: in a coroutine.
#define LB_TRY(decl, expr) LB_TRY_(LB_JOIN(lb_try_, __LINE__), return, decl, expr)
#define LB_CO_TRY(decl, expr) LB_TRY_(LB_JOIN(lb_try_, __LINE__), co_return, decl, expr)
/// The same where there is no value.
#define LB_CHECK(expr) LB_CHECK_(LB_JOIN(lb_check_, __LINE__), return, expr)
#define LB_CO_CHECK(expr) LB_CHECK_(LB_JOIN(lb_check_, __LINE__), co_return, expr)
