#include "registry/upkeep/retention_platforms.h"

#include <map>
#include <set>

#include "oci/image_config.h"
#include "registry/held_manifest.h"

namespace lifeboat::registry {
namespace {

using State = RetentionView::ManifestState;

class Teller {
 public:
  Teller(Call call, PlatformsOf of, RetentionView& view) : call_(std::move(call)), of_(of) {
    for (State& one : view.manifests) by_digest_.emplace(one.digest, &one);
    for (const RetentionView::TagState& tag : view.tags) to_see_.push_back(tag.digest);
  }

  Awaitable<void> run() {
    while (!to_see_.empty()) {
      const auto found = by_digest_.find(to_see_.back());
      to_see_.pop_back();
      if (found == by_digest_.end() || !seen_.insert(found->first).second) continue;
      if (of_.is_stopping) {
        found->second->has_unread_platform = true;
        continue;
      }
      const Status told = co_await look_at(*found->second);
      found->second->has_unread_platform = !told;
    }
  }

 private:
  Task<void> look_at(State& one) {
    if (one.platform) co_return Status();
    LB_CO_TRY(const HeldManifest held,
              co_await read_held_manifest(call_, of_.blobs, of_.names, of_.repository, one.digest));
    LB_CO_TRY(const oci::Manifest manifest, oci::Manifest::parse(as_bytes(held.bytes), held.record.media_type));
    for (const oci::Descriptor& child : manifest.manifests) note_child(child);
    if (!manifest.config || !oci::is_image_config(manifest.config->media_type)) co_return Status();
    LB_CO_TRY(const std::string config, co_await read_document(call_, of_.blobs, manifest.config->digest));
    LB_CO_TRY(one.platform, oci::platform_of_config(config));
    co_return Status();
  }

  void note_child(const oci::Descriptor& child) {
    to_see_.push_back(child.digest);
    const auto found = by_digest_.find(child.digest);
    const bool is_said = !child.platform.os.empty() || !child.platform.architecture.empty();
    if (found != by_digest_.end() && is_said) found->second->platform = child.platform;
  }

  const Call call_;
  const PlatformsOf of_;
  std::map<oci::Digest, State*> by_digest_;
  std::set<oci::Digest> seen_;
  std::vector<oci::Digest> to_see_;
};

}  // namespace

Awaitable<void> tell_platforms(Call call, PlatformsOf of, RetentionView& view) {
  Teller teller(std::move(call), of, view);
  co_await teller.run();
}

}  // namespace lifeboat::registry
