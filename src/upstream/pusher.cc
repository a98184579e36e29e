#include "upstream/pusher.h"

#include <utility>

#include "upstream/accept.h"
#include "upstream/push_session.h"
#include "upstream/scope.h"

namespace lifeboat::upstream {
namespace {

std::string subject_of(const std::string& repository, const oci::Reference& reference) {
  return "manifest '" + repository + (reference.digest() != nullptr ? "@" : ":") + reference.to_string() + "'";
}

std::optional<oci::Digest> digest_of(const sys::HttpFields& fields) {
  const auto digest = oci::Digest::parse(fields.find("Docker-Content-Digest").value_or(""));
  return digest ? std::optional(*digest) : std::nullopt;
}

}  // namespace

RegistryPusher::RegistryPusher(Parts parts, Endpoint endpoint, Options options)
    : wire_(parts, std::move(endpoint), options.bytes_per_second) {}
RegistryPusher::~RegistryPusher() = default;

Result<std::string> RegistryPusher::there(const oci::Repository& repository) const {
  const oci::RepositoryId id{.host = std::nullopt, .name = repository};
  return wire_.endpoint().repository_of(id);
}

Task<bool> RegistryPusher::has_blob(Call call, oci::Repository repository, blob::BlobName blob) {
  LB_CO_TRY(const std::string name, there(repository));
  PushPlace place{.repository = name, .scope = push_scope(name), .digest = blob.digest, .size_bytes = blob.size_bytes};
  co_return co_await is_blob_there(std::move(call), wire_, std::move(place));
}

Task<std::unique_ptr<blob::BlobUpload>> RegistryPusher::begin(Call call, oci::Repository repository,
                                                              blob::BlobName blob,
                                                              std::optional<oci::Repository> mount_from) {
  LB_CO_TRY(const std::string name, there(repository));
  std::string from;
  if (mount_from) {
    LB_CO_TRY(from, there(*mount_from));
  }
  PushPlace place{.repository = name, .scope = push_scope(name), .digest = blob.digest, .size_bytes = blob.size_bytes};
  LB_CO_TRY(PushBegun begun, co_await begin_push(std::move(call), wire_, place, std::move(from)));
  if (!begun.at) co_return std::unique_ptr<blob::BlobUpload>();
  co_return std::make_unique<PushSession>(wire_, std::move(place), std::move(begun));
}

Task<bool> RegistryPusher::has_manifest(Call call, oci::Repository repository, oci::Reference reference,
                                        oci::Digest digest) {
  LB_CO_TRY(const std::string name, there(repository));
  PushWire::Order order;
  order.url = wire_.endpoint().url_of("/v2/" + name + "/manifests/" + reference.to_string());
  order.scope = push_scope(name);
  order.doing = "cannot look for " + subject_of(name, reference);
  order.fields.add("Accept", accept_of(Wanted::manifest));
  order.is_missing_fine = true;
  LB_CO_TRY(const auto response, co_await wire_.ask(call, order));
  if (response.status == 404) co_return false;
  const auto told = digest_of(response.fields);
  if (told && told->algorithm() == digest.algorithm()) co_return *told == digest;
  if (reference.digest() != nullptr) co_return *reference.digest() == digest;
  // Not every registry tells what a tag means: its bytes do.
  order.method = sys::HttpMethod::get;
  LB_CO_TRY(const auto whole, co_await wire_.ask(std::move(call), std::move(order)));
  if (whole.status == 404) co_return false;
  co_return oci::Digest::of(digest.algorithm(), as_bytes(whole.body)) == digest;
}

Task<blob::Destination::Put> RegistryPusher::put_manifest(Call call, oci::Repository repository,
                                                          oci::Reference reference, blob::ManifestToPut manifest) {
  LB_CO_TRY(const std::string name, there(repository));
  PushWire::Order order;
  order.method = sys::HttpMethod::put;
  order.url = wire_.endpoint().url_of("/v2/" + name + "/manifests/" + reference.to_string());
  order.scope = push_scope(name);
  order.doing = "cannot put " + subject_of(name, reference);
  order.fields.add("Content-Type", manifest.media_type.to_string());
  order.body = std::move(manifest.bytes);
  const std::string doing = order.doing;
  LB_CO_TRY(const auto response, co_await wire_.ask(std::move(call), std::move(order)));
  const auto told = digest_of(response.fields);
  const bool is_other = told && told->algorithm() == manifest.digest.algorithm() && *told != manifest.digest;
  if (is_other) {
    co_return fail(ErrorCode::corrupt, doing + ": the registry keeps other bytes (got " + told->to_string() +
                                           ", want " + manifest.digest.to_string() + ")");
  }
  co_return Put{.is_subject_listed = response.fields.find("OCI-Subject").has_value()};
}

Task<void> RegistryPusher::remove_manifest(Call call, oci::Repository repository, oci::Reference reference) {
  LB_CO_TRY(const std::string name, there(repository));
  PushWire::Order order;
  order.method = sys::HttpMethod::delete_;
  order.url = wire_.endpoint().url_of("/v2/" + name + "/manifests/" + reference.to_string());
  order.scope = delete_scope(name);
  order.doing = "cannot delete " + subject_of(name, reference);
  order.is_missing_fine = true;
  LB_CO_TRY(const auto response, co_await wire_.ask(std::move(call), std::move(order)));
  co_return Status{};
}

}  // namespace lifeboat::upstream
