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
/// The same for a question about one blob, when another has answered it.
constexpr Duration kBlobAnswersWithin = std::chrono::seconds(2);

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
  bool is_whole = false;            ///< all of it is there
  unsigned asked = 0;               ///< questions that it has not answered
  bool is_left = false;             ///< behind in the copying that runs, until it has answered
  bool is_waited_for = false;       ///< however long: it was left behind once, or is local
  std::set<oci::Digest> settled{};  ///< blobs of which the report says what became of them
  bool is_alive() const { return is_at_work && !report.failure; }
  bool holds_others() const { return is_waited_for && !is_left; }
  bool is_ready() const { return is_met && !is_taken && !report.failure; }
  void fail_with(Error error) {
    if (!report.failure) report.failure = std::move(error);
  }
};

/// One question to several sites.
struct Copy::Asked {
  std::set<Site*> open{};  ///< have not answered
  bool is_any = false;     ///< some have
  bool is_over = false;    ///< who answers now is late
  std::set<Site*> lacking{};
  std::map<Site*, Taker> takers{};
  sys::Notification changed{};
};

Copy::Copy(sys::Clock& clock, CopyOrder order, std::vector<Target> targets)
    : clock_(clock), order_(std::move(order)), plan_{.root = nothing()} {
  for (Target& target : targets) {
    TargetReport report{.name = target.name};
    const bool is_local = target.is_local;
    sites_.push_back({.target = std::move(target), .report = std::move(report), .is_waited_for = is_local});
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

/// Asks something small, to know whether anybody is there. A blob, if there is one: who is a cache as well may have to
/// ask another registry for a manifest of a repository that it does not know yet, and that one may be down.
Awaitable<void> Copy::meet(Call call, Site& site) {
  blob::Destination& to = site.target.to;
  const oci::Repository& repository = site.target.repository;
  Task<bool> question = plan_.blobs.empty()
                            ? to.has_manifest(std::move(call), repository, oci::Reference(plan_.root), plan_.root)
                            : to.has_blob(std::move(call), repository, plan_.blobs.front().name);
  const auto answer = co_await std::move(question);
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

/// Asks all at once. In their order.
Awaitable<std::vector<Copy::Site*>> Copy::lacking(Call call, blob::BlobName name) {
  const auto asked = std::make_shared<Asked>();
  std::vector<Site*> alive;
  for (Site& site : sites_) {
    if (site.is_alive()) alive.push_back(&site);
  }
  asked->open.insert(alive.begin(), alive.end());
  for (Site* site : alive) co_await sys::start_beside(ask_blob(call, *site, name, asked));
  co_await wait_for(asked);
  std::erase_if(alive, [&](Site* site) { return !site->is_alive() || !asked->lacking.contains(site); });
  co_return alive;
}

Awaitable<void> Copy::ask_blob(Call call, Site& site, blob::BlobName name, std::shared_ptr<Asked> asked) {
  ++site.asked;
  const auto there = co_await site.target.to.has_blob(std::move(call), site.target.repository, name);
  if (!there) site.fail_with(there.error());
  if (there && !asked->is_over) {
    if (!*there) asked->lacking.insert(&site);
    if (*there && site.settled.insert(name.digest).second) ++site.report.blobs_there;
  }
  note_answer(site, *asked, there.has_value());
}

void Copy::note_answer(Site& site, Asked& asked, bool is_one) {
  --site.asked;
  if (!asked.is_over) {
    asked.open.erase(&site);
    asked.is_any = asked.is_any || is_one;
    asked.changed.notify_all();
  }
  if (!site.is_left || site.asked > 0) return;
  site.is_left = site.is_taken = false;
  site.is_met = true;
  met_.notify_all();
}

/// Returns when all have answered; who keeps others waiting is left behind, and gets its copy when it has answered.
Awaitable<void> Copy::wait_for(std::shared_ptr<Asked> asked) {
  const SteadyTime enough = clock_.now() + kBlobAnswersWithin;
  for (;;) {
    const uint64_t seen = asked->changed.version();
    const bool may_go = asked->is_any && std::ranges::none_of(asked->open, &Site::holds_others);
    if (asked->open.empty() || (may_go && clock_.now() >= enough)) break;
    co_await asked->changed.wait(seen, may_go ? enough : SteadyTime::max());
  }
  asked->is_over = true;
  for (Site* late : asked->open) {
    late->is_left = late->is_waited_for = true;
    late->is_at_work = late->is_met = false;
  }
}

/// The error is the source's: what happens at a target is the target's own.
Task<void> Copy::copy_blob(Call call, PlannedBlob blob) {
  const std::vector<Site*> those = co_await lacking(call, blob.name);
  if (those.empty()) co_return Status{};
  if (blob.is_optional) {
    Reading reading({order_.from, clock_, order_.repository, blob.name}, 0);
    const Status opened = co_await reading.open(call);
    if (!opened && opened.error().code() == ErrorCode::not_found) co_return Status{};
  }
  if (order_.is_dry_run) {
    for (Site* site : those) {
      if (!site->settled.insert(blob.name.digest).second) continue;
      ++site->report.blobs_sent;
      site->report.bytes_sent += blob.name.size_bytes;
    }
    co_return Status{};
  }
  // Of several repositories of one registry the first gets the bytes, and the others mount them from there.
  std::vector<std::pair<Site*, Site*>> later;
  std::vector<Site*> firsts;
  for (Site* site : those) {
    const auto before = std::ranges::find(firsts, &site->target.to, [](Site* one) { return &one->target.to; });
    if (before != firsts.end()) {
      later.emplace_back(site, *before);
      continue;
    }
    firsts.push_back(site);
  }
  const auto asked = std::make_shared<Asked>();
  asked->open.insert(firsts.begin(), firsts.end());
  for (Site* site : firsts) {
    co_await sys::start_beside(begin(call, *site, blob.name, site->target.mount_from, asked));
  }
  co_await wait_for(asked);
  LB_CO_CHECK(co_await send(call, blob.name, asked->takers));
  for (const auto& [site, before] : later) {
    const auto from = before->is_alive() ? std::optional(before->target.repository) : site->target.mount_from;
    if (!site->is_alive()) continue;
    const auto one = std::make_shared<Asked>();
    one->open.insert(site);
    co_await begin(call, *site, blob.name, from, one);
    one->is_over = true;
    LB_CO_CHECK(co_await send(call, blob.name, one->takers));
  }
  co_return Status{};
}

Awaitable<void> Copy::begin(Call call, Site& site, blob::BlobName name, std::optional<oci::Repository> mount_from,
                            std::shared_ptr<Asked> asked) {
  ++site.asked;
  auto begun = co_await site.target.to.begin(std::move(call), site.target.repository, name, std::move(mount_from));
  const bool is_begun = begun.has_value();
  if (!begun) {
    site.fail_with(std::move(begun).error());
  } else if (*begun == nullptr) {
    if (site.settled.insert(name.digest).second) ++site.report.blobs_mounted;
  } else if (!asked->is_over) {
    Taker taker{.upload = std::move(*begun)};
    asked->takers.emplace(&site, std::move(taker));
  }
  note_answer(site, *asked, is_begun);
}

Task<void> Copy::send(Call call, const blob::BlobName& name, std::map<Site*, Taker>& takers) {
  if (takers.empty()) co_return Status{};
  std::vector<Taker> all;
  std::vector<Site*> sites;
  for (auto& [site, taker] : takers) {
    sites.push_back(site);
    all.push_back(std::move(taker));
  }
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
    Site& site = *sites[i];
    if (all[i].failure) {
      site.fail_with(std::move(*all[i].failure));
    } else if (site.settled.insert(name.digest).second) {
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
