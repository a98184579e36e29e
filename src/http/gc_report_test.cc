#include "http/gc_report.h"

#include <gtest/gtest.h>

namespace lifeboat::http {

using registry::Sweep;

TEST(GcOrder, comes_back_as_it_was_sent) {
  for (const auto order : {Sweep::DryRun::no, Sweep::DryRun::yes}) {
    EXPECT_EQ(parse_gc_order(render_gc_order(order)).value(), order);
  }
  EXPECT_EQ(parse_gc_order("").value(), Sweep::DryRun::no);
  EXPECT_EQ(parse_gc_order("{}").value(), Sweep::DryRun::no);
  EXPECT_EQ(parse_gc_order("{").error().code(), ErrorCode::invalid);
  EXPECT_EQ(parse_gc_order(R"({"dry_run":"yes"})").error().code(), ErrorCode::invalid);
}

TEST(GcReport, comes_back_as_it_was_sent) {
  const auto digest = oci::Digest::of(HashAlgorithm::sha256, as_bytes("x"));
  registry::CollectState state{.number = 3, .is_running = false, .is_dry_run = true};
  state.started = WallTime(Duration(1'700'000'000'000));
  state.ended = WallTime(Duration(1'700'000'001'000));
  state.report.links = 1;
  state.report.contents = 1;
  state.report.bytes = 12;
  state.report.lost = 3;
  state.report.restored = 4;
  const oci::RepositoryId repository{std::nullopt, oci::Repository::parse("team/app").value()};
  state.report.items.push_back({registry::SweepReason::unlinked, repository, digest, 12});
  state.report.items.push_back({registry::SweepReason::orphan, std::nullopt, digest, 12});
  const GcReport report = report_of(state);
  EXPECT_EQ(report.items[0].repository, "team/app");
  EXPECT_EQ(report.items[1].repository, "");
  EXPECT_FALSE(report.is_refused);
  EXPECT_EQ(report.lost, 3U);
  EXPECT_EQ(report.restored, 4U);
  EXPECT_EQ(parse_gc(render_gc(report)).value(), report);
  EXPECT_EQ(parse_gc("[]").error().code(), ErrorCode::invalid);
}

TEST(GcReport, tells_a_refusal_from_another_failure) {
  registry::CollectState state{.number = 1};
  state.failure = Error(ErrorCode::corrupt, "the store fails its own check");
  EXPECT_TRUE(report_of(state).is_refused);
  state.failure = Error(ErrorCode::no_space, "the disk is full");
  EXPECT_FALSE(report_of(state).is_refused);
  EXPECT_EQ(report_of(state).error, "the disk is full");
}

}  // namespace lifeboat::http
