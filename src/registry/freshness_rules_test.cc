#include "registry/freshness_rules.h"

#include <gtest/gtest.h>

namespace lifeboat::registry {
namespace {

using std::chrono::hours;
using std::chrono::seconds;

FreshnessRule rule(std::string_view match) { return {.match = *oci::ReferencePattern::parse(match)}; }

/// The upstream with these rules; its own policy is unlike every default.
UpstreamHost upstream_with(std::vector<FreshnessRule> rules) {
  return {.host = *oci::RegistryHost::parse("a.example"),
          .source = nullptr,
          .freshness = {.fresh_for = seconds(100),
                        .max_stale = hours(1),
                        .revalidate_within = seconds(7),
                        .drops_gone = true,
                        .serves_on_credential_fault = false,
                        .not_found_for = seconds(9)},
          .rules = std::move(rules)};
}

FreshnessPolicy policy_of(const UpstreamHost& upstream, std::string_view repository, const char* tag) {
  const auto parsed = tag != nullptr ? std::optional(*oci::Tag::parse(tag)) : std::nullopt;
  return policy_for(upstream, *oci::Repository::parse(repository), parsed ? &*parsed : nullptr);
}

TEST(FreshnessRules, apply_the_first_that_fits) {
  std::vector<FreshnessRule> rules;
  for (const auto& [match, fresh_for] : {std::pair("org/*:latest", 10), {"org/app", 20}, {"org/*", 30}, {"*:v1", 40}}) {
    rules.push_back(rule(match));
    rules.back().fresh_for = seconds(fresh_for);
  }
  const UpstreamHost upstream = upstream_with(std::move(rules));
  const struct {
    const char* name;
    const char* repository;
    const char* tag;  ///< null: asked for by digest
    int want_seconds;
  } rows[] = {
      {"by tag", "org/app", "latest", 10},
      {"by repository", "org/app", "v1", 20},
      {"by beginning, before a later rule by tag", "org/other", "v1", 30},
      {"by tag of any repository", "team/app", "v1", 40},
      {"none", "team/app", "v2", 100},
      {"a digest, past the rules by tag", "org/other", nullptr, 30},
      {"a digest, none", "team/app", nullptr, 100},
  };
  for (const auto& row : rows) {
    EXPECT_EQ(policy_of(upstream, row.repository, row.tag).fresh_for, seconds(row.want_seconds)) << row.name;
  }
}

TEST(FreshnessRules, leave_to_the_upstream_what_they_do_not_name) {
  const UpstreamHost plain = upstream_with({});
  EXPECT_EQ(policy_of(upstream_with({rule("*")}), "app", "v1"), plain.freshness);
  const struct {
    const char* name;
    void (*in_rule)(FreshnessRule&);
    void (*in_policy)(FreshnessPolicy&);
  } rows[] = {
      {"fresh_for", [](auto& r) { r.fresh_for = seconds(1); }, [](auto& p) { p.fresh_for = seconds(1); }},
      {"max_stale", [](auto& r) { r.max_stale = hours(2); }, [](auto& p) { p.max_stale = hours(2); }},
      {"max_stale without an end", [](auto& r) { r.max_stale.emplace(std::nullopt); },
       [](auto& p) { p.max_stale = std::nullopt; }},
      {"revalidate_within", [](auto& r) { r.revalidate_within = seconds(1); },
       [](auto& p) { p.revalidate_within = seconds(1); }},
      {"drops_gone", [](auto& r) { r.drops_gone = false; }, [](auto& p) { p.drops_gone = false; }},
      {"serves_on_credential_fault", [](auto& r) { r.serves_on_credential_fault = true; },
       [](auto& p) { p.serves_on_credential_fault = true; }},
      {"not_found_for", [](auto& r) { r.not_found_for = seconds(0); }, [](auto& p) { p.not_found_for = seconds(0); }},
  };
  for (const auto& row : rows) {
    FreshnessRule one = rule("app");
    row.in_rule(one);
    FreshnessPolicy want = plain.freshness;
    row.in_policy(want);
    EXPECT_EQ(policy_of(upstream_with({one}), "app", "v1"), want) << row.name;
  }
}

}  // namespace
}  // namespace lifeboat::registry
