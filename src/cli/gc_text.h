#pragma once

#include <string>

#include "http/gc_report.h"

/// What `lifeboat gc` makes of a server's answer. Pure.
namespace lifeboat::cli {

/// "12 links, 30 contents, 1.5 GiB"
std::string gc_progress(const http::GcReport& report);
/// A line for each thing that goes in a dry run, then what it comes to.
std::string gc_text(const http::GcReport& report);

}  // namespace lifeboat::cli
