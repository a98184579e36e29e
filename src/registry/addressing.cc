#include "registry/addressing.h"

namespace lifeboat::registry {
namespace {

/// W86: Docker Hub's official repositories are `library/<name>`, and clients leave the prefix out.
std::string hub_name(std::string_view name) {
  return name.find('/') == std::string_view::npos ? "library/" + std::string(name) : std::string(name);
}

Result<oci::RepositoryId> of_upstream(const oci::RegistryHost& host, std::string_view name) {
  LB_TRY(oci::Repository repository, oci::Repository::parse(host.is_docker_hub() ? hub_name(name) : std::string(name)));
  return oci::RepositoryId{host, std::move(repository)};
}

/// The configured host that the name begins with, if any, and the rest of the name.
std::optional<std::pair<oci::RegistryHost, std::string_view>> split_host(const UpstreamHosts& hosts,
                                                                         std::string_view name) {
  const std::size_t slash = name.find('/');
  if (slash == std::string_view::npos) return std::nullopt;
  const std::string_view first = name.substr(0, slash);
  if (first.find_first_of(".:") == std::string_view::npos && first != "localhost") return std::nullopt;
  const auto host = oci::RegistryHost::parse(first);
  if (!host || !hosts.contains(*host)) return std::nullopt;
  return std::pair(*host, name.substr(slash + 1));
}

std::unexpected<Error> refuse_write(const oci::RepositoryId& repository) {
  return fail(ErrorCode::unsupported, "cannot change repository '" + repository.to_string() +
                                          "': it belongs to upstream '" + repository.host->to_string() +
                                          "' (push to the upstream, or to a name that begins with no upstream's host)");
}

}  // namespace

Addressing::Addressing(meta::Store& names, std::shared_ptr<const UpstreamHosts> hosts)
    : names_(names), hosts_(std::move(hosts)) {}

std::shared_ptr<const UpstreamHosts> Addressing::hosts() const {
  return hosts_.with([](const auto& hosts) { return hosts; });
}

void Addressing::replace_hosts(std::shared_ptr<const UpstreamHosts> hosts) {
  hosts_.with([&](auto& current) { current.swap(hosts); });  // those of before are let go outside of the lock
}

Task<oci::RepositoryId> Addressing::locate(Call call, Address address, Purpose purpose) const {
  const std::shared_ptr<const UpstreamHosts> hosts = this->hosts();
  std::optional<oci::RepositoryId> upstream;
  if (address.ns && !address.ns->empty()) {
    const auto host = oci::RegistryHost::parse(*address.ns);
    if (!host || !hosts->contains(*host)) {
      co_return fail(ErrorCode::not_found, "cannot serve registry '" + std::string(*address.ns).substr(0, 255) +
                                               "': it is not a configured upstream");
    }
    LB_CO_TRY(upstream, of_upstream(*host, address.name));
  } else if (const auto split = split_host(*hosts, address.name)) {
    // What a pattern allows does not take away what is hosted here under such a name.
    bool is_hosted = false;
    auto whole = oci::Repository::parse(address.name);
    if (whole && !hosts->is_named(split->first)) {
      const oci::RepositoryId own{std::nullopt, std::move(*whole)};
      LB_CO_TRY(is_hosted, co_await names_.repositories().contains(call, own));
    }
    if (!is_hosted) {
      LB_CO_TRY(upstream, of_upstream(split->first, split->second));
    }
  }
  if (upstream) {
    if (purpose == Purpose::write) co_return refuse_write(*upstream);
    co_return std::move(*upstream);
  }

  LB_CO_TRY(oci::Repository name, oci::Repository::parse(address.name));
  oci::RepositoryId hosted{std::nullopt, std::move(name)};
  if (purpose == Purpose::write || !hosts->default_host) co_return hosted;
  LB_CO_TRY(const bool is_hosted, co_await names_.repositories().contains(call, hosted));
  if (is_hosted) co_return hosted;
  const DefaultHost& fallback = *hosts->default_host;
  LB_CO_TRY(oci::RepositoryId pulled, of_upstream(fallback.host, address.name));
  // A push begins with its blobs' HEADs, and must not depend on an upstream; a pull begins with a manifest.
  const bool is_pull = purpose == Purpose::manifest || (fallback.is_explicit && purpose != Purpose::presence);
  if (is_pull) co_return pulled;
  LB_CO_TRY(const bool is_pulled, co_await names_.repositories().contains(call, pulled));
  co_return is_pulled ? std::move(pulled) : std::move(hosted);
}

Task<Addressing::Meaning> Addressing::meaning_of(Call call, oci::FullReference reference) const {
  const std::string name = reference.repository.to_string();
  if (!reference.host) {
    const Address address{.name = name, .ns = std::nullopt};
    LB_CO_TRY(oci::RepositoryId found, co_await locate(call, address, Purpose::manifest));
    const Meaning::By by = found.is_hosted() ? Meaning::By::hosted : Meaning::By::default_host;
    co_return Meaning{std::move(found), by};
  }
  const std::string host = reference.host->to_string();
  const std::shared_ptr<const UpstreamHosts> hosts = this->hosts();
  auto whole = oci::Repository::parse(host + "/" + name);
  if (whole && !hosts->is_named(*reference.host)) {  // as locate() has it
    oci::RepositoryId hosted{std::nullopt, std::move(*whole)};
    LB_CO_TRY(const bool is_hosted, co_await names_.repositories().contains(call, hosted));
    if (is_hosted) co_return Meaning{std::move(hosted), Meaning::By::hosted};
  }
  if (hosts->contains(*reference.host)) {
    LB_CO_TRY(oci::RepositoryId found, of_upstream(*reference.host, name));
    co_return Meaning{std::move(found), Meaning::By::host};
  }
  co_return fail(ErrorCode::not_found, "cannot find '" + reference.to_string() + "': '" + host +
                                           "' is no configured upstream, and nothing of that name is hosted here");
}

}  // namespace lifeboat::registry
