#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "oci/reference_pattern.h"
#include "registry/tree/contents.h"
#include "registry/tree/open_tree.h"
#include "registry/tree/placed_files.h"

namespace lifeboat::registry {

enum class ExportLayout { distribution, oci };

struct ExportOptions {
  ExportLayout layout = ExportLayout::distribution;
  sys::Path to{};
  std::vector<oci::ReferencePattern> patterns{};  ///< none: everything
  bool links = false;                             ///< by hard links where the disk can, instead of clones and copies
  bool is_dry_run = false;
};

struct ExportReport {
  uint64_t repositories = 0;
  uint64_t tags = 0;
  uint64_t manifests = 0;
  uint64_t blobs = 0;
  uint64_t bytes = 0;
  uint64_t bytes_written = 0;  ///< of these, what was not there from an export before
  struct Refusal {
    std::string name;
    std::string reason;
  };
  std::vector<Refusal> refused{};  ///< what is not held in whole has no name there
};

struct ExportProgress {
  std::string repository{};
  uint64_t contents = 0;
  uint64_t bytes = 0;
};

/// Writes what a tree has into a directory that other software serves: `docker/registry/v2/…` for CNCF distribution, or
/// an OCI image layout. The directory must be new, empty, or one that this wrote before: its file `lifeboat-export`
/// says "complete" or "not complete". Every byte is hashed on the way, that of an earlier export too; names come after
/// what they lead to; cut off, it goes on when it is run again. invalid: the directory is somebody else's.
Result<ExportReport> export_tree(OpenTree& from, PlacedFiles& placed, const ExportOptions& options,
                                 const std::function<void(const ExportProgress&)>& told);

}  // namespace lifeboat::registry
