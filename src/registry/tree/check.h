#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "registry/tree/finding.h"
#include "registry/tree/open_tree.h"

namespace lifeboat::registry {

struct CheckOptions {
  bool is_deep = false;  ///< hash every byte
  unsigned threads = 2;  ///< for it
  WallTime now{};
  Duration uploads_stale_after{std::chrono::hours(24 * 7)};
};

struct CheckTotals {
  uint64_t repositories = 0;
  uint64_t tags = 0;
  uint64_t manifests = 0;  ///< each once, however many repositories have it
  uint64_t blobs = 0;      ///< the same, of those that manifests name
  uint64_t bytes_hashed = 0;
  uint64_t names_broken = 0;
};

struct CheckReport {
  CheckTotals totals{};
  std::vector<Finding> findings{};  ///< the broken first, then by repository and kind
};

struct CheckProgress {
  std::string_view doing;  ///< "hashing", "checking"
  uint64_t done = 0;
  uint64_t all = 0;
  std::string_view of;  ///< "blobs", "repositories"
  uint64_t bytes = 0;   ///< hashed
};

/// Checks all of a tree; `told` is called now and then, on this thread. What cannot be read of a repository is a
/// finding; an error is that the tree as a whole cannot be.
Result<CheckReport> check(OpenTree& open, const CheckOptions& options,
                          const std::function<void(const CheckProgress&)>& told);

void sort_findings(std::vector<Finding>& findings);
/// How many different names the findings break.
uint64_t count_broken_names(const std::vector<Finding>& findings);

}  // namespace lifeboat::registry
