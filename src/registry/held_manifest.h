#pragma once

#include <string>
#include <string_view>

#include "base/call.h"
#include "base/task.h"
#include "blob/store.h"
#include "meta/store.h"
#include "oci/manifest.h"
#include "oci/repository_id.h"

namespace lifeboat::registry {

/// A manifest as it is here.
struct HeldManifest {
  meta::ManifestRecord record;
  std::string bytes;
};

/// As oci::Manifest::parse. Where neither the document nor `content_type` tells the media type, it is one of OCI's: so
/// it is with what is known by its bytes alone.
Result<oci::Manifest> parse_manifest(std::string_view bytes, const std::string& content_type);

/// Reads a manifest, an index or a config by its digest alone, whoever has a name for it. not_found: there are no such
/// bytes; corrupt: they are others, or more than a manifest may be long.
Task<std::string> read_document(Call call, blob::Store& blobs, oci::Digest digest);

/// Reads a manifest of the repository; its bytes are compared with the digest. not_found: the repository has none;
/// corrupt: it has, and its bytes cannot be read or are others.
Task<HeldManifest> read_held_manifest(Call call, blob::Store& blobs, meta::Store& names, oci::RepositoryId repository,
                                      oci::Digest digest);

}  // namespace lifeboat::registry
