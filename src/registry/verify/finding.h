#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "oci/digest.h"
#include "oci/reference.h"
#include "oci/repository.h"

/// Whether a name can be pulled whole from a registry, and what of it cannot. Values, for whoever shows or acts on
/// them.
namespace lifeboat::registry::verify {

/// What is the matter with one thing. First those by which a pull fails, whatever one does; then those by which it
/// could not be found out.
enum class FaultKind {
  missing,           ///< the registry says that it has no such thing
  missing_to_get,    ///< a HEAD says that it is there, a GET that it is not
  missing_to_head,   ///< the other way round: runtimes resolve a tag by HEAD
  empty_body,        ///< a success, and not one byte
  cut_short,         ///< the body ends before its announced length
  wrong_size,        ///< not as long as whoever names it says
  wrong_digest,      ///< other bytes
  wrong_media_type,  ///< not what whoever names it says, or its header is not what it says itself
  malformed,         ///< no manifest that a client could read
  no_platform,       ///< an index without a platform that was asked for
  server_error,      ///< the registry fails at this one thing each time, and answers others
  unreachable,       ///< no answer, or none of a registry
  unauthorized,      ///< the login was refused, or there is none
  denied,            ///< the login does not suffice
  limited,           ///< a rate limit
};
std::string_view to_string(FaultKind kind);
/// False: it could not be found out.
bool is_wrong(FaultKind kind);

struct Fault {
  FaultKind kind = FaultKind::missing;
  std::string detail{};  ///< for people: "404 Not Found (BLOB_UNKNOWN)", "got 5 bytes, want 7"
  friend bool operator==(const Fault&, const Fault&) = default;
};
/// Of a question that failed (blob/inspector.h).
Fault fault_of(const Error& error);
/// Of a list that could not be had. One that broke off says nothing about the things in it.
Fault fault_of_list(const Error& error);

enum class Part { tag, index, manifest, config, layer, referrer, blob };
std::string_view to_string(Part part);

/// One step of the way from a name down.
struct Step {
  Part part = Part::manifest;
  std::optional<oci::Digest> digest{};  ///< nothing: of a tag that does not resolve
  std::string note{};                   ///< which one of several: "linux/arm64", "2 of 7"; or ""
  friend bool operator==(const Step&, const Step&) = default;
};

/// One thing of a name that is not as it should be.
struct Finding {
  std::vector<Step> path{};  ///< not empty: the last step is what the fault is of
  Fault fault{};
  friend bool operator==(const Finding&, const Finding&) = default;
};

struct Name {
  oci::Repository repository;
  oci::Reference reference;
  std::string to_string() const;  ///< "team/app:1.0"
  friend auto operator<=>(const Name&, const Name&) = default;
};

/// What became of one name. Each digest that is at fault is in it once, by the first way to it.
struct Verdict {
  enum class Outcome {
    whole,
    broken,   ///< a pull fails by what was found
    unknown,  ///< nothing wrong was found, and not everything could be asked for
  };
  Name name;
  std::optional<oci::Digest> digest{};  ///< of its manifest, once known
  std::vector<Finding> findings{};
  bool is_looked_at_whole = true;  ///< false: the walk was ended before
  Outcome outcome() const;
};
std::string_view to_string(Verdict::Outcome outcome);

struct Totals {
  uint64_t indexes = 0;
  uint64_t manifests = 0;
  uint64_t blobs = 0;
  uint64_t hashed_bytes = 0;  ///< of blobs; manifests are always hashed
};

struct Report {
  std::vector<Verdict> verdicts{};  ///< in the order they were asked for
  Totals totals{};                  ///< each digest of a repository once
  std::string given_up{};           ///< why the walk was ended before all was looked at; "" when it was not
};
/// The worst of them: broken before unknown. Of none: whole.
Verdict::Outcome outcome_of(const Report& report);

}  // namespace lifeboat::registry::verify
