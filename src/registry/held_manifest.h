#pragma once

#include <string>

#include "base/call.h"
#include "base/task.h"
#include "blob/store.h"
#include "meta/store.h"
#include "oci/repository_id.h"

namespace lifeboat::registry {

/// A manifest as it is here.
struct HeldManifest {
  meta::ManifestRecord record;
  std::string bytes;
};

/// Reads a manifest, an index or a config by its digest alone, whoever has a name for it. not_found: there are no such
/// bytes; corrupt: they are others, or more than a manifest may be long.
Task<std::string> read_document(Call call, blob::Store& blobs, oci::Digest digest);

/// Reads a manifest of the repository; its bytes are compared with the digest. not_found: the repository has none;
/// corrupt: it has, and its bytes cannot be read or are others.
Task<HeldManifest> read_held_manifest(Call call, blob::Store& blobs, meta::Store& names, oci::RepositoryId repository,
                                      oci::Digest digest);

}  // namespace lifeboat::registry
