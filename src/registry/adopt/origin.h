#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/call.h"
#include "base/task.h"
#include "oci/digest.h"
#include "registry/adopt/landing.h"

namespace lifeboat::registry::adopt {

/// A published name, or a repository, that could not be taken over, and why.
struct Refusal {
  std::string name;
  std::string reason;

  friend auto operator<=>(const Refusal&, const Refusal&) = default;
};

/// What a repository publishes.
struct Names {
  struct Tagged {
    std::string tag;
    oci::Digest digest;
  };
  std::vector<Tagged> tags{};
  std::vector<oci::Digest> untagged{};  ///< further manifests; what tagged ones name may be among them
  std::vector<Refusal> refused{};       ///< tags that lead nowhere
};

/// A blob as the manifests that name it have it.
struct WantedBlob {
  oci::Digest digest;
  uint64_t size_bytes = 0;  ///< the largest when they disagree

  friend bool operator==(const WantedBlob&, const WantedBlob&) = default;
};

/// A registry that is taken over: its files, or itself while it runs. Nothing it says is believed. Errors are those of
/// the name they come of: not_found, corrupt; whatever else may pass when it is tried again.
class Origin {
 public:
  virtual ~Origin() = default;
  virtual Task<std::vector<std::string>> repositories(Call call) = 0;
  virtual Task<Names> names(Call call, std::string repository) = 0;
  /// A manifest's bytes as the repository serves them; not yet compared with the digest.
  virtual Task<std::string> manifest(Call call, std::string repository, oci::Digest digest) = 0;
  /// What refers to a manifest beside what names() told.
  virtual Task<std::vector<oci::Digest>> referrers(Call call, std::string repository, oci::Digest subject) = 0;
  /// A blob's bytes, compared with their digest, to where they are to be; as the repository serves them. corrupt: they
  /// are others, or more than are wanted, of which no more is taken.
  virtual Task<Landing::Landed> bring(Call call, std::string repository, WantedBlob blob, Landing& landing) = 0;
  /// Whether bring() could, and how long the blob is; nothing: it does not say.
  virtual Task<std::optional<uint64_t>> look(Call call, std::string repository, oci::Digest digest) = 0;
};

}  // namespace lifeboat::registry::adopt
