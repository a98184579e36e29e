#include "registry/upkeep/freeze.h"

#include <algorithm>

namespace lifeboat::registry {

Freeze::Freeze(meta::Store& names, sys::Clock& clock, sys::Metrics& metrics, Log& log)
    : names_(names), clock_(clock), metrics_(metrics), log_(log) {}

bool Freeze::is_frozen(const oci::RegistryHost& host) const {
  return frozen_.with([&](const auto& frozen) { return frozen.contains(host); });
}

void Freeze::show(const oci::RegistryHost& host, bool is_frozen) {
  metrics_
      .gauge("lifeboat_upstream_frozen", "1 while no endpoint of the host can be asked: nothing of it is removed.",
             {{"host", host.to_string()}})
      .set(is_frozen ? 1 : 0);
}

bool Freeze::look(const std::vector<Host>& hosts) {
  bool has_changed = false;
  const auto set = [&](const oci::RegistryHost& host, bool is_frozen) {
    const bool is_news =
        frozen_.with([&](auto& frozen) { return is_frozen ? frozen.insert(host).second : frozen.erase(host) != 0; });
    has_changed |= is_news;
    if (is_news && is_frozen) {
      log_.warning("host.frozen", {{"host", host.to_string()},
                                   {"reason", "no endpoint can be asked"},
                                   {"effect", "what is held is served, and nothing of it is removed"}});
    } else if (is_news) {
      log_.info("host.thawed", {{"host", host.to_string()}, {"reason", "an endpoint can be asked again"}});
      names_.captures().hurry(host, clock_.wall());
    }
    if (is_news) show(host, is_frozen);
  };
  for (const Host& one : hosts) set(one.host, !one.can_be_asked);
  // A host that is no longer configured is not frozen: nobody will ever find it healthy.
  const auto known = [&](const oci::RegistryHost& host) {
    return std::ranges::any_of(hosts, [&](const Host& one) { return one.host == host; });
  };
  std::set<oci::RegistryHost> gone = frozen_.with([](const auto& frozen) { return frozen; });
  std::erase_if(gone, known);
  for (const oci::RegistryHost& host : gone) {
    frozen_.with([&](auto& frozen) { frozen.erase(host); });
    show(host, false);
    log_.info("host.thawed", {{"host", host.to_string()}, {"reason", "it is no longer configured"}});
    has_changed = true;
  }
  return has_changed;
}

}  // namespace lifeboat::registry
