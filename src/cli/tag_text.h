#pragma once

#include <string>

#include "http/tag_report.h"

/// What `lifeboat tag` makes of a server's answers. Pure.
namespace lifeboat::cli {

/// A line for each digest that each tag had, the latest first.
std::string history_text(const http::HistoryReport& report);
std::string restore_text(const http::RestoreReport& report, bool is_dry_run);
/// All pins there are.
std::string pins_text(const http::PinsReport& report);

}  // namespace lifeboat::cli
