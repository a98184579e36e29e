#include "fuzz.h"
#include "upstream/challenge.h"
#include "upstream/realm_trust.h"
#include "upstream/scope.h"

using namespace lifeboat;

// Whoever answers in place of a registry writes this field, and what it names decides where credentials go.
LB_FUZZ(text) {
  const auto endpoint = upstream::Url::parse("https://registry.example.com");
  const auto challenges = upstream::parse_challenges(text);
  LB_ASSERT(challenges.size() <= 8);
  for (const upstream::Challenge& challenge : challenges) {
    LB_ASSERT(!challenge.scheme.empty());
    LB_ASSERT(challenge.parameters.size() <= 16);
    const std::string scope = upstream::scope_of(challenge.find("scope"), "repository:a:pull");
    LB_ASSERT(scope.starts_with("repository:") && scope.ends_with(":pull"));
    const auto realm = upstream::Url::parse(challenge.find("realm").value_or(""));
    if (!realm) continue;
    const auto again = upstream::Url::parse(realm->origin() + realm->path);
    LB_ASSERT(again.has_value());
    LB_ASSERT(again->host == realm->host && again->port == realm->port && again->is_https == realm->is_https);
    const auto trust = upstream::judge_realm(*endpoint, *realm, {});
    const bool is_ours = realm->host == "example.com" || realm->host.ends_with(".example.com");
    LB_ASSERT((trust == upstream::RealmTrust::with_credentials) == (is_ours && realm->is_https));
    LB_ASSERT(trust != upstream::RealmTrust::anonymous || !upstream::is_private_host(realm->host));
  }
}
