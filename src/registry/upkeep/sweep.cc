#include "registry/upkeep/sweep.h"

#include <algorithm>
#include <utility>

namespace lifeboat::registry {
namespace {

/// Rows looked at by one read, a few milliseconds of one reader.
constexpr std::size_t kLookAtMax = 2000;
/// Rows taken by one transaction: a push that comes meanwhile waits for no more than that.
constexpr std::size_t kTakeMax = 32;
constexpr std::size_t kAcquitMax = 100;
constexpr std::size_t kCondemnedMax = 500;
/// Of what was removed within the grace; with more, orphans wait for another pass.
constexpr std::size_t kSparedMax = 1'000'000;
constexpr std::size_t kTagsMax = 200;
constexpr std::size_t kFaultsMax = 5;
constexpr std::size_t kItemsMax = 10'000;

std::unexpected<Error> refused(const std::vector<std::string>& faults) {
  std::string reason = faults.front();
  if (faults.size() > 1) reason += " (and " + std::to_string(faults.size() - 1) + " more)";
  return fail(ErrorCode::corrupt, "cannot collect: the store fails its own check, nothing was removed: " + reason);
}

}  // namespace

std::string_view to_string(SweepReason reason) {
  switch (reason) {
    case SweepReason::unlinked: return "no manifest of the repository names it";
    case SweepReason::unneeded: return "nothing names it";
    case SweepReason::orphan: return "bytes that no name stands for";
  }
  return "";
}

Sweep::Sweep(Parts parts, Order order)
    : parts_(std::move(parts)),
      order_(std::move(order)),
      manifests_(parts_.blobs, parts_.names, ManifestCheck::Mend{order_.dry_run == DryRun::no}, order_.is_stopping) {}

SweepReport Sweep::report() const {
  return report_.with([](const SweepReport& report) { return report; });
}

void Sweep::note(Swept swept) {
  report_.with([&](SweepReport& report) {
    if (swept.reason == SweepReason::unlinked) {
      ++report.links;
    } else {
      ++report.contents;
      report.bytes += swept.size_bytes;
    }
    if (report.items.size() < kItemsMax) {
      report.items.push_back(std::move(swept));
    } else {
      ++report.items_left_out;
    }
  });
}

Status Sweep::go_on() const {
  if (!order_.is_stopping()) return {};
  return fail(ErrorCode::cancelled, "cannot go on collecting: the server is stopping");
}

Task<void> Sweep::run(Call call) {
  LB_CO_CHECK(co_await check(call));
  if (order_.extent == Extent::evicted) co_return co_await unlink_condemned(call);
  LB_CO_CHECK(co_await take_rows(call));
  LB_CO_CHECK(co_await unlink_condemned(call));
  co_return co_await unlink_orphans(call);
}

/// A store that has lost something must not lose more: what looks unneeded may be what it is to be repaired from.
Task<void> Sweep::check(Call call) {
  LB_CO_TRY(std::vector<std::string> faults, co_await parts_.names.reclaim().faults(call, kFaultsMax));
  std::string position;
  do {
    LB_CO_CHECK(go_on());
    LB_CO_TRY(auto page, co_await parts_.names.reclaim().needed_by_tags(call, position, kTagsMax));
    LB_CO_CHECK(co_await find_absent(call, std::move(page.digests), faults));
    position = std::move(page.next);
  } while (!position.empty() && faults.size() < kFaultsMax);
  if (!faults.empty()) co_return refused(faults);
  co_return Status{};
}

/// What is known to be lost is what the repairer is after; an operator who cannot bring it back must not run out of
/// disk for it.
Task<void> Sweep::find_absent(Call call, std::vector<oci::Digest> digests, std::vector<std::string>& faults) {
  LB_CO_TRY(std::vector<oci::Digest> absent, co_await parts_.inventory.absent(call, std::move(digests)));
  // A tag may have been deleted, and the rest collected, since the page was read.
  LB_CO_TRY(const auto unneeded, co_await parts_.names.reclaim().unneeded(call, absent));
  for (const oci::Digest& digest : absent) {
    if (faults.size() >= kFaultsMax) break;
    if (std::ranges::find(unneeded, digest) != unneeded.end()) continue;
    LB_CO_TRY(const auto fault, co_await parts_.names.faults().find(call, digest));
    if (!fault) {
      faults.push_back("a tag needs content '" + digest.to_string() + "', which is not on disk");
    } else if (lost_.insert(digest).second) {
      report_.with([](SweepReport& report) { ++report.lost; });
    }
  }
  co_return Status{};
}

Task<void> Sweep::take_rows(Call call) {
  std::optional<meta::ReclaimPosition> position = meta::ReclaimPosition{};
  while (position) {
    LB_CO_CHECK(go_on());
    LB_CO_TRY(auto page, co_await parts_.names.reclaim().look(call, *position, order_.before, kLookAtMax));
    position = page.next;
    std::erase_if(page.found, [&](const meta::Reclaimable& one) {
      return one.repository && one.repository->host && parts_.is_frozen(*one.repository->host);
    });
    LB_CO_CHECK(co_await drop_named(call, page.found));
    if (order_.dry_run == DryRun::yes) {
      foresee(page.found);
    } else {
      LB_CO_CHECK(co_await take_page(call, std::move(page.found)));
    }
  }
  co_return Status{};
}

/// What a manifest names stays, also when no record says so any more; and where that cannot be told, all stays.
Task<void> Sweep::drop_named(Call call, std::vector<meta::Reclaimable>& found) {
  for (std::size_t i = 0; i < found.size(); ++i) {
    if (!found[i].repository) continue;
    LB_CO_CHECK(go_on());
    LB_CO_CHECK(co_await manifests_.look_at(call, *found[i].repository));
  }
  report_.with([&](SweepReport& report) { report.restored = manifests_.restored(); });
  std::erase_if(found, [&](const meta::Reclaimable& one) {
    return one.repository && manifests_.may_name(*one.repository, one.digest);
  });
  co_return Status{};
}

Task<void> Sweep::take_page(Call call, std::vector<meta::Reclaimable> found) {
  while (!found.empty()) {
    LB_CO_CHECK(go_on());
    const auto rest = found.begin() + static_cast<std::ptrdiff_t>(std::min(kTakeMax, found.size()));
    std::vector<meta::Reclaimable> batch(found.begin(), rest);
    found.erase(found.begin(), rest);
    LB_CO_TRY(const auto went, co_await parts_.names.reclaim().release(call, std::move(batch), order_.before));
    for (const meta::Reclaimable& one : went) {
      if (!one.repository) continue;
      parts_.stamps.bump(*one.repository);
      note({SweepReason::unlinked, one.repository, one.digest, one.size_bytes});
    }
  }
  co_return Status{};
}

/// In a dry run: the rows stay, so what their bytes would come to is reckoned.
void Sweep::foresee(const std::vector<meta::Reclaimable>& found) {
  for (const meta::Reclaimable& one : found) {
    if (one.repository) note({SweepReason::unlinked, one.repository, one.digest, one.size_bytes});
    const bool is_last = !one.repository || ++links_foreseen_[one.digest] == one.links;
    if (!is_last || one.is_named || !seen_.insert(one.digest).second) continue;
    note({SweepReason::unneeded, std::nullopt, one.digest, one.size_bytes});
  }
}

Task<void> Sweep::unlink_condemned(Call call) {
  std::size_t left = 0;  // in use or not to be unlinked now, at the head of the list
  for (;;) {
    LB_CO_CHECK(go_on());
    acquit_all();
    LB_CO_TRY(auto list, co_await parts_.names.reclaim().condemned(call, order_.before, left + kCondemnedMax));
    std::erase_if(list, [&](const meta::Condemned& one) { return seen_.contains(one.digest); });
    if (list.empty()) co_return Status{};
    for (const meta::Condemned& one : list) {
      LB_CO_CHECK(go_on());
      seen_.insert(one.digest);
      LB_CO_TRY(const Fate fate, co_await unlink(call, one.digest));
      if (fate == Fate::unlinked) note({SweepReason::unneeded, std::nullopt, one.digest, one.size_bytes});
      const bool is_left = order_.dry_run == DryRun::yes || fate == Fate::in_use || fate == Fate::failed;
      if (is_left) ++left;
    }
  }
}

/// Those of `unneeded` go that were condemned within the grace: a removed manifest may be as old as it likes, what
/// counts is when it was removed. The list is read behind the look that found them unneeded: what lost its row before
/// that look stands in it.
Task<std::vector<oci::Digest>> Sweep::without_spared(Call call, std::vector<oci::Digest> unneeded) {
  const auto is_spared = [&](const oci::Digest& digest) { return spared_.contains(digest); };
  std::erase_if(unneeded, is_spared);
  if (unneeded.empty()) co_return unneeded;
  LB_CO_TRY(const auto all, co_await parts_.names.reclaim().condemned(call, WallTime::max(), kSparedMax));
  if (all.size() == kSparedMax) co_return std::vector<oci::Digest>();
  for (const meta::Condemned& one : all) {
    if (one.since > order_.before) spared_.insert(one.digest);
  }
  std::erase_if(unneeded, is_spared);
  co_return unneeded;
}

Task<void> Sweep::unlink_orphans(Call call) {
  for (std::size_t index = 0; index < blob::Inventory::kShards; ++index) {
    LB_CO_CHECK(go_on());
    LB_CO_TRY(std::vector<oci::Digest> digests, co_await parts_.inventory.shard(call, index));
    std::erase_if(digests, [&](const oci::Digest& digest) { return seen_.contains(digest); });
    if (digests.empty()) continue;
    LB_CO_TRY(auto unneeded, co_await parts_.names.reclaim().unneeded(call, std::move(digests)));
    LB_CO_TRY(const auto orphans, co_await without_spared(call, std::move(unneeded)));
    for (const oci::Digest& digest : orphans) {
      LB_CO_TRY(const auto stored, co_await parts_.inventory.find(call, digest));
      if (!stored || stored->modified > order_.before) continue;
      LB_CO_TRY(const Fate fate, co_await unlink(call, digest));
      if (fate == Fate::unlinked) note({SweepReason::orphan, std::nullopt, digest, stored->size_bytes});
    }
  }
  acquit_all();
  co_return Status{};
}

/// Many at once: each time is a transaction. Should the digest be condemned anew meanwhile, the note of that may go as
/// well, and its bytes are what the tour of the disk finds.
void Sweep::acquit_all() {
  if (!acquitted_.empty()) parts_.names.reclaim().acquit(std::exchange(acquitted_, {}));
}

/// Only while nobody else has the digest, and only when no row needs it at that moment.
Task<Sweep::Fate> Sweep::unlink(Call call, oci::Digest digest) {
  const auto alone = parts_.leases.take_alone(digest);
  if (!alone) {
    report_.with([](SweepReport& report) { ++report.in_use; });
    co_return Fate::in_use;
  }
  std::vector<oci::Digest> asked{digest};
  LB_CO_TRY(const auto unneeded, co_await parts_.names.reclaim().unneeded(call, std::move(asked)));
  if (order_.dry_run == DryRun::yes) co_return unneeded.empty() ? Fate::needed : Fate::unlinked;
  if (!unneeded.empty()) {
    const Status removed = co_await parts_.blobs.remove(call, digest);
    if (!removed) {
      report_.with([](SweepReport& report) { ++report.failures; });
      co_return Fate::failed;
    }
  }
  acquitted_.push_back(digest);
  if (acquitted_.size() >= kAcquitMax) acquit_all();
  co_return unneeded.empty() ? Fate::needed : Fate::unlinked;
}

}  // namespace lifeboat::registry
