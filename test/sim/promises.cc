#include "test/sim/promises.h"

#include <algorithm>

#include "oci/digest.h"

namespace lifeboat::sim {
namespace {

using std::chrono::seconds;

/// HandlerOptions::answer_within and FreshnessPolicy::revalidate_within, and what the simulated clock's grain adds.
constexpr Duration kAnswerWithin{2'000};
constexpr Duration kRevalidateWithin{1'000};
constexpr Duration kGrain{20};
/// An answer speaks of a moment at most so long ago: the asking it is from may have gone through several endpoints.
constexpr Duration kAskingTakes{12'000};

std::string digest_of(const std::string& bytes) {
  return oci::Digest::of(HashAlgorithm::sha256, as_bytes(bytes)).to_string();
}

}  // namespace

std::string Question::to_string() const {
  std::string text = is_head ? "HEAD " : "GET ";
  text += host->name + "/" + repository->name + (kind == Kind::blob ? " blob " : " manifest ") + brief(reference);
  if (from > 0) text += " from " + std::to_string(from);
  return text;
}

struct Promises::Case {
  const Question& question;
  const Before& before;
  const SimReply& reply;
  Duration took;
  bool is_stale;
  std::string digest;  ///< as the head says
};

std::string Promises::key_of(const SimHost& host, const SimRepository& repository) {
  return host.name + "/" + repository.name;
}

const Promises::Owed* Promises::find(const SimHost& host, const SimRepository& repository) const {
  const auto found = owed_.find(key_of(host, repository));
  return found == owed_.end() ? nullptr : &found->second;
}

const std::set<std::string>& Promises::manifests_owed(const SimHost& host, const SimRepository& repository) const {
  static const std::set<std::string> none;
  const Owed* owed = find(host, repository);
  return owed == nullptr ? none : owed->manifests;
}

const std::set<std::string>& Promises::blobs_owed(const SimHost& host, const SimRepository& repository) const {
  static const std::set<std::string> none;
  const Owed* owed = find(host, repository);
  return owed == nullptr ? none : owed->blobs;
}

bool Promises::is_tag_owed(const SimHost& host, const SimRepository& repository, const std::string& tag) const {
  const Owed* owed = find(host, repository);
  return owed != nullptr && owed->tags.contains(tag);
}

Promises::Before Promises::before(const Question& question, const House& house) const {
  Before before;
  before.at = report_.now();
  before.are_breakers_open = house.are_all_breakers_open(*question.host);
  before.is_asking = watch_.is_asking(*question.host);
  before.requests = watch_.requests(*question.host);
  const Owed* owed = find(*question.host, *question.repository);
  if (owed == nullptr) return before;
  if (question.is_tag()) {
    const auto tag = owed->tags.find(question.reference);
    before.is_owed = tag != owed->tags.end();
    if (before.is_owed) {
      before.newest = tag->second;
      const auto& versions = question.repository->find_tag(question.reference)->versions;
      for (std::size_t version = 0; version <= *before.newest; ++version) {
        const bool is_this_whole = is_whole(question, versions.at(version).digest);
        before.is_any_whole = before.is_any_whole || is_this_whole;
        before.is_newest_whole = is_this_whole;
      }
    }
  } else {
    const auto& known = question.kind == Question::Kind::blob ? owed->blobs : owed->manifests;
    before.is_owed = known.contains(question.reference);
  }
  return before;
}

void Promises::fault(const Case& it, const std::string& text) {
  report_.fault(it.question.to_string() + ", asked at " + to_text(it.before.at) + ": " + text);
}

void Promises::compare(const Question& question, const Before& before, const SimReply& reply, const House& house) {
  const SteadyTime now = sys::SystemClock().now();
  const Duration took = report_.now() - before.at - std::chrono::duration_cast<Duration>(now - reply.answered);
  const Case it{
      question, before, reply, took, reply.fields.find("Warning").has_value(), reply.field("Docker-Content-Digest")};
  report_.note(question.to_string() + " -> " + std::to_string(reply.status) + " " + brief(it.digest) + " " +
               std::to_string(reply.body.size()) + (reply.is_complete ? " bytes" : " bytes, cut") + " in " +
               std::to_string(took.count()) + " ms " + reply.field("X-Lifeboat-Stale"));
  report_.count("answers to clients");
  report_.count("answers " + std::to_string(reply.status));
  if (it.is_stale) report_.count("stale answers: " + reply.field("X-Lifeboat-Stale").substr(0, 4));
  if (!reply.is_complete) report_.count("bodies that were cut");
  check_status(it);
  check_time(it, house);
  if (reply.status == 404) return check_not_found(it);
  if (reply.status != 200 && reply.status != 206) return;
  if (question.kind == Question::Kind::blob) return check_blob(it);
  check_manifest(it);
  if (question.is_tag()) check_tag(it);
}

/// Promise 2, and the first half of promise 1: what is owed is given.
void Promises::check_status(const Case& it) {
  const int status = it.reply.status;
  const bool is_known = status == 200 || status == 206 || status == 404 || status == 503;
  if (!is_known) fault(it, "a client never gets " + std::to_string(status) + " for what an upstream does");
  if (status == 503 && it.reply.field("Retry-After").empty()) fault(it, "503 without Retry-After");
  if (!it.before.is_owed || status == 200 || status == 206) return;
  if (it.question.is_tag()) {
    // Half of an image is no answer while nobody has the rest.
    if (status == 503 && !it.before.is_any_whole) return;
    // Policies may say so: a tag that is gone upstream is dropped, one is not served while credentials are refused.
    if (may_be_gone(it.question)) return;
    if (status == 503 && !it.question.host->serves_on_credential_fault) return;
  }
  fault(it, "it was given before and is held, and now the answer is " + std::to_string(status));
}

bool Promises::may_be_gone(const Question& question) const {
  const SimTag* tag = question.repository->find_tag(question.reference);
  return tag != nullptr && tag->removed && *tag->removed <= report_.now() && question.host->drops_gone;
}

/// Promise 3.
void Promises::check_time(const Case& it, const House& house) {
  if (it.took > kAnswerWithin + kGrain) {
    fault(it, "the status line took " + std::to_string(it.took.count()) + " ms (want at most 2000)");
  }
  if (it.before.is_owed && !it.question.is_tag() && it.took > Duration(0)) {
    fault(it, "held content took " + std::to_string(it.took.count()) + " ms (want none: nobody is to be asked)");
  }
  if (!it.question.is_tag() || !it.before.is_owed || may_be_gone(it.question)) return;
  if (it.took > kRevalidateWithin + kGrain) {
    fault(it, "a held tag took " + std::to_string(it.took.count()) + " ms (want at most 1000)");
  }
  // Who comes while an asking from before is still under way waits for it like the others.
  if (!it.before.are_breakers_open || it.before.is_asking || !house.are_all_breakers_open(*it.question.host)) return;
  if (it.took > Duration(0)) {
    fault(it, "with all breakers open a held tag took " + std::to_string(it.took.count()) + " ms (want none)");
  } else if (watch_.requests(*it.question.host) != it.before.requests) {
    fault(it, "with all breakers open the network was asked on the request's path");
  }
}

void Promises::check_not_found(const Case& it) {
  const Duration since = it.before.at - it.question.host->not_found_for - kAskingTakes;
  const bool is_said =
      watch_.have_all_said_not_found(*it.question.host, it.question.repository->name, it.question.reference, since);
  if (!is_said) fault(it, "404, and not every endpoint was there to say so: an outage is not 'not found'");
}

bool Promises::is_whole_manifest(const Question& question, const std::string& digest) const {
  const Owed* owed = find(*question.host, *question.repository);
  if (owed == nullptr || !owed->manifests.contains(digest)) return false;
  return std::ranges::all_of(question.repository->manifests.at(digest).blobs,
                             [&](const std::string& blob) { return owed->blobs.contains(blob); });
}

/// Some client got all of it: of an index, at least one platform.
bool Promises::is_whole(const Question& question, const std::string& digest) const {
  const auto found = question.repository->manifests.find(digest);
  if (found == question.repository->manifests.end()) return false;
  const auto& children = found->second.children;
  if (children.empty()) return is_whole_manifest(question, digest);
  const Owed* owed = find(*question.host, *question.repository);
  return owed != nullptr && owed->manifests.contains(digest) &&
         std::ranges::any_of(children, [&](const std::string& child) { return is_whole_manifest(question, child); });
}

/// The second half of promise 1: a tag names what it named at some time, and does not go back.
void Promises::check_tag(const Case& it) {
  const SimTag& tag = *it.question.repository->find_tag(it.question.reference);
  const auto version = tag.version_of(it.digest);
  const Duration now = it.before.at + it.took;
  if (!version || tag.versions.at(*version).since > now) {
    return fault(it, "the tag never named " + it.digest);
  }
  Owed& owed = owed_[key_of(*it.question.host, *it.question.repository)];
  const bool goes_back = it.before.newest && *version < *it.before.newest;
  if (goes_back && it.before.is_newest_whole) {
    fault(it, "the tag goes back to version " + std::to_string(*version) + " after version " +
                  std::to_string(*it.before.newest) + " was given and is whole");
  }
  std::size_t& newest = owed.tags[it.question.reference];
  newest = std::max(newest, *version);
  if (it.reply.field("X-Lifeboat-Stale").starts_with("gone")) check_gone(it, tag);
  if (it.is_stale) return;
  const Duration oldest = it.before.at - it.question.host->fresh_for - kAskingTakes;
  const bool is_last = *version + 1 == tag.versions.size();
  const bool is_replaced = !is_last && tag.versions.at(*version + 1).since < oldest;
  if (is_replaced || (tag.removed && *tag.removed < oldest)) {
    fault(it, "it is older than fresh_for (" + std::to_string(it.question.host->fresh_for.count()) +
                  " ms) and not marked stale");
  }
}

void Promises::check_gone(const Case& it, const SimTag& tag) {
  const bool is_gone = tag.removed && *tag.removed <= it.before.at + it.took;
  if (!is_gone) fault(it, "it is marked as gone upstream, and it is there");
}

/// Promise 4: a body is what its head says, and a HEAD says what a GET does.
void Promises::check_manifest(const Case& it) {
  const auto found = it.question.repository->manifests.find(it.digest);
  if (!it.question.is_tag() && it.digest != it.question.reference) {
    return fault(it, "the answer is another manifest: " + it.digest);
  }
  if (!it.question.is_head && digest_of(it.reply.body) != it.digest) {
    return fault(it, "the body's digest is not that of the head");
  }
  if (found == it.question.repository->manifests.end()) {
    return fault(it, "the upstream never had this manifest: " + it.digest);
  }
  if (it.reply.length != found->second.bytes.size() || it.reply.field("Content-Type") != found->second.media_type) {
    fault(it, "length or media type are not those of the manifest (got " + std::to_string(it.reply.length.value_or(0)) +
                  ", " + it.reply.field("Content-Type") + ")");
  }
  owed_[key_of(*it.question.host, *it.question.repository)].manifests.insert(it.digest);
}

void Promises::check_blob(const Case& it) {
  const auto found = it.question.repository->blobs.find(it.question.reference);
  if (found == it.question.repository->blobs.end()) {
    if (it.reply.is_complete && !it.question.is_head) fault(it, "the upstream never had this blob, and it was given");
    return;
  }
  const std::string& truth = found->second;
  if (it.digest != it.question.reference) return fault(it, "the answer is another blob: " + it.digest);
  if (it.before.is_owed && it.reply.length != truth.size() - it.question.from) {
    return fault(it, "the length of a held blob is wrong (got " + std::to_string(it.reply.length.value_or(0)) + ")");
  }
  if (it.question.is_head || !it.reply.is_complete) return;
  if (it.reply.status == 206) {
    if (it.reply.body != std::string_view(truth).substr(it.question.from)) {
      fault(it, "a part that a client takes for complete has wrong bytes");
    }
    return;
  }
  if (digest_of(it.reply.body) != it.question.reference) {
    return fault(it, "a body that a client takes for complete has another digest");
  }
  owed_[key_of(*it.question.host, *it.question.repository)].blobs.insert(it.question.reference);
}

}  // namespace lifeboat::sim
