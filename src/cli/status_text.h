#pragma once

#include <string>

#include "http/status_report.h"

namespace lifeboat::cli {

/// Whether nothing is wrong: every endpoint is asked, and the store answers.
bool is_fine(const http::StatusReport& report);

/// A report for people: what runs, a table of the upstreams, and below it what a fault means for those who pull. No
/// line is longer than 80 columns unless a name in it is; names are never shortened, so that they can be copied.
std::string status_text(const http::StatusReport& report);

}  // namespace lifeboat::cli
