#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "oci/digest.h"
#include "oci/media_type.h"

/// The index.json of an OCI image layout (image-spec image-layout.md) that others write to as well. Pure.
namespace lifeboat::registry::copy {

inline constexpr std::string_view kLayoutVersion = R"({"imageLayoutVersion":"1.0.0"})";

struct LayoutEntry {
  oci::MediaType media_type;
  oci::Digest digest;
  uint64_t size_bytes = 0;
  std::string name{};  ///< org.opencontainers.image.ref.name; "" for none
  friend bool operator==(const LayoutEntry&, const LayoutEntry&) = default;
};
/// Entries that are none are left out. invalid: the text is no index.
Result<std::vector<LayoutEntry>> layout_entries(std::string_view index);
/// With this one: in the place of what had its name; without a name only when its digest is not listed. All else stays
/// as it was. `index` is "" for none.
Result<std::string> with_entry(std::string_view index, const LayoutEntry& entry);
/// Without those of that name, or of that digest under whatever name.
Result<std::string> without_name(std::string_view index, std::string_view name);
Result<std::string> without_digest(std::string_view index, const oci::Digest& digest);

}  // namespace lifeboat::registry::copy
