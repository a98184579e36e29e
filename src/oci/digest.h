#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/error.h"
#include "base/hasher.h"

namespace lifeboat::oci {

/// `sha256:<64 lower-case hex>` or `sha512:<128>` (OCI image-spec descriptor.md; W20). Algorithm and raw bytes; text
/// only at the edge.
class Digest {
 public:
  /// invalid for another algorithm, upper-case hex or a wrong length.
  static Result<Digest> parse(std::string_view text);
  /// From what a Hasher gave (32 or 64 bytes, as the algorithm says).
  static Digest of_raw(HashAlgorithm algorithm, ByteView raw);
  /// The digest of these bytes.
  static Digest of(HashAlgorithm algorithm, ByteView bytes);

  HashAlgorithm algorithm() const { return algorithm_; }
  ByteView raw() const { return ByteView(raw_).first(algorithm_ == HashAlgorithm::sha256 ? 32 : 64); }
  std::string_view algorithm_name() const;  ///< "sha256"
  std::string hex() const;
  std::string to_string() const;  ///< "sha256:…"

  friend auto operator<=>(const Digest&, const Digest&) = default;

 private:
  Digest() = default;
  HashAlgorithm algorithm_ = HashAlgorithm::sha256;
  std::array<std::byte, 64> raw_{};  ///< unused bytes are zero
};

}  // namespace lifeboat::oci

template <>
struct std::hash<lifeboat::oci::Digest> {
  std::size_t operator()(const lifeboat::oci::Digest& digest) const noexcept;
};
