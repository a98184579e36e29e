#pragma once

#include <vector>

#include "meta/store.h"
#include "oci/manifest.h"

namespace lifeboat::registry {

/// A parsed manifest as the names store keeps it.
meta::ManifestRecord record_of(const oci::Manifest& manifest, const oci::Digest& digest, std::size_t size_bytes);
/// Everything it names but its subject, each once.
std::vector<meta::Edge> edges_of(const oci::Manifest& manifest);
/// The same; what a pull cannot do without is required.
std::vector<meta::Edge> required_edges_of(const oci::Manifest& manifest);
/// Config and layers that have to be here (W55).
std::vector<oci::Digest> blobs_needed_by(const oci::Manifest& manifest);

}  // namespace lifeboat::registry
