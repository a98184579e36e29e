#include "sys/block_pool.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstring>
#include <mutex>
#include <utility>
#include <vector>

#include "base/assert.h"

namespace lifeboat::sys {

Block::Block(Block&& other) noexcept
    : pool_(std::exchange(other.pool_, nullptr)),
      memory_(std::exchange(other.memory_, nullptr)),
      size_(std::exchange(other.size_, 0)) {}

Block& Block::operator=(Block&& other) noexcept {
  Block taken(std::move(other));
  std::swap(pool_, taken.pool_);
  std::swap(memory_, taken.memory_);
  std::swap(size_, taken.size_);
  return *this;
}

Block::~Block() {
  if (memory_ != nullptr) pool_->give_back(memory_);
}

void Block::grow(std::size_t count) {
  LB_ASSERT(count <= free_space().size());
  size_ += count;
}

void Block::drop_front(std::size_t count) {
  LB_ASSERT(count <= size_);
  if (count == 0) return;
  std::memmove(memory_, memory_ + count, size_ - count);
  size_ -= count;
}

struct BlockPool::State {
  explicit State(std::size_t max) : warm_max(max) {}

  const std::size_t warm_max;

  mutable std::mutex mutex;
  std::vector<std::byte*> warm;  // guarded by mutex; the last one returned is on top
  std::size_t in_use = 0;        // guarded by mutex
};

BlockPool::BlockPool(std::size_t warm_max) : state_(std::make_unique<State>(warm_max)) {}

BlockPool::~BlockPool() {
  LB_ASSERT(state_->in_use == 0);
  for (std::byte* memory : state_->warm) ::munmap(memory, Block::kCapacity);
}

Block BlockPool::take() {
  {
    const std::lock_guard lock(state_->mutex);
    ++state_->in_use;
    if (!state_->warm.empty()) {
      std::byte* memory = state_->warm.back();
      state_->warm.pop_back();
      return {this, memory};
    }
  }
  void* memory = ::mmap(nullptr, Block::kCapacity, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  LB_ASSERT(memory != MAP_FAILED);
  return {this, static_cast<std::byte*>(memory)};
}

std::size_t BlockPool::in_use() const {
  const std::lock_guard lock(state_->mutex);
  return state_->in_use;
}

/// Keeps as many warm as are in use, so that transfers touch the same pages over and over, and few when they have
/// ended.
void BlockPool::give_back(std::byte* memory) {
  std::vector<std::byte*> cold;
  {
    const std::lock_guard lock(state_->mutex);
    --state_->in_use;
    state_->warm.push_back(memory);
    const std::size_t keep = std::max(state_->warm_max, state_->in_use);
    while (state_->warm.size() > keep) {
      cold.push_back(state_->warm.front());
      state_->warm.erase(state_->warm.begin());
    }
  }
  for (std::byte* unused : cold) ::munmap(unused, Block::kCapacity);
}

}  // namespace lifeboat::sys
