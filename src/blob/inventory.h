#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "base/call.h"
#include "base/task.h"
#include "base/time.h"
#include "oci/digest.h"

namespace lifeboat::blob {

struct StoredContent {
  oci::Digest digest;
  uint64_t size_bytes = 0;
  WallTime modified{};  ///< when its last byte was written, which may be long before it was committed
};

/// What content is on disk, for who compares it with the names. Knows nothing of names itself. Any thread. Errors as of
/// blob::Store.
class Inventory {
 public:
  virtual ~Inventory() = default;
  /// Content lies in this many shards, of which each can be listed in memory.
  static constexpr std::size_t kShards = 512;
  /// The content of one shard, from 0; what is committed or removed meanwhile may be among it or not. What is not
  /// content (a stranger's file) is left out.
  virtual Task<std::vector<oci::Digest>> shard(Call call, std::size_t index) = 0;
  /// Nothing: it is not there.
  virtual Task<std::optional<StoredContent>> find(Call call, oci::Digest digest) = 0;
  /// Those of `digests` that are not there, in their order.
  virtual Task<std::vector<oci::Digest>> absent(Call call, std::vector<oci::Digest> digests) = 0;
};

}  // namespace lifeboat::blob
