#include "http/prune_report.h"

#include <gtest/gtest.h>

namespace lifeboat::http {
namespace {

using registry::Retainer;

TEST(PruneReport, comes_back_as_it_was_sent) {
  registry::PruneReport report{
      .repositories = 2, .tags = 1, .manifests = 3, .changed = 4, .frozen = {"ghcr.io/org/app"}, .items_left_out = 5};
  const oci::Digest digest = oci::Digest::of(HashAlgorithm::sha256, as_bytes("m"));
  report.items.push_back({.repository = "team/app", .tag = "v1", .digest = digest, .reason = "no rule keeps it"});
  report.items.push_back({.repository = "team/app", .digest = digest, .is_kept = true, .reason = "\"quoted\""});
  report.unreadable.push_back({"team/tool", "cannot read manifest"});
  const PruneAnswer answer = answer_of(report, Retainer::DryRun::yes);
  EXPECT_TRUE(answer.is_dry_run);
  EXPECT_EQ(answer.unreadable.at(0).repository, "team/tool");
  EXPECT_EQ(answer.items.at(0).digest, digest.to_string());
  const auto parsed = parse_prune(render_prune(answer));
  ASSERT_TRUE(parsed) << parsed.error().message();
  EXPECT_EQ(*parsed, answer);
  EXPECT_FALSE(parse_prune("{}"));
}

TEST(PruneReport, has_orders_for_both) {
  for (const auto dry_run : {Retainer::DryRun::no, Retainer::DryRun::yes}) {
    EXPECT_EQ(parse_prune_order(render_prune_order(dry_run)).value(), dry_run);
  }
  EXPECT_EQ(parse_prune_order("").value(), Retainer::DryRun::no);
  EXPECT_FALSE(parse_prune_order("{"));
}

}  // namespace
}  // namespace lifeboat::http
