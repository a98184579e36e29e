#include "sys/tls.h"

#include <openssl/err.h>

#include <array>
#include <mutex>

#include "sys/tls_native.h"

namespace lifeboat::sys {
namespace {

std::string reason_of_openssl() {
  std::array<char, 256> text{};
  const unsigned long code = ERR_peek_error();  // NOLINT(google-runtime-int): OpenSSL's type
  if (code == 0) return "no reason given";
  ERR_error_string_n(code, text.data(), text.size());
  ERR_clear_error();
  return text.data();
}

/// Asks nobody for a passphrase: an encrypted key is an error, not a prompt on a terminal nobody watches.
int refuse_passphrase(char*, int, int, void*) { return 0; }

Result<std::shared_ptr<TlsServerContext::Native>> load_pair(const std::string& certificate, const std::string& key) {
  auto native = std::make_shared<TlsServerContext::Native>();
  native->context = SSL_CTX_new(TLS_server_method());
  if (native->context == nullptr) return fail(ErrorCode::internal, "cannot set up TLS: " + reason_of_openssl());
  SSL_CTX* context = native->context;
  SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);  // W100
  SSL_CTX_set_options(context,
                      SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_IGNORE_UNEXPECTED_EOF);
  SSL_CTX_set_mode(context,
                   SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_default_passwd_cb(context, refuse_passphrase);
  if (SSL_CTX_use_certificate_chain_file(context, certificate.c_str()) != 1) {
    return fail(ErrorCode::invalid, "cannot read certificate '" + certificate + "': " + reason_of_openssl() +
                                        " (want a PEM file with the certificate first, then its chain)");
  }
  if (SSL_CTX_use_PrivateKey_file(context, key.c_str(), SSL_FILETYPE_PEM) != 1) {
    return fail(ErrorCode::invalid, "cannot read key '" + key + "': " + reason_of_openssl() +
                                        " (want an unencrypted PEM key that belongs to '" + certificate + "')");
  }
  return native;
}

}  // namespace

struct TlsServerContext::State {
  std::string certificate_file;
  std::string key_file;
  mutable std::mutex mutex;
  std::shared_ptr<Native> native;  // guarded by mutex
};

TlsServerContext::TlsServerContext(std::string certificate_file, std::string key_file)
    : state_(std::make_unique<State>()) {
  state_->certificate_file = std::move(certificate_file);
  state_->key_file = std::move(key_file);
}
TlsServerContext::~TlsServerContext() = default;

Result<std::shared_ptr<TlsServerContext>> TlsServerContext::load(std::string certificate_file, std::string key_file) {
  std::shared_ptr<TlsServerContext> context(new TlsServerContext(std::move(certificate_file), std::move(key_file)));
  LB_CHECK(context->reload());
  return context;
}

Status TlsServerContext::reload() {
  LB_TRY(std::shared_ptr<Native> fresh, load_pair(state_->certificate_file, state_->key_file));
  const std::lock_guard lock(state_->mutex);
  state_->native = std::move(fresh);
  return {};
}

std::shared_ptr<TlsServerContext::Native> TlsServerContext::native() const {
  const std::lock_guard lock(state_->mutex);
  return state_->native;
}

}  // namespace lifeboat::sys
