#pragma once

// What the tests of a copy share: a registry in memory.

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "registry/copy/copy.h"
#include "test/support/image.h"

namespace lifeboat::registry::copy::copy_test {

using test::sha256_of;

inline oci::Repository repository(const char* name = "team/app") { return *oci::Repository::parse(name); }
inline oci::Tag tag(const char* text) { return *oci::Tag::parse(text); }
inline Call call() { return {SteadyTime::max(), "test"}; }

class HurriedClock final : public sys::Clock {
 public:
  SteadyTime now() const override { return real_.now(); }
  WallTime wall() const override { return real_.wall(); }
  Awaitable<void> sleep_until(SteadyTime) override { co_return; }

 private:
  sys::SystemClock real_;
};

/// A registry in memory, to write to and to look at, which fails as it is told.
class FakeRegistry final : public blob::Destination, public blob::Inspector {
 public:
  // how it behaves
  int breaks_uploads = 0;              ///< so many, in the middle
  std::optional<ErrorCode> refuses{};  ///< every upload, for good
  bool forgets_blobs = false;          ///< what was committed is not there later
  bool lists_subjects = true;
  bool can_mount = true;
  std::optional<ErrorCode> is_down{};
  std::function<bool()> answers_once{};      ///< what is asked waits for it, some seconds at most
  std::function<bool()> tells_blobs_once{};  ///< the same of what is asked about a blob
  std::function<bool()> begins_once{};       ///< and of the beginning of an upload

  // what it has: "repository@digest", "repository:tag"
  std::map<std::string, std::string> blobs{};
  std::map<std::string, std::string> manifests{};
  std::vector<std::string> log{};  ///< what was written, in order
  int mounts = 0;
  bool is_met = false;                  ///< it answered a question about a blob
  bool is_cache_of_a_dead_one = false;  ///< of an unknown repository it would have to ask another for manifests
  uint64_t bytes_taken = 0;

  const std::string& name() const override { return name_; }
  Task<bool> has_blob(Call, oci::Repository where, blob::BlobName blob) override {
    if (is_down) co_return fail(*is_down, "it is down");
    LB_CO_CHECK(co_await wait_until(is_met ? tells_blobs_once : answers_once));
    is_met = true;
    co_return blobs.contains(at(where, blob.digest));
  }
  Task<std::unique_ptr<blob::BlobUpload>> begin(Call, oci::Repository where, blob::BlobName blob,
                                                std::optional<oci::Repository> from) override {
    LB_CO_CHECK(co_await wait_until(begins_once));
    if (from && can_mount && blobs.contains(at(*from, blob.digest))) {
      blobs[at(where, blob.digest)] = blobs[at(*from, blob.digest)];
      ++mounts;
      co_return std::unique_ptr<blob::BlobUpload>();
    }
    co_return std::make_unique<Upload>(*this, std::move(where), blob);
  }
  Task<bool> has_manifest(Call, oci::Repository where, oci::Reference reference, oci::Digest digest) override {
    LB_CO_CHECK(co_await wait_until(answers_once));
    if (is_cache_of_a_dead_one && blobs.empty()) co_return fail(ErrorCode::unavailable, "nobody can say");
    const auto found = manifests.find(at(where, reference));
    co_return found != manifests.end() && sha256_of(found->second) == digest;
  }
  Task<Put> put_manifest(Call, oci::Repository where, oci::Reference reference, blob::ManifestToPut manifest) override {
    log.push_back(at(where, reference));
    manifests[at(where, reference)] = manifest.bytes;
    manifests[at(where, oci::Reference(manifest.digest))] = manifest.bytes;
    co_return Put{.is_subject_listed = lists_subjects};
  }
  Task<void> remove_manifest(Call, oci::Repository, oci::Reference) override { co_return Status{}; }

  Task<Head> head(Call, oci::Repository where, Thing, oci::Reference reference) override {
    const auto found = manifests.find(at(where, reference));
    if (found == manifests.end()) co_return fail(ErrorCode::not_found, "404");
    co_return Head{.size_bytes = found->second.size(), .digest = sha256_of(found->second)};
  }
  Task<Answered> manifest(Call, oci::Repository where, oci::Reference reference) override {
    const auto found = manifests.find(at(where, reference));
    if (found == manifests.end()) co_return fail(ErrorCode::not_found, "404");
    co_return Answered{.bytes = found->second, .content_type = {}, .digest = sha256_of(found->second)};
  }
  Task<std::unique_ptr<blob::Stream>> open(Call, oci::Repository where, oci::Digest digest, Extent) override {
    const auto found = blobs.find(at(where, digest));
    if (found == blobs.end()) co_return fail(ErrorCode::not_found, "404");
    co_return std::make_unique<Body>(*this, found->second);
  }
  /// By what it lists itself, or by the list that others keep.
  Task<std::vector<oci::Referrer>> referrers(Call, oci::Repository where, oci::Digest subject) override {
    const auto kept = manifests.find(at(where, oci::Reference(referrers_tag(subject))));
    if (!lists_subjects) {
      co_return kept == manifests.end() ? std::vector<oci::Referrer>{} : *oci::parse_referrers(as_bytes(kept->second));
    }
    std::vector<oci::Referrer> found;
    for (const auto& [name, bytes] : manifests) {
      const auto manifest = oci::Manifest::parse(as_bytes(bytes), "");
      if (!name.contains('@') || !manifest || manifest->subject != subject) continue;
      found.push_back({.digest = sha256_of(bytes),
                       .media_type = manifest->media_type.to_string(),
                       .size_bytes = bytes.size(),
                       .artifact_type = manifest->artifact_type,
                       .annotations_json = manifest->annotations_json});
    }
    co_return found;
  }
  Task<blob::Source::TagPage> tags(Call, oci::Repository, std::string, std::size_t) override {
    co_return blob::Source::TagPage{};
  }
  Task<RepositoryPage> repositories(Call, std::string, std::size_t) override { co_return RepositoryPage{}; }
  bool is_short_of_requests() const override { return false; }

  static std::string at(const oci::Repository& where, const oci::Digest& digest) {
    return where.to_string() + "@" + digest.to_string();
  }
  static std::string at(const oci::Repository& where, const oci::Reference& reference) {
    return where.to_string() + (reference.digest() != nullptr ? "@" : ":") + reference.to_string();
  }

 private:
  static Task<void> wait_until(std::function<bool()> is_time) {
    sys::SystemClock clock;
    const SteadyTime latest = clock.now() + std::chrono::seconds(10);
    while (is_time && !is_time()) {
      if (clock.now() > latest) co_return fail(ErrorCode::timed_out, "nobody else was served meanwhile");
      co_await clock.sleep_until(clock.now() + std::chrono::milliseconds(5));
    }
    co_return Status{};
  }

  class Body final : public blob::Stream {
   public:
    Body(FakeRegistry& registry, std::string bytes) : registry_(registry), bytes_(std::move(bytes)) {}
    std::optional<uint64_t> size_bytes() const override { return bytes_.size(); }
    Task<sys::Block> next() override {
      sys::Block block = registry_.blocks_.take();
      std::ranges::copy(as_bytes(bytes_), block.free_space().begin());
      block.grow(bytes_.size());
      co_return block;
    }

   private:
    FakeRegistry& registry_;
    const std::string bytes_;
  };

  class Upload final : public blob::BlobUpload {
   public:
    Upload(FakeRegistry& registry, oci::Repository where, blob::BlobName blob)
        : registry_(registry), where_(std::move(where)), blob_(blob) {}
    uint64_t offset() const override { return given_.size(); }
    Task<void> give(Call, sys::SharedBytes bytes) override {
      if (registry_.refuses) co_return fail(*registry_.refuses, "it refuses");
      const std::string_view text = as_text(bytes.bytes);
      if (registry_.breaks_uploads > 0) {
        --registry_.breaks_uploads;
        given_ += text.substr(0, text.size() / 2);
        co_return fail(ErrorCode::unavailable, "broken");
      }
      given_ += text;
      registry_.bytes_taken += text.size();
      co_return Status{};
    }
    Task<void> commit(Call) override {
      if (sha256_of(given_) != blob_.digest) co_return fail(ErrorCode::corrupt, "other bytes");
      if (!registry_.forgets_blobs) registry_.blobs[at(where_, blob_.digest)] = given_;
      co_return Status{};
    }
    Task<uint64_t> resume(Call, Error failure) override {
      if (failure.code() == ErrorCode::unavailable) co_return given_.size();
      co_return std::unexpected(std::move(failure));
    }

   private:
    FakeRegistry& registry_;
    const oci::Repository where_;
    const blob::BlobName blob_;
    std::string given_;
  };

  sys::BlockPool blocks_;
  const std::string name_ = "fake";
};

}  // namespace lifeboat::registry::copy::copy_test
