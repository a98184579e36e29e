#include "registry/upkeep/retention.h"

#include <algorithm>
#include <map>
#include <tuple>

#include "base/time.h"
#include "oci/glob.h"

namespace lifeboat::registry {
namespace {

using Manifest = RetentionView::ManifestState;
using Tag = RetentionView::TagState;

/// A view by digest, with what leads from one manifest to those it keeps alive.
class Graph {
 public:
  explicit Graph(const RetentionView& view) {
    for (const Manifest& one : view.manifests) by_digest_.emplace(one.digest, &one);
    for (const Manifest& one : view.manifests) {
      if (one.subject) referrers_[*one.subject].push_back(one.digest);
    }
  }

  const Manifest* find(const oci::Digest& digest) const {
    const auto found = by_digest_.find(digest);
    return found == by_digest_.end() ? nullptr : found->second;
  }
  /// What a kept manifest keeps: its children, its subject, and what refers to it.
  std::vector<oci::Digest> kept_by(const Manifest& one) const {
    std::vector<oci::Digest> kept = one.children;
    if (one.subject) kept.push_back(*one.subject);
    if (const auto found = referrers_.find(one.digest); found != referrers_.end()) {
      kept.insert(kept.end(), found->second.begin(), found->second.end());
    }
    return kept;
  }
  enum class Found { no, yes, unread };
  Found find_platform(const oci::Digest& digest, const std::vector<oci::Platform>& wanted) const {
    // Publishers differ in what they write of a platform; its text is one.
    const auto is_wanted = [&](const oci::Platform& platform) {
      return std::ranges::find(wanted, platform.to_string(), &oci::Platform::to_string) != wanted.end();
    };
    Found found = Found::no;
    std::vector<oci::Digest> to_see{digest};
    std::set<oci::Digest> seen;
    while (!to_see.empty()) {
      const Manifest* const one = find(to_see.back());
      to_see.pop_back();
      if (one == nullptr || !seen.insert(one->digest).second) continue;
      if (one->platform && is_wanted(*one->platform)) return Found::yes;
      if (one->has_unread_platform) found = Found::unread;
      to_see.insert(to_see.end(), one->children.begin(), one->children.end());
    }
    return found;
  }

 private:
  std::map<oci::Digest, const Manifest*> by_digest_;
  std::map<oci::Digest, std::vector<oci::Digest>> referrers_;
};

bool says_something_about_tags(const RetentionRule& rule) {
  return rule.keep_last > 0 || !rule.keep_tags.empty() || rule.keep_pulled_within || !rule.keep_platforms.empty();
}

/// The clock was set back since. Such a tag would take a place for years, and each that is pushed meanwhile would go.
/// By more than what the clock of who asks may lag behind (trusted_time.h).
bool is_of_the_future(const RetentionView& view, const Tag& tag) {
  return tag.pushed > view.now + std::chrono::minutes(10);
}

/// Why the tag stays, "" when nothing keeps it; `place`: 0 for the one pushed last.
std::string reason_to_keep(const RetentionRule& rule, const RetentionView& view, const Graph& graph, const Tag& tag,
                           std::size_t place) {
  if (view.is_frozen) return "its host cannot be asked";
  if (view.pinned.contains(tag.digest)) return "it is pinned";
  if (!says_something_about_tags(rule)) return "no rule is about tags";
  if (rule.keep_last > 0 && is_of_the_future(view, tag)) return "it was pushed before the clock was set back";
  if (place < rule.keep_last) return "one of the last " + std::to_string(rule.keep_last);
  for (const std::string& pattern : rule.keep_tags) {
    if (oci::matches_glob(pattern, tag.tag.to_string())) return "its name fits '" + pattern + "'";
  }
  const Manifest* const manifest = graph.find(tag.digest);
  if (rule.keep_pulled_within && manifest != nullptr && manifest->pulled > view.now - *rule.keep_pulled_within) {
    return "pulled at " + to_rfc3339(manifest->pulled);
  }
  if (rule.keep_platforms.empty()) return "";
  switch (graph.find_platform(tag.digest, rule.keep_platforms)) {
    case Graph::Found::yes: return "it is for a platform that is kept";
    case Graph::Found::unread: return "its platform cannot be told now";
    case Graph::Found::no: return "";
  }
  return "";
}

/// Why each manifest stays, for those that do.
using Reasons = std::map<oci::Digest, std::string>;

/// Why it stays by itself, "" when it does not.
std::string own_reason(const RetentionRule& rule, const RetentionView& view, const std::set<oci::Digest>& tagged,
                       const Manifest& one) {
  if (view.is_frozen) return "its host cannot be asked";
  if (view.pinned.contains(one.digest)) return "it is pinned";
  if (tagged.contains(one.digest)) return "a tag that is kept points at it";
  if (!rule.delete_untagged_after) return "manifests without a tag are kept";
  if (one.untagged_since > view.now - *rule.delete_untagged_after)
    return "it has not been without a tag for long enough";
  return "";
}

Reasons expand(const Graph& graph, Reasons kept) {
  std::vector<oci::Digest> to_see;
  for (const auto& [digest, reason] : kept) to_see.push_back(digest);
  while (!to_see.empty()) {
    const oci::Digest from = to_see.back();
    to_see.pop_back();
    const Manifest* const one = graph.find(from);
    if (one == nullptr) continue;
    for (const oci::Digest& needed : graph.kept_by(*one)) {
      if (graph.find(needed) == nullptr) continue;
      if (kept.emplace(needed, "'" + from.to_string() + "' needs it or is what it speaks of").second) {
        to_see.push_back(needed);
      }
    }
  }
  return kept;
}

using Parents = std::map<oci::Digest, std::vector<oci::Digest>>;

/// An index before what it names, so that at no moment a broken one stands there. Each step over an edge is made once
/// in all calls together: one manifest may be named by as many indexes as somebody likes.
void add_parents_first(const oci::Digest& digest, const std::set<oci::Digest>& going, const Parents& parents,
                       std::set<oci::Digest>& entered, std::vector<RetentionDecision::ManifestVerdict>& order) {
  struct Step {
    oci::Digest digest;
    std::size_t next_parent = 0;
  };
  if (!entered.insert(digest).second) return;
  // By hand instead of by recursion: a chain of indexes may be as long as somebody likes.
  std::vector<Step> path{{digest}};
  while (!path.empty()) {
    Step& step = path.back();
    const auto above = parents.find(step.digest);
    if (above == parents.end() || step.next_parent == above->second.size()) {
      order.push_back({step.digest, false, "nothing that is kept needs it"});
      path.pop_back();
      continue;
    }
    const oci::Digest& parent = above->second[step.next_parent++];
    if (going.contains(parent) && entered.insert(parent).second) path.push_back({parent});
  }
}

}  // namespace

RetentionDecision decide_retention(const RetentionRule& rule, const RetentionView& view) {
  const Graph graph(view);
  RetentionDecision decision;
  std::vector<Tag> tags = view.tags;
  std::ranges::sort(tags,
                    [](const Tag& a, const Tag& b) { return std::tie(b.pushed, a.tag) < std::tie(a.pushed, b.tag); });
  std::set<oci::Digest> tagged;
  std::size_t place = 0;
  for (const Tag& tag : tags) {
    std::string reason = reason_to_keep(rule, view, graph, tag, place);
    const bool is_kept = !reason.empty();
    if (is_kept) tagged.insert(tag.digest);
    if (!is_of_the_future(view, tag)) ++place;
    decision.tags.push_back({tag.tag, tag.digest, is_kept, is_kept ? std::move(reason) : "no rule keeps it"});
  }

  Reasons kept;
  for (const Manifest& one : view.manifests) {
    std::string reason = own_reason(rule, view, tagged, one);
    if (!reason.empty()) kept.emplace(one.digest, std::move(reason));
  }
  kept = expand(graph, std::move(kept));
  std::set<oci::Digest> going;
  Parents parents;
  for (const Manifest& one : view.manifests) {
    for (const oci::Digest& child : one.children) parents[child].push_back(one.digest);
    const auto found = kept.find(one.digest);
    if (found == kept.end()) {
      going.insert(one.digest);
    } else {
      decision.manifests.push_back({one.digest, true, found->second});
    }
  }
  std::set<oci::Digest> entered;
  for (const oci::Digest& digest : going) add_parents_first(digest, going, parents, entered, decision.manifests);
  return decision;
}

}  // namespace lifeboat::registry
