#pragma once

#include <future>
#include <memory>
#include <string>
#include <thread>
#include <utility>

#include "blob/memory_store.h"
#include "meta/memory_store.h"
#include "registry/addressing.h"
#include "registry/blob_fetch.h"
#include "registry/manifest_fetch.h"
#include "registry/pull.h"
#include "test/support/image.h"
#include "test/support/manual_clock.h"
#include "test/support/scripted_source.h"

namespace lifeboat::test {

/// Pulls through one upstream, "ghcr.io", over stores in memory; its time stands until the test moves it.
class PullRig {
 public:
  PullRig() { configure({}, {}); }
  ~PullRig() {
    loops.stop();
    thread_.join();
  }
  PullRig(const PullRig&) = delete;
  PullRig& operator=(const PullRig&) = delete;

  /// As if the upstream were configured so.
  void configure(const registry::FreshnessPolicy& freshness, const registry::CapturePolicy& captured) {
    auto configured = std::make_shared<registry::UpstreamHosts>();
    configured->hosts.push_back(
        {.host = *repository.host, .source = &source, .freshness = freshness, .capture = captured});
    hosts = configured;
    addressing.replace_hosts(hosts);
  }

  Result<registry::ServedManifest> get(const std::string& reference) {
    return run(pull.manifest(call(), repository, oci::Reference::parse(reference).value()));
  }
  /// The upstream has the image, under the tag when one is given.
  void publish(const Image& image, const std::string& tag = "") {
    publish(image.manifest, tag);
    publish_blob(image.config);
    for (const std::string& layer : image.layers) publish_blob(layer);
  }
  void publish(const std::string& manifest, const std::string& tag = "") {
    source.manifests[digest_of(manifest)] = manifest;
    if (!tag.empty()) source.manifests[tag] = manifest;
  }
  void publish_blob(const std::string& bytes) { source.blobs[digest_of(bytes)] = {.bytes = bytes}; }
  bool has_blob(const std::string& bytes) {
    return run(names.blobs().find(call(), repository, sha256_of(bytes))).has_value();
  }
  bool has_manifest(const std::string& bytes) {
    return run(names.manifests().find(call(), repository, sha256_of(bytes))).has_value();
  }
  void go_down() {
    source.fails = ErrorCode::unavailable;
    source.is_reachable = false;
  }
  void come_back() {
    source.fails.reset();
    source.is_reachable = true;
  }
  Call call() { return {clock.now() + std::chrono::minutes(1), "test"}; }

  const oci::RepositoryId repository{oci::RegistryHost::parse("ghcr.io").value(),
                                     oci::Repository::parse("org/app").value()};
  ManualClock clock;
  sys::Metrics metrics;
  Log log{{.level = LogLevel::error}};
  blob::MemoryStore blobs;
  meta::MemoryStore names{clock};
  ScriptedSource source;
  std::shared_ptr<const registry::UpstreamHosts> hosts;
  registry::ContentLeases leases{clock};
  registry::ChangeStamps stamps;
  registry::Addressing addressing{names, nullptr};
  sys::EventLoops loops{1};
  registry::ManifestFetches manifest_fetches{blobs, names, leases, stamps, clock, loops, log};
  registry::BlobFetches blob_fetches{blobs, names, leases, clock, loops, metrics, log};
  registry::Faults faults{{blobs, blobs, names, leases, stamps, clock, metrics, log}};
  registry::Pull pull{blobs, names, addressing, manifest_fetches, blob_fetches, faults, clock, metrics, log};

 private:
  std::thread thread_{[this] { loops.run(); }};
};

}  // namespace lifeboat::test
