#include "upstream/failover.h"

#include <gtest/gtest.h>

#include <string>

namespace lifeboat::upstream {
namespace {

TEST(Failover, asks_in_order_then_who_lied_then_who_cannot_be_asked) {
  const EndpointView well{};
  const EndpointView away{.can_be_asked = false};
  const auto lied = [](int at) { return EndpointView{.lied_at = SteadyTime(std::chrono::seconds(at))}; };
  const EndpointView lied_and_away{.can_be_asked = false, .lied_at = SteadyTime(std::chrono::seconds(1))};
  struct Row {
    const char* name;
    std::vector<EndpointView> endpoints;
    Candidates want;
  };
  const std::vector<Row> rows{
      {"all are well", {well, well, well}, {.order = {0, 1, 2}, .trusted = 3, .askable = 3}},
      {"the first is away", {away, well, well}, {.order = {1, 2, 0}, .trusted = 2, .askable = 2}},
      {"the first lied", {lied(5), well}, {.order = {1, 0}, .trusted = 1, .askable = 2}},
      {"all lied: the oldest lie first", {lied(7), lied(5), lied(6)}, {.order = {1, 2, 0}, .trusted = 0, .askable = 3}},
      {"all are away", {away, away}, {.order = {0, 1}, .trusted = 0, .askable = 0}},
      {"of each", {away, lied(5), well, lied_and_away}, {.order = {2, 1, 0, 3}, .trusted = 1, .askable = 2}},
  };
  for (const Row& row : rows) EXPECT_EQ(candidates_of(row.endpoints), row.want) << row.name;
}

TEST(Failover, tells_what_matters_most) {
  using enum ErrorCode;
  struct Row {
    const char* name;
    std::vector<ErrorCode> failures;
    ErrorCode want;
  };
  const std::vector<Row> rows{
      {"all say so", {not_found, not_found}, not_found},
      {"an outage may hide it", {not_found, unavailable}, unavailable},
      {"an outage first", {timed_out, not_found}, timed_out},
      {"the first outage", {timed_out, unavailable}, timed_out},
      {"credentials over not found", {not_found, unauthorized}, unauthorized},
      {"an outage over credentials", {denied, unavailable}, unavailable},
      {"a limit over credentials", {unauthorized, too_many}, too_many},
      {"lies over not found", {not_found, corrupt}, corrupt},
      {"stopping", {unavailable, cancelled}, cancelled},
  };
  for (const Row& row : rows) {
    std::vector<Error> failures;
    for (const ErrorCode code : row.failures) failures.emplace_back(code, std::string(to_string(code)) + " said");
    const Error error = most_telling(failures);
    EXPECT_EQ(error.code(), row.want) << row.name;
    for (const Error& failure : failures) EXPECT_TRUE(error.message().contains(failure.message())) << row.name;
  }
}

TEST(Failover, tells_the_most_telling_failure_first_and_the_others_behind_it) {
  const Error only = most_telling({Error(ErrorCode::denied, "no").at(NetworkStep::redirect)});
  EXPECT_EQ(only.message(), "no");
  EXPECT_EQ(only.step(), NetworkStep::redirect);
  const Error error = most_telling({Error(ErrorCode::not_found, "a has none"),
                                    Error(ErrorCode::unavailable, "b refused").at(NetworkStep::connect),
                                    Error(ErrorCode::not_found, "c has none")});
  EXPECT_EQ(error.message(), "b refused; a has none; c has none");
  EXPECT_EQ(error.code(), ErrorCode::unavailable);
  EXPECT_EQ(error.step(), NetworkStep::connect) << "how far the failure came that is told";
}

TEST(Failover, leaves_time_for_the_endpoints_behind) {
  const SteadyTime now{std::chrono::seconds(100)};
  const SteadyTime deadline = now + std::chrono::seconds(6);
  EXPECT_EQ(share_of(now, deadline, 1), deadline);
  EXPECT_EQ(share_of(now, deadline, 3), now + std::chrono::seconds(2));
  EXPECT_EQ(share_of(deadline, now, 3), now);
}

}  // namespace
}  // namespace lifeboat::upstream
