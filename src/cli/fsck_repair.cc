#include "cli/fsck_repair.h"

#include <chrono>
#include <utility>

#include "cli/run_to_end.h"

namespace lifeboat::cli {
namespace {

/// To the first byte of a body, with the pauses a registry asks for.
constexpr Duration kAnswerWithin = std::chrono::minutes(2);

}  // namespace

Result<RepairOrigin> RepairOrigin::parse(std::string_view text) {
  const std::size_t slash = text.find('/');
  LB_TRY(oci::RegistryHost host, oci::RegistryHost::parse(text.substr(0, slash)));
  RepairOrigin origin{.host = std::move(host)};
  if (slash == std::string_view::npos) return origin;
  LB_TRY(const oci::Repository prefix, oci::Repository::parse(text.substr(slash + 1)));
  origin.prefix = prefix.to_string();
  return origin;
}

Result<oci::Repository> RepairOrigin::there(const std::string& repository) const {
  if (prefix.empty()) return oci::Repository::parse(repository);
  return oci::Repository::parse(repository.empty() ? prefix : prefix + "/" + repository);
}

RepairFetcher::RepairFetcher(RemoteRegistries& registries, RepairOrigin origin)
    : registries_(registries), origin_(std::move(origin)) {}

Status RepairFetcher::fetch(const registry::RepairStep& step, registry::TreeRepair& repairer) {
  return run_to_end(fetch_now(step, repairer));
}

Task<void> RepairFetcher::fetch_now(registry::RepairStep step, registry::TreeRepair& repairer) {
  const Call call(registries_.clock().now() + kAnswerWithin, "fsck");
  LB_CO_TRY(oci::Repository there, origin_.there(step.repository));
  if (!asked_) {
    LB_CO_TRY(asked_, co_await registries_.open(call, origin_.host));
  }
  co_return co_await registry::fetch_into(call, *asked_, std::move(there), std::move(step), repairer);
}

}  // namespace lifeboat::cli
