#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "meta/store.h"
#include "sys/clock.h"
#include "test/support/run.h"

/// What every meta::Store does. A new implementation is done when it is listed in meta_store_test.cc and this is green.
namespace lifeboat::test {

/// A clock that stands until a test moves it.
class StandingClock final : public sys::Clock {
 public:
  SteadyTime now() const override { return SteadyTime(std::chrono::hours(1)); }
  WallTime wall() const override { return WallTime(Duration(wall_ms_.load())); }
  Awaitable<void> sleep_until(SteadyTime) override { co_return; }
  void set_wall_ms(int64_t ms) { wall_ms_.store(ms); }

 private:
  std::atomic<int64_t> wall_ms_ = 1000;
};

/// An implementation under test: the store, and whatever it stands on.
class MetaStoreSetup {
 public:
  virtual ~MetaStoreSetup() = default;
  virtual meta::Store& store() = 0;
};

struct MetaStoreKind {
  std::string name;
  std::function<std::unique_ptr<MetaStoreSetup>(const sys::Clock&)> make;
};

class MetaStoreSuite : public testing::TestWithParam<MetaStoreKind> {
 protected:
  void SetUp() override { setup_ = GetParam().make(clock_); }

  meta::BlobIndex& blobs() { return setup_->store().blobs(); }
  meta::ManifestIndex& manifests() { return setup_->store().manifests(); }
  meta::TagIndex& tags() { return setup_->store().tags(); }
  meta::RepositoryIndex& repositories() { return setup_->store().repositories(); }
  meta::UploadIndex& uploads() { return setup_->store().uploads(); }
  meta::CaptureIndex& captures() { return setup_->store().captures(); }
  meta::TourIndex& tours() { return setup_->store().tours(); }
  meta::FaultIndex& faults() { return setup_->store().faults(); }
  meta::Store& store() { return setup_->store(); }

  // In short: what most rows do.
  Status add(const oci::RepositoryId& repository, const oci::Digest& blob, uint64_t size_bytes = 7);
  Status put(const oci::RepositoryId& repository, const oci::Digest& manifest, std::vector<std::string> tags = {});
  Status put(meta::ManifestPut put) { return run(manifests().put(call(), std::move(put))); }
  bool has_blob(const oci::RepositoryId& repository, const oci::Digest& digest);
  bool has_manifest(const oci::RepositoryId& repository, const oci::Digest& digest);
  Result<meta::TagRecord> find_tag(const oci::RepositoryId& repository, std::string_view tag);
  std::vector<std::string> tag_names(const oci::RepositoryId& repository);
  std::vector<std::string> repository_names();

  StandingClock clock_;

 private:
  std::unique_ptr<MetaStoreSetup> setup_;

 public:
  static Call call() { return {SteadyTime::max(), "test"}; }
  /// The digest of this text.
  static oci::Digest digest(std::string_view text, HashAlgorithm algorithm = HashAlgorithm::sha256);
  static oci::RepositoryId hosted(std::string_view name);
  static oci::RepositoryId of_upstream(std::string_view host, std::string_view name);
  static oci::Tag tag(std::string_view name);
  static oci::UploadId upload_id(int number);
  static meta::ManifestRecord record(const oci::Digest& digest);
};

/// The error's code, or nothing for success.
template <class T>
std::optional<ErrorCode> code_of(const Result<T>& result) {
  return result ? std::nullopt : std::optional(result.error().code());
}

}  // namespace lifeboat::test
