#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "oci/manifest.h"
#include "registry/adopt/origin.h"

namespace lifeboat::registry::adopt {

/// What the names of one repository lead to: its manifests as they came, which blobs they need, and which of them are
/// whole once it is known what could not be had. Pure.
class Closure {
 public:
  /// A manifest to be asked for; fine to call again.
  void want(const oci::Digest& manifest);
  /// Those that are wanted and have not come, without those given out before.
  std::vector<oci::Digest> take_wanted();

  /// It came: what it names is wanted next. corrupt: other bytes; invalid: no manifest. Then it has failed with that.
  void came(const oci::Digest& manifest, std::string bytes);
  void failed(const oci::Digest& content, std::string reason);
  /// A blob is to be had, and is that long: what names it with another length is not whole.
  void is_there(const oci::Digest& blob, uint64_t size_bytes);

  /// Every blob that must be here for some manifest that came, once.
  std::vector<WantedBlob> blobs() const;
  /// What keeps the manifest from being whole, with what it is about; nothing: it is whole.
  std::optional<std::string> fault_of(const oci::Digest& manifest);
  /// Manifests that are whole, in generations: what one names is in an earlier one.
  std::vector<std::vector<oci::Digest>> whole();

  const std::string& bytes_of(const oci::Digest& manifest) const { return nodes_.at(manifest).bytes; }
  const oci::Manifest& manifest_of(const oci::Digest& manifest) const { return *nodes_.at(manifest).manifest; }
  /// Config and layers that must be here; of an index those of its entries that are no manifests.
  std::vector<WantedBlob> blobs_of(const oci::Digest& manifest) const;
  std::size_t manifests() const { return nodes_.size(); }

 private:
  enum class Judged { no, running, yes };
  struct Node {
    std::string bytes{};
    std::optional<oci::Manifest> manifest{};
    Judged judged = Judged::no;
    std::optional<std::string> fault{};
    std::size_t generation = 0;
  };
  void judge(const oci::Digest& digest, Node& node);
  void judge_parts(Node& node, const std::vector<WantedBlob>& blobs);

  std::map<oci::Digest, Node> nodes_;
  std::vector<oci::Digest> wanted_;
  std::map<oci::Digest, std::string> failures_;  ///< of manifests and blobs
  std::map<oci::Digest, uint64_t> sizes_;        ///< of blobs, those that are known
};

}  // namespace lifeboat::registry::adopt
