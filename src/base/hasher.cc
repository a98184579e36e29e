#include "base/hasher.h"

#include <openssl/evp.h>

#include "base/assert.h"

namespace lifeboat {
namespace {

const EVP_MD* function_of(HashAlgorithm algorithm) {
  return algorithm == HashAlgorithm::sha256 ? EVP_sha256() : EVP_sha512();
}

unsigned char* raw(std::byte* bytes) { return reinterpret_cast<unsigned char*>(bytes); }  // NOLINT: OpenSSL's type

}  // namespace

struct Hasher::Context {
  EVP_MD_CTX* state = EVP_MD_CTX_new();
  Context() = default;
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;
  ~Context() { EVP_MD_CTX_free(state); }
};

Hasher::Hasher(HashAlgorithm algorithm) : algorithm_(algorithm), context_(std::make_unique<Context>()) {
  LB_ASSERT(EVP_DigestInit_ex(context_->state, function_of(algorithm), nullptr) == 1);
}
Hasher::Hasher(Hasher&&) noexcept = default;
Hasher& Hasher::operator=(Hasher&&) noexcept = default;
Hasher::~Hasher() = default;

void Hasher::update(ByteView bytes) { LB_ASSERT(EVP_DigestUpdate(context_->state, bytes.data(), bytes.size()) == 1); }

std::vector<std::byte> Hasher::current() const {
  const Context copy;
  LB_ASSERT(EVP_MD_CTX_copy_ex(copy.state, context_->state) == 1);
  std::vector<std::byte> out(static_cast<std::size_t>(EVP_MD_get_size(function_of(algorithm_))));
  LB_ASSERT(EVP_DigestFinal_ex(copy.state, raw(out.data()), nullptr) == 1);
  return out;
}

std::vector<std::byte> hash_of(HashAlgorithm algorithm, ByteView bytes) {
  Hasher hasher(algorithm);
  hasher.update(bytes);
  return hasher.current();
}

}  // namespace lifeboat
