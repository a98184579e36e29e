#include "http/scrub_report.h"

#include <gtest/gtest.h>

namespace lifeboat::http {
namespace {

TEST(ScrubReport, reads_what_it_writes) {
  const ScrubReport report{.is_running = true,
                           .is_finished = true,
                           .is_ordered = true,
                           .is_repaired = false,
                           .checked = 1,
                           .checked_bytes = 2,
                           .known = 3,
                           .known_bytes = 4,
                           .found = 5,
                           .findings = {{"sha256:ab", "wrong_bytes", "got \"x\""}},
                           .unrecorded = 6,
                           .unrecorded_bytes = 7,
                           .error = "e",
                           .broken = 8,
                           .faults = {{"sha256:cd", "missing", "d", 2, "nobody has it", 60, {"app:v1"}}}};
  const auto read = parse_scrub(render_scrub(report));
  ASSERT_TRUE(read) << read.error().message();
  EXPECT_EQ(*read, report);
  EXPECT_FALSE(parse_scrub("{}"));
}

TEST(ScrubRequest, repairs_as_fast_as_it_goes_unless_told_otherwise) {
  EXPECT_EQ(parse_scrub_request("").value(), ScrubRequest{});
  EXPECT_EQ(parse_scrub_request("{}").value(), ScrubRequest{});
  const ScrubRequest request{.is_repaired = false, .rate_bytes = 10};
  EXPECT_EQ(parse_scrub_request(render_scrub_request(request)).value(), request);
  EXPECT_FALSE(parse_scrub_request("no"));
}

}  // namespace
}  // namespace lifeboat::http
