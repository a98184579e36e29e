#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/time.h"
#include "oci/manifest.h"
#include "oci/reference.h"

/// What a capture fetches and when it tries again: pure decisions, tables of tests.
namespace lifeboat::registry {

/// The platforms whose children of an index are wanted.
struct PlatformsWanted {
  bool has_all = false;
  std::set<std::string> names;  ///< as oci::Platform writes them

  /// "all", or "linux/amd64,linux/arm64"; "" for none.
  std::string to_string() const;
  /// Reads that. invalid: one of them is no platform.
  static Result<PlatformsWanted> parse(std::string_view text);
  void add(const PlatformsWanted& other);
};

/// What this process runs on: "linux/amd64".
std::string own_platform();

/// Those for a wanted platform, and those that are for none (attestations), of which CaptureWalk bounds the bytes.
std::vector<oci::Descriptor> children_wanted(const oci::Manifest& index, const PlatformsWanted& wanted);

/// The blobs that a manifest cannot be pulled without, the config first.
std::vector<oci::Descriptor> blobs_wanted(const oci::Manifest& manifest);

/// After a capture that did not become whole.
struct CaptureRetry {
  Duration pause{};
  bool is_failure = false;  ///< counts as one; an upstream that is down or wants a pause is no fault of the manifest
};
/// `failures`: how often it failed before, in a row. `can_be_asked`: whether the upstream could be, just now.
CaptureRetry retry_of(ErrorCode code, uint32_t failures, bool can_be_asked);

/// What the upstream has not, or has wrong: no matter of time.
bool is_final(ErrorCode code);

/// The tags under which cosign and others keep what they sign, where a registry has no referrers: "sha256-<hex>.sig" …
std::vector<oci::Tag> signature_tags_of(const oci::Digest& digest);

}  // namespace lifeboat::registry
