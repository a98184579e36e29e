#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/error.h"
#include "sys/file_system.h"

/// Tar archives (POSIX.1-2001 pax), plain or compressed. libarchive does it; it is opened when the first of them is
/// written or read, and unavailable is the answer where it is not installed.
namespace lifeboat::sys {

enum class TarCompression { none, gzip, zstd };
std::string_view to_string(TarCompression compression);  ///< "none", "gzip", "zstd"

/// Writes files one after the other. The same names and bytes give the same archive: nothing of when, where or by whom
/// it was written is in it. One thread at a time; blocks.
class TarWriter {
 public:
  /// Takes the archive's bytes in their order; its failure is the writer's.
  using Sink = std::function<Status(ByteView)>;
  static Result<std::unique_ptr<TarWriter>> make(Sink sink, TarCompression compression);
  virtual ~TarWriter() = default;

  /// The next file; the one before has all its bytes.
  virtual Status begin(const std::string& name, uint64_t size_bytes) = 0;
  /// invalid: more than was announced.
  virtual Status append(ByteView bytes) = 0;
  /// The archive's end. invalid: the last file lacks bytes.
  virtual Status finish() = 0;
};

/// Of an archive that is read: whoever keeps something for each of them keeps no more.
inline constexpr uint64_t kTarEntriesMax = 1'000'000;

struct TarEntry {
  std::string name;  ///< without a leading "./" or "/"
  uint64_t size_bytes = 0;
  bool is_file = false;                    ///< a regular one
  std::optional<uint64_t> offset_bytes{};  ///< where its bytes begin in the file; nothing where it is compressed
};

/// Reads the files of an archive in their order. What is not read of one is skipped, without a read where the archive
/// is not compressed. One thread at a time; blocks.
class TarReader {
 public:
  /// corrupt, from here or later: it is no tar archive, ends too early, or has another length than it tells; too_many:
  /// it has more entries than `entries_max`.
  static Result<std::unique_ptr<TarReader>> open(std::shared_ptr<const ReadableFile> file, std::string name,
                                                 uint64_t entries_max = kTarEntriesMax);
  virtual ~TarReader() = default;

  /// Nothing: that was the last one.
  virtual Result<std::optional<TarEntry>> next() = 0;
  /// Further bytes of the entry, valid until the next call; none behind the last.
  virtual Result<ByteView> read() = 0;
  virtual TarCompression compression() const = 0;
};

/// The bytes that a gzip or zstd file has in it, to the sink; those of any other file as they are.
Status decompress(std::shared_ptr<const ReadableFile> file, const std::string& name, const TarWriter::Sink& sink);

/// Which compression the first bytes of a file tell.
TarCompression compression_of(ByteView first_bytes);

}  // namespace lifeboat::sys
