#pragma once

#include <cstddef>
#include <memory>

#include "base/bytes.h"

namespace lifeboat::sys {

class BlockPool;

/// 1 MiB of page-aligned memory for bytes on their way; goes back to its pool when destroyed. Move only.
class Block {
 public:
  static constexpr std::size_t kCapacity = kMiB;

  Block() = default;
  Block(Block&& other) noexcept;
  Block& operator=(Block&& other) noexcept;
  ~Block();

  explicit operator bool() const { return memory_ != nullptr; }
  /// The bytes that count: the first size() of it.
  ByteView bytes() const { return {memory_, size_}; }
  std::size_t size() const { return size_; }
  /// What may still be filled; call `grow` with how much was.
  ByteSpan free_space() { return {memory_ + size_, memory_ == nullptr ? 0 : kCapacity - size_}; }
  void grow(std::size_t count);
  bool is_full() const { return size_ == kCapacity; }
  /// Drops the first `count` bytes; the rest moves to the beginning.
  void drop_front(std::size_t count);

 private:
  friend class BlockPool;
  Block(BlockPool* pool, std::byte* memory) : pool_(pool), memory_(memory) {}

  BlockPool* pool_ = nullptr;
  std::byte* memory_ = nullptr;
  std::size_t size_ = 0;
};

/// Hands out Blocks and keeps a few returned ones warm, so that a long transfer touches the same pages over and over.
/// Any thread. Outlives its blocks. How many one transfer may hold is the transfer's rule (three).
class BlockPool {
 public:
  /// `warm_max`: how many returned blocks are kept when none is in use; while some are, as many more.
  explicit BlockPool(std::size_t warm_max = 2);
  ~BlockPool();
  BlockPool(const BlockPool&) = delete;
  BlockPool& operator=(const BlockPool&) = delete;

  Block take();
  /// Blocks handed out and not returned.
  std::size_t in_use() const;

 private:
  friend class Block;
  void give_back(std::byte* memory);

  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace lifeboat::sys
