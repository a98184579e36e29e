#include "registry/copy/copy.h"

#include <algorithm>
#include <utility>

#include "registry/copy/crew.h"
#include "registry/copy/gather.h"
#include "registry/verify/walk.h"
#include "sys/beside.h"

namespace lifeboat::registry::copy {
namespace {

/// A registry of several machines may show what it took a moment later.
constexpr int kLooksMax = 3;
constexpr Duration kLookAgain = std::chrono::seconds(2);

/// Who answers within it shares the first read; who does later has one of its own.
constexpr Duration kAnswersWithin = std::chrono::seconds(1);

oci::Digest nothing() { return oci::Digest::of(HashAlgorithm::sha256, {}); }

std::string words_of(const verify::Finding& finding) {
  const verify::Step& last = finding.path.back();
  std::string text(verify::to_string(last.part));
  if (last.digest) text.append(" ").append(last.digest->to_string());
  return text.append(" is ").append(verify::to_string(finding.fault.kind)).append(" (") + finding.fault.detail + ")";
}

ErrorCode code_of(const verify::Report& report) {
  return verify::outcome_of(report) == verify::Verdict::Outcome::broken ? ErrorCode::corrupt : ErrorCode::unavailable;
}

}  // namespace

/// A target, and how far it is.
struct Copy::Site {
  Target target;
  TargetReport report{};
  std::set<oci::Digest> unlisted{};  ///< subjects of which the registry may not list a referrer
  bool is_met = false;               ///< it has answered, or failed
  bool is_taken = false;             ///< into the copying that runs, or one before
  bool is_at_work = false;
  bool is_whole = false;  ///< all of it is there
  bool is_alive() const { return is_at_work && !report.failure; }
  bool is_ready() const { return is_met && !is_taken && !report.failure; }
  void fail_with(Error error) {
    if (!report.failure) report.failure = std::move(error);
  }
};

Copy::Copy(sys::Clock& clock, CopyOrder order, std::vector<Target> targets)
    : clock_(clock), order_(std::move(order)), plan_{.root = nothing()} {
  for (Target& target : targets) {
    TargetReport report{.name = target.name};
    sites_.push_back({.target = std::move(target), .report = std::move(report)});
  }
}
Copy::~Copy() = default;

Copy::Progress Copy::progress() const {
  Progress progress{.blobs_done = blobs_done_, .bytes_done = bytes_done_};
  for (const BlobUnderWay& one : under_way_) progress.bytes_done += one.given_bytes;
  progress.blobs = plan_.blobs.size();
  progress.bytes = plan_.bytes();
  return progress;
}

Awaitable<CopyReport> Copy::run(Call call) {
  CopyReport report;
  const GatherOptions wanted{.platforms = order_.platforms, .has_referrers = order_.has_referrers, .jobs = order_.jobs};
  Gather gather(order_.from, clock_, order_.repository, wanted);
  auto plan = co_await gather.run(call, order_.what);
  if (plan) {
    plan_ = std::move(*plan);
    report.digest = plan_.root;
    report.media_type = planned(plan_.root).manifest.media_type.to_string();
    report.is_sparse = plan_.is_sparse;
    report.manifests = plan_.manifests.size();
    report.blobs = plan_.blobs.size();
    report.bytes = plan_.bytes();
    report.missing_referrers = plan_.missing_referrers;
    co_await copy_to_all(call);
  } else {
    failure_ = std::move(plan).error();
  }
  const bool is_any_whole = std::ranges::any_of(sites_, [](const Site& site) { return site.is_whole; });
  if (!is_any_whole) report.failure = failure_;
  for (Site& site : sites_) {
    if (failure_ && !site.is_whole) site.fail_with(*failure_);
    report.targets.push_back(std::move(site.report));
  }
  co_return report;
}

Awaitable<void> Copy::copy_to_all(Call call) {
  for (Site& site : sites_) co_await sys::start_beside(meet(call, site));
  for (;;) {
    co_await wait_for_answers();
    std::vector<Site*> ready;
    for (Site& site : sites_) {
      site.is_at_work = site.is_ready();
      if (site.is_at_work) ready.push_back(&site);
      site.is_taken = site.is_taken || site.is_at_work;
    }
    if (ready.empty()) co_return;
    if (failure_) continue;
    blobs_done_ = bytes_done_ = 0;
    waiting_.assign(plan_.blobs.begin(), plan_.blobs.end());
    co_await work_together(std::max(1U, order_.jobs), [this, &call] { return copy_blobs(call); });
    if (failure_) continue;
    std::size_t next = 0;
    co_await work_together(static_cast<unsigned>(ready.size()),
                           [this, &call, &ready, &next] { return complete(call, *ready.at(next++)); });
  }
}

/// Asks something small, to know whether anybody is there.
Awaitable<void> Copy::meet(Call call, Site& site) {
  const oci::Reference top(plan_.root);
  const auto answer = co_await site.target.to.has_manifest(std::move(call), site.target.repository, top, plan_.root);
  if (!answer) site.fail_with(answer.error());
  site.is_met = true;
  met_.notify_all();
}

/// Returns when all have answered, or some who are ready have waited long enough for the others.
Awaitable<void> Copy::wait_for_answers() {
  const SteadyTime enough = clock_.now() + kAnswersWithin;
  for (;;) {
    const uint64_t seen = met_.version();
    const bool are_all = std::ranges::all_of(sites_, [](const Site& site) { return site.is_met; });
    const bool is_any = std::ranges::any_of(sites_, [](const Site& site) { return site.is_ready(); });
    if (are_all || (is_any && clock_.now() >= enough)) co_return;
    co_await met_.wait(seen, is_any ? enough : SteadyTime::max());
  }
}

const Planned& Copy::planned(const oci::Digest& digest) const {
  return *std::ranges::find(plan_.manifests, digest, [](const Planned& one) { return one.manifest.digest; });
}

// ---- blobs ----

Awaitable<void> Copy::copy_blobs(Call call) {
  while (!waiting_.empty() && !failure_) {
    const PlannedBlob blob = waiting_.front();
    waiting_.pop_front();
    auto copied = co_await copy_blob(call, blob);
    if (!copied && !failure_) failure_ = std::move(copied).error();
    ++blobs_done_;
    bytes_done_ += blob.name.size_bytes;
  }
}

Awaitable<bool> Copy::is_lacking(Call call, Site& site, const blob::BlobName& name) {
  const auto there = co_await site.target.to.has_blob(std::move(call), site.target.repository, name);
  if (!there) {
    site.fail_with(there.error());
    co_return false;
  }
  if (*there) ++site.report.blobs_there;
  co_return !*there;
}

/// The error is the source's: what happens at a target is the target's own.
Task<void> Copy::copy_blob(Call call, PlannedBlob blob) {
  std::vector<Site*> lacking;
  for (Site& site : sites_) {
    if (!site.is_alive()) continue;
    const bool is_one = co_await is_lacking(call, site, blob.name);
    if (is_one) lacking.push_back(&site);
  }
  if (lacking.empty()) co_return Status{};
  if (blob.is_optional) {
    Reading reading({order_.from, clock_, order_.repository, blob.name}, 0);
    const Status opened = co_await reading.open(call);
    if (!opened && opened.error().code() == ErrorCode::not_found) co_return Status{};
  }
  if (order_.is_dry_run) {
    for (Site* site : lacking) {
      ++site->report.blobs_sent;
      site->report.bytes_sent += blob.name.size_bytes;
    }
    co_return Status{};
  }
  // Of several repositories of one registry the first gets the bytes, and the others mount them from there.
  std::vector<std::pair<Site*, Taker>> first;
  std::vector<std::pair<Site*, Site*>> later;
  std::vector<Site*> firsts;
  for (Site* site : lacking) {
    const auto before = std::ranges::find(firsts, &site->target.to, [](Site* one) { return &one->target.to; });
    if (before != firsts.end()) {
      later.emplace_back(site, *before);
      continue;
    }
    firsts.push_back(site);
    co_await begin(call, *site, blob.name, site->target.mount_from, first);
  }
  LB_CO_CHECK(co_await send(call, blob.name, first));
  for (const auto& [site, before] : later) {
    const auto from = before->is_alive() ? std::optional(before->target.repository) : site->target.mount_from;
    std::vector<std::pair<Site*, Taker>> one;
    co_await begin(call, *site, blob.name, from, one);
    LB_CO_CHECK(co_await send(call, blob.name, one));
  }
  co_return Status{};
}

Awaitable<void> Copy::begin(Call call, Site& site, const blob::BlobName& name,
                            std::optional<oci::Repository> mount_from, std::vector<std::pair<Site*, Taker>>& takers) {
  auto begun = co_await site.target.to.begin(std::move(call), site.target.repository, name, std::move(mount_from));
  if (!begun) {
    site.fail_with(std::move(begun).error());
  } else if (*begun == nullptr) {
    ++site.report.blobs_mounted;
  } else {
    Taker taker{.upload = std::move(*begun)};
    takers.emplace_back(&site, std::move(taker));
  }
}

Task<void> Copy::send(Call call, const blob::BlobName& name, std::vector<std::pair<Site*, Taker>>& takers) {
  if (takers.empty()) co_return Status{};
  std::vector<Taker> all;
  for (auto& [site, taker] : takers) all.push_back(std::move(taker));
  under_way_.push_back({.name = name});
  const auto told = [this, &name](uint64_t given) {
    const auto own = std::ranges::find(under_way_, name.digest, [](const auto& one) { return one.name.digest; });
    own->given_bytes = given;
  };
  const Reading::Of of{order_.from, clock_, order_.repository, name};
  auto sent = co_await spread(std::move(call), of, all, told);
  std::erase_if(under_way_, [&](const BlobUnderWay& one) { return one.name.digest == name.digest; });
  if (!sent) co_return std::unexpected(std::move(sent).error());
  for (std::size_t i = 0; i < all.size(); ++i) {
    Site& site = *takers[i].first;
    if (all[i].failure) {
      site.fail_with(std::move(*all[i].failure));
    } else {
      ++site.report.blobs_sent;
      site.report.bytes_sent += name.size_bytes;
    }
  }
  co_return Status{};
}

// ---- what names them ----

Awaitable<void> Copy::complete(Call call, Site& site) {
  if (!site.is_alive()) co_return;
  auto done = co_await put_manifests(call, site);
  if (done && !order_.is_dry_run) {
    done = co_await list_referrers(call, site);
    if (done) done = co_await verify(call, site);
    if (done) done = co_await put_tags(std::move(call), site);
  }
  if (!done) site.fail_with(std::move(done).error());
  site.is_whole = done.has_value();
}

Task<void> Copy::put_manifests(Call call, Site& site) {
  blob::Destination& to = site.target.to;
  for (const Planned& one : plan_.manifests) {
    const oci::Reference reference(one.manifest.digest);
    LB_CO_TRY(const bool is_there,
              co_await to.has_manifest(call, site.target.repository, reference, one.manifest.digest));
    if (is_there) {
      ++site.report.manifests_there;
      // Who put it may have been cut off before it was listed.
      if (one.subject) site.unlisted.insert(*one.subject);
      continue;
    }
    ++site.report.manifests_sent;
    if (order_.is_dry_run) continue;
    auto put = co_await to.put_manifest(call, site.target.repository, reference, one.manifest);
    if (!put) {
      const bool is_of_sparse = plan_.is_sparse && put.error().code() == ErrorCode::invalid;
      if (!is_of_sparse) co_return std::unexpected(std::move(put).error());
      co_return std::unexpected(std::move(put).error().with_context(
          "(it may take no index without all of its children: copy all platforms)"));
    }
    if (one.subject && !put->is_subject_listed) site.unlisted.insert(*one.subject);
  }
  co_return Status{};
}

/// For a registry that knows no referrers, whoever pushes one keeps the list (OCI distribution-spec 1.1, "Pushing
/// Manifests with Subject").
Task<void> Copy::list_referrers(Call call, Site& site) {
  for (const oci::Digest& subject : site.unlisted) {
    LB_CO_TRY(auto listed, co_await site.target.check.referrers(call, site.target.repository, subject));
    const std::size_t known = listed.size();
    for (const Planned& one : plan_.manifests) {
      const bool is_listed =
          std::ranges::any_of(listed, [&](const oci::Referrer& other) { return other.digest == one.manifest.digest; });
      if (one.subject != subject || is_listed) continue;
      LB_CO_TRY(const auto manifest, oci::Manifest::parse(as_bytes(one.manifest.bytes), ""));
      listed.push_back({.digest = one.manifest.digest,
                        .media_type = one.manifest.media_type.to_string(),
                        .size_bytes = one.manifest.bytes.size(),
                        .artifact_type = manifest.artifact_type,
                        .annotations_json = manifest.annotations_json});
    }
    if (listed.size() == known) continue;
    blob::ManifestToPut list{.bytes = oci::render_referrers(listed),
                             .media_type = *oci::MediaType::parse(oci::kOciIndex),
                             .digest = nothing()};
    list.digest = oci::Digest::of(HashAlgorithm::sha256, as_bytes(list.bytes));
    const oci::Reference tag(referrers_tag(subject));
    LB_CO_TRY(const auto put, co_await site.target.to.put_manifest(call, site.target.repository, tag, std::move(list)));
    (void)put;
  }
  co_return Status{};
}

Task<void> Copy::verify(Call call, Site& site) {
  std::vector<verify::Name> names;
  for (const Planned& one : plan_.manifests) {
    const bool is_attached =
        std::ranges::any_of(plan_.attached, [&](const auto& pair) { return pair.second == one.manifest.digest; });
    const bool is_top = one.manifest.digest == plan_.root || one.subject || is_attached;
    if (is_top) names.push_back({site.target.repository, oci::Reference(one.manifest.digest)});
  }
  for (int looks = 1;; ++looks) {
    verify::Walk walk(site.target.check, clock_, {.platforms = order_.platforms, .jobs = order_.jobs});
    co_await walk.look(call, names);
    const verify::Report report = walk.report();
    if (verify::outcome_of(report) == verify::Verdict::Outcome::whole) co_return Status{};
    if (looks < kLooksMax) {
      co_await clock_.sleep_until(clock_.now() + kLookAgain);
      continue;
    }
    std::string why = report.given_up;
    for (const verify::Verdict& verdict : report.verdicts) {
      if (why.empty() && !verdict.findings.empty()) why = words_of(verdict.findings.front());
    }
    co_return fail(code_of(report), "cannot verify the copy in '" + site.target.name + "': " + why);
  }
}

Task<void> Copy::put_tags(Call call, Site& site) {
  for (const auto& [tag, digest] : plan_.attached) LB_CO_CHECK(co_await put_tag(call, site, tag, digest));
  for (const oci::Tag& tag : site.target.tags) LB_CO_CHECK(co_await put_tag(call, site, tag, plan_.root));
  co_return Status{};
}

Task<void> Copy::put_tag(Call call, Site& site, oci::Tag tag, oci::Digest digest) {
  blob::Destination& to = site.target.to;
  const oci::Reference reference(tag);
  LB_CO_TRY(const bool means_it, co_await to.has_manifest(call, site.target.repository, reference, digest));
  if (means_it) co_return Status{};
  const blob::ManifestToPut& manifest = planned(digest).manifest;
  LB_CO_TRY(const auto put, co_await to.put_manifest(call, site.target.repository, reference, manifest));
  (void)put;
  LB_CO_TRY(const bool means_it_now, co_await to.has_manifest(call, site.target.repository, reference, digest));
  if (means_it_now) co_return Status{};
  co_return fail(ErrorCode::corrupt, "cannot put tag '" + site.target.name + ":" + tag.to_string() +
                                         "': it was taken, and means something else");
}

}  // namespace lifeboat::registry::copy
