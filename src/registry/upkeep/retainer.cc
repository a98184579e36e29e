#include "registry/upkeep/retainer.h"

#include <algorithm>
#include <map>

#include "oci/glob.h"
#include "registry/upkeep/manifest_check.h"
#include "registry/upkeep/retention_platforms.h"

namespace lifeboat::registry {
namespace {

/// After a start there is other work, and clients show what they use.
constexpr Duration kFirstAfter{std::chrono::minutes(10)};
/// Whatever stood in the way may be gone by then.
constexpr Duration kAgainAfter{std::chrono::minutes(10)};
/// A pass has no deadline of its own; this one is for a disk that hangs.
constexpr Duration kPassWithin{std::chrono::hours(6)};
/// After the clock was set: time for whoever set it wrong to see it.
constexpr Duration kNoPassAfterClockWasSet{std::chrono::hours(24)};
constexpr std::size_t kPage = 500;
constexpr std::size_t kItemsMax = 10000;

/// Whose name this may be: a repository hosted here, or one of an upstream.
std::vector<oci::RepositoryId> meanings_of(const std::string& name) {
  std::vector<oci::RepositoryId> meanings;
  if (auto hosted = oci::Repository::parse(name)) meanings.push_back({std::nullopt, std::move(*hosted)});
  const std::size_t slash = name.find('/');
  if (slash == std::string::npos) return meanings;
  auto host = oci::RegistryHost::parse(name.substr(0, slash));
  auto rest = oci::Repository::parse(name.substr(slash + 1));
  if (host && rest) meanings.push_back({std::move(*host), std::move(*rest)});
  return meanings;
}

/// The references that are pinned in each repository.
using Pins = std::map<oci::RepositoryId, std::set<std::string>>;

std::set<oci::Digest> pinned_in(const oci::RepositoryId& repository, const Pins& pins,
                                const std::vector<RetentionView::TagState>& tags) {
  std::set<oci::Digest> pinned;
  const auto found = pins.find(repository);
  if (found == pins.end()) return pinned;
  for (const std::string& reference : found->second) {
    if (const auto digest = oci::Digest::parse(reference)) pinned.insert(*digest);
  }
  for (const RetentionView::TagState& tag : tags) {
    if (found->second.contains(tag.tag.to_string())) pinned.insert(tag.digest);
  }
  return pinned;
}

}  // namespace

Duration next_pass_in(const Status& ended, Duration every) { return ended ? every : std::min(every, kAgainAfter); }

class Retainer::Pass {
 public:
  Pass(const Parts& parts, const RetainerOptions& options, const std::atomic<bool>& is_stopping, DryRun dry_run,
       WallTime now)
      : parts_(parts), options_(options), is_stopping_(is_stopping), dry_run_(dry_run), now_(now) {}

  Task<void> run(Call call) {
    LB_CO_TRY(std::vector<meta::Pin> pins, co_await parts_.names.usage().pins(call));
    for (meta::Pin& pin : pins) pins_[std::move(pin.repository)].insert(std::move(pin.reference));
    std::string last;
    for (;;) {
      LB_CO_TRY(const meta::RepositoryPage page, co_await parts_.names.repositories().list(call, last, kPage));
      for (const std::string& name : page.names) {
        for (const oci::RepositoryId& repository : meanings_of(name)) {
          LB_CO_CHECK(co_await look_at(call, repository));
        }
      }
      if (!page.has_more || page.names.empty()) co_return Status();
      last = page.names.back();
    }
  }
  PruneReport report;

 private:
  const RetentionRule* rule_for(const oci::RepositoryId& repository) const {
    const std::string name = repository.to_string();
    for (const RetentionPolicy& policy : options_.policies) {
      if (std::ranges::any_of(policy.match, [&](const auto& pattern) { return oci::matches_glob(pattern, name); })) {
        return &policy.rule;
      }
    }
    return nullptr;
  }
  bool is_frozen(const oci::RepositoryId& repository) const {
    return repository.host.has_value() && parts_.is_frozen(*repository.host);
  }

  Status go_on() const {
    if (!is_stopping_) return {};
    return fail(ErrorCode::cancelled, "cannot go on pruning: the server is stopping");
  }

  Task<void> look_at(Call call, oci::RepositoryId repository) {
    LB_CO_CHECK(go_on());
    const RetentionRule* const rule = rule_for(repository);
    if (rule == nullptr) co_return Status();
    LB_CO_TRY(RetentionView view, co_await view_for(call, repository, *rule));
    if (view.manifests.empty()) co_return Status();
    ++report.repositories;
    if (view.is_frozen) report.frozen.push_back(repository.to_string());
    RetentionDecision decision = decide_retention(*rule, view);
    const bool is_anything_to_go =
        !std::ranges::all_of(decision.manifests, &RetentionDecision::ManifestVerdict::is_kept);
    if (is_anything_to_go) {
      // A record that was lost must not take an index's child along.
      LB_CO_CHECK(co_await manifests_.look_at(call, repository));
      if (dry_run_ == DryRun::no) {
        LB_CO_TRY(view, co_await view_for(call, repository, *rule));
        decision = decide_retention(*rule, view);
      }
      for (RetentionDecision::ManifestVerdict& manifest : decision.manifests) {
        if (manifests_.may_name(repository, manifest.digest)) manifest.is_kept = true;
      }
      note_unreadable(repository);
    }
    for (const auto& tag : decision.tags) {
      LB_CO_CHECK(go_on());
      LB_CO_CHECK(co_await treat_tag(call, repository, tag));
    }
    for (const auto& manifest : decision.manifests) {
      if (manifest.is_kept) continue;
      LB_CO_CHECK(go_on());
      LB_CO_CHECK(co_await treat_manifest(call, repository, manifest, *rule));
    }
    co_return Status();
  }

  /// With what the rule wants to know.
  Task<RetentionView> view_for(Call call, oci::RepositoryId repository, const RetentionRule& rule) {
    LB_CO_TRY(RetentionView view, co_await view_of(call, repository));
    if (!rule.keep_platforms.empty() && !view.is_frozen) {
      const PlatformsOf of{parts_.blobs, parts_.names, repository, is_stopping_};
      co_await tell_platforms(call, of, view);
    }
    co_return view;
  }

  Task<RetentionView> view_of(Call call, oci::RepositoryId repository) {
    RetentionView view{.now = now_, .is_frozen = is_frozen(repository)};
    meta::UsageIndex& usage = parts_.names.usage();
    std::string last;
    for (bool is_all = false; !is_all;) {
      LB_CO_CHECK(go_on());
      LB_CO_TRY(const std::vector<meta::UsedTag> page, co_await usage.tags(call, repository, last, kPage));
      for (const meta::UsedTag& one : page) view.tags.push_back({one.tag, one.digest, one.pushed});
      is_all = page.size() < kPage;
      if (!is_all) last = page.back().tag.to_string();
    }
    std::string position;
    do {
      LB_CO_CHECK(go_on());
      LB_CO_TRY(const meta::UsageIndex::ManifestPage page, co_await usage.manifests(call, repository, position, kPage));
      for (const meta::UsedManifest& one : page.manifests) {
        // One that has a tag now would lose its last one now at the earliest.
        view.manifests.push_back({.digest = one.digest,
                                  .children = one.children,
                                  .subject = one.subject,
                                  .platform = std::nullopt,
                                  .pulled = one.pulled.value_or(WallTime()),
                                  .untagged_since = one.untagged_since.value_or(view.now)});
      }
      position = page.next;
    } while (!position.empty());
    view.pinned = pinned_in(repository, pins_, view.tags);
    co_return view;
  }

  Task<void> treat_tag(Call call, oci::RepositoryId repository, RetentionDecision::TagVerdict tag) {
    bool is_kept = tag.is_kept;
    if (!is_kept && dry_run_ == DryRun::no) {
      bool is_gone = false;
      if (!is_frozen(repository)) {
        LB_CO_TRY(is_gone, co_await parts_.names.usage().remove_tag(call, repository, tag.tag, tag.digest));
      }
      is_kept = !note_outcome(repository, is_gone, tag.reason);
    }
    if (!is_kept) ++report.tags;
    add_item({repository.to_string(), tag.tag.to_string(), tag.digest, is_kept, tag.reason});
    co_return Status();
  }

  Task<void> treat_manifest(Call call, oci::RepositoryId repository, RetentionDecision::ManifestVerdict manifest,
                            const RetentionRule& rule) {
    bool is_kept = false;
    if (dry_run_ == DryRun::no) {
      bool is_gone = false;
      if (!is_frozen(repository)) {
        const WallTime untagged_by = now_ - rule.delete_untagged_after.value_or(Duration(0));
        LB_CO_TRY(is_gone,
                  co_await parts_.names.usage().remove_manifest(call, repository, manifest.digest, untagged_by));
      }
      is_kept = !note_outcome(repository, is_gone, manifest.reason);
    }
    if (!is_kept) ++report.manifests;
    add_item({repository.to_string(), "", manifest.digest, is_kept, manifest.reason});
    co_return Status();
  }

  bool note_outcome(const oci::RepositoryId& repository, bool is_gone, std::string& reason) {
    if (is_gone) {
      parts_.stamps.bump(repository);
    } else {
      ++report.changed;
      reason = is_frozen(repository) ? "its host cannot be asked any more" : "something came to need it meanwhile";
    }
    return is_gone;
  }

  void note_unreadable(const oci::RepositoryId& repository) {
    const std::string reason = manifests_.why_unreadable(repository);
    if (reason.empty()) return;
    report.unreadable.push_back({repository.to_string(), reason});
    if (dry_run_ == DryRun::yes) return;
    parts_.log.warning("retention.unreadable", {{"repository", repository.to_string()}, {"reason", reason}});
  }

  void add_item(PruneReport::Item item) {
    // Of many that stay, none may hide one that goes.
    std::size_t& count = item.is_kept ? kept_items_ : going_items_;
    if (count < kItemsMax) {
      ++count;
      report.items.push_back(std::move(item));
    } else {
      ++report.items_left_out;
    }
  }

  const Parts& parts_;
  const RetainerOptions& options_;
  const std::atomic<bool>& is_stopping_;
  const DryRun dry_run_;
  const WallTime now_;
  ManifestCheck manifests_{parts_.blobs, parts_.names, ManifestCheck::Mend{dry_run_ == DryRun::no},
                           [this] { return is_stopping_.load(); }};
  Pins pins_;
  std::size_t kept_items_ = 0;
  std::size_t going_items_ = 0;
};

Retainer::Retainer(Parts parts, RetainerOptions options)
    : parts_(std::move(parts)),
      options_(std::move(options)),
      time_(parts_.clock, kNoPassAfterClockWasSet),
      removed_tags_(parts_.metrics.counter("lifeboat_retention_removed_tags_total", "Tags that retention removed.")),
      removed_manifests_(
          parts_.metrics.counter("lifeboat_retention_removed_manifests_total", "Manifests that retention removed.")),
      failures_(parts_.metrics.counter("lifeboat_retention_failures_total",
                                       "Passes of retention that did not come to their end, or could not begin.")),
      last_success_(parts_.metrics.gauge("lifeboat_retention_last_success_timestamp_seconds",
                                         "When a pass of retention last came to its end; 0 before that.")) {}

Task<PruneReport> Retainer::prune(DryRun dry_run) {
  if (is_stopping_) co_return fail(ErrorCode::cancelled, "cannot prune: the server is stopping");
  std::atomic<bool>& is_running = dry_run == DryRun::yes ? is_dry_running_ : is_removing_;
  if (is_running.exchange(true)) {
    co_return fail(ErrorCode::conflict, std::string("cannot prune: a ") +
                                            (dry_run == DryRun::yes ? "dry run" : "pass") + " is under way already");
  }
  const TrustedTime::Reading time = time_.read("prune");
  if (time.set_by != Duration(0)) {
    parts_.log.error("retention.clock_was_set", {{"by_s", time.set_by / std::chrono::seconds(1)}});
  }
  if (!time.now) {
    is_running = false;
    failures_.add();
    parts_.log.warning("retention.put_off", {{"reason", time.now.error().message()}});
    co_return std::unexpected(time.now.error());
  }
  Pass pass(parts_, options_, is_stopping_, dry_run, *time.now);
  const Call call(parts_.clock.now() + kPassWithin, "retention");
  const Status done = co_await pass.run(call);
  is_running = false;
  if (dry_run == DryRun::no) {
    removed_tags_.add(static_cast<double>(pass.report.tags));
    removed_manifests_.add(static_cast<double>(pass.report.manifests));
    if (pass.report.tags > 0 || pass.report.manifests > 0) {
      parts_.log.info(
          "retention.done",
          {{"tags", pass.report.tags}, {"manifests", pass.report.manifests}, {"changed", pass.report.changed}});
    }
  }
  if (!done) {
    if (done.error().code() != ErrorCode::cancelled) {
      failures_.add();
      parts_.log.error("retention.failed", {{"reason", done.error().message()}});
    }
    co_return std::unexpected(done.error());
  }
  if (dry_run == DryRun::no) {
    last_success_.set(static_cast<double>(parts_.clock.wall().time_since_epoch().count()) / 1000);
  }
  co_return std::move(pass.report);
}

Awaitable<void> Retainer::run() {
  if (options_.every == Duration(0) || options_.policies.empty()) co_return;
  SteadyTime next = parts_.clock.now() + std::min(kFirstAfter, options_.every);
  while (!is_stopping_) {
    const uint64_t seen = stop_asked_.version();
    if (is_stopping_) co_return;
    const bool is_asked = co_await stop_asked_.wait(seen, next);
    if (is_asked) continue;
    const auto report = co_await prune(DryRun::no);  // which logs its failures, but leaves this one to who asked
    if (!report && report.error().code() == ErrorCode::conflict) {
      parts_.log.info("retention.put_off", {{"reason", report.error().message()}});
    }
    const Status ended = report ? Status() : Status(std::unexpected(report.error()));
    next = parts_.clock.now() + next_pass_in(ended, options_.every);
  }
}

void Retainer::stop() {
  is_stopping_ = true;
  stop_asked_.notify_all();
}

}  // namespace lifeboat::registry
