#pragma once

#include <atomic>

#include "base/call.h"
#include "base/task.h"
#include "blob/store.h"
#include "meta/store.h"
#include "oci/repository_id.h"
#include "registry/upkeep/retention.h"

namespace lifeboat::registry {

struct PlatformsOf {
  blob::Store& blobs;
  meta::Store& names;
  const oci::RepositoryId& repository;
  const std::atomic<bool>& is_stopping;  ///< then the rest counts as unread
};

/// Notes in `view` which platforms the tagged manifests are for: a child of an index for what the index says, another
/// manifest for what its config says. Reads the index, or manifest and config, of each tagged manifest once, one after
/// the other; nothing of them is kept. What cannot be read is noted as such.
Awaitable<void> tell_platforms(Call call, PlatformsOf of, RetentionView& view);

}  // namespace lifeboat::registry
