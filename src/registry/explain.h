#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/call.h"
#include "base/task.h"
#include "blob/store.h"
#include "meta/store.h"
#include "oci/full_reference.h"
#include "registry/addressing.h"
#include "registry/holdings.h"
#include "registry/outlook.h"
#include "registry/upkeep/capture.h"
#include "registry/upkeep/freeze.h"
#include "registry/upstream_host.h"
#include "sys/clock.h"

namespace lifeboat::registry {

/// All that decides what a pull of a reference would get now.
struct Explanation {
  struct Child {
    oci::Digest digest;
    std::string platform;  ///< "" for what is no program to run
    bool is_here = false;
    bool is_whole = false;
    std::size_t missing = 0;  ///< of what it names, as far as it is here to say so
  };
  Addressing::Meaning meaning;
  oci::Reference reference;
  WallTime now{};
  Outlook outlook;
  std::optional<meta::TagRecord> tag{};          ///< as it is held
  std::optional<oci::Digest> digest{};           ///< what it means here, as far as is known
  CaptureState capture{};                        ///< of that, with what is held of it
  std::vector<Child> children{};                 ///< of an index
  std::optional<oci::Digest> served{};           ///< by `earlier`: instead of it
  std::vector<meta::TagPast> past{};             ///< of a tag, the latest first
  const UpstreamHost* upstream = nullptr;        ///< null: hosted, or not configured
  std::shared_ptr<const UpstreamHosts> hosts{};  ///< keeps it
  FreshnessPolicy policy{};                      ///< in force for this reference
  const FreshnessRule* rule = nullptr;           ///< that it is from; null: from the upstream itself
  bool is_frozen = false;
};

/// Says what a pull would get now, from what is here alone: no upstream is asked. Any thread.
class Explain {
 public:
  struct Parts {
    blob::Store& blobs;
    meta::Store& names;
    Addressing& addressing;
    Capture& capture;
    const Freeze& freeze;
    sys::Clock& clock;
  };
  explicit Explain(Parts parts) : parts_(parts), holdings_(parts.blobs, parts.names) {}

  /// The errors of Addressing::meaning_of, and the stores' own.
  Task<Explanation> of(Call call, oci::FullReference reference);

 private:
  Task<void> look_at_tag(Call call, Explanation& found);
  Task<void> look_at_children(Call call, Explanation& found);
  Task<void> look_for_earlier(Call call, Explanation& found);

  const Parts parts_;
  Holdings holdings_;
};

}  // namespace lifeboat::registry
