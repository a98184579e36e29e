#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/time.h"

/// How durations and sizes are written in settings. Units are always said; fractions are not known.
namespace lifeboat::server {

/// "1500ms", "30s", "10m", "24h", "7d", and sums of them from large to small: "1h30m". Nothing for any other text, and
/// past 100 years.
std::optional<Duration> parse_duration(std::string_view text);
/// With the largest unit that has no fraction: "90m", "1500ms", "0s". parse_duration inverts it.
std::string render_duration(Duration duration);

/// "512B", "1KiB", "4MiB", "2GiB", "1TiB". Nothing for any other text, and past 2^63.
std::optional<uint64_t> parse_size(std::string_view text);
/// With the largest unit that has no fraction. parse_size inverts it.
std::string render_size(uint64_t size_bytes);

}  // namespace lifeboat::server
