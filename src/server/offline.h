#pragma once

#include "base/error.h"
#include "http/gc_report.h"
#include "server/config.h"

namespace lifeboat::server {

/// One pass of the collector over a directory that no server has. What came from upstreams stays: nobody knows here
/// whether they can be asked. The errors of opening the directory; not_found: there is none. How the pass ended is in
/// the report. Blocks.
Result<http::GcReport> collect_offline(const Config& config, registry::Sweep::DryRun dry_run);

}  // namespace lifeboat::server
