#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "oci/platform.h"
#include "registry/verify/finding.h"
#include "sys/file_system.h"
#include "sys/tar.h"

/// Whether an archive can be loaded: everything its names lead to is in it and hashes right, and what importers look
/// for is there.
namespace lifeboat::registry::archive {

/// One name of an archive.
struct Checked {
  std::string name;  ///< as importers are told it; of what has none its digest
  verify::Verdict verdict;
  /// Platforms of an index of which nothing is in the archive, as when it was saved for some: an import takes the
  /// others.
  std::vector<std::string> left_out{};
};

struct CheckReport {
  std::vector<Checked> names{};
  std::vector<std::string> faults{};         ///< of the archive as a whole
  std::vector<std::string> docker_faults{};  ///< for which only docker does not load it
  verify::Totals totals{};
  sys::TarCompression compression = sys::TarCompression::none;
  bool has_checksum = false;  ///< there is a file beside it, and it is right
  bool is_whole() const { return is_loadable() && docker_faults.empty(); }
  bool is_loadable() const;  ///< by everybody but docker
};

struct CheckOptions {
  std::vector<oci::Platform> platforms{};  ///< each name must have them; none: what is there of an index suffices
};
/// Reads all of it. `told` hears of bytes that were read. not_found: there is no such file; unavailable: it cannot be
/// read here; whatever else is wrong with it is in the report. Blocks.
Result<CheckReport> check(sys::FileSystem& files, const sys::Path& path, const CheckOptions& options,
                          const std::function<void(uint64_t)>& told);

}  // namespace lifeboat::registry::archive
