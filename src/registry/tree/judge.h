#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "registry/tree/contents.h"
#include "registry/tree/finding.h"
#include "registry/tree/tree.h"

namespace lifeboat::registry {

/// What is wrong with the names of one repository: every tag and every manifest that nothing else names is followed
/// down to the last layer, and each fault on the way tells which of them it breaks. What is below a manifest that
/// cannot be read is not counted: nobody knows of it.
class RepositoryJudge {
 public:
  using Id = DigestTable::Id;
  RepositoryJudge(const TreeRepository& repository, Contents& contents);

  std::vector<Finding> findings();
  /// What tags and manifests of the repository name, and its manifests.
  const std::unordered_set<Id>& named() const { return named_; }
  /// Manifests that are linked, and those that they lead to.
  const std::unordered_set<Id>& manifests() const { return visited_; }
  /// The names, by the manifest each stands for; those without a tag have the digest.
  struct Root {
    std::string name;
    std::optional<std::string> tag{};
    Id manifest = 0;
    bool is_broken = false;
  };
  const std::vector<Root>& roots() const { return roots_; }

 private:
  using FaultIndex = std::size_t;

  LinkState link_to(LinkKind kind, Id id);
  bool has_link(LinkKind kind, Id id) { return link_to(kind, id).fault == LinkState::Fault::none; }
  Id kept_as(Id blob) const;
  const LinkState* bad_link(LinkKind kind, Id id) const;
  bool is_legal(const TreeTag& tag) const;
  void walk_manifests();
  void visit(Id manifest, std::vector<Id>& waiting);
  void check_part(Id manifest, const Contents::Part& part);
  void check_bytes(Id manifest, const Contents::Part& part, const Contents::Bytes& bytes);
  void note_missing(Id manifest, const Contents::Part& part, const LinkState& link, bool is_here);
  void check_said_sizes();
  void note_alias(Finding& finding, Id blob) const;
  void check_tags();
  void check_target(const std::string& name, Id target);
  void find_roots();
  void check_what_nothing_names();
  void tell_breaks();
  void follow(const Root& root, std::vector<FaultIndex>& found);
  Finding& note(FindingKind kind, Id id, Severity severity);
  Finding& note_for(Id manifest, FindingKind kind, Id id);
  Finding& note_for_part(Id manifest, FindingKind kind, const Contents::Part& part);

  // constant after construction
  const TreeRepository& repository_;
  Contents& contents_;
  const TreeKind kind_;
  std::map<std::pair<LinkKind, Id>, const LinkState*> bad_links_;
  std::unordered_map<Id, Id> kept_as_;  ///< blobs that are kept under another digest

  std::vector<Finding> findings_;
  std::map<std::pair<FindingKind, Id>, FaultIndex> known_;
  std::unordered_map<Id, std::vector<FaultIndex>> faults_;  ///< by the manifest that has them
  std::unordered_set<Id> visited_;                          ///< manifests
  std::unordered_set<Id> named_;
  std::unordered_set<Id> children_;
  std::vector<Root> roots_;
};

}  // namespace lifeboat::registry
