#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/call.h"
#include "base/task.h"
#include "blob/store.h"
#include "meta/store.h"
#include "oci/manifest.h"
#include "oci/reference.h"
#include "oci/repository_id.h"
#include "registry/change_stamps.h"
#include "registry/content_leases.h"

namespace lifeboat::registry {

struct ManifestPush {
  oci::RepositoryId repository;
  std::optional<oci::Digest> digest;  ///< pushed by digest: must be that of the bytes
  std::vector<oci::Tag> tags;         ///< the tag pushed to, or those of `?tag=` (W57)
  std::string content_type;           ///< the request's, may be empty
  std::string bytes;
  std::optional<meta::TagCondition> condition;  ///< W58
  std::string source = "push";                  ///< for the history of the tags
};

struct PushedManifest {
  oci::Digest digest;
  std::optional<oci::Digest> subject;  ///< processed: `OCI-Subject` (W56)
  /// What the manifest names and the repository lacks; when not empty, nothing was kept (W55).
  std::vector<oci::Digest> missing;
};

/// What is pushed and deleted in hosted repositories: manifests, mounts, deletes. Any thread.
class Push {
 public:
  Push(blob::Store& blobs, meta::Store& names, ContentLeases& leases, ChangeStamps& stamps);

  /// invalid: the document (W52, W53); corrupt: the digest is another; conflict: the condition is not met.
  Task<PushedManifest> manifest(Call call, ManifestPush push);
  /// not_found: no blob to mount (the caller begins a session instead, W48).
  Task<meta::BlobRecord> mount(Call call, oci::RepositoryId to, std::optional<oci::RepositoryId> from,
                               oci::Digest digest);
  /// By tag: only the tag; by digest: the manifest and its tags (W68). not_found.
  Task<void> remove_manifest(Call call, oci::RepositoryId repository, oci::Reference reference);
  /// not_found; conflict: a manifest of the repository names it (W70).
  Task<void> remove_blob(Call call, oci::RepositoryId repository, oci::Digest digest);

 private:
  Task<std::vector<oci::Digest>> missing_of(Call call, oci::RepositoryId repository, const oci::Manifest& manifest);

  blob::Store& blobs_;
  meta::Store& names_;
  ContentLeases& leases_;
  ChangeStamps& stamps_;
};

}  // namespace lifeboat::registry
