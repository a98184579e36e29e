#include "registry/upkeep/prober.h"

#include <algorithm>
#include <limits>
#include <set>
#include <utility>

#include "oci/glob.h"

namespace lifeboat::registry {
namespace {

using verify::Verdict;

constexpr Duration kStoreWithin = std::chrono::seconds(30);
constexpr Duration kAskWithin = std::chrono::minutes(2);
/// Before a tour that was interrupted goes on.
constexpr Duration kGoOnAfter = std::chrono::minutes(1);
constexpr std::size_t kRepositoriesPage = 100;
/// Between looks at the rate limit.
constexpr std::size_t kNamesAtATime = 50;
/// Manifests and blobs of a repository that are remembered as looked at.
constexpr std::size_t kThingsKept = 20'000;
constexpr std::size_t kShownMax = 5;
/// Questions of a tour that the registry it is compared with may leave without an answer. Each takes long, and the
/// target has to be looked at meanwhile.
constexpr unsigned kOtherOutagesMax = 3;

bool has_star(const std::string& text) { return text.contains('*'); }

bool matches_any(const std::vector<std::string>& patterns, const std::string& text) {
  return patterns.empty() ||
         std::ranges::any_of(patterns, [&](const auto& pattern) { return oci::matches_glob(pattern, text); });
}

/// "missing, layer 2 of 7 sha256:…, 404 Not Found": the first of what is wrong.
std::string text_of(const Verdict& verdict) {
  std::string text;
  std::size_t more = 0;
  for (const verify::Finding& one : verdict.findings) {
    if (!verify::is_wrong(one.fault.kind)) continue;
    if (!text.empty()) {
      ++more;
      continue;
    }
    const verify::Step& subject = one.path.back();
    text = std::string(to_string(one.fault.kind)) + ", " + std::string(to_string(subject.part));
    if (!subject.note.empty()) text += " " + subject.note;
    if (subject.digest) text += " " + subject.digest->to_string();
    text += ", " + one.fault.detail;
  }
  return more == 0 ? text : text + ", and " + std::to_string(more) + " more";
}

std::unexpected<Error> stopped() { return fail(ErrorCode::cancelled, "the probe is stopped"); }

bool hides_catalog(ErrorCode code) {
  return code == ErrorCode::not_found || code == ErrorCode::unsupported || code == ErrorCode::unauthorized ||
         code == ErrorCode::denied || code == ErrorCode::invalid;
}

}  // namespace

Prober::Prober(Parts parts, ProberOptions options)
    : parts_(parts),
      options_(std::move(options)),
      is_by_name_(!options_.repositories.empty() && std::ranges::none_of(options_.repositories, has_star)),
      failures_(parts.metrics.gauge("registry_manifest_integrity_failures",
                                    "Tags of a probed registry that cannot be pulled whole.",
                                    {{"target", options_.name}})),
      accessible_(parts.metrics.gauge("registry_manifest_integrity_catalog_accessible",
                                      "1 when the names of a probed registry's repositories can be had.",
                                      {{"target", options_.name}})),
      repositories_checked_(parts.metrics.gauge("registry_manifest_integrity_repos_checked",
                                                "Repositories that the last whole tour went over.",
                                                {{"target", options_.name}})),
      tags_checked_(parts.metrics.gauge("registry_manifest_integrity_tags_checked",
                                        "Tags that the last whole tour went over.", {{"target", options_.name}})),
      indexes_checked_(parts.metrics.gauge("registry_manifest_integrity_indexes_checked",
                                           "Indexes that the last whole tour went over.", {{"target", options_.name}})),
      last_run_(parts.metrics.gauge("registry_manifest_integrity_last_run_timestamp",
                                    "When the last whole tour ended, in Unix seconds; 0: none has.",
                                    {{"target", options_.name}})),
      unknown_(parts.metrics.gauge("lifeboat_probe_unknown_tags",
                                   "Tags of which the last whole tour could not find out whether they are whole.",
                                   {{"target", options_.name}})),
      diverging_(parts.metrics.gauge("lifeboat_probe_diverging_tags",
                                     "Tags that another registry has otherwise, or not, or alone.",
                                     {{"target", options_.name}})),
      every_(parts.metrics.gauge("lifeboat_probe_every_seconds",
                                 "From the start of one tour to that of the next, as it is configured.",
                                 {{"target", options_.name}})) {
  shown_.with([&](ProbeState& shown) { shown.name = options_.name; });
  if (!options_.is_successor) hide();  // until it is known what was found before: a zero would end an alert
  every_.set(static_cast<double>(options_.every.count()) / 1000);
}

ProbeState Prober::state() const {
  return shown_.with([](const ProbeState& shown) { return shown; });
}

Awaitable<void> Prober::run() {
  if (!is_restored_) co_await restore();
  if (finished_ && !started_) {
    const Duration since = parts_.clock.wall() - *finished_;
    co_await rest(std::clamp(options_.every - since, Duration(0), options_.every));
  }
  while (!is_stopping_) {
    const Duration pause = co_await tour();
    co_await rest(pause);
  }
  if (is_retired_) hide();
}

Awaitable<void> Prober::rest(Duration pause) {
  const uint64_t seen = stop_asked_.version();
  if (is_stopping_) co_return;
  co_await stop_asked_.wait(seen, parts_.clock.now() + pause);
}

void Prober::go_on_from(const Prober& before) {
  book_ = before.book_;
  started_ = before.started_;
  finished_ = before.finished_;
  is_restored_ = true;
  show(false);
}

void Prober::stop() {
  is_stopping_ = true;
  stop_asked_.notify_all();
}

/// What runs may show itself once more; run() hides it at its end.
void Prober::retire() {
  is_retired_ = true;
  hide();
  stop();
}

void Prober::hide() {
  for (sys::Gauge* gauge : {&failures_, &accessible_, &repositories_checked_, &tags_checked_, &indexes_checked_,
                            &last_run_, &unknown_, &diverging_, &every_}) {
    gauge->set(std::numeric_limits<double>::quiet_NaN());
  }
}

Awaitable<void> Prober::restore() {
  const Call call(parts_.clock.now() + kStoreWithin, "probe");
  const auto noted = co_await parts_.tours.find(call, "probe/" + options_.name);
  if (!noted) {
    parts_.log.warning("probe.cannot_read", {{"target", options_.name}, {"reason", noted.error().message()}});
  } else if (*noted) {
    book_ = ProbeBook::decode((*noted)->position);
    started_ = (*noted)->started;
    finished_ = (*noted)->finished;
  }
  is_restored_ = true;
  show(false);
}

Awaitable<Duration> Prober::tour() {
  const SteadyTime began = parts_.clock.now();
  other_outages_ = 0;
  if (!started_) {
    started_ = parts_.clock.wall();
    book_.done.clear();
    book_.under_way = {};
  }
  show(true);
  const Status done = co_await go_over_all();
  if (is_stopping_ && !done) {
    show(false);
    keep();
    co_return Duration(0);
  }
  const std::string error = done ? "" : done.error().message();
  if (!done && last_error_.empty()) {
    parts_.log.warning("probe.interrupted", {{"target", options_.name}, {"behind", book_.done}, {"reason", error}});
  }
  last_error_ = error;
  if (done) {
    forget_unseen();
    book_.last = book_.under_way;
    started_.reset();
    finished_ = parts_.clock.wall();
  }
  show(false);
  keep();
  const bool is_limited = !done && done.error().code() == ErrorCode::too_many;
  if (!done && !is_limited) co_return std::min(options_.every, kGoOnAfter);
  const Duration took = std::chrono::duration_cast<Duration>(parts_.clock.now() - began);
  co_return std::max(options_.every - took, Duration(0));
}

/// Those behind the one that was done last; none: it was the last.
Task<std::vector<oci::Repository>> Prober::next_repositories() {
  std::vector<oci::Repository> next;
  if (is_by_name_) {
    std::set<std::string> names(options_.repositories.begin(), options_.repositories.end());
    for (const std::string& name : names) {
      auto repository = oci::Repository::parse(name);
      if (name > book_.done && repository) next.push_back(std::move(*repository));
    }
    co_return next;
  }
  const Call call(parts_.clock.now() + kAskWithin, "probe");
  auto page = co_await parts_.target.repositories(call, book_.done, kRepositoriesPage);
  if (page || hides_catalog(page.error().code())) book_.is_accessible = page.has_value();
  if (!page) co_return std::unexpected(std::move(page).error());
  co_return std::move(page->repositories);
}

bool Prober::is_wanted(const oci::Repository& repository) const {
  const std::string& name = repository.to_string();
  const std::string first = name.substr(0, name.find('/'));
  const bool is_of_host = first.size() < name.size() && first.find_first_of(".:") != first.npos;
  if (!options_.leaves_out_hosts || !is_of_host) return matches_any(options_.repositories, name);
  return std::ranges::any_of(options_.repositories, [&](const std::string& pattern) {
    return pattern.starts_with(first + "/") && oci::matches_glob(pattern, name);
  });
}

Task<void> Prober::go_over_all() {
  std::set<oci::Repository> seen;
  for (;;) {
    LB_CO_TRY(const auto repositories, co_await next_repositories());
    const std::size_t before = seen.size();
    for (const oci::Repository& repository : repositories) {
      if (!seen.insert(repository).second) continue;
      if (is_stopping_) co_return stopped();
      if (is_wanted(repository)) {
        LB_CO_CHECK(co_await go_over(repository));
      }
      book_.done = repository.to_string();
    }
    // Nothing new is the end also where a catalog begins anew.
    if (seen.size() == before) co_return Status{};
    keep();
  }
}

Task<void> Prober::go_over(oci::Repository repository) {
  const Call call(SteadyTime::max(), "probe");
  const std::function<bool(const oci::Tag&)> accepts = [this](const oci::Tag& tag) {
    return matches_any(options_.tags, tag.to_string());
  };
  auto names = co_await verify::tags_of(call, parts_.target, repository, accepts);
  const auto code = names ? std::nullopt : std::optional(names.error().code());
  if (code == ErrorCode::not_found) co_return Status{};  // without a tag some registries know no repository
  if (!names && code != ErrorCode::denied) co_return std::unexpected(std::move(names).error());
  if (!names) {
    ++book_.under_way.unknown;
    book_.broken.keep_all_of(repository.to_string());
    book_.diverging.keep_all_of(repository.to_string());
    co_return Status{};
  }
  // Made anew when it has grown: what many tags share is then asked for once more, and memory has a bound.
  std::optional<verify::Walk> walk;
  std::vector<Found> found;
  std::size_t unknown = 0;
  std::size_t tags = 0;
  for (std::size_t from = 0; from < names->size(); from += kNamesAtATime) {
    if (is_stopping_) co_return stopped();
    if (parts_.target.is_short_of_requests()) {
      co_return fail(ErrorCode::too_many, "it will soon take no more requests");
    }
    if (!walk || walk->progress().done > kThingsKept) {
      if (walk) book_.under_way.indexes += walk->totals().indexes;
      walk.emplace(parts_.target, parts_.clock, verify::WalkOptions{.jobs = options_.requests_max});
    }
    const auto begin = names->begin() + static_cast<std::ptrdiff_t>(from);
    const std::size_t count = std::min(kNamesAtATime, names->size() - from);
    std::vector<verify::Name> some(begin, begin + static_cast<std::ptrdiff_t>(count));
    co_await walk->look(call, some);
    co_await walk->forget_deleted(call, some);
    // Here, not at the end: the loop serves clients too.
    for (const verify::Name& name : some) {
      if (!walk->has(name)) continue;
      ++tags;
      const Verdict verdict = walk->verdict_of(name);
      note(verdict);
      if (verdict.outcome() == Verdict::Outcome::unknown) ++unknown;
      found.push_back({name.reference, verdict.digest});
    }
    if (walk->given_up().empty()) continue;
    // It may be the target that is down, or so much that is broken alike.
    const auto again = co_await parts_.target.tags(call, repository, "", 1);
    if (!again) co_return fail(again.error().code(), walk->given_up());
    book_.under_way.indexes += walk->totals().indexes;
    walk.reset();
  }
  ++book_.under_way.repositories;
  book_.under_way.unknown += unknown;
  book_.under_way.tags += tags;
  if (walk) book_.under_way.indexes += walk->totals().indexes;
  walk.reset();
  if (parts_.other != nullptr) co_await compare(std::move(repository), std::move(found));
  show(true);
  co_return Status{};
}

void Prober::note(const Verdict& verdict) {
  const std::string name = verdict.name.to_string();
  const auto outcome = verdict.outcome();
  if (outcome == Verdict::Outcome::unknown) return book_.broken.keep(name);
  const std::string text = outcome == Verdict::Outcome::broken ? text_of(verdict) : "";
  switch (book_.broken.note(name, text)) {
    case FaultBook::Change::appeared:
    case FaultBook::Change::changed:
      parts_.log.error("probe.broken", {{"target", options_.name}, {"name", name}, {"fault", text}});
      break;
    case FaultBook::Change::cleared:
      parts_.log.info("probe.whole_again", {{"target", options_.name}, {"name", name}});
      break;
    case FaultBook::Change::none: break;
  }
}

/// The tags of both, by a HEAD for each: at the same moment, so that a push between two tours is no difference.
Awaitable<void> Prober::compare(oci::Repository repository, std::vector<Found> found) {
  std::set<oci::Reference> here;
  for (const Found& one : found) {
    if (is_other_silent()) break;
    here.insert(one.tag);
    if (one.digest) co_await compare_one(repository, one.tag, one.digest);
  }
  if (is_other_silent()) co_return book_.diverging.keep_all_of(repository.to_string());
  const Call call(parts_.clock.now() + kAskWithin, "probe");
  const std::function<bool(const oci::Tag&)> accepts = [&](const oci::Tag& tag) {
    return matches_any(options_.tags, tag.to_string()) && !here.contains(oci::Reference(tag));
  };
  const auto alone = co_await verify::tags_of(call, *parts_.other, repository, accepts);
  if (!alone) learn_of_other(alone.error());
  const bool is_unknown = !alone && alone.error().code() != ErrorCode::not_found;
  if (is_unknown) book_.diverging.keep_all_of(repository.to_string());
  if (!alone) co_return;
  for (const verify::Name& name : *alone) {
    if (is_other_silent()) co_return book_.diverging.keep_all_of(repository.to_string());
    co_await compare_one(repository, name.reference, std::nullopt);
  }
}

bool Prober::is_other_silent() const { return other_outages_ >= kOtherOutagesMax; }

void Prober::learn_of_other(const Error& error) {
  if (verify::fault_of_list(error).kind != verify::FaultKind::unreachable) return;
  if (++other_outages_ != kOtherOutagesMax) return;
  parts_.log.warning("probe.cannot_compare",
                     {{"target", options_.name}, {"other", options_.other}, {"reason", error.message()}});
}

Awaitable<void> Prober::compare_one(oci::Repository repository, oci::Reference tag, std::optional<oci::Digest> digest) {
  const std::string name = verify::Name{repository, tag}.to_string();
  const Call call(parts_.clock.now() + kAskWithin, "probe");
  constexpr auto kManifest = blob::Inspector::Thing::manifest;
  std::string text;
  for (int look = 0; look < 2; ++look) {
    const auto other = co_await parts_.other->head(call, repository, kManifest, tag);
    const bool is_absent = !other && other.error().code() == ErrorCode::not_found;
    if (!other) learn_of_other(other.error());
    if (!other && !is_absent) co_return book_.diverging.keep(name);
    const std::string there = is_absent       ? "nothing"
                              : other->digest ? other->digest->to_string()
                                              : "what tells no digest";
    const std::string here = digest ? digest->to_string() : "nothing";
    text = here == there ? "" : "here " + here + ", " + options_.other + " has " + there;
    if (text.empty()) break;
    // It may have moved since it was looked at.
    const auto own = co_await parts_.target.head(call, repository, kManifest, tag);
    const bool is_gone = !own && own.error().code() == ErrorCode::not_found;
    if (own && own->digest) digest = own->digest;
    if (is_gone) digest.reset();
  }
  note_difference(name, text);
}

void Prober::note_difference(const std::string& name, const std::string& text) {
  switch (book_.diverging.note(name, text)) {
    case FaultBook::Change::appeared:
    case FaultBook::Change::changed:
      parts_.log.warning("probe.diverging", {{"target", options_.name}, {"name", name}, {"fault", text}});
      break;
    case FaultBook::Change::cleared:
      parts_.log.info("probe.equal_again", {{"target", options_.name}, {"name", name}});
      break;
    case FaultBook::Change::none: break;
  }
}

void Prober::forget_unseen() {
  for (const std::string& name : book_.broken.end_tour()) {
    parts_.log.info("probe.gone", {{"target", options_.name}, {"name", name}});
  }
  (void)book_.diverging.end_tour();
}

void Prober::show(bool is_running) {
  if (is_retired_) return;
  failures_.set(static_cast<double>(book_.broken.size()));
  diverging_.set(static_cast<double>(book_.diverging.size()));
  accessible_.set(book_.is_accessible ? 1 : 0);
  repositories_checked_.set(static_cast<double>(book_.last.repositories));
  tags_checked_.set(static_cast<double>(book_.last.tags));
  indexes_checked_.set(static_cast<double>(book_.last.indexes));
  unknown_.set(static_cast<double>(book_.last.unknown));
  last_run_.set(finished_ ? static_cast<double>(finished_->time_since_epoch().count()) / 1000 : 0);
  every_.set(static_cast<double>(options_.every.count()) / 1000);
  ProbeState state{.name = options_.name,
                   .is_running = is_running,
                   .is_accessible = book_.is_accessible,
                   .last_run = finished_,
                   .counts = book_.last,
                   .broken = book_.broken.size(),
                   .diverging = book_.diverging.size(),
                   .first = book_.broken.first(kShownMax),
                   .last_error = last_error_};
  const std::size_t room = kShownMax - state.first.size();
  std::ranges::move(book_.diverging.first(room), std::back_inserter(state.first));
  shown_.with([&](ProbeState& shown) { shown = std::move(state); });
}

void Prober::keep() {
  parts_.tours.note("probe/" + options_.name, {.position = book_.encode(), .started = started_, .finished = finished_});
}

}  // namespace lifeboat::registry
