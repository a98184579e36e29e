#pragma once

#include <string>

#include "registry/adopt/adopt.h"

/// What `lifeboat adopt` says. Pure.
namespace lifeboat::cli {

std::string adopt_text(const registry::adopt::AdoptReport& report, bool is_dry_run);
std::string adopt_json(const registry::adopt::AdoptReport& report, bool is_dry_run);
/// "team/app (3 of 40 repositories), 120 blobs, 1.5 GiB"
std::string adopt_progress_text(const registry::adopt::AdoptProgress& progress);

}  // namespace lifeboat::cli
