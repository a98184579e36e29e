#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "registry/archive/save.h"
#include "sys/file_system.h"

/// Saves names as archives that stay: as one file, or in a directory that keeps the last ones of each.
namespace lifeboat::registry::archive {

struct KeepParts {
  sys::FileSystem& files;
  sys::ThreadPool& disk;
  sys::ThreadPool& hash;
};

struct KeepOptions {
  std::vector<oci::Platform> platforms{};  ///< none: all of an index
  NamedBy named_by = NamedBy::tag_and_digest;
  sys::TarCompression compression = sys::TarCompression::none;
  std::size_t keep = 5;  ///< of each name, in a directory; at least one
};

/// An archive that is there now.
struct Kept {
  sys::Path path;
  uint64_t size_bytes = 0;
  bool is_new = true;  ///< false: the same was there already, and was found whole
  std::vector<Contents::Root> roots{};
  std::vector<std::string> removed{};  ///< files of older ones
};

using Told = std::function<void(const SaveProgress&)>;

/// All names in the file `path`, which is replaced; its directory is there. no_space: the disk has not enough room for
/// it, said before anything is written where it is not compressed, or it filled meanwhile; conflict: another process
/// writes it, or what stands there is no regular file; else as Saver. What was there before stays whatever fails.
Task<Kept> save_as(Call call, KeepParts parts, sys::Path path, std::vector<Wanted> wanted, KeepOptions options,
                   Told told);

/// One name, in `directory`, as shelf.h calls it, with its checksum; then its `latest` link leads to it; then the ones
/// beyond `keep` go. A plain archive of the same content that is found whole is not written again. Else as save_as;
/// conflict: the directory has archives of another name that would be called the same.
Task<Kept> keep_in(Call call, KeepParts parts, sys::Path directory, Wanted wanted, KeepOptions options, Told told);

}  // namespace lifeboat::registry::archive
