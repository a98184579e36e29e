#pragma once

#include <string>

#include "registry/tree/check.h"

/// What `lifeboat fsck` makes of what it found. Pure.
namespace lifeboat::cli {

struct FsckSubject {
  std::string path;
  registry::TreeKind kind = registry::TreeKind::distribution;
};

/// The broken first; of a kind that is many times there, the first twenty unless `has_all`.
std::string fsck_text(const FsckSubject& subject, const registry::CheckReport& report, bool has_all);
std::string fsck_json(const FsckSubject& subject, const registry::CheckReport& report);
/// One finding in a line or two, as fsck_text has them.
std::string finding_text(const registry::Finding& finding);
/// "checking 17 of 4000 repositories"
std::string check_progress_text(const registry::CheckProgress& progress);

}  // namespace lifeboat::cli
