#include "http/tag_report.h"

#include <gtest/gtest.h>

namespace lifeboat::http {
namespace {

const oci::RepositoryId kApp{std::nullopt, oci::Repository::parse("team/app").value()};

TEST(TagReport, tells_a_history_as_it_was_sent) {
  const oci::Digest digest = oci::Digest::of(HashAlgorithm::sha256, as_bytes("m"));
  registry::TagHistory::Page page{.moments = {}, .has_more = true};
  const struct {
    registry::Restorability restorability;
    const char* lacking;
  } rows[] = {{registry::Restorability::held, ""},
              {registry::Restorability::stored, ""},
              {registry::Restorability::lost, "blob 'x'"}};
  for (const auto& row : rows) {
    page.moments.push_back({.tag = oci::Tag::parse("v1").value(),
                            .past = {.digest = digest, .since = WallTime(), .number = 3, .source = "push"},
                            .is_current = true,
                            .restorability = row.restorability,
                            .lacking = row.lacking});
  }
  const HistoryReport report = report_of(kApp, page);
  ASSERT_EQ(report.moments.size(), 3U);
  EXPECT_EQ(report.repository, "team/app");
  EXPECT_EQ(report.moments[0].restorable, "held");
  EXPECT_EQ(report.moments[1].restorable, "stored");
  EXPECT_EQ(report.moments[2].restorable, "lost");
  EXPECT_EQ(report.moments[2].number, 3U);
  const auto parsed = parse_history(render_history(report));
  ASSERT_TRUE(parsed) << parsed.error().message();
  EXPECT_EQ(*parsed, report);
  EXPECT_FALSE(parse_history("{}"));
}

TEST(TagReport, orders_a_restore) {
  for (const RestoreOrder& order :
       {RestoreOrder{.reference = "app:v1"},
        RestoreOrder{.reference = "app:v1", .digest = "sha256:a", .number = 2, .is_dry_run = true}}) {
    const auto parsed = parse_restore_order(render_restore_order(order));
    ASSERT_TRUE(parsed) << parsed.error().message();
    EXPECT_EQ(*parsed, order);
  }
  EXPECT_FALSE(parse_restore_order(R"({"digest":"sha256:a"})"));
  EXPECT_FALSE(parse_restore_order(R"({"reference":"a:b","number":"two"})"));
  const RestoreReport report{
      .repository = "a", .tag = "v1", .digest = "sha256:b", .before = "sha256:a", .manifests = 2};
  EXPECT_EQ(parse_restore(render_restore(report)).value(), report);
}

TEST(TagReport, tells_of_pins) {
  const PinOrder order{.reference = "app:v1", .reason = "the \"release\""};
  EXPECT_EQ(parse_pin_order(render_pin_order(order)).value(), order);
  EXPECT_FALSE(parse_pin_order("[]"));
  PinsReport report =
      report_of(std::vector<meta::Pin>{{.repository = kApp, .reference = "v1", .at = WallTime(), .reason = "why"}});
  report.repository = "team/app";
  report.reference = "v1";
  ASSERT_EQ(report.pins.size(), 1U);
  EXPECT_EQ(report.pins[0].since, "1970-01-01T00:00:00.000Z");
  EXPECT_EQ(parse_pins(render_pins(report)).value(), report);
}

}  // namespace
}  // namespace lifeboat::http
