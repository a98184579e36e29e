#include "upstream/credentials.h"

#include <array>
#include <cstdlib>
#include <utility>

#include "sys/notification.h"
#include "upstream/credential_helper.h"
#include "upstream/docker_config.h"

namespace lifeboat::upstream {
namespace {

constexpr std::size_t kSecretMaxBytes = 256 * kKiB;  // a Docker config may have many entries
constexpr Duration kHelperPause = std::chrono::seconds(1);

std::string base64(std::string_view text) {
  static constexpr std::string_view kLetters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string result;
  for (std::size_t i = 0; i < text.size(); i += 3) {
    const std::size_t count = std::min<std::size_t>(3, text.size() - i);
    uint32_t bits = 0;
    for (std::size_t k = 0; k < 3; ++k) bits = bits << 8U | (k < count ? static_cast<unsigned char>(text[i + k]) : 0U);
    for (std::size_t k = 0; k < 4; ++k) result.push_back(k <= count ? kLetters[bits >> (18 - 6 * k) & 63U] : '=');
  }
  return result;
}

Result<std::string> read_text(sys::FileSystem& files, const std::string& path) {
  LB_TRY(const auto file, files.open(path));
  std::string bytes(kSecretMaxBytes, '\0');
  LB_TRY(const std::size_t size, file->read_at(0, std::as_writable_bytes(std::span(bytes))));
  bytes.resize(size);
  return bytes;
}

Result<std::string> read_secret(sys::FileSystem& files, const std::string& path) {
  LB_TRY(std::string bytes, read_text(files, path));
  while (!bytes.empty() && (bytes.back() == '\n' || bytes.back() == '\r')) bytes.pop_back();
  if (bytes.empty()) return fail(ErrorCode::invalid, "cannot read password file '" + path + "': it is empty");
  return bytes;
}

}  // namespace

std::string Credentials::basic() const { return "Basic " + base64(username + ":" + password); }

/// One reading, for all who wait for it.
struct CredentialStore::Reading {
  sys::Notification ended;
  std::optional<Result<std::optional<Credentials>>> outcome;  ///< guarded by mu_
};

CredentialStore::CredentialStore(const Endpoint& endpoint, sys::FileSystem& files, sys::ThreadPool& disk)
    : options_(endpoint.options()), authority_(endpoint.url().authority()), files_(files), disk_(disk) {
  if (!options_.password.empty()) known_ = Credentials{options_.username, options_.password};
}
CredentialStore::~CredentialStore() = default;

bool CredentialStore::can_change() const {
  return !options_.password_file.empty() || !options_.docker_config.empty() || !options_.credential_helper.empty();
}

bool CredentialStore::is_helper_just_asked() const {
  return std::chrono::steady_clock::now() < helper_asked_ + kHelperPause;
}

Task<std::optional<Credentials>> CredentialStore::current() {
  {
    const std::lock_guard lock(mu_);
    const bool is_anonymous = !can_change() && options_.password_env.empty();
    if (known_ || is_anonymous) co_return known_;
    if (failure_ && is_helper_just_asked()) co_return std::unexpected(*failure_);
  }
  co_return co_await read();
}

Awaitable<std::optional<Credentials>> CredentialStore::others_than(std::optional<Credentials> refused) {
  if (!can_change()) co_return std::nullopt;
  std::optional<Credentials> others;
  bool is_to_be_read = true;
  {
    const std::lock_guard lock(mu_);
    if (is_helper_just_asked()) {
      others = known_;
      is_to_be_read = false;
    }
  }
  if (is_to_be_read) {
    const auto read_again = co_await read();
    if (read_again) others = *read_again;
  }
  if (others == refused) others.reset();
  co_return others;
}

std::optional<Credentials> CredentialStore::in_use() {
  const std::lock_guard lock(mu_);
  return known_;
}

Task<std::optional<Credentials>> CredentialStore::kept() {
  if (!can_change()) co_return co_await current();
  auto read_again = co_await disk_.run([this] { return read_now(); });
  if (!read_again) co_return fail(ErrorCode::unauthorized, read_again.error().message());
  co_return std::move(*read_again);
}

void CredentialStore::adopt(Credentials credentials) {
  const std::lock_guard lock(mu_);
  if (known_ != credentials) ++adoptions_;
  known_ = std::move(credentials);
  failure_.reset();
}

Task<std::optional<Credentials>> CredentialStore::read() {
  std::shared_ptr<Reading> reading;
  bool is_leader = false;
  {
    const std::lock_guard lock(mu_);
    is_leader = reading_ == nullptr;
    if (is_leader) reading_ = std::make_shared<Reading>();
    reading = reading_;
  }
  if (is_leader) {
    auto outcome = co_await disk_.run([this] { return read_now(); });
    if (!outcome) outcome = fail(ErrorCode::unauthorized, outcome.error().message());
    {
      const std::lock_guard lock(mu_);
      if (outcome && !known_) known_ = *outcome;
      failure_ = outcome ? std::nullopt : std::optional(outcome.error());
      reading->outcome = outcome;
      reading_.reset();
    }
    reading->ended.notify_all();
    co_return outcome;
  }
  for (;;) {
    const uint64_t seen = reading->ended.version();
    {
      const std::lock_guard lock(mu_);
      if (reading->outcome) co_return *reading->outcome;
    }
    co_await reading->ended.wait(seen, SteadyTime::max());
  }
}

/// On a thread of the pool: files and helpers block.
Result<std::optional<Credentials>> CredentialStore::read_now() {
  if (!options_.password_file.empty()) {
    LB_TRY(std::string secret, read_secret(files_, options_.password_file));
    return Credentials{options_.username, std::move(secret)};
  }
  if (!options_.password_env.empty()) {
    const char* secret = std::getenv(options_.password_env.c_str());  // NOLINT(concurrency-mt-unsafe): nobody sets any
    if (secret == nullptr || *secret == '\0') {
      return fail(ErrorCode::invalid, "cannot read password: the variable '" + options_.password_env + "' is not set");
    }
    return Credentials{options_.username, secret};
  }
  if (!options_.credential_helper.empty()) return ask_helper(options_.credential_helper);
  LB_TRY(const std::string config, read_text(files_, options_.docker_config));
  auto login = docker_login_of(config, authority_);
  if (!login) return std::unexpected(std::move(login).error().with_context("in '" + options_.docker_config + "'"));
  if (!login->helper.empty()) return ask_helper(login->helper);
  if (!login->credentials) {
    return fail(ErrorCode::not_found,
                "cannot log in to '" + authority_ + "': '" + options_.docker_config + "' has no login for it");
  }
  return login->credentials;
}

Result<Credentials> CredentialStore::ask_helper(const std::string& helper) {
  {
    const std::lock_guard lock(mu_);
    helper_asked_ = std::chrono::steady_clock::now();
  }
  return ask_credential_helper(helper, authority_);
}

}  // namespace lifeboat::upstream
