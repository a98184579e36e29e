#include "registry/explain.h"

#include <set>
#include <utility>

#include "registry/freshness_rules.h"

namespace lifeboat::registry {
namespace {

/// As far back as Pull looks.
constexpr std::size_t kPastMax = 16;
/// Of an index that has more children, the others are not looked into.
constexpr std::size_t kChildrenMax = 200;

}  // namespace

Task<Explanation> Explain::of(Call call, oci::FullReference reference) {
  LB_CO_TRY(Addressing::Meaning meaning, co_await parts_.addressing.meaning_of(call, reference));
  Explanation found{.meaning = std::move(meaning),
                    .reference = std::move(reference.reference),
                    .now = parts_.clock.wall(),
                    .outlook = {},
                    .hosts = parts_.addressing.hosts()};
  const oci::RepositoryId& repository = found.meaning.repository;
  const oci::Tag* tag = found.reference.tag();
  if (repository.host) {
    found.upstream = found.hosts->find(*repository.host);
    found.is_frozen = parts_.freeze.is_frozen(*repository.host);
  }
  if (found.upstream != nullptr) {
    found.policy = policy_for(*found.upstream, repository.name, tag);
    found.rule = rule_for(*found.upstream, repository.name, tag);
  }
  if (tag != nullptr) {
    LB_CO_CHECK(co_await look_at_tag(call, found));
  } else {
    found.digest = *found.reference.digest();
  }
  if (found.digest) {
    LB_CO_TRY(found.capture, co_await parts_.capture.state_of(call, repository, *found.digest));
    LB_CO_CHECK(co_await look_at_children(call, found));
  }
  const Holding& holding = found.capture.holding;
  if (found.tag && !holding.is_pullable) {
    LB_CO_CHECK(co_await look_for_earlier(call, found));
  }

  Standing standing{.is_tag = tag != nullptr,
                    .is_hosted = repository.is_hosted(),
                    .is_configured = found.upstream != nullptr,
                    .is_here = holding.is_here,
                    .is_pullable = holding.is_pullable,
                    .has_earlier = found.served.has_value(),
                    .policy = found.policy,
                    .now = found.now};
  if (found.upstream != nullptr) {
    standing.can_be_asked = found.upstream->source->can_be_asked();
    standing.is_short = standing.can_be_asked && found.upstream->source->is_short_of_requests();
  }
  if (found.tag) {
    standing.tag = HeldTag{found.tag->checked, found.tag->is_gone_upstream, found.tag->confirmed};
    standing.policy.fresh_for = window_of(found.policy.fresh_for, repository, *tag, found.tag->checked);
  }
  found.outlook = outlook_of(standing);
  if (found.outlook.answer != Outlook::Answer::earlier) found.served.reset();
  co_return found;
}

Task<void> Explain::look_at_tag(Call call, Explanation& found) {
  const oci::RepositoryId& repository = found.meaning.repository;
  auto record = co_await parts_.names.tags().find(call, repository, *found.reference.tag());
  if (!record && record.error().code() != ErrorCode::not_found) co_return std::unexpected(std::move(record).error());
  if (record) {
    found.digest = record->digest;
    found.tag = std::move(*record);
  }
  LB_CO_TRY(found.past, co_await parts_.names.tags().history(call, repository, *found.reference.tag(), kPastMax));
  co_return Status{};
}

Task<void> Explain::look_at_children(Call call, Explanation& found) {
  const std::vector<Holding::Child>& children = found.capture.holding.children;
  for (std::size_t i = 0; i < children.size(); ++i) {
    const Holding::Child& child = children[i];
    Explanation::Child told{child.digest, child.platform, child.is_whole, child.is_whole, 0};
    if (!child.is_whole && i < kChildrenMax) {
      LB_CO_TRY(const Holding below, co_await holdings_.of(call, found.meaning.repository, child.digest));
      told.is_here = below.is_here;
      told.missing = below.missing.size();
    }
    found.children.push_back(std::move(told));
  }
  co_return Status{};
}

Task<void> Explain::look_for_earlier(Call call, Explanation& found) {
  std::set<oci::Digest> seen{*found.digest};
  for (const meta::TagPast& one : found.past) {
    if (!seen.insert(one.digest).second) continue;
    LB_CO_TRY(const Holding holding, co_await holdings_.of(call, found.meaning.repository, one.digest));
    if (!holding.is_pullable) continue;
    found.served = one.digest;
    break;
  }
  co_return Status{};
}

}  // namespace lifeboat::registry
