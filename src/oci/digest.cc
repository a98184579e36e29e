#include "oci/digest.h"

#include <algorithm>
#include <cstring>
#include <span>

#include "base/assert.h"
#include "oci/text.h"

namespace lifeboat::oci {
namespace {

constexpr std::string_view kSha256Prefix = "sha256:";
constexpr std::string_view kSha512Prefix = "sha512:";

std::size_t raw_size_of(HashAlgorithm algorithm) { return algorithm == HashAlgorithm::sha256 ? 32 : 64; }

}  // namespace

Result<Digest> Digest::parse(std::string_view text) {
  const bool is_sha512 = text.starts_with(kSha512Prefix);
  Digest digest;
  digest.algorithm_ = is_sha512 ? HashAlgorithm::sha512 : HashAlgorithm::sha256;
  const bool is_known = is_sha512 || text.starts_with(kSha256Prefix);
  if (!is_known ||
      !from_hex(text.substr(kSha256Prefix.size()), ByteSpan(digest.raw_).first(raw_size_of(digest.algorithm_)))) {
    return fail(ErrorCode::invalid, "cannot parse digest " + quote(text) +
                                        ": malformed (want sha256 with 64 or sha512 with 128 lower-case hex digits)");
  }
  return digest;
}

Digest Digest::of_raw(HashAlgorithm algorithm, ByteView raw) {
  LB_ASSERT(raw.size() == raw_size_of(algorithm));
  Digest digest;
  digest.algorithm_ = algorithm;
  std::ranges::copy(raw, digest.raw_.begin());
  return digest;
}

Digest Digest::of(HashAlgorithm algorithm, ByteView bytes) { return of_raw(algorithm, hash_of(algorithm, bytes)); }

std::string_view Digest::algorithm_name() const { return algorithm_ == HashAlgorithm::sha256 ? "sha256" : "sha512"; }

std::string Digest::hex() const { return to_hex(raw()); }

std::string Digest::to_string() const {
  std::string text(algorithm_name());
  text.append(":").append(hex());
  return text;
}

}  // namespace lifeboat::oci

std::size_t std::hash<lifeboat::oci::Digest>::operator()(const lifeboat::oci::Digest& digest) const noexcept {
  // The bytes are uniformly distributed already.
  std::size_t value = 0;
  std::memcpy(&value, digest.raw().data(), sizeof(value));
  return value;
}
