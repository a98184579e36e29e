#pragma once

#include <memory>
#include <string>

#include "base/error.h"

namespace lifeboat::sys {

/// The server's certificate and key, replaced while connections run (SIGHUP). TLS 1.2 and up. Any thread.
class TlsServerContext {
 public:
  /// PEM files: the certificate with its chain, and the key. invalid when they cannot be read, do not match, or the key
  /// is encrypted.
  static Result<std::shared_ptr<TlsServerContext>> load(std::string certificate_file, std::string key_file);
  ~TlsServerContext();
  TlsServerContext(const TlsServerContext&) = delete;
  TlsServerContext& operator=(const TlsServerContext&) = delete;

  /// Reads the files again; on failure the old ones stay in use. New connections get the new certificate.
  Status reload();

  /// The OpenSSL context of now, for the .cc files of sys/ alone.
  struct Native;
  std::shared_ptr<Native> native() const;

 private:
  TlsServerContext(std::string certificate_file, std::string key_file);
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace lifeboat::sys
