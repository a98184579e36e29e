#include "sys/block_pool.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

namespace lifeboat::sys {
namespace {

TEST(Block, is_empty_until_it_is_filled) {
  BlockPool pool;
  Block block = pool.take();
  EXPECT_TRUE(block);
  EXPECT_EQ(block.size(), 0U);
  EXPECT_EQ(block.free_space().size(), Block::kCapacity);
  std::ranges::fill(block.free_space().first(5), std::byte{7});
  block.grow(5);
  EXPECT_EQ(block.bytes().size(), 5U);
  EXPECT_EQ(block.bytes()[4], std::byte{7});
  block.grow(Block::kCapacity - 5);
  EXPECT_TRUE(block.is_full());
}

TEST(Block, goes_back_once_however_often_it_is_moved) {
  BlockPool pool;
  {
    Block first = pool.take();
    first.grow(3);
    Block second = std::move(first);
    EXPECT_FALSE(first);                       // NOLINT(bugprone-use-after-move): that it is empty is the point
    EXPECT_EQ(first.free_space().size(), 0U);  // NOLINT(clang-analyzer-cplusplus.Move): the same
    EXPECT_EQ(second.size(), 3U);
    second = pool.take();
    EXPECT_EQ(pool.in_use(), 1U);
    EXPECT_EQ(second.size(), 0U);
  }
  EXPECT_EQ(pool.in_use(), 0U);
}

TEST(BlockPool, hands_out_the_block_that_came_back_last) {
  BlockPool pool(2);
  const std::byte* memory = nullptr;
  {
    const Block block = pool.take();
    memory = block.bytes().data();
  }
  EXPECT_EQ(pool.take().bytes().data(), memory);
}

TEST(BlockPool, takes_back_more_than_it_keeps) {
  BlockPool pool(1);
  {
    std::vector<Block> blocks;
    for (int i = 0; i < 5; ++i) blocks.push_back(pool.take());
    EXPECT_EQ(pool.in_use(), 5U);
  }
  EXPECT_EQ(pool.in_use(), 0U);
}

}  // namespace
}  // namespace lifeboat::sys
