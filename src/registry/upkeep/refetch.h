#pragma once

#include "base/call.h"
#include "base/task.h"
#include "blob/source.h"
#include "oci/digest.h"
#include "oci/repository_id.h"

namespace lifeboat::registry {

/// What an upstream says to a manifest that is held of it.
enum class Refetch {
  given,    ///< here it is again
  absent,   ///< it says that it has it, or a part of it, no more: so does one that was wiped, or hides it from us
  refused,  ///< any failure, refusal or lie; or it will soon take no more requests
};

/// Asks for the manifest, and for a small blob that it names, since the blobs of a registry often come from another
/// service than its manifests: three requests or four.
Awaitable<Refetch> try_refetch(Call call, blob::Source& source, oci::RepositoryId repository, oci::Digest manifest);

}  // namespace lifeboat::registry
