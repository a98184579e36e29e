#pragma once

#include <memory>
#include <vector>

#include "base/bytes.h"

namespace lifeboat {

enum class HashAlgorithm { sha256, sha512 };

/// SHA-2 over bytes that come in pieces. One thread at a time.
class Hasher {
 public:
  explicit Hasher(HashAlgorithm algorithm);
  Hasher(Hasher&&) noexcept;
  Hasher& operator=(Hasher&&) noexcept;
  ~Hasher();

  HashAlgorithm algorithm() const { return algorithm_; }
  void update(ByteView bytes);
  /// The raw hash of all bytes so far (32 or 64 bytes). More bytes may follow: the state is copied, not ended.
  std::vector<std::byte> current() const;

 private:
  struct Context;
  HashAlgorithm algorithm_;
  std::unique_ptr<Context> context_;
};

/// The hash of bytes that are all here.
std::vector<std::byte> hash_of(HashAlgorithm algorithm, ByteView bytes);

}  // namespace lifeboat
