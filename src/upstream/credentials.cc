#include "upstream/credentials.h"

#include <array>
#include <utility>

namespace lifeboat::upstream {
namespace {

constexpr std::size_t kSecretMaxBytes = 64 * kKiB;

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

Result<std::string> read_secret(sys::FileSystem& files, const std::string& path) {
  LB_TRY(const auto file, files.open(path));
  std::string bytes(kSecretMaxBytes, '\0');
  LB_TRY(const std::size_t size, file->read_at(0, std::as_writable_bytes(std::span(bytes))));
  bytes.resize(size);
  while (!bytes.empty() && (bytes.back() == '\n' || bytes.back() == '\r')) bytes.pop_back();
  if (bytes.empty()) return fail(ErrorCode::invalid, "cannot read password file '" + path + "': it is empty");
  return bytes;
}

}  // namespace

std::string Credentials::basic() const { return "Basic " + base64(username + ":" + password); }

CredentialStore::CredentialStore(const EndpointOptions& options, sys::FileSystem& files, sys::ThreadPool& disk)
    : username_(options.username), password_file_(options.password_file), files_(files), disk_(disk) {
  if (!username_.empty() && password_file_.empty()) known_ = Credentials{username_, options.password};
}

Task<std::optional<Credentials>> CredentialStore::current() {
  {
    const std::lock_guard lock(mu_);
    if (known_ || password_file_.empty()) co_return known_;
  }
  co_return co_await read();
}

Awaitable<bool> CredentialStore::has_others_than(std::optional<Credentials> refused) {
  if (password_file_.empty()) co_return false;
  const auto read_again = co_await read();
  co_return read_again && *read_again != refused;
}

Task<std::optional<Credentials>> CredentialStore::read() {
  auto secret = co_await disk_.run([this] { return read_secret(files_, password_file_); });
  if (!secret) co_return fail(ErrorCode::unauthorized, secret.error().message());
  const std::lock_guard lock(mu_);
  known_ = Credentials{username_, std::move(*secret)};
  co_return known_;
}

}  // namespace lifeboat::upstream
