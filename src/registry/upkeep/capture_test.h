#pragma once

// What the tests of Capture share.

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <optional>
#include <string>

#include "registry/upkeep/capture.h"
#include "test/support/pull_rig.h"

namespace lifeboat::registry {

class CaptureTest : public testing::Test, protected test::PullRig {
 protected:
  CaptureTest() { configure({}, {.is_on = true}); }

  /// Does everything that is due, and what becomes due by it, with time standing still.
  void work_off() {
    Capture capture = a_capture();
    test::run(drain(capture));
  }
  Awaitable<bool> drain(Capture& capture) {
    loops.spawn(0, run_until_stopped(capture));
    for (;;) {
      const uint64_t seen = manifest_fetches.capture_added().version();
      const auto due = co_await names.captures().due(call(), clock.wall(), 1);
      if (due && due->empty() && capture.running() == 0) break;
      co_await manifest_fetches.capture_added().wait(seen, std::chrono::steady_clock::now() + std::chrono::seconds(1));
    }
    capture.stop();
    const uint64_t seen = ended_.version();
    if (!has_ended_) co_await ended_.wait(seen, SteadyTime::max());
    co_return true;
  }
  Awaitable<void> run_until_stopped(Capture& capture) {
    has_ended_ = false;
    co_await capture.run();
    has_ended_ = true;
    ended_.notify_all();
  }
  Capture a_capture() { return a_capture(names); }
  /// Over another store of what is to be done.
  Capture a_capture(meta::Store& store) {
    return Capture({.walk = {blobs, store, manifest_fetches, blob_fetches, clock},
                    .addressing = addressing,
                    .pull = pull,
                    .loops = loops,
                    .metrics = metrics,
                    .log = log},
                   {.running_max = 2});
  }
  void pull_and_work_off(const std::string& reference) {
    const auto served = get(reference);
    ASSERT_TRUE(served) << served.error().message();
    clock.advance(std::chrono::seconds(1));
    work_off();
  }
  std::optional<meta::CaptureJob> job_of(const std::string& manifest) {
    return test::run(names.captures().find(call(), repository, test::sha256_of(manifest))).value();
  }
  bool has(const test::Image& image) {
    bool all = has_manifest(image.manifest) && has_blob(image.config);
    for (const std::string& layer : image.layers) all = all && has_blob(layer);
    return all;
  }

  const test::Image amd_ = test::image_of("amd", 2);
  const test::Image arm_ = test::image_of("arm", 2);
  std::atomic<bool> has_ended_ = false;
  sys::Notification ended_;
};

}  // namespace lifeboat::registry
