#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/call.h"
#include "base/hasher.h"
#include "base/task.h"
#include "base/time.h"
#include "blob/inventory.h"
#include "oci/digest.h"

namespace lifeboat::blob {

/// Reads content from its beginning to its end and hashes it, without putting it into memory that pulls need: what was
/// not in the page cache before is not in it afterwards. One coroutine at a time.
class Reading {
 public:
  virtual ~Reading() = default;
  /// Reads and hashes the next bytes, at most about `bytes_max`; 0 at the end. internal: the disk could not read them,
  /// which says nothing about what they are.
  virtual Task<uint64_t> next(uint64_t bytes_max) = 0;
  /// Of what was read so far.
  virtual oci::Digest so_far() const = 0;
};

/// What content was found to be.
struct Damage {
  enum class Kind { none, missing, wrong_size, wrong_bytes };
  Kind kind = Kind::none;
  std::string detail{};  ///< "got 12 bytes, want 40 bytes"; "" for none
};

/// What the scrubber needs of a store. Any thread. Errors as Store's: an error is never a verdict.
class Integrity {
 public:
  virtual ~Integrity() = default;
  /// not_found: there is none.
  virtual Task<std::unique_ptr<Reading>> read_through(Call call, oci::Digest digest) = 0;
  /// What stands in one directory: digests of the algorithm whose first byte it is.
  virtual Task<std::vector<StoredContent>> list(Call call, HashAlgorithm algorithm, std::byte first) = 0;
  /// Looks once more at content that somebody found faulty. When it is certainly not what its digest and size say, it
  /// is moved out of the way, durably, and kept with the reason for a person to look at, within the store's bounds;
  /// readers keep what they have open. What is whole stays. Nobody can bring the same content in between.
  virtual Task<Damage> quarantine(Call call, oci::Digest digest, uint64_t size_bytes, WallTime now) = 0;
};

}  // namespace lifeboat::blob
