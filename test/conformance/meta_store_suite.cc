#include "test/conformance/meta_store_suite.h"

#include <array>

namespace lifeboat::test {

oci::Digest MetaStoreSuite::digest(std::string_view text, HashAlgorithm algorithm) {
  return oci::Digest::of(algorithm, as_bytes(text));
}

oci::RepositoryId MetaStoreSuite::hosted(std::string_view name) {
  return {std::nullopt, oci::Repository::parse(name).value()};
}

oci::RepositoryId MetaStoreSuite::of_upstream(std::string_view host, std::string_view name) {
  return {oci::RegistryHost::parse(host).value(), oci::Repository::parse(name).value()};
}

oci::Tag MetaStoreSuite::tag(std::string_view name) { return oci::Tag::parse(name).value(); }

oci::UploadId MetaStoreSuite::upload_id(int number) {
  std::array<std::byte, 16> bytes{};
  bytes[0] = static_cast<std::byte>(number);
  return oci::UploadId::of_random(bytes);
}

meta::ManifestRecord MetaStoreSuite::record(const oci::Digest& digest) {
  return {.digest = digest,
          .media_type = "application/vnd.oci.image.manifest.v1+json",
          .size_bytes = 512,
          .subject = std::nullopt,
          .artifact_type = "",
          .annotations_json = ""};
}

Status MetaStoreSuite::add(const oci::RepositoryId& repository, const oci::Digest& blob, uint64_t size_bytes) {
  return run(blobs().add(call(), repository, {blob, size_bytes}));
}

Status MetaStoreSuite::put(const oci::RepositoryId& repository, const oci::Digest& manifest,
                           std::vector<std::string> tags) {
  meta::ManifestPut put{.repository = repository,
                        .manifest = record(manifest),
                        .edges = {},
                        .tags = {},
                        .condition = {},
                        .source = "push"};
  for (const std::string& name : tags) put.tags.push_back(tag(name));
  return run(manifests().put(call(), std::move(put)));
}

bool MetaStoreSuite::has_blob(const oci::RepositoryId& repository, const oci::Digest& digest) {
  const auto found = run(blobs().find(call(), repository, digest));
  EXPECT_TRUE(found || found.error().code() == ErrorCode::not_found) << found.error().message();
  return found.has_value();
}

bool MetaStoreSuite::has_manifest(const oci::RepositoryId& repository, const oci::Digest& digest) {
  const auto found = run(manifests().find(call(), repository, digest));
  EXPECT_TRUE(found || found.error().code() == ErrorCode::not_found) << found.error().message();
  return found.has_value();
}

Result<meta::TagRecord> MetaStoreSuite::find_tag(const oci::RepositoryId& repository, std::string_view name) {
  return run(tags().find(call(), repository, tag(name)));
}

std::vector<std::string> MetaStoreSuite::tag_names(const oci::RepositoryId& repository) {
  const auto page = run(tags().list(call(), repository, "", 1000));
  EXPECT_TRUE(page) << page.error().message();
  return page ? page->tags : std::vector<std::string>{"(error)"};
}

std::vector<std::string> MetaStoreSuite::repository_names() {
  const auto page = run(repositories().list(call(), "", 1000));
  EXPECT_TRUE(page) << page.error().message();
  return page ? page->names : std::vector<std::string>{"(error)"};
}

}  // namespace lifeboat::test
