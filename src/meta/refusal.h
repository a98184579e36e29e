#pragma once

#include <optional>

#include "base/error.h"
#include "oci/digest.h"
#include "oci/reference.h"
#include "oci/repository_id.h"
#include "oci/upload_id.h"

/// What a store says when the names do not allow something: the same words from every implementation.
namespace lifeboat::meta::refusal {

std::unexpected<Error> no_repository(const oci::RepositoryId& repository);
std::unexpected<Error> no_blob(const oci::RepositoryId& repository, const oci::Digest& digest);
std::unexpected<Error> no_blob_to_mount(const std::optional<oci::RepositoryId>& from, const oci::Digest& digest);
std::unexpected<Error> no_manifest(const oci::RepositoryId& repository, const oci::Digest& digest);
std::unexpected<Error> no_tag(const oci::RepositoryId& repository, const oci::Tag& tag);
std::unexpected<Error> no_pin(const oci::RepositoryId& repository, const std::string& reference);
std::unexpected<Error> no_upload(const oci::UploadId& id);

/// conflict: the manifest `by` needs the blob.
std::unexpected<Error> blob_in_use(const oci::RepositoryId& repository, const oci::Digest& digest,
                                   const oci::Digest& by);

/// unavailable: the manifest needs what the repository does not have, or no longer.
std::unexpected<Error> lacks_required(const oci::RepositoryId& repository, const oci::Digest& manifest,
                                      const oci::Digest& lacking);

/// conflict: the index `by` needs the manifest.
std::unexpected<Error> manifest_in_use(const oci::RepositoryId& repository, const oci::Digest& digest,
                                       const oci::Digest& by);

struct TagMismatch {
  std::optional<oci::Digest> got;   ///< where the tag is, nothing: nowhere
  std::optional<oci::Digest> want;  ///< where the condition wants it
};
/// conflict: the condition on a tag is not met.
std::unexpected<Error> tag_elsewhere(const oci::RepositoryId& repository, const oci::Tag& tag, const TagMismatch& at);

/// timed_out: the deadline of the call had passed before anything was done.
std::unexpected<Error> too_late(std::string_view verb);

}  // namespace lifeboat::meta::refusal
