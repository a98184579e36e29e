#include "registry/upkeep/manifest_check.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "oci/manifest.h"
#include "registry/held_manifest.h"
#include "registry/manifest_edges.h"

namespace lifeboat::registry {
namespace {

constexpr std::size_t kPage = 500;

}  // namespace

ManifestCheck::ManifestCheck(blob::Store& blobs, meta::Store& names, Mend mend, std::function<bool()> is_stopping)
    : blobs_(&blobs), names_(&names), mend_(mend), is_stopping_(std::move(is_stopping)) {}

Task<void> ManifestCheck::look_at(Call call, oci::RepositoryId repository) {
  if (seen_.contains(repository)) co_return Status{};
  Seen seen;
  std::string position;
  do {
    LB_CO_TRY(const auto page, co_await names_->usage().manifests(call, repository, position, kPage));
    for (const meta::UsedManifest& one : page.manifests) {
      if (is_stopping_()) {
        co_return fail(ErrorCode::cancelled,
                       "cannot look through the manifests of '" + repository.to_string() + "': the server is stopping");
      }
      LB_CO_CHECK(co_await compare(call, repository, one.digest, seen));
    }
    position = page.next;
  } while (!position.empty());
  seen_.emplace(std::move(repository), std::move(seen));
  co_return Status{};
}

Task<void> ManifestCheck::compare(Call call, oci::RepositoryId repository, oci::Digest manifest, Seen& seen) {
  const auto held = co_await read_held_manifest(call, *blobs_, *names_, repository, manifest);
  if (!held && held.error().code() == ErrorCode::not_found) co_return Status{};  // removed since, or a fault stands
  if (!held && held.error().code() != ErrorCode::corrupt) co_return std::unexpected(held.error());
  if (!held) {
    seen.unreadable = held.error().message();
    co_return Status{};
  }
  const auto parsed = oci::Manifest::parse(as_bytes(held->bytes), held->record.media_type);
  if (!parsed) co_return Status{};  // nothing was recorded of it but what could be read
  LB_CO_TRY(const auto recorded, co_await names_->faults().named_by(call, manifest));
  std::vector<meta::Edge> edges = edges_of(*parsed);
  std::vector<oci::Digest> lost;
  for (const meta::Edge& edge : edges) {
    if (!std::ranges::binary_search(recorded, edge.to)) lost.push_back(edge.to);
  }
  if (lost.empty()) co_return Status{};
  if (mend_ == Mend::no) {
    seen.unrecorded.insert(lost.begin(), lost.end());
    co_return Status{};
  }
  LB_CO_TRY(const bool is_there,
            co_await names_->reclaim().restore_edges(call, std::move(repository), manifest, std::move(edges)));
  if (is_there) ++restored_;
  co_return Status{};
}

std::string ManifestCheck::why_unreadable(const oci::RepositoryId& repository) const {
  const auto found = seen_.find(repository);
  return found == seen_.end() ? "" : found->second.unreadable;
}

bool ManifestCheck::may_name(const oci::RepositoryId& repository, const oci::Digest& digest) const {
  const auto found = seen_.find(repository);
  if (found == seen_.end()) return false;
  return !found->second.unreadable.empty() || found->second.unrecorded.contains(digest);
}

}  // namespace lifeboat::registry
