#pragma once

#include <algorithm>
#include <memory>
#include <string>
#include <utility>

#include "base/assert.h"
#include "blob/data_directory.h"
#include "blob/fs_store.h"
#include "sys/block_pool.h"
#include "sys/thread_pool.h"

namespace lifeboat::test {

inline Call a_call() { return {SteadyTime::max(), "test"}; }

inline oci::Digest sha256_of(std::string_view bytes) { return oci::Digest::of(HashAlgorithm::sha256, as_bytes(bytes)); }

/// "00000000-0000-4000-8000-…": the session `number`.
inline oci::UploadId session_id(uint64_t number) {
  std::string tail = std::to_string(number);
  tail.insert(0, 12 - tail.size(), '0');
  return oci::UploadId::parse("00000000-0000-4000-8000-" + tail).value();
}

inline sys::Block block_of(sys::BlockPool& blocks, std::string_view bytes) {
  sys::Block block = blocks.take();
  LB_ASSERT(bytes.size() <= block.free_space().size());
  std::ranges::copy(as_bytes(bytes), block.free_space().begin());
  block.grow(bytes.size());
  return block;
}

inline std::string read_all(const sys::ReadableFile& file) {
  std::string bytes(file.size().value(), '\0');
  const auto count = file.read_at(0, std::as_writable_bytes(std::span(bytes)));
  LB_ASSERT(count && *count == bytes.size());
  return bytes;
}

/// A store on a file system with its pools, as one process has it. Destroying it leaves the disk as a clean end does.
struct FsStoreRig {
  explicit FsStoreRig(sys::FileSystem& file_system, unsigned threads = 1)
      : files(file_system), disk("disk", threads), hash("hash", threads) {}

  Status open(const sys::Path& root) {
    LB_TRY(directory, blob::DataDirectory::open(root, files));
    LB_TRY(store, blob::FsStore::open(*directory, files, {disk, hash}));
    return {};
  }

  sys::FileSystem& files;
  sys::BlockPool blocks;
  sys::ThreadPool disk;
  sys::ThreadPool hash;
  std::unique_ptr<blob::DataDirectory> directory;
  std::unique_ptr<blob::FsStore> store;
};

}  // namespace lifeboat::test
