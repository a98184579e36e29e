#pragma once

#include <string>
#include <vector>

#include "cli/archive_importer.h"
#include "registry/archive/check.h"
#include "registry/archive/keep.h"
#include "registry/archive/shelf.h"

/// What `lifeboat archive` says. Pure. Names are what an archive has in it: nothing is let through that a terminal
/// obeys.
namespace lifeboat::cli {

std::string saved_text(const registry::archive::Kept& kept);
std::string saved_json(const std::vector<registry::archive::Kept>& all);
/// "org/app: 120.0 MiB of 1.1 GiB"
std::string save_progress_text(const registry::archive::SaveProgress& progress);

struct CheckedArchive {
  std::string path;
  registry::archive::CheckReport report;
};
std::string checked_text(const CheckedArchive& checked);
std::string checked_json(const std::vector<CheckedArchive>& all);

std::string listed_text(const std::vector<registry::archive::Standing>& archives);
std::string listed_json(const std::vector<registry::archive::Standing>& archives);

struct Pruned {
  std::vector<std::string> removed{};
  uint64_t bytes = 0;
  std::size_t leftovers = 0;  ///< of killed runs
  std::size_t kept = 0;
};
std::string pruned_text(const Pruned& pruned, bool is_dry_run);
std::string pruned_json(const Pruned& pruned, bool is_dry_run);

/// `into`: "containerd", …
std::string loaded_text(std::string_view into, const std::vector<Imported>& imported);
std::string loaded_json(std::string_view into, const std::vector<Imported>& imported);

}  // namespace lifeboat::cli
