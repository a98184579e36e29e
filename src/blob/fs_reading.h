#pragma once

#include <memory>

#include "base/hasher.h"
#include "blob/integrity.h"
#include "sys/file_system.h"
#include "sys/thread_pool.h"

namespace lifeboat::blob {

/// Reading of a file, in turns on a pool.
class FsReading final : public Reading {
 public:
  FsReading(std::shared_ptr<const sys::ReadableFile> file, HashAlgorithm algorithm, sys::ThreadPool& pool);
  Task<uint64_t> next(uint64_t bytes_max) override;
  oci::Digest so_far() const override;

  /// One turn of it. Blocks.
  Result<uint64_t> read_now(uint64_t bytes_max);

 private:
  const std::shared_ptr<const sys::ReadableFile> file_;
  sys::ThreadPool& pool_;
  Hasher hasher_;
  uint64_t offset_ = 0;
};

}  // namespace lifeboat::blob
