#include "registry/adopt/registry_origin.h"

#include <utility>

#include "registry/random_id.h"
#include "registry/tree/finding.h"

namespace lifeboat::registry::adopt {
namespace {

constexpr std::size_t kPage = 100;

std::unexpected<Error> too_long(std::string_view noun, const std::string& subject, uint64_t bytes_max) {
  return fail(ErrorCode::corrupt, "cannot take " + std::string(noun) + " '" + subject +
                                      "': it is too long (want at most " + std::to_string(bytes_max) + " bytes)");
}

}  // namespace

Task<std::vector<std::string>> RegistryOrigin::repositories(Call call) {
  if (only_) co_return std::vector<std::string>{only_->to_string()};
  std::vector<std::string> found;
  for (;;) {
    const std::string last = found.empty() ? std::string() : found.back();
    LB_CO_TRY(const auto page, co_await asked_.repositories(call, last, kPage));
    for (const oci::Repository& repository : page.repositories) found.push_back(repository.to_string());
    if (!page.has_more || page.repositories.empty()) co_return found;
  }
}

Task<Names> RegistryOrigin::names(Call call, std::string repository) {
  LB_CO_TRY(const oci::Repository name, oci::Repository::parse(repository));
  answered_.clear();
  Names names;
  std::string last;
  for (;;) {
    LB_CO_TRY(const auto page, co_await asked_.tags(call, name, last, kPage));
    for (const std::string& text : page.tags) {
      const auto tag = oci::Tag::parse(text);
      if (!tag) {
        names.refused.push_back({name_of_tag(repository, text), tag.error().message()});
        continue;
      }
      const auto digest = co_await resolve(call, name, *tag);
      if (digest) {
        names.tags.push_back({text, *digest});
      } else {
        names.refused.push_back({name_of_tag(repository, text), digest.error().message()});
      }
    }
    if (!page.has_more || page.tags.empty()) co_return names;
    last = page.tags.back();
  }
}

Task<blob::Inspector::Answered> RegistryOrigin::ask_for_manifest(Call call, oci::Repository repository,
                                                                 oci::Reference reference) {
  LB_CO_TRY(auto answered, co_await asked_.manifest(call, std::move(repository), reference));
  if (answered.is_too_long) co_return too_long("manifest", reference.to_string(), oci::kManifestMaxBytes);
  co_return std::move(answered);
}

Task<oci::Digest> RegistryOrigin::resolve(Call call, oci::Repository repository, oci::Tag tag) {
  LB_CO_TRY(auto answered, co_await ask_for_manifest(call, std::move(repository), oci::Reference(std::move(tag))));
  const HashAlgorithm algorithm = answered.digest ? answered.digest->algorithm() : HashAlgorithm::sha256;
  const oci::Digest digest = oci::Digest::of(algorithm, as_bytes(answered.bytes));
  answered_.insert_or_assign(digest, std::move(answered.bytes));
  co_return digest;
}

Task<std::string> RegistryOrigin::manifest(Call call, std::string repository, oci::Digest digest) {
  if (const auto known = answered_.find(digest); known != answered_.end()) co_return known->second;
  LB_CO_TRY(oci::Repository name, oci::Repository::parse(repository));
  LB_CO_TRY(auto answered, co_await ask_for_manifest(call, std::move(name), oci::Reference(digest)));
  co_return std::move(answered.bytes);
}

Task<std::vector<oci::Digest>> RegistryOrigin::referrers(Call call, std::string repository, oci::Digest subject) {
  LB_CO_TRY(oci::Repository name, oci::Repository::parse(repository));
  LB_CO_TRY(const auto listed, co_await asked_.referrers(call, std::move(name), subject));
  std::vector<oci::Digest> digests;
  for (const oci::Referrer& one : listed) digests.push_back(one.digest);
  co_return digests;
}

Task<Landing::Landed> RegistryOrigin::bring(Call call, std::string repository, WantedBlob blob, Landing& landing) {
  LB_CO_TRY(oci::Repository name, oci::Repository::parse(repository));
  LB_CO_TRY(const auto stream, co_await asked_.open(call, std::move(name), blob.digest, blob::Inspector::Extent::all));
  if (const auto size = stream->size_bytes()) {
    if (*size > blob.size_bytes) co_return too_long("blob", blob.digest.to_string(), blob.size_bytes);
    LB_CO_TRY(const bool is_held, landing.holds(blob.digest, *size));
    if (is_held) co_return Landing::Landed{.how = Landing::How::held, .size_bytes = *size};
  }
  LB_CO_TRY(const auto writer, co_await landing.blobs().begin(call, random_upload_id(), blob.digest.algorithm()));
  for (;;) {
    auto block = co_await stream->next();
    if (!block) {
      (void)co_await writer->discard();
      co_return std::unexpected(std::move(block).error());
    }
    if (block->bytes().empty()) break;
    // An endless body would fill the disk before its digest could be compared.
    if (writer->received() + block->size() > blob.size_bytes) {
      (void)co_await writer->discard();
      co_return too_long("blob", blob.digest.to_string(), blob.size_bytes);
    }
    const Status appended = co_await writer->append(std::move(*block));
    if (!appended) {
      (void)co_await writer->discard();
      co_return std::unexpected(appended.error());
    }
  }
  const uint64_t size = writer->received();
  const auto committed = co_await writer->commit(blob.digest);
  if (!committed) co_return std::unexpected(committed.error());
  co_return Landing::Landed{.how = Landing::How::fetched, .size_bytes = size};
}

Task<std::optional<uint64_t>> RegistryOrigin::look(Call call, std::string repository, oci::Digest digest) {
  LB_CO_TRY(oci::Repository name, oci::Repository::parse(repository));
  LB_CO_TRY(const auto head,
            co_await asked_.head(call, std::move(name), blob::Inspector::Thing::blob, oci::Reference(digest)));
  // A HEAD that does not know it may say 0.
  if (head.size_bytes.value_or(0) == 0) co_return std::nullopt;
  co_return head.size_bytes;
}

}  // namespace lifeboat::registry::adopt
