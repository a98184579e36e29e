#pragma once

#include <string>
#include <string_view>

namespace lifeboat::meta {

/// The platforms of either list (CaptureJob::platforms), each once and in bytewise order; "all" stands for every one.
std::string merged_platforms(std::string_view one, std::string_view other);

}  // namespace lifeboat::meta
