#pragma once

#include "base/bytes.h"
#include "base/log.h"
#include "base/time.h"
#include "http/answer_cache.h"
#include "http/status_report.h"
#include "meta/store.h"
#include "oci/manifest.h"
#include "registry/addressing.h"
#include "registry/change_stamps.h"
#include "registry/explain.h"
#include "registry/pull.h"
#include "registry/push.h"
#include "registry/tag_history.h"
#include "registry/upkeep/capture.h"
#include "registry/upkeep/collector.h"
#include "registry/upkeep/repairer.h"
#include "registry/upkeep/retainer.h"
#include "registry/upkeep/scrubber.h"
#include "registry/uploads.h"
#include "sys/clock.h"

namespace lifeboat::http {

/// Which requests the access log tells of.
enum class AccessLogMode {
  none,
  problems,  ///< writes, failures of the server, stale and slow answers
  all,       ///< each one; prepared answers are then not sent past the log
};

struct HandlerOptions {
  Duration answer_within{2000};                  ///< to the status line of a read; later it is 503 (CLIENTS §8)
  bool delete_enabled = true;                    ///< false: 405 for tags, manifests and blobs alike (W69)
  std::size_t manifest_cache_bytes = 16 * kMiB;  ///< memory of prepared answers, split over the loops
  AccessLogMode access_log = AccessLogMode::problems;
  std::size_t manifest_max_bytes = oci::kManifestMaxBytes;
};

/// What endpoints work with. All of it outlives them.
struct Services {
  registry::Pull& pull;
  registry::Push& push;
  registry::Uploads& uploads;
  registry::Addressing& addressing;
  registry::ChangeStamps& stamps;
  meta::Store& names;
  registry::Capture& capture;
  registry::Explain& explain;
  registry::Collector& collector;
  registry::Retainer& retainer;
  registry::TagHistory& history;
  registry::Scrubber& scrubber;
  registry::Repairer& repairer;
  const NodeStatus& status;
  sys::Clock& clock;
  Log& log;
  const HandlerOptions& options;
  AnswerCache& answers;
};

}  // namespace lifeboat::http
