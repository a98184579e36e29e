#include "upstream/credential_helper.h"

#include "sys/process.h"
#include "upstream/docker_config.h"

namespace lifeboat::upstream {
namespace {

constexpr Duration kHelperWithin = std::chrono::seconds(10);
constexpr std::size_t kConfigMaxBytes = 256 * kKiB;
/// What all helpers say, by the library they share (docker-credential-helpers, credentials/error.go).
constexpr std::string_view kHasNone = "credentials not found in native keychain";

}  // namespace

Result<Credentials> ask_credential_helper(const std::string& helper, const std::string& authority) {
  constexpr std::string_view kOrdinary = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
  if (helper.find_first_not_of(kOrdinary) != helper.npos) {
    return fail(ErrorCode::invalid, "cannot use credential helper '" + helper + "': it is no name");
  }
  const std::string program = "docker-credential-" + helper;
  const auto ended = sys::run_process(
      {.arguments = {program, "get"}, .input = docker_server_name(authority), .within = kHelperWithin});
  if (!ended) return fail(ErrorCode::unauthorized, ended.error().message());  // no such program is not "no login"
  auto credentials = parse_helper_answer(ended->output);
  if (ended->exit_status != 0 || !credentials) {
    const bool has_none = ended->output.contains(kHasNone);
    const std::string why = ended->exit_status != 0 ? "it ended with status " + std::to_string(ended->exit_status)
                                                    : std::string(credentials.error().message());
    return fail(has_none ? ErrorCode::not_found : ErrorCode::unauthorized,
                "cannot log in to '" + authority + "' by '" + program + "': " + why);
  }
  return credentials;
}

Result<std::optional<Credentials>> find_docker_login(sys::FileSystem& files, const std::string& config_path,
                                                     const std::string& authority) {
  const auto file = files.open(config_path);
  if (!file && file.error().code() == ErrorCode::not_found) return std::nullopt;
  if (!file) return std::unexpected(file.error());
  std::string text(kConfigMaxBytes, '\0');
  LB_TRY(const std::size_t size, (*file)->read_at(0, std::as_writable_bytes(std::span(text))));
  text.resize(size);
  auto login = docker_login_of(text, authority);
  if (!login) return std::unexpected(std::move(login).error().with_context("in '" + config_path + "'"));
  if (login->helper.empty()) return login->credentials;
  auto given = ask_credential_helper(login->helper, authority);
  if (!given && given.error().code() == ErrorCode::not_found) return std::nullopt;
  if (!given) return std::unexpected(std::move(given).error());
  return std::move(*given);
}

}  // namespace lifeboat::upstream
