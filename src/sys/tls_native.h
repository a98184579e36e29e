#pragma once

#include <openssl/ssl.h>

#include "sys/tls.h"

namespace lifeboat::sys {

/// The OpenSSL context behind a TlsServerContext. For the .cc files of sys/ alone.
struct TlsServerContext::Native {
  SSL_CTX* context = nullptr;
  Native() = default;
  Native(const Native&) = delete;
  Native& operator=(const Native&) = delete;
  ~Native() { SSL_CTX_free(context); }
};

}  // namespace lifeboat::sys
