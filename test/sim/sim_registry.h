#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "test/sim/random.h"
#include "test/sim/schedule.h"

/// The registries of the simulated world: what is true, and who tells it. Times are since the start of the run.
namespace lifeboat::sim {

struct Document {
  std::string bytes;
  std::string media_type;
  std::vector<std::string> children;  ///< of an index: digests of manifests
  std::vector<std::string> blobs;     ///< of a manifest: digests of config and layers
};

struct SimTag {
  struct Version {
    Duration since{};
    std::string digest;  ///< each another
  };
  std::string name;
  std::vector<Version> versions;      ///< the first one is there from the start
  std::optional<Duration> removed{};  ///< for good

  /// Which version it names; nothing when it is removed.
  std::optional<std::size_t> version_at(Duration time) const;
  std::optional<std::size_t> version_of(const std::string& digest) const;
};

struct SimRepository {
  std::string name;
  std::map<std::string, Document> manifests;  ///< by digest
  std::map<std::string, std::string> blobs;   ///< by digest
  std::vector<SimTag> tags;

  const SimTag* find_tag(const std::string& tag) const;
};

/// The credentials that endpoints with a login want.
inline constexpr std::string_view kUsername = "robot";
inline constexpr std::string_view kPassword = "secret";

/// One address of a host, with the servers behind it.
struct SimEndpoint {
  enum class Login { none, basic, bearer };
  std::string name;  ///< "r0.alpha.example"
  Login login = Login::none;
  bool tells_digest_in_head = true;  ///< of a manifest
  bool knows_ranges = true;
  bool announces_length = true;
  bool has_storage = false;     ///< sends on to "s0.alpha.example" for blobs
  std::set<std::string> lacks;  ///< digests it has not: a mirror
  Duration latency{10};
  uint64_t rate_bytes = 4'000'000;  ///< per second
  Duration retry_after{};           ///< of its 429s
  Schedule registry;
  Schedule realm;
  Schedule storage;
};

struct SimHost {
  std::string name;  ///< "alpha.example"
  std::vector<SimRepository> repositories;
  std::vector<SimEndpoint> endpoints;
  Duration fresh_for{};
  Duration not_found_for{};
  bool drops_gone = false;
  bool captures = false;
  bool serves_on_credential_fault = true;

  const SimRepository* find_repository(const std::string& repository) const;
};

/// What a run is drawn from; the rows of regressions narrow it.
struct WorldOptions {
  uint64_t seed = 0;
  std::optional<Fault> only_fault{};  ///< of all schedules
  std::optional<bool> drops_gone{};
  std::optional<std::size_t> endpoints{};  ///< per host
};

struct SimWorld {
  std::vector<SimHost> hosts;
  Duration busy_until{};  ///< then every server is dead or lies …
  Duration dark_until{};  ///< … until then; from here on all are well

  static SimWorld draw(const WorldOptions& options);
  const SimHost* find_host(const std::string& host) const;
};

}  // namespace lifeboat::sim
