#include "upstream/verdict.h"

#include <gtest/gtest.h>

#include <vector>

#include "upstream/failover.h"
#include "upstream/failure.h"

namespace lifeboat::upstream {
namespace {

TEST(Verdict, names_the_culprit_and_what_its_breaker_learns) {
  struct Row {
    const char* name;
    ErrorCode code;
    Culprit culprit;
    BreakerEffect breaker;
  };
  const std::vector<Row> rows{
      {"refused, reset, 5xx, a portal's 403", ErrorCode::unavailable, Culprit::endpoint, BreakerEffect::counts},
      {"a black hole", ErrorCode::timed_out, Culprit::endpoint, BreakerEffect::counts},
      {"wrong bytes, a portal's 200", ErrorCode::corrupt, Culprit::endpoint, BreakerEffect::counts},
      {"408, 429", ErrorCode::too_many, Culprit::pace, BreakerEffect::pauses},
      {"401", ErrorCode::unauthorized, Culprit::credential, BreakerEffect::none},
      {"403 from a registry", ErrorCode::denied, Culprit::credential, BreakerEffect::none},
      {"404 from a registry", ErrorCode::not_found, Culprit::name, BreakerEffect::none},
      {"400", ErrorCode::invalid, Culprit::question, BreakerEffect::none},
      {"405, 501", ErrorCode::unsupported, Culprit::question, BreakerEffect::none},
      {"our disk is full", ErrorCode::no_space, Culprit::ourselves, BreakerEffect::none},
      {"our state", ErrorCode::conflict, Culprit::ourselves, BreakerEffect::none},
      {"our bug", ErrorCode::internal, Culprit::ourselves, BreakerEffect::none},
      {"the client has left", ErrorCode::cancelled, Culprit::asker, BreakerEffect::none},
  };
  ASSERT_EQ(rows.size(), kVerdicts.size());
  for (const Row& row : rows) {
    const Verdict& verdict = verdict_of(row.code);
    EXPECT_EQ(verdict.culprit, row.culprit) << row.name;
    EXPECT_EQ(verdict.breaker(), row.breaker) << row.name;
    EXPECT_EQ(is_outage(row.code), row.breaker == BreakerEffect::counts) << row.name;
    EXPECT_EQ(verdict.asks_next(), row.culprit != Culprit::asker) << row.name;
  }
}

TEST(Verdict, of_several_failures_is_that_of_the_most_telling) {
  // Each tells more than all behind it.
  const std::vector<std::vector<ErrorCode>> ranks{{ErrorCode::cancelled},
                                                  {ErrorCode::unavailable, ErrorCode::timed_out},
                                                  {ErrorCode::too_many},
                                                  {ErrorCode::corrupt},
                                                  {ErrorCode::unauthorized},
                                                  {ErrorCode::denied},
                                                  {ErrorCode::internal, ErrorCode::no_space, ErrorCode::conflict},
                                                  {ErrorCode::unsupported, ErrorCode::invalid},
                                                  {ErrorCode::not_found}};
  for (std::size_t high = 0; high < ranks.size(); ++high) {
    for (std::size_t low = high + 1; low < ranks.size(); ++low) {
      for (const ErrorCode more : ranks.at(high)) {
        for (const ErrorCode less : ranks.at(low)) {
          EXPECT_EQ(most_telling({Error(less, "l"), Error(more, "m")}).code(), more) << to_string(less);
          EXPECT_EQ(most_telling({Error(more, "m"), Error(less, "l")}).code(), more) << to_string(less);
        }
      }
    }
  }
}

}  // namespace
}  // namespace lifeboat::upstream
