#include "test/gc/model.h"

#include "test/support/blob_rig.h"

namespace lifeboat::gc {
namespace {

constexpr std::size_t kAllMax = 1000;

oci::RepositoryId hosted(std::string_view name) { return {std::nullopt, oci::Repository::parse(name).value()}; }

}  // namespace

const std::vector<oci::RepositoryId>& Model::repositories() {
  static const std::vector<oci::RepositoryId> all{hosted("team/app"), hosted("team/other")};
  return all;
}

const oci::RepositoryId& Model::cached() {
  static const oci::RepositoryId one{oci::RegistryHost::parse("ghcr.io").value(),
                                     oci::Repository::parse("org/app").value()};
  return one;
}

void Model::push_ended(Place manifest, bool is_acknowledged, WallTime began) {
  if (--pushing_[manifest] == 0) pushing_.erase(manifest);
  if (!is_acknowledged) return;
  acknowledged_.insert(manifest);
  kept_since_[manifest] = std::max(kept_since_[manifest], began);
}

void Model::delete_began(Place manifest) {
  deleting_.insert(manifest);
  if (acknowledged_.erase(manifest) != 0) acknowledged_before_delete_.insert(manifest);
}

void Model::delete_ended(Place manifest, bool is_refused) {
  deleting_.erase(manifest);
  const bool was_there = acknowledged_before_delete_.erase(manifest) != 0;
  if (is_refused && was_there) acknowledged_.insert(manifest);
}

void Model::crashed() {
  deleting_.clear();
  acknowledged_before_delete_.clear();
  pushing_.clear();
  for (auto& [place, deletes] : blob_deletes_) deletes.ended = deletes.began;
}

Task<std::optional<std::string>> Model::find_broken(Disk& disk, Place manifest) const {
  const oci::RepositoryId& repository = repositories()[manifest.first];
  const Catalogue::Manifest& one = catalogue_.manifests[manifest.second];
  const std::string which = "manifest " + std::to_string(manifest.second) + " of " + repository.to_string();
  const auto found = co_await disk.names.manifests().find(test::a_call(), repository, one.digest);
  if (!found) co_return std::optional(which + " was acknowledged and is gone");
  for (const std::size_t number : one.blobs) {
    const oci::Digest digest = test::sha256_of(catalogue_.blobs[number]);
    const auto blob = co_await disk.names.blobs().find(test::a_call(), repository, digest);
    if (!blob) co_return std::optional(which + " cannot be pulled: blob " + std::to_string(number) + " is gone");
  }
  for (const std::size_t child : one.children) {
    LB_CO_TRY(auto broken, co_await find_broken(disk, Place(manifest.first, child)));
    if (broken) co_return std::optional(which + " is a broken index: " + *broken);
  }
  co_return std::optional<std::string>();
}

Task<std::set<oci::Digest>> Model::find_recorded(Disk& disk) {
  std::set<oci::Digest> recorded;
  LB_CO_TRY(const auto known, co_await disk.names.faults().known(test::a_call(), std::nullopt, kAllMax));
  for (const meta::KnownContent& one : known) recorded.insert(one.digest);
  LB_CO_TRY(const auto faults, co_await disk.names.faults().list(test::a_call(), kAllMax));
  for (const meta::Fault& one : faults) recorded.insert(one.digest);
  const meta::ReclaimPosition at_blobs{.is_at_blobs = true};
  LB_CO_TRY(const auto unlinked, co_await disk.names.reclaim().look(test::a_call(), at_blobs, WallTime(), kAllMax));
  for (const meta::Reclaimable& one : unlinked.found) recorded.insert(one.digest);
  co_return recorded;
}

Task<Model::Cached> Model::find_cached(Disk& disk, std::size_t manifest) const {
  const Catalogue::Manifest& one = catalogue_.manifests[manifest];
  const auto found = co_await disk.names.manifests().find(test::a_call(), cached(), one.digest);
  if (!found) co_return Cached::gone;
  for (const std::size_t number : one.blobs) {
    const oci::Digest digest = test::sha256_of(catalogue_.blobs[number]);
    const auto blob = co_await disk.names.blobs().find(test::a_call(), cached(), digest);
    if (!blob) co_return Cached::in_part;
  }
  for (const std::size_t child : one.children) {
    LB_CO_TRY(const Cached below, co_await find_cached(disk, child));
    if (below != Cached::whole) co_return Cached::in_part;
  }
  co_return Cached::whole;
}

/// Whole images go, or none of them: what was whole is so, or its manifest is gone as well.
Task<std::optional<std::string>> Model::find_lost_of_cache(Disk& disk, WallTime now) {
  for (std::size_t number = 0; number < catalogue_.manifests.size(); ++number) {
    LB_CO_TRY(const Cached is, co_await find_cached(disk, number));
    const Cached was = std::exchange(cached_before_[number], is);
    const std::string which = "cached manifest " + std::to_string(number);
    if (was == Cached::whole && is == Cached::in_part) co_return std::optional(which + " lost a part of it");
    if (was == Cached::gone || is != Cached::gone) continue;
    if (pinned_.contains(number)) co_return std::optional(which + " was pinned and is gone");
    const auto used = used_.find(number);
    if (used != used_.end() && now - used->second < kUsedFor) {
      co_return std::optional(which + " was pulled just before and is gone");
    }
  }
  co_return std::optional<std::string>();
}

Task<void> Model::note_tagged(Disk& disk, WallTime now) {
  for (std::size_t repository = 0; repository < repositories().size(); ++repository) {
    const auto tag =
        co_await disk.names.tags().find(test::a_call(), repositories()[repository], oci::Tag::parse("latest").value());
    if (!tag) continue;
    for (std::size_t number = 0; number < catalogue_.manifests.size(); ++number) {
      if (catalogue_.manifests[number].digest == tag->digest) kept_since_[{repository, number}] = now;
    }
  }
  co_return Status{};
}

bool Model::has_lapsed(Place manifest, WallTime now) const {
  return is_pruned(manifest.first) && now - kept_since_.at(manifest) >= kUntaggedFor;
}

Task<std::optional<std::string>> Model::find_violation(Disk& disk, WallTime now) {
  std::vector<oci::Digest> all;
  for (const std::string& bytes : catalogue_.blobs) all.push_back(test::sha256_of(bytes));
  for (const Catalogue::Manifest& one : catalogue_.manifests) all.push_back(one.digest);
  LB_CO_TRY(const std::set<oci::Digest> recorded, co_await find_recorded(disk));
  LB_CO_TRY(const auto absent, co_await disk.blobs.absent(test::a_call(), all));
  for (const oci::Digest& digest : absent) {
    if (!recorded.contains(digest)) continue;
    co_return std::optional("a row without bytes: " + digest.to_string());
  }
  LB_CO_TRY(const auto faults, co_await disk.names.faults().list(test::a_call(), 1));
  if (!faults.empty()) {
    co_return std::optional("a fault of " + faults.front().digest.to_string() + " was noted, and nothing is damaged");
  }
  LB_CO_TRY(auto lost, co_await find_lost_of_cache(disk, now));
  if (lost) co_return lost;
  LB_CO_CHECK(co_await note_tagged(disk, now));
  for (auto place = acknowledged_.begin(); place != acknowledged_.end();) {
    const auto found = co_await disk.names.manifests().find(test::a_call(), repositories()[place->first],
                                                            catalogue_.manifests[place->second].digest);
    const bool may_have_gone = !found && has_lapsed(*place, now);
    place = may_have_gone ? acknowledged_.erase(place) : std::next(place);
  }
  for (const Place& place : acknowledged_) {
    LB_CO_TRY(auto broken, co_await find_broken(disk, place));
    if (broken) co_return broken;
  }
  co_return std::optional<std::string>();
}

Task<std::optional<std::string>> Model::find_rest(Disk& disk) const {
  std::set<oci::Digest> named;
  std::vector<oci::RepositoryId> everywhere = repositories();
  everywhere.push_back(cached());
  for (const Catalogue::Manifest& one : catalogue_.manifests) {
    for (const oci::RepositoryId& repository : everywhere) {
      const auto found = co_await disk.names.manifests().find(test::a_call(), repository, one.digest);
      if (!found) continue;
      named.insert(one.digest);
      for (const std::size_t blob : one.blobs) named.insert(test::sha256_of(catalogue_.blobs[blob]));
      for (const std::size_t child : one.children) named.insert(catalogue_.manifests[child].digest);
    }
  }
  for (std::size_t i = 0; i < blob::Inventory::kShards; ++i) {
    LB_CO_TRY(const auto held, co_await disk.blobs.shard(test::a_call(), i));
    for (const oci::Digest& digest : held) {
      if (!named.contains(digest))
        co_return std::optional("nothing needs it and it is still there: " + digest.to_string());
    }
  }
  LB_CO_TRY(const auto page,
            co_await disk.names.reclaim().look(test::a_call(), meta::ReclaimPosition(), WallTime::max(), 1));
  if (!page.found.empty()) co_return std::optional("a row is left of " + page.found.front().digest.to_string());
  LB_CO_TRY(const auto condemned, co_await disk.names.reclaim().condemned(test::a_call(), WallTime::max(), 1));
  if (!condemned.empty()) co_return std::optional("still condemned: " + condemned.front().digest.to_string());
  co_return std::optional<std::string>();
}

}  // namespace lifeboat::gc
