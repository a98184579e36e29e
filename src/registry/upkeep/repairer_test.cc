#include "registry/upkeep/repairer.h"

#include <gtest/gtest.h>

#include <functional>

#include "test/support/pull_rig.h"

namespace lifeboat::registry {
namespace {

using test::run;
using test::sha256_of;

/// Blobs of a repository hosted here that have gone from the disk, and a backup that has them.
class RepairerTest : public testing::Test, protected test::PullRig {
 protected:
  ~RepairerTest() override {
    for (const auto& gate : gates_) gate->open();
    repairer_.stop();
    if (is_running_) run(has_ended());
  }
  void lose(const std::string& bytes, std::shared_ptr<test::BodyGate> gate = nullptr) {
    test::keep_blob(blobs, names, hosted_, bytes);
    ASSERT_TRUE(run(blobs.remove(call(), sha256_of(bytes))));
    if (gate) gates_.push_back(gate);
    backup_->blobs[test::digest_of(bytes)] = {.bytes = bytes, .gate = std::move(gate)};
    ASSERT_TRUE(run(faults.note_lost(call(), sha256_of(bytes), "a test lost it")));
  }
  void work() {
    is_running_ = true;
    loops.spawn(0, work_until_stopped());
  }
  Awaitable<void> work_until_stopped() {
    co_await repairer_.run();
    ended_.notify_all();
  }
  Awaitable<bool> has_ended() {
    while (ended_.version() == 0) co_await ended_.wait(0, SteadyTime::max());
    co_return true;
  }
  /// Looks whenever a try has ended; false: it was not so within half a minute.
  Awaitable<bool> becomes(std::function<bool()> is_so) {
    const SteadyTime until = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    for (;;) {
      const uint64_t seen = faults.noted().version();
      if (is_so()) co_return true;
      const bool is_told = co_await faults.noted().wait(seen, until);
      if (!is_told) co_return is_so();
    }
  }
  bool comes_down_to(uint64_t count) {
    return run(becomes([this, count] { return run(names.faults().count(call())).value() == count; }));
  }
  std::optional<meta::Fault> fault_of(const std::string& bytes) {
    return run(names.faults().find(call(), sha256_of(bytes))).value();
  }
  std::shared_ptr<test::BodyGate> gate() { return std::make_shared<test::BodyGate>(1); }

  const oci::RepositoryId hosted_{std::nullopt, oci::Repository::parse("team/app").value()};
  std::shared_ptr<test::ScriptedSource> backup_ = std::make_shared<test::ScriptedSource>();
  std::vector<std::shared_ptr<test::BodyGate>> gates_;
  bool is_running_ = false;
  sys::Notification ended_;
  Repairer repairer_{{blobs, blobs, names, leases, addressing, faults, clock, loops, metrics, log},
                     {{.source = backup_, .name = "backup"}}};
};

TEST_F(RepairerTest, goes_on_with_others_while_a_source_does_not) {
  const auto slow = gate();
  lose(std::string(1000, 's'), slow);
  for (int i = 0; i < 10; ++i) lose("quick " + std::to_string(i));
  work();
  EXPECT_TRUE(comes_down_to(1)) << "one body that hangs keeps all others from being repaired";
  slow->open();
  EXPECT_TRUE(comes_down_to(0));
}

TEST_F(RepairerTest, asks_for_a_few_at_a_time) {
  for (int i = 0; i < 10; ++i) {
    lose("slow " + std::to_string(i), gate());
    clock.advance(std::chrono::seconds(1));  // the first lost is the first due
  }
  work();
  for (std::size_t i = 0; i < Repairer::kAtOnce; ++i) ASSERT_TRUE(run(gates_[i]->reached())) << i;
  EXPECT_EQ(backup_->opens, static_cast<int>(Repairer::kAtOnce));
  for (const auto& gate : gates_) gate->open();
  EXPECT_TRUE(comes_down_to(0));
}

TEST_F(RepairerTest, gives_up_a_body_that_drips) {
  const auto drip = gate();
  const std::string bytes(1000, 'd');
  lose(bytes, drip);
  work();
  ASSERT_TRUE(run(drip->reached()));
  clock.advance(std::chrono::minutes(2));
  drip->open();
  ASSERT_TRUE(run(becomes([&] { return !fault_of(bytes) || fault_of(bytes)->tries > 0; })));
  const auto fault = fault_of(bytes);
  ASSERT_TRUE(fault) << "it was taken though it took minutes for a thousand bytes";
  EXPECT_NE(fault->last_error.find("too slowly"), std::string::npos) << fault->last_error;
}

TEST_F(RepairerTest, tries_again_what_was_put_off_before_the_clock_was_set_back) {
  lose("x");
  meta::Fault fault = *fault_of("x");
  fault.tries = 3;
  fault.due = clock.wall() + std::chrono::days(365);
  names.faults().postpone(fault);
  work();
  EXPECT_TRUE(comes_down_to(0)) << "it would be tried in a year";
}

}  // namespace
}  // namespace lifeboat::registry
