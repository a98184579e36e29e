#include "server/hosts_on_demand.h"

#include <algorithm>

#include "server/any_upstream.h"

namespace lifeboat::server {

/// A source that is never there.
class HostsOnDemand::Refusal final : public blob::Source {
 public:
  explicit Refusal(std::string reason) : reason_(std::move(reason)) {}

  Task<blob::ResolvedTag> resolve(Call, oci::RepositoryId repository, oci::Tag) override {
    co_return because(repository);
  }
  Task<blob::FetchedManifest> manifest(Call, oci::RepositoryId repository, oci::Reference) override {
    co_return because(repository);
  }
  Task<std::unique_ptr<blob::Stream>> open(Call, oci::RepositoryId repository, oci::Digest, uint64_t) override {
    co_return because(repository);
  }
  Task<TagPage> tags(Call, oci::RepositoryId repository, std::string, std::size_t) override {
    co_return because(repository);
  }
  Task<std::vector<oci::Referrer>> referrers(Call, oci::RepositoryId repository, oci::Digest) override {
    co_return because(repository);
  }
  bool can_be_asked() const override { return false; }

 private:
  std::unexpected<Error> because(const oci::RepositoryId& repository) const {
    return fail(ErrorCode::unavailable, "cannot ask for '" + repository.to_string() + "': " + reason_);
  }
  const std::string reason_;
};

HostsOnDemand::HostsOnDemand(UpstreamConfig any, std::vector<oci::HostPattern> allow, Make make, Log& log)
    : any_(std::move(any)), allow_(std::move(allow)), make_(std::move(make)), log_(log) {}
HostsOnDemand::~HostsOnDemand() = default;

Result<std::unique_ptr<HostsOnDemand>> HostsOnDemand::create(UpstreamConfig any, Make make, Log& log) {
  std::vector<oci::HostPattern> allow;
  for (const std::string& entry : any.allow) {
    LB_TRY(oci::HostPattern pattern, oci::HostPattern::parse(entry));
    allow.push_back(std::move(pattern));
  }
  return std::unique_ptr<HostsOnDemand>(new HostsOnDemand(std::move(any), std::move(allow), std::move(make), log));
}

bool HostsOnDemand::allows(const oci::RegistryHost& host) const {
  return std::ranges::any_of(allow_, [&](const oci::HostPattern& pattern) { return pattern.matches(host); });
}

const registry::UpstreamHost* HostsOnDemand::find(const oci::RegistryHost& host) {
  if (!allows(host)) return nullptr;
  return made_.with([&](Made& made) -> const registry::UpstreamHost* {
    const auto found = made.hosts.find(host);
    if (found != made.hosts.end()) return &found->second;
    if (made.hosts.size() < kHostsMax) return &made.hosts.emplace(host, make(made, host)).first->second;
    if (!made.beyond_max) {
      const std::string reason = "the upstream '*' has " + std::to_string(kHostsMax) +
                                 " hosts, no more are made before a reload (want a narrower 'allow')";
      made.beyond_max = std::make_unique<registry::UpstreamHost>(refuse(made, host, reason));
      log_.warning("upstream.too_many_hosts", {{"host", host.to_string()}, {"max", kHostsMax}});
    }
    return made.beyond_max.get();
  });
}

registry::UpstreamHost HostsOnDemand::make(Made& made, const oci::RegistryHost& host) {
  auto upstream = make_(config_for(any_, host));
  if (upstream) {
    log_.info("upstream.host_made", {{"host", host.to_string()}});
    return std::move(*upstream);
  }
  log_.warning("upstream.host_refused", {{"host", host.to_string()}, {"reason", upstream.error().message()}});
  return refuse(made, host, upstream.error().message());
}

registry::UpstreamHost HostsOnDemand::refuse(Made& made, const oci::RegistryHost& host, std::string reason) {
  made.refusals.push_back(std::make_unique<Refusal>(std::move(reason)));
  return {.host = host, .source = made.refusals.back().get(), .freshness = {}};
}

}  // namespace lifeboat::server
