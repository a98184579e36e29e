#include "server/upstreams.h"

#include <algorithm>
#include <ranges>
#include <utility>

#include "upstream/ranged_source.h"

namespace lifeboat::server {
namespace {

upstream::EndpointOptions options_of(const EndpointConfig& endpoint, const UpstreamConfig& upstream) {
  return {.url = endpoint.url,
          .match = endpoint.match,
          .rewrite = endpoint.rewrite,
          .username = endpoint.username,
          .password = {},
          .password_file = endpoint.password_file,
          .password_env = endpoint.password_env,
          .docker_config = endpoint.docker_config,
          .credential_helper = endpoint.credential_helper,
          .ca_file = endpoint.ca_file,
          .client_certificate = endpoint.client_certificate,
          .client_key = endpoint.client_key,
          .skip_verify = endpoint.skip_verify,
          .realm_hosts = {},
          .deadlines = {.resolve = upstream.resolve_timeout,
                        .connect = upstream.connect_timeout,
                        .tls = upstream.tls_timeout,
                        .first_byte = upstream.first_byte_timeout,
                        .stall = upstream.stall_timeout},
          .health = {},
          .rate_floor = {.percent = upstream.rate_floor_percent},
          .credential_check_every = upstream.credential_check_every};
}

template <class Value>
std::optional<bool> is_value(const Override<Value>& given, Value wanted) {
  return given.value ? std::optional(*given.value == wanted) : std::nullopt;
}

Result<registry::FreshnessRule> rule_of(const RuleConfig& config) {
  LB_TRY(oci::ReferencePattern match, oci::ReferencePattern::parse(config.match));
  return registry::FreshnessRule{
      .match = std::move(match),
      .fresh_for = config.fresh_for.value,
      .max_stale = config.max_stale.value,
      .revalidate_within = config.revalidate_within.value,
      .drops_gone = is_value(config.on_gone, OnGone::drop),
      .serves_on_credential_fault = is_value(config.on_credential_fault, OnCredentialFault::serve),
      .not_found_for = config.not_found_for.value};
}

registry::CapturePolicy capture_of(const UpstreamConfig& config) {
  return {.is_on = config.capture != CaptureMode::none,
          .has_all_platforms = config.capture == CaptureMode::all,
          .platforms = config.capture_platforms,
          .has_referrers = config.capture_referrers};
}

registry::FreshnessPolicy freshness_of(const UpstreamConfig& config) {
  return {.fresh_for = config.fresh_for,
          .max_stale = config.max_stale,
          .revalidate_within = config.revalidate_within,
          .drops_gone = config.on_gone == OnGone::drop,
          .serves_on_credential_fault = config.on_credential_fault == OnCredentialFault::serve,
          .not_found_for = config.not_found_for};
}

}  // namespace

Result<std::shared_ptr<Upstreams>> Upstreams::build(const Config& config, const upstream::RegistrySource::Parts& parts,
                                                    const std::vector<std::shared_ptr<Upstreams>>& in_use) {
  const std::shared_ptr<Upstreams> upstreams(new Upstreams(parts));
  for (const auto& one : in_use | std::views::reverse) {  // the latest first
    for (Host& host : one->all()) upstreams->kept_.push_back(std::move(host));
  }
  for (const UpstreamConfig& one : config.upstreams) LB_CHECK(upstreams->add(one));
  if (config.any_upstream) {
    auto make = [self = upstreams.get()](const UpstreamConfig& one) {
      auto made = self->make(one);
      self->parts_.breaker_opened.notify_all();  // whoever probes knows them all
      return made;
    };
    LB_TRY(upstreams->on_demand_, HostsOnDemand::create(*config.any_upstream, std::move(make), parts.log));
    upstreams->hosts_.on_demand = upstreams->on_demand_.get();
  }
  LB_CHECK(upstreams->choose_default(config));
  return upstreams;
}

Status Upstreams::add(const UpstreamConfig& config) {
  LB_TRY(registry::UpstreamHost made, make(config));
  hosts_.hosts.push_back(std::move(made));
  return {};
}

Result<std::shared_ptr<upstream::RegistrySource>> Upstreams::source_of(const EndpointConfig& endpoint,
                                                                       const UpstreamConfig& config) const {
  LB_TRY(upstream::Endpoint made, upstream::Endpoint::make(options_of(endpoint, config)));
  for (const Host& kept : kept_) {
    if (kept.host.to_string() != config.host) continue;
    for (const auto& source : kept.endpoints) {
      if (source->endpoint().options() == made.options()) return source;
    }
  }
  const auto seed = static_cast<uint64_t>(parts_.clock.wall().time_since_epoch().count());
  return std::make_shared<upstream::RegistrySource>(parts_, std::move(made), seed);
}

/// One upstream with its endpoints, in their order.
Result<registry::UpstreamHost> Upstreams::make(const UpstreamConfig& config) {
  LB_TRY(oci::RegistryHost host, oci::RegistryHost::parse(config.host));
  Host made{.host = host};
  std::vector<upstream::Upstream::Member> members;
  for (const EndpointConfig& endpoint : config.endpoints) {
    LB_TRY(const std::shared_ptr<upstream::RegistrySource> source, source_of(endpoint, config));
    made.endpoints.push_back(source);
    std::shared_ptr<blob::Source> member = source;
    if (config.parallel_ranges > 1) {
      const upstream::RangeOptions ranges{.requests = static_cast<std::size_t>(config.parallel_ranges)};
      member = std::make_shared<upstream::RangedSource>(source, parts_.clock, ranges);
    }
    members.push_back({source->endpoint().name(), std::move(member)});
  }
  std::vector<registry::FreshnessRule> rules;
  for (const RuleConfig& one : config.rules) {
    LB_TRY(registry::FreshnessRule rule, rule_of(one));
    rules.push_back(std::move(rule));
  }
  const auto source = std::make_shared<upstream::Upstream>(
      upstream::Upstream::Parts{parts_.clock, parts_.log, parts_.metrics}, std::move(members), config.hedge_after);
  made.upstream = source;
  made_.with([&](std::vector<Host>& all) { all.push_back(std::move(made)); });
  return registry::UpstreamHost{.host = std::move(host),
                                .source = source.get(),
                                .freshness = freshness_of(config),
                                .rules = std::move(rules),
                                .capture = capture_of(config)};
}

Status Upstreams::choose_default(const Config& config) {
  if (config.default_upstream) {
    LB_CHECK(add(*config.default_upstream));
    hosts_.default_host = {hosts_.hosts.back().host, true};
  } else if (!config.server.default_host.empty()) {
    LB_TRY(const oci::RegistryHost host, oci::RegistryHost::parse(config.server.default_host));
    if (hosts_.contains(host)) hosts_.default_host = {host, config.server.is_default_host_explicit};
  }
  return {};
}

std::vector<Upstreams::Host> Upstreams::all() const {
  std::vector<Host> hosts = made_.with([](const std::vector<Host>& all) { return all; });
  for (Host& one : hosts) one.is_default = hosts_.default_host && hosts_.default_host->host == one.host;
  return hosts;
}

}  // namespace lifeboat::server
