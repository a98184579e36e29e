#pragma once

#include <string>

#include "http/explain_report.h"

namespace lifeboat::cli {

/// An explanation for people: first what a pull would get, then what decides it. No line is longer than 80 columns
/// unless a name in it is; names are never shortened, so that they can be copied.
std::string explain_text(const http::ExplainReport& report);

}  // namespace lifeboat::cli
