#pragma once

#include <string>
#include <vector>

#include "registry/tree/check.h"
#include "registry/tree/repair.h"

/// What `lifeboat fsck` makes of what it found. Pure.
namespace lifeboat::cli {

struct FsckSubject {
  std::string path;
  registry::TreeKind kind = registry::TreeKind::distribution;
};

/// The broken first; of a kind that is many times there, the first twenty unless `has_all`.
std::string fsck_text(const FsckSubject& subject, const registry::CheckReport& report, bool has_all);
/// `repairs`: what was done, when anything was to be.
std::string fsck_json(const FsckSubject& subject, const registry::CheckReport& report,
                      const registry::RepairOutcome* repairs = nullptr);
/// A line for each step: what was done, what could not be, or what would be.
std::string repairs_text(const registry::RepairOutcome& outcome);
std::string plan_text(const std::vector<registry::RepairStep>& steps);
/// One finding in a line or two, as fsck_text has them.
std::string finding_text(const registry::Finding& finding);
/// "checking 17 of 4000 repositories"
std::string check_progress_text(const registry::CheckProgress& progress);

}  // namespace lifeboat::cli
