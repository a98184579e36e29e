#pragma once

#include <string>
#include <vector>

#include "http/scrub_report.h"

/// What `lifeboat scrub` and `lifeboat status` make of a server's answers. Pure.
namespace lifeboat::cli {

/// "1,204 of about 3,000 pieces, 1.2 GiB of about 4.0 GiB, 2 faults"
std::string progress_text(const http::ScrubReport& report);
std::string scrub_text(const http::ScrubReport& report);
/// What is broken and what it breaks, a paragraph each. `pieces`: how many there are in all.
std::string broken_text(const std::vector<http::FaultReport>& faults, uint64_t pieces);
/// Nothing is broken: all was whole, or is again. Where it was only looked, nothing was found.
bool is_whole(const http::ScrubReport& report);

}  // namespace lifeboat::cli
