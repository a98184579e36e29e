#include "registry/tree/judge.h"

#include <algorithm>

#include "oci/reference.h"

namespace lifeboat::registry {
namespace {

using State = Contents::State;
using PartKind = Contents::PartKind;
using DocumentState = Contents::DocumentState;

FindingKind missing_kind(PartKind kind) {
  switch (kind) {
    case PartKind::config: return FindingKind::missing_config;
    case PartKind::layer: return FindingKind::missing_layer;
    case PartKind::child: return FindingKind::missing_child;
  }
  return FindingKind::missing_layer;
}

LinkKind link_of(PartKind kind) { return kind == PartKind::child ? LinkKind::manifest : LinkKind::blob; }

Lacks lacks_of(bool is_linked, bool is_here) {
  if (is_linked) return is_here ? Lacks::nothing : Lacks::bytes;
  return is_here ? Lacks::link : Lacks::both;
}

std::string sizes(uint64_t got, uint64_t want) {
  return "got " + std::to_string(got) + " bytes, want " + std::to_string(want);
}

FindingKind kind_of(DocumentState state) {
  switch (state) {
    case DocumentState::unsupported: return FindingKind::unsupported_manifest;
    case DocumentState::unreadable: return FindingKind::unreadable;
    default: return FindingKind::malformed_manifest;
  }
}

/// The folder that the link is in may not be looked into: it may well be there.
bool is_unknown(const LinkState& link, const LinkState* bad) {
  return link.fault == LinkState::Fault::unreadable && bad == nullptr;
}

bool is_in(const std::vector<DigestTable::Id>& ascending, DigestTable::Id id) {
  return std::ranges::binary_search(ascending, id);
}

}  // namespace

RepositoryJudge::RepositoryJudge(const TreeRepository& repository, Contents& contents)
    : repository_(repository), contents_(contents), kind_(contents.tree().kind()) {
  for (const TreeAlias& alias : repository.aliases) kept_as_.emplace(alias.id, alias.kept_as);
  for (const BadLink& bad : repository.bad_links) bad_links_.emplace(std::pair(bad.kind, bad.id), &bad.link);
}

std::vector<Finding> RepositoryJudge::findings() {
  walk_manifests();
  check_said_sizes();
  check_tags();
  find_roots();
  tell_breaks();
  check_what_nothing_names();
  return std::move(findings_);
}

const LinkState* RepositoryJudge::bad_link(LinkKind kind, Id id) const {
  const auto found = bad_links_.find({kind, id});
  return found == bad_links_.end() ? nullptr : found->second;
}

LinkState RepositoryJudge::link_to(LinkKind kind, Id id) {
  if (is_in(kind == LinkKind::manifest ? repository_.manifests : repository_.blobs, id)) return {};
  if (const LinkState* const bad = bad_link(kind, id); bad != nullptr) return *bad;
  // Looked at again: a push may have brought it since the names were read.
  const oci::Digest digest = contents_.table().digest(id);
  LinkState now = contents_.tree().link(repository_.name, kind, digest);
  if (now.fault != LinkState::Fault::none) return now;
  if (const auto kept = contents_.tree().kept_as(repository_.name, digest); kind == LinkKind::blob && kept != digest) {
    kept_as_.emplace(id, contents_.table().id_of(kept));
  }
  return now;
}

RepositoryJudge::Id RepositoryJudge::kept_as(Id blob) const {
  const auto known = kept_as_.find(blob);
  return known == kept_as_.end() ? blob : known->second;
}

/// A distribution tree may have folders of any name.
bool RepositoryJudge::is_legal(const TreeTag& tag) const {
  return kind_ != TreeKind::distribution || oci::Tag::parse(tag.name).has_value();
}

Finding& RepositoryJudge::note(FindingKind kind, Id id, Severity severity) {
  const auto [found, is_new] = known_.emplace(std::pair(kind, id), findings_.size());
  if (is_new) {
    Finding finding{.kind = kind, .severity = severity, .repository = repository_.name};
    finding.digest = contents_.table().digest(id);
    findings_.push_back(std::move(finding));
  }
  return findings_[found->second];
}

/// A fault of a manifest, which breaks whatever leads to the manifest.
Finding& RepositoryJudge::note_for(Id manifest, FindingKind kind, Id id) {
  Finding& finding = note(kind, id, Severity::broken);
  if (manifest != id && !finding.parent) finding.parent = contents_.table().digest(manifest);
  faults_[manifest].push_back(known_.at({kind, id}));
  return finding;
}

Finding& RepositoryJudge::note_for_part(Id manifest, FindingKind kind, const Contents::Part& part) {
  Finding& finding = note_for(manifest, kind, part.id);
  finding.link = link_of(part.kind);
  finding.size_bytes = std::max(finding.size_bytes.value_or(0), part.size_bytes);
  return finding;
}

void RepositoryJudge::walk_manifests() {
  contents_.prepare(repository_.manifests);
  std::vector<Id> waiting(repository_.manifests.rbegin(), repository_.manifests.rend());
  while (!waiting.empty()) {
    const Id manifest = waiting.back();
    waiting.pop_back();
    if (visited_.insert(manifest).second) visit(manifest, waiting);
  }
}

void RepositoryJudge::visit(Id manifest, std::vector<Id>& waiting) {
  const Contents::Bytes bytes = contents_.look(manifest);
  if (bytes.state == State::absent) return;  // a fault of who names it
  const Contents::Document document = contents_.document(manifest);
  const Contents::Bytes known = contents_.look(manifest);
  if (known.state == State::wrong_digest || known.state == State::unreadable) {
    const bool is_wrong = known.state == State::wrong_digest;
    Finding& finding = note_for(manifest, is_wrong ? FindingKind::wrong_digest : FindingKind::unreadable, manifest);
    finding.link = LinkKind::manifest;
    finding.detail = contents_.damage_of(manifest);
    return;
  }
  if (document.state != DocumentState::fine) {
    Finding& finding = note_for(manifest, kind_of(document.state), manifest);
    finding.link = LinkKind::manifest;
    finding.detail = document.detail;
    // It may well be served; what it names cannot be looked at.
    if (document.state == DocumentState::unsupported) finding.severity = Severity::note;
    return;
  }
  for (const Contents::Part& part : document.parts) {
    named_.insert(part.id);
    check_part(manifest, part);
    if (part.kind != PartKind::child) continue;
    children_.insert(part.id);
    if (has_link(LinkKind::manifest, part.id)) waiting.push_back(part.id);
  }
}

void RepositoryJudge::check_part(Id manifest, const Contents::Part& part) {
  const LinkState link = link_to(link_of(part.kind), part.id);
  const bool is_linked = link.fault == LinkState::Fault::none;
  if (!is_linked && repository_.is_cache) return;
  const Contents::Bytes bytes = contents_.look(kept_as(part.id));
  const bool is_here = bytes.state != State::absent;
  if (!is_linked || !is_here) return note_missing(manifest, part, link, is_here);
  check_bytes(manifest, part, bytes);
}

void RepositoryJudge::note_missing(Id manifest, const Contents::Part& part, const LinkState& link, bool is_here) {
  const bool is_linked = link.fault == LinkState::Fault::none;
  const LinkState* const bad = bad_link(link_of(part.kind), part.id);
  if (is_unknown(link, bad)) {
    Finding& finding = note_for_part(manifest, FindingKind::unreadable, part);
    finding.severity = Severity::unknown;
    finding.detail = link.detail;
    return;
  }
  FindingKind kind = missing_kind(part.kind);
  if (is_linked && kind_ == TreeKind::lifeboat) kind = FindingKind::row_without_bytes;
  if (bad != nullptr) kind = FindingKind::bad_link;
  Finding& finding = note_for_part(manifest, kind, part);
  finding.lacks = lacks_of(is_linked, is_here);
  if (bad != nullptr) finding.detail = bad->detail;
  note_alias(finding, part.id);
}

/// To be brought under its own name, with a link that says so: the other name may be that of sound content.
void RepositoryJudge::note_alias(Finding& finding, Id blob) const {
  const Id kept = kept_as(blob);
  if (kept == blob) return;
  finding.lacks = Lacks::both;
  if (!finding.detail.empty()) finding.detail.append("; ");
  finding.detail.append("the link it has leads to ").append(contents_.table().digest(kept).to_string());
  finding.detail.append(" instead");
}

void RepositoryJudge::check_bytes(Id manifest, const Contents::Part& part, const Contents::Bytes& bytes) {
  if (bytes.state == State::here && bytes.size_bytes != part.size_bytes) {
    Finding& finding = note_for_part(manifest, FindingKind::wrong_size, part);
    finding.detail = sizes(bytes.size_bytes, part.size_bytes);
    note_alias(finding, part.id);
    return;
  }
  // What is wrong with a child is found when it is visited.
  const bool is_false = contents_.is_false({part.id, kept_as(part.id)});
  if ((bytes.state == State::here && !is_false) || part.kind == PartKind::child) return;
  const bool is_wrong = is_false || bytes.state == State::wrong_digest;
  Finding& finding = note_for_part(manifest, is_wrong ? FindingKind::wrong_digest : FindingKind::unreadable, part);
  finding.detail = contents_.damage_of(kept_as(part.id));
  note_alias(finding, part.id);
}

/// Its bytes may be those of the digest all the same; who compares lengths refuses it.
void RepositoryJudge::check_said_sizes() {
  for (const TreeRepository::SaidSize& said : repository_.said_sizes) {
    const Contents::Bytes bytes = contents_.look(said.id);
    if (bytes.state != State::here || bytes.size_bytes == said.size_bytes) continue;
    note_for(said.id, FindingKind::wrong_size, said.id).detail =
        "index.json says otherwise: " + sizes(bytes.size_bytes, said.size_bytes);
  }
}

void RepositoryJudge::check_tags() {
  for (const TreeTag& tag : repository_.tags) {
    const std::string name = name_of_tag(repository_.name, tag.name);
    if (!is_legal(tag)) {
      Finding finding{.kind = FindingKind::illegal_name, .severity = Severity::untidy, .repository = repository_.name};
      finding.detail = "no tag may be called '" + tag.name + "'";
      findings_.push_back(std::move(finding));
      continue;
    }
    if (!tag.target) {
      const bool is_absent = tag.link.fault == LinkState::Fault::absent;
      Finding finding{.kind = is_absent ? FindingKind::tag_without_link : FindingKind::bad_link,
                      .repository = repository_.name};
      finding.detail = is_absent ? "it is listed, and its link is not there" : "the tag's link: " + tag.link.detail;
      if (tag.link.fault == LinkState::Fault::unreadable) finding.kind = FindingKind::unreadable;
      if (tag.link.fault == LinkState::Fault::ambiguous) {
        finding.kind = FindingKind::ambiguous_tag;
        finding.detail = tag.link.detail;
      }
      finding.breaks.push_back(name);
      findings_.push_back(std::move(finding));
      continue;
    }
    check_target(name, *tag.target);
  }
}

void RepositoryJudge::check_target(const std::string& name, Id target) {
  named_.insert(target);
  const LinkState link = link_to(LinkKind::manifest, target);
  const bool is_linked = link.fault == LinkState::Fault::none;
  const bool is_here = contents_.look(target).state != State::absent;
  if (is_linked && is_here) return;
  const LinkState* const bad = bad_link(LinkKind::manifest, target);
  if (is_unknown(link, bad)) {
    Finding& finding = note(FindingKind::unreadable, target, Severity::unknown);
    finding.link = LinkKind::manifest;
    finding.detail = link.detail;
    finding.breaks.push_back(name);
    return;
  }
  FindingKind kind = bad != nullptr ? FindingKind::bad_link : FindingKind::tag_without_manifest;
  if (is_linked && kind_ == TreeKind::lifeboat) kind = FindingKind::row_without_bytes;
  Finding& finding = note(kind, target, Severity::broken);
  finding.link = LinkKind::manifest;
  finding.lacks = lacks_of(is_linked, is_here);
  if (bad != nullptr) finding.detail = bad->detail;
  finding.breaks.push_back(name);
}

void RepositoryJudge::find_roots() {
  std::unordered_set<Id> tagged;
  for (const TreeTag& tag : repository_.tags) {
    if (!tag.target || !is_legal(tag)) continue;
    tagged.insert(*tag.target);
    roots_.push_back({.name = name_of_tag(repository_.name, tag.name), .tag = tag.name, .manifest = *tag.target});
  }
  for (const Id manifest : repository_.manifests) {
    named_.insert(manifest);
    if (tagged.contains(manifest) || children_.contains(manifest)) continue;
    const oci::Digest digest = contents_.table().digest(manifest);
    roots_.push_back({.name = name_of_digest(repository_.name, digest), .manifest = manifest});
    if (contents_.look(manifest).state != State::absent) continue;
    const bool is_row = kind_ == TreeKind::lifeboat;
    Finding& finding =
        note_for(manifest, is_row ? FindingKind::row_without_bytes : FindingKind::missing_manifest, manifest);
    finding.link = LinkKind::manifest;
    finding.lacks = Lacks::bytes;
  }
}

void RepositoryJudge::tell_breaks() {
  for (Root& root : roots_) {
    if (faults_.empty() && findings_.empty()) break;
    std::vector<FaultIndex> found;
    follow(root, found);
    for (const FaultIndex fault : found) findings_[fault].breaks.push_back(root.name);
  }
  std::unordered_set<std::string_view> broken;
  for (Finding& finding : findings_) {
    std::ranges::sort(finding.breaks);
    const auto repeated = std::ranges::unique(finding.breaks);
    finding.breaks.erase(repeated.begin(), repeated.end());
    if (finding.severity == Severity::broken) broken.insert(finding.breaks.begin(), finding.breaks.end());
  }
  for (Root& root : roots_) root.is_broken = broken.contains(root.name);
}

void RepositoryJudge::follow(const Root& root, std::vector<FaultIndex>& found) {
  std::vector<Id> waiting{root.manifest};
  std::unordered_set<Id> seen;
  while (!waiting.empty()) {
    const Id manifest = waiting.back();
    waiting.pop_back();
    if (!visited_.contains(manifest) || !seen.insert(manifest).second) continue;
    if (const auto faults = faults_.find(manifest); faults != faults_.end()) {
      found.insert(found.end(), faults->second.begin(), faults->second.end());
    }
    if (contents_.look(manifest).state == State::absent) continue;
    for (const Contents::Part& part : contents_.document(manifest).parts) {
      if (part.kind == PartKind::child) waiting.push_back(part.id);
    }
  }
}

void RepositoryJudge::check_what_nothing_names() {
  for (const BadLink& bad : repository_.bad_links) {
    if (known_.contains({FindingKind::bad_link, bad.id})) continue;
    Finding& finding = note(FindingKind::bad_link, bad.id, Severity::untidy);
    finding.link = bad.kind;
    finding.lacks = Lacks::link;
    finding.detail = bad.link.detail;
  }
  for (const Id blob : repository_.blobs) {
    if (named_.contains(blob) || contents_.look(kept_as(blob)).state != State::absent) continue;
    const bool is_row = kind_ == TreeKind::lifeboat;
    Finding& finding = note(is_row ? FindingKind::row_without_bytes : FindingKind::orphan_link, blob, Severity::untidy);
    finding.link = LinkKind::blob;
    finding.lacks = Lacks::bytes;
  }
  for (const Error& error : repository_.unreadable) {
    Finding finding{.kind = FindingKind::unreadable, .severity = Severity::unknown, .repository = repository_.name};
    finding.detail = error.message();
    findings_.push_back(std::move(finding));
  }
}

}  // namespace lifeboat::registry
