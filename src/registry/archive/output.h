#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/hasher.h"
#include "sys/file_system.h"

namespace lifeboat::registry::archive {

/// A file on its way to its name. Until it is committed nobody sees it, and what a killed run left of it is removed by
/// the next one. One thread at a time; blocks.
class Output {
 public:
  /// `directory` is there. `family` is what this file and those that replace it have in common: only one of them is
  /// written at a time. conflict: another process writes one.
  static Result<std::unique_ptr<Output>> begin(sys::FileSystem& files, sys::Path directory, std::string family);
  /// Nothing stays of what was not committed.
  ~Output();
  Output(const Output&) = delete;
  Output& operator=(const Output&) = delete;

  Status append(ByteView bytes);
  /// Where what was appended can be read before it is committed.
  sys::Path partial() const;
  uint64_t size_bytes() const { return size_bytes_; }
  /// Makes it durable, and then names it: the file, and beside it `<name>.sha256` for `sha256sum -c`. At no moment does
  /// a checksum stand beside a file that it is not of. conflict: what was written is not under its hidden name any
  /// more.
  Status commit(const std::string& name);
  /// The same family's link, led to a name of this directory; after commit.
  Status link(const std::string& link, const std::string& name);

 private:
  Output(sys::FileSystem& files, sys::Path directory, std::string family);
  Status clean();
  sys::Path hidden(std::string_view ending) const;

  sys::FileSystem& files_;
  const sys::Path directory_;
  const std::string family_;
  std::unique_ptr<sys::FileLock> lock_;
  std::unique_ptr<sys::WritableFile> file_;
  Hasher hasher_{HashAlgorithm::sha256};
  uint64_t size_bytes_ = 0;
  std::shared_ptr<const sys::ReadableFile> written_;
  uint64_t on_its_way_bytes_ = 0;  ///< what the disk was told to begin with
};

/// Removes what killed runs left in a directory, except of what is being written now. How many files.
Result<std::size_t> remove_leftovers(sys::FileSystem& files, const sys::Path& directory);

inline constexpr std::string_view kChecksumEnding = ".sha256";

}  // namespace lifeboat::registry::archive
