#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

/// Numbers as people read them: rounded, in the unit that fits. Pure.
namespace lifeboat::cli {

/// "812 bytes", "1.5 KiB", "81.3 GiB".
std::string human_size(uint64_t bytes);
/// "42s", "5m 3s", "2h 5m", "3d 4h".
std::string human_duration(std::chrono::seconds duration);
/// "1 blob", "2 blobs", "1 repository", "2 repositories".
std::string human_count(uint64_t count, std::string_view noun);
/// "label    text" with the text in the column `indent` (beyond the label), broken at spaces so that no line is longer
/// than 80 columns unless a word in it is.
std::string wrapped_row(std::string_view label, std::string_view text, std::size_t indent);

}  // namespace lifeboat::cli
