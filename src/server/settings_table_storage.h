#pragma once

#include <span>

#include "server/settings.h"

namespace lifeboat::server {

/// A part of the table that settings() gives.
std::span<const Setting> storage_settings();

}  // namespace lifeboat::server
