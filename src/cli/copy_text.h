#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "registry/copy/copy.h"

/// What `lifeboat copy` says. Pure. Reasons are what registries sent: nothing in them moves a terminal.
namespace lifeboat::cli {

/// `source`: as it was written.
std::string copy_text(const std::string& source, const registry::copy::CopyReport& report, bool is_dry_run);
std::string copy_json(const std::string& source, const registry::copy::CopyReport& report, bool is_dry_run);

/// A bar for each blob that is under way and a line for all, none wider than `columns`.
std::vector<std::string> copy_bars(const registry::copy::Copy::Progress& progress,
                                   const std::vector<registry::copy::BlobUnderWay>& under_way, std::size_t columns);

/// kFine: every target has all of it. kFoundWrong: the source, or a target, has something else than it should.
/// kCouldNotFindOut: it could not be done.
int copy_exit_code(const registry::copy::CopyReport& report);

}  // namespace lifeboat::cli
