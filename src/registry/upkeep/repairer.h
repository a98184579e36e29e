#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/guarded.h"
#include "base/log.h"
#include "blob/source.h"
#include "oci/manifest.h"
#include "oci/reference_pattern.h"
#include "registry/addressing.h"
#include "registry/faults.h"
#include "sys/event_loops.h"

namespace lifeboat::registry {

/// Where content of repositories may be had again, beyond what their own upstream has.
struct RepairSource {
  std::optional<oci::ReferencePattern> match{};  ///< of hosted repositories' names; nothing: all repositories
  std::optional<oci::RegistryHost> host{};       ///< a configured upstream that has it under the same name; or …
  std::shared_ptr<blob::Source> source{};        ///< … this
  std::string name{};                            ///< for people
};

/// A fault that nobody could end so far, and what it breaks.
struct StandingFault {
  meta::Fault fault;
  std::vector<meta::TagPlace> tags;          ///< at most kTagsMax
  std::vector<meta::ContentPlace> places{};  ///< when no tag leads to it
};

/// Brings back what is missing: from the disk itself when somebody brought it meanwhile, from the upstream it came
/// from, or from where the operator says copies are. Every byte is hashed before it counts. What cannot be had is tried
/// again, ever later, and named down to the tags it breaks. A few at a time; a source that gives more slowly than
/// slow_body.h has it is given up for that time. Any thread.
class Repairer {
 public:
  struct Parts {
    blob::Store& blobs;
    blob::Integrity& integrity;
    meta::Store& names;
    ContentLeases& leases;
    Addressing& addressing;
    Faults& faults;
    sys::Clock& clock;
    sys::EventLoops& loops;
    sys::Metrics& metrics;
    Log& log;
  };
  static constexpr std::size_t kTagsMax = 20;
  static constexpr std::size_t kAtOnce = 4;

  Repairer(const Parts& parts, std::vector<RepairSource> sources);

  /// Works until stop().
  Awaitable<void> run();
  void stop();
  /// Another set of sources, and all faults are tried again.
  void replace(std::vector<RepairSource> sources);
  /// Tries all faults there are, now, and returns when each was tried.
  Task<void> try_all(Call call);
  /// The bytes on disk are looked at, and the names are made to know them again as they should. False: they are not
  /// there; what is not what the digest says goes into quarantine.
  Task<bool> restore_alone(Call call, oci::Digest digest);
  /// At most `limit` of them.
  Task<std::vector<StandingFault>> standing(Call call, std::size_t limit);

 private:
  struct Candidate {
    blob::Source* source = nullptr;
    std::shared_ptr<const void> keep_alive{};
    oci::RepositoryId repository;  ///< as the source knows it
    std::string name;
  };
  enum class Which { due, untried };
  struct Started {
    bool are_all = true;  ///< false: there was no room for more
    WallTime next = WallTime::max();
  };
  /// Starts those there is room for. `untried`: all but those in `tried`, where it notes what is in work.
  Task<Started> start(Which which, std::set<oci::Digest>& tried);
  Awaitable<void> work(meta::Fault fault);
  Task<void> attempt(Call call, meta::Fault fault);
  /// Gives where it came from.
  Task<std::string> repair(Call call, const meta::Fault& fault);
  std::vector<Candidate> candidates_for(const meta::ContentPlace& place);
  Task<uint64_t> bring_blob(Call call, const Candidate& from, oci::Digest digest);
  Task<std::string> bring_manifest(Call call, const Candidate& from, oci::Digest digest);
  Task<void> record(Call call, oci::Digest digest, const std::vector<meta::ContentPlace>& places,
                    std::string content_type);
  Task<void> record_manifest(Call call, oci::RepositoryId repository, oci::Digest digest, blob::Content content,
                             std::string content_type);
  Task<bool> restore(Call call, oci::Digest digest);  ///< a share of it is held
  Task<void> restore_what_it_names(Call call, oci::RepositoryId repository, const oci::Manifest& manifest);
  Awaitable<void> tell_broken(Call call, meta::Fault fault);
  Awaitable<void> count_standing(Call call);

  const Parts parts_;
  sys::Gauge& unrepaired_;
  sys::Counter& repaired_;
  Guarded<std::vector<RepairSource>> sources_;
  std::atomic<unsigned> next_loop_ = 0;
  Guarded<std::set<oci::Digest>> in_work_;
  Guarded<SteadyTime> store_failed_until_;
  sys::Notification work_ended_;
  std::atomic<bool> is_stopping_ = false;
  std::atomic<bool> is_hurried_ = false;
};

}  // namespace lifeboat::registry
