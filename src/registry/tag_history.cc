#include "registry/tag_history.h"

#include <algorithm>
#include <set>

#include "registry/held_manifest.h"
#include "registry/manifest_edges.h"

namespace lifeboat::registry {
namespace {

constexpr std::size_t kMomentsMax = 1000;
constexpr std::size_t kTagsPerPage = 200;
/// Indexes in indexes are rare, and more than one level of them has not been seen.
constexpr std::size_t kDepthMax = 16;
constexpr std::size_t kManifestsMax = 10'000;
constexpr std::string_view kSource = "restore";

std::string name_of(const oci::RepositoryId& repository, const oci::Tag& tag) {
  return "'" + repository.to_string() + ":" + tag.to_string() + "'";
}

/// Finds what has to be put again for a manifest to be there, and whether all of it is here.
class Revival {
 public:
  Revival(blob::Store& blobs, meta::Store& names, const oci::RepositoryId& repository)
      : blobs_(blobs), names_(names), repository_(repository) {}

  Task<void> visit(Call call, oci::Digest digest, std::size_t depth = 0) {
    if (!seen_.insert(digest).second) co_return Status();
    std::vector<oci::Digest> asked{digest};
    LB_CO_TRY(const auto missing, co_await names_.manifests().missing(call, repository_, std::move(asked)));
    if (missing.empty()) co_return Status();
    if (depth > kDepthMax || removed_.size() >= kManifestsMax) {
      lacking_.push_back("manifest '" + digest.to_string() + "', which is nested too deep to be put again");
      co_return Status();
    }
    const auto bytes = co_await read_document(call, blobs_, digest);
    if (!bytes && bytes.error().code() != ErrorCode::not_found && bytes.error().code() != ErrorCode::corrupt) {
      co_return std::unexpected(bytes.error());
    }
    const auto manifest = bytes ? parse_manifest(*bytes, "") : Result<oci::Manifest>(std::unexpected(bytes.error()));
    if (!manifest) {
      lacking_.push_back("manifest '" + digest.to_string() + "'");
      co_return Status();
    }
    LB_CO_CHECK(co_await visit_named(call, *manifest, depth));
    removed_.push_back(digest);
    co_return Status();
  }

  /// Manifests to be put again, an index after what it names.
  const std::vector<oci::Digest>& removed() const { return removed_; }
  bool is_whole() const { return lacking_.empty(); }
  std::string lacking() const {
    if (lacking_.size() < 2) return lacking_.empty() ? "" : lacking_.front();
    return lacking_.front() + " and " + std::to_string(lacking_.size() - 1) + " more";
  }

 private:
  Task<void> visit_named(Call call, const oci::Manifest& manifest, std::size_t depth) {
    LB_CO_TRY(const auto blobs, co_await names_.blobs().missing(call, repository_, blobs_needed_by(manifest)));
    for (const oci::Digest& blob : blobs) lacking_.push_back("blob '" + blob.to_string() + "'");
    for (const oci::Descriptor& child : manifest.manifests) {
      if (child.is_optional) continue;
      LB_CO_CHECK(co_await visit(call, child.digest, depth + 1));
    }
    co_return Status();
  }

  blob::Store& blobs_;
  meta::Store& names_;
  const oci::RepositoryId& repository_;
  std::set<oci::Digest> seen_;
  std::vector<oci::Digest> removed_;
  std::vector<std::string> lacking_;
};

}  // namespace

TagHistory::TagHistory(blob::Store& blobs, meta::Store& names, Push& push, Addressing& addressing, ChangeStamps& stamps)
    : blobs_(blobs), names_(names), push_(push), addressing_(addressing), stamps_(stamps) {}

Task<oci::RepositoryId> TagHistory::repository_of(Call call, oci::FullReference reference) {
  LB_CO_TRY(Addressing::Meaning meaning, co_await addressing_.meaning_of(std::move(call), std::move(reference)));
  co_return std::move(meaning.repository);
}

Task<std::optional<oci::Digest>> TagHistory::current_of(Call call, oci::RepositoryId repository, oci::Tag tag) {
  const auto found = co_await names_.tags().find(call, std::move(repository), std::move(tag));
  if (found) co_return found->digest;
  if (found.error().code() == ErrorCode::not_found) co_return std::nullopt;
  co_return std::unexpected(found.error());
}

Task<TagMoment> TagHistory::judge(Call call, oci::RepositoryId repository, oci::Tag tag, meta::TagPast past) {
  Revival revival(blobs_, names_, repository);
  LB_CO_CHECK(co_await revival.visit(call, past.digest));
  TagMoment moment{.tag = std::move(tag), .past = std::move(past)};
  if (!revival.is_whole()) {
    moment.restorability = Restorability::lost;
    moment.lacking = revival.lacking();
  } else if (!revival.removed().empty()) {
    moment.restorability = Restorability::stored;
  }
  co_return moment;
}

Task<TagHistory::Page> TagHistory::moments(Call call, oci::RepositoryId repository, std::optional<oci::Tag> tag) {
  Page page;
  std::string last;
  for (;;) {
    meta::TagPage names;
    if (tag) {
      names.tags.push_back(tag->to_string());
    } else {
      LB_CO_TRY(names, co_await names_.tags().remembered(call, repository, last, kTagsPerPage));
    }
    for (const std::string& name : names.tags) {
      LB_CO_TRY(const oci::Tag one, oci::Tag::parse(name));
      LB_CO_TRY(const auto current, co_await current_of(call, repository, one));
      LB_CO_TRY(const auto pasts, co_await names_.tags().history(call, repository, one, kMomentsMax + 1));
      for (std::size_t i = 0; i < pasts.size(); ++i) {
        page.has_more = page.moments.size() == kMomentsMax;
        if (page.has_more) co_return page;
        LB_CO_TRY(TagMoment moment, co_await judge(call, repository, one, pasts[i]));
        moment.is_current = i == 0 && current == pasts[i].digest;
        page.moments.push_back(std::move(moment));
      }
    }
    if (tag || !names.has_more || names.tags.empty()) co_return page;
    last = names.tags.back();
  }
}

Task<meta::TagPast> TagHistory::choose(Call call, TagRestore order, std::optional<oci::Digest> current) {
  const std::string name = name_of(order.repository, order.tag);
  LB_CO_TRY(const auto pasts, co_await names_.tags().history(call, order.repository, order.tag, kMomentsMax));
  if (pasts.empty()) co_return fail(ErrorCode::not_found, "cannot restore tag " + name + ": it never was here");
  if (!order.to && !order.number) {
    if (!current) co_return pasts.front();
    co_return fail(ErrorCode::invalid, "cannot restore tag " + name + ": it is there, at '" + current->to_string() +
                                           "' (want the digest or the number to set it back to)");
  }
  const auto found = std::ranges::find_if(pasts, [&](const meta::TagPast& past) {
    return (!order.to || past.digest == *order.to) && (!order.number || past.number == *order.number);
  });
  if (found != pasts.end()) co_return *found;
  co_return fail(ErrorCode::not_found, "cannot restore tag " + name + ": it never was at " +
                                           (order.to ? "'" + order.to->to_string() + "'" : "") +
                                           (order.to && order.number ? " as " : "") +
                                           (order.number ? "number " + std::to_string(*order.number) : ""));
}

Task<void> TagHistory::put_again(Call call, oci::RepositoryId repository, oci::Digest digest,
                                 std::vector<oci::Tag> tags) {
  LB_CO_TRY(std::string bytes, co_await read_document(call, blobs_, digest));
  LB_CO_TRY(const oci::Manifest manifest, parse_manifest(bytes, ""));
  ManifestPush push{.repository = std::move(repository),
                    .digest = digest,
                    .tags = std::move(tags),
                    .content_type = manifest.media_type.to_string(),
                    .bytes = std::move(bytes),
                    .condition = std::nullopt,
                    .source = std::string(kSource)};
  LB_CO_TRY(const PushedManifest pushed, co_await push_.manifest(call, std::move(push)));
  if (pushed.missing.empty()) co_return Status();
  co_return fail(ErrorCode::not_found, "cannot restore manifest '" + digest.to_string() +
                                           "': what it names went just "
                                           "now, '" +
                                           pushed.missing.front().to_string() + "'");
}

Task<RestoredTag> TagHistory::restore(Call call, TagRestore order) {
  LB_CO_TRY(const auto before, co_await current_of(call, order.repository, order.tag));
  LB_CO_TRY(const meta::TagPast past, co_await choose(call, order, before));
  Revival revival(blobs_, names_, order.repository);
  LB_CO_CHECK(co_await revival.visit(call, past.digest));
  if (!revival.is_whole()) {
    co_return fail(ErrorCode::not_found, "cannot restore tag " + name_of(order.repository, order.tag) + ": of '" +
                                             past.digest.to_string() + "' this is gone: " + revival.lacking());
  }
  const RestoredTag restored{.digest = past.digest, .before = before, .manifests = revival.removed().size()};
  if (order.is_dry_run) co_return restored;
  if (revival.removed().empty()) {
    LB_CO_CHECK(co_await names_.tags().point(call, order.repository, order.tag, past.digest, std::string(kSource)));
    stamps_.bump(order.repository);
    co_return restored;
  }
  for (const oci::Digest& digest : revival.removed()) {
    std::vector<oci::Tag> tags;
    if (digest == past.digest) tags.push_back(order.tag);
    LB_CO_CHECK(co_await put_again(call, order.repository, digest, std::move(tags)));
  }
  co_return restored;
}

}  // namespace lifeboat::registry
