#pragma once

#include "base/call.h"
#include "base/task.h"
#include "blob/source.h"
#include "oci/digest.h"
#include "oci/repository_id.h"

namespace lifeboat::registry {

/// Whether the repository's upstream gives now what is held of it, or is there to say that it has it no more: what is
/// unused for the longest is not held because it has become unique. A manifest is asked for, and a small blob that it
/// names, since the blobs of a registry often come from another service than its manifests: three requests or four. Any
/// failure, refusal or lie is a no, and so is an upstream that will soon take no more requests.
Awaitable<bool> can_be_fetched_again(Call call, blob::Source& source, oci::RepositoryId repository,
                                     oci::Digest manifest);

}  // namespace lifeboat::registry
