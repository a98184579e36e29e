#pragma once

#include <string>

#include "base/error.h"
#include "http/prune_report.h"

/// What `lifeboat prune` makes of a server's answer. Pure.
namespace lifeboat::cli {

/// A line for each tag, and for each manifest that goes, with the reason; then what it comes to.
std::string prune_text(const http::PruneAnswer& answer);
/// Why there is no answer. A server that has not answered in time is at it still.
Error without_answer(const Error& failure);

}  // namespace lifeboat::cli
