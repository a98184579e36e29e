#include "blob/fs_reading.h"

#include <algorithm>
#include <vector>

namespace lifeboat::blob {
namespace {

/// Large enough that the disk is asked seldom, small enough to stay in the processor's cache between read and hash.
constexpr std::size_t kPieceBytes = 512 * kKiB;

}  // namespace

FsReading::FsReading(std::shared_ptr<const sys::ReadableFile> file, HashAlgorithm algorithm, sys::ThreadPool& pool)
    : file_(std::move(file)), pool_(pool), hasher_(algorithm) {}

Result<uint64_t> FsReading::read_now(uint64_t bytes_max) {
  std::vector<std::byte> piece(kPieceBytes);
  uint64_t done = 0;
  while (done < bytes_max) {
    LB_TRY(const std::size_t count, file_->read_past_cache(offset_, piece));
    hasher_.update(std::span(piece).first(count));
    offset_ += count;
    done += count;
    if (count < piece.size()) break;
  }
  return done;
}

Task<uint64_t> FsReading::next(uint64_t bytes_max) {
  co_return co_await pool_.run([this, bytes_max] { return read_now(bytes_max); });
}

oci::Digest FsReading::so_far() const { return oci::Digest::of_raw(hasher_.algorithm(), hasher_.current()); }

}  // namespace lifeboat::blob
