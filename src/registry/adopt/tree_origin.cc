#include "registry/adopt/tree_origin.h"

#include <algorithm>
#include <utility>

namespace lifeboat::registry::adopt {
namespace {

std::string why_not(const TreeTag& tag) {
  if (tag.link.fault == LinkState::Fault::absent) return "where it points is not there";
  if (tag.link.fault == LinkState::Fault::ambiguous) return tag.link.detail;
  return "its link cannot be used: " + tag.link.detail;
}

bool is_in(const std::vector<DigestTable::Id>& ascending, std::optional<DigestTable::Id> id) {
  return id && std::ranges::binary_search(ascending, *id);
}

}  // namespace

Task<std::vector<std::string>> TreeOrigin::repositories(Call /*call*/) {
  if (is_layout()) co_return std::vector<std::string>{as_};
  co_return open_.tree->repositories();
}

Task<Names> TreeOrigin::names(Call /*call*/, std::string repository) {
  table_ = DigestTable();
  LB_CO_TRY(repository_, open_.tree->read(name_there(repository), table_));
  read_ = repository;
  Names names;
  for (const Error& error : repository_->unreadable) names.refused.push_back({repository, error.message()});
  if (repository_->is_cache) {
    // Hosted under that name it would stand where the upstream's is looked for.
    names.refused.push_back(
        {repository, "it is a cache of an upstream; 'lifeboat prefetch' fetches what is to be held"});
    co_return names;
  }
  for (const TreeTag& tag : repository_->tags) {
    if (tag.target) {
      names.tags.push_back({tag.name, table_.digest(*tag.target)});
    } else {
      names.refused.push_back({name_of_tag(repository, tag.name), why_not(tag)});
    }
  }
  for (const DigestTable::Id id : repository_->manifests) names.untagged.push_back(table_.digest(id));
  co_return names;
}

Result<oci::Digest> TreeOrigin::follow_link(LinkKind kind, const std::string& repository, const oci::Digest& digest) {
  if (is_layout()) return digest;
  const auto& links = kind == LinkKind::manifest ? repository_->manifests : repository_->blobs;
  const bool is_known = read_ == repository && is_in(links, table_.find(digest));
  const LinkState state = is_known ? LinkState() : open_.tree->link(repository, kind, digest);
  if (state.fault == LinkState::Fault::none) {
    return kind == LinkKind::blob ? open_.tree->kept_as(repository, digest) : digest;
  }
  return fail(ErrorCode::not_found, "cannot find '" + digest.to_string() + "' in repository '" + repository +
                                        "': it has no link to it" +
                                        (state.detail.empty() ? std::string() : " (" + state.detail + ")"));
}

Task<std::string> TreeOrigin::manifest(Call /*call*/, std::string repository, oci::Digest digest) {
  LB_CO_TRY(const oci::Digest kept, follow_link(LinkKind::manifest, repository, digest));
  LB_CO_TRY(const auto file, open_.tree->open(kept));
  co_return read_manifest_bytes(*file, digest);
}

/// names() has told all there are.
Task<std::vector<oci::Digest>> TreeOrigin::referrers(Call /*call*/, std::string /*repository*/,
                                                     oci::Digest /*subject*/) {
  co_return std::vector<oci::Digest>();
}

Task<Landing::Landed> TreeOrigin::bring(Call /*call*/, std::string repository, WantedBlob blob, Landing& landing) {
  LB_CO_TRY(const oci::Digest kept, follow_link(LinkKind::blob, repository, blob.digest));
  co_return co_await disk_.run([&]() -> Result<Landing::Landed> {
    LB_TRY(const auto file, open_.tree->open(kept));
    return landing.take_file(*file, blob.digest);
  });
}

Task<std::optional<uint64_t>> TreeOrigin::look(Call /*call*/, std::string repository, oci::Digest digest) {
  LB_CO_TRY(const oci::Digest kept, follow_link(LinkKind::blob, repository, digest));
  LB_CO_TRY(const uint64_t size, open_.tree->size_of(kept));
  co_return size;
}

}  // namespace lifeboat::registry::adopt
