#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <unordered_map>
#include <vector>

#include "oci/digest.h"

namespace lifeboat::registry {

/// Digests as small numbers, so that a hundred thousand of them and all that names them fit in a few megabytes: 32
/// bytes for each sha256, 4 for each mention. One thread at a time.
class DigestTable {
 public:
  using Id = uint32_t;

  /// The number of the digest: 0, 1, 2 … in the order they were first named.
  Id id_of(const oci::Digest& digest);
  std::optional<Id> find(const oci::Digest& digest) const;
  oci::Digest digest(Id id) const;
  std::size_t size() const { return heads_.size(); }

 private:
  using Head = std::array<std::byte, 32>;
  bool is(Id id, const oci::Digest& digest) const;
  std::size_t slot_of(const oci::Digest& digest) const;
  void grow();

  std::vector<Head> heads_;                     ///< the first 32 bytes, by number
  std::unordered_map<Id, oci::Digest> longer_;  ///< those that have more: sha512
  std::vector<Id> slots_;                       ///< open addressing; a power of two, at most half of them taken
};

}  // namespace lifeboat::registry
