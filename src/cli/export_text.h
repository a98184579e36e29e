#pragma once

#include <string>

#include "registry/tree/export.h"

/// What `lifeboat export` says. Pure.
namespace lifeboat::cli {

std::string export_text(const registry::ExportReport& report, bool is_dry_run);
std::string export_json(const registry::ExportReport& report, bool is_dry_run);
std::string export_progress_text(const registry::ExportProgress& progress);

}  // namespace lifeboat::cli
