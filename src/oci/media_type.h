#pragma once

#include <compare>
#include <string>
#include <string_view>

#include "base/error.h"

namespace lifeboat::oci {

/// `type/subtype` without parameters (RFC 6838 §4.2 letters, at most 255). Compared as written.
class MediaType {
 public:
  /// Parameters ("; charset=utf-8") are cut off (W52). invalid when what remains is no media type.
  static Result<MediaType> parse(std::string_view text);
  const std::string& to_string() const { return text_; }

  bool is_manifest() const;  ///< OCI image manifest or Docker schema 2
  bool is_index() const;     ///< OCI image index or Docker manifest list
  bool is_schema1() const;   ///< Docker schema 1, signed or not: refused (W31)
  /// Layers that may stay elsewhere: `…nondistributable…` and Docker's `…foreign…` (W55).
  bool is_non_distributable() const;

  friend auto operator<=>(const MediaType&, const MediaType&) = default;

 private:
  explicit MediaType(std::string text) : text_(std::move(text)) {}
  std::string text_;
};

inline constexpr std::string_view kOciManifest = "application/vnd.oci.image.manifest.v1+json";
inline constexpr std::string_view kOciIndex = "application/vnd.oci.image.index.v1+json";
inline constexpr std::string_view kDockerManifest = "application/vnd.docker.distribution.manifest.v2+json";
inline constexpr std::string_view kDockerManifestList = "application/vnd.docker.distribution.manifest.list.v2+json";
inline constexpr std::string_view kOctetStream = "application/octet-stream";

}  // namespace lifeboat::oci
