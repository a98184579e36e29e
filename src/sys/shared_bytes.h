#pragma once

#include <memory>

#include "base/bytes.h"
#include "sys/block_pool.h"

namespace lifeboat::sys {

/// Bytes on their way out, with what keeps them in memory. The block is shared, since the same bytes may go to several
/// places at once.
struct SharedBytes {
  std::shared_ptr<const Block> block{};
  ByteView bytes{};  ///< of it

  /// All of a block.
  static SharedBytes of(Block block) {
    auto shared = std::make_shared<const Block>(std::move(block));
    const ByteView bytes = shared->bytes();
    return {std::move(shared), bytes};
  }
  SharedBytes part(std::size_t from, std::size_t count) const { return {block, bytes.subspan(from, count)}; }
};

}  // namespace lifeboat::sys
