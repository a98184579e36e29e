#pragma once

#include <span>

#include "server/settings.h"

namespace lifeboat::server {

/// Parts of the table that settings() gives.
std::span<const Setting> gc_settings();
std::span<const Setting> retention_settings();

}  // namespace lifeboat::server
