#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "meta/store.h"
#include "oci/reference_pattern.h"
#include "registry/adopt/closure.h"
#include "registry/adopt/landing.h"
#include "registry/adopt/origin.h"
#include "sys/clock.h"
#include "sys/event_loops.h"

namespace lifeboat::registry::adopt {

struct AdoptOptions {
  std::vector<oci::ReferencePattern> patterns{};  ///< none: everything
  bool is_dry_run = false;                        ///< only look whether it is all there
  bool replaces_tags = false;                     ///< a tag that is here with another digest is moved
  unsigned jobs = 8;                              ///< blobs and manifests at a time
};

struct AdoptTotals {
  uint64_t repositories = 0;
  uint64_t tags = 0;
  uint64_t manifests = 0;
  uint64_t blobs = 0;
  std::map<Landing::How, uint64_t> how{};  ///< blobs, by how they came
  uint64_t bytes = 0;                      ///< of blobs
};

struct AdoptReport {
  AdoptTotals totals{};
  std::vector<Refusal> refused{};  ///< in their order; nothing of them has a name here
};

struct AdoptProgress {
  std::string repository{};
  uint64_t repositories_done = 0;
  uint64_t repositories_all = 0;
  uint64_t blobs = 0;
  uint64_t bytes = 0;
};

/// Takes a registry's content over into hosted repositories of the same names. A name is made only once all that it
/// leads to is here, verified and durable; what is not whole is reported and gets no name. To be cut off costs nothing:
/// run again, it goes on, since what is here already is not brought twice. One at a time.
class Adopter {
 public:
  struct Parts {
    Origin& origin;
    Landing* landing;    ///< nothing in a dry run
    meta::Store* names;  ///< the same
    sys::Clock& clock;
    sys::EventLoops& loops;
  };
  Adopter(Parts parts, AdoptOptions options) : parts_(parts), options_(std::move(options)) {}

  /// Errors: the origin cannot be listed at all, or the disk here fails.
  Task<AdoptReport> run(std::function<void(const AdoptProgress&)> told);

 private:
  using Each = std::function<Awaitable<void>(std::size_t)>;
  struct Work {
    std::size_t next = 0;
    std::size_t all = 0;
    const Each* each = nullptr;
  };
  static Awaitable<void> work_on(Work& work);
  Awaitable<void> in_parallel(std::size_t all, Each each);

  Task<void> adopt(oci::Repository repository);
  Awaitable<void> gather(const oci::Repository& repository, Closure& closure);
  Awaitable<void> ask_for(const oci::Repository& repository, Closure& closure, oci::Digest manifest);
  Awaitable<void> bring(const oci::Repository& repository, Closure& closure, WantedBlob blob);
  Awaitable<void> keep(const oci::Repository& repository, Closure& closure, oci::Digest manifest);
  Task<void> keep_now(const oci::Repository& repository, Closure& closure, oci::Digest manifest);
  Task<std::vector<oci::Tag>> tags_to_make(const oci::Repository& repository, const oci::Digest& manifest);
  bool is_wanted(const oci::Repository& repository, const std::string& tag) const;
  bool is_wanted(const oci::Repository& repository) const;
  void refuse(std::string name, std::string reason) { report_.refused.push_back({std::move(name), std::move(reason)}); }
  void note_failure(const Error& error);
  Call call() const;

  const Parts parts_;
  const AdoptOptions options_;
  AdoptReport report_;
  AdoptProgress progress_;
  std::function<void(const AdoptProgress&)> told_;
  std::map<oci::Digest, std::vector<std::string>> tags_;  ///< of the repository that is adopted now
  std::optional<Error> stop_;                             ///< the disk here fails: nothing more can be kept
};

}  // namespace lifeboat::registry::adopt
