#include "registry/content_leases.h"

#include <algorithm>
#include <utility>

namespace lifeboat::registry {
namespace {

/// Far longer than an unlink takes: a disk that hangs is told to the client instead of hanging it as well.
constexpr Duration kWaitMax{10'000};

}  // namespace

ContentLeases::Lease::Lease(ContentLeases& owner, const oci::Digest& digest, bool is_share)
    : owner_(&owner), digest_(digest), is_share_(is_share) {}
ContentLeases::Lease::Lease(Lease&& other) noexcept
    : owner_(std::exchange(other.owner_, nullptr)), digest_(other.digest_), is_share_(other.is_share_) {}
ContentLeases::Lease::~Lease() {
  if (owner_ != nullptr) owner_->give_back(digest_, is_share_);
}

Task<ContentLeases::Lease> ContentLeases::share(Call call, oci::Digest digest) {
  const SteadyTime until = std::min(call.deadline(), clock_.now() + kWaitMax);
  for (;;) {
    const uint64_t seen = given_back_.version();
    const bool is_ours = held_.with([&](auto& held) {
      Held& one = held[digest];
      if (one.is_alone) return false;
      ++one.shares;
      return true;
    });
    if (is_ours) co_return Lease(*this, digest, true);
    const bool has_changed = co_await given_back_.wait(seen, until);
    if (!has_changed) {
      co_return fail(ErrorCode::unavailable,
                     "cannot keep content '" + digest.to_string() + "': it is being removed at this moment");
    }
  }
}

std::optional<ContentLeases::Lease> ContentLeases::take_alone(const oci::Digest& digest) {
  const bool is_ours = held_.with([&](auto& held) { return held.try_emplace(digest, Held{0, true}).second; });
  if (!is_ours) return std::nullopt;
  return Lease(*this, digest, false);
}

void ContentLeases::give_back(const oci::Digest& digest, bool is_share) {
  held_.with([&](auto& held) {
    const auto found = held.find(digest);
    if (is_share && --found->second.shares > 0) return;
    held.erase(found);
  });
  if (!is_share) given_back_.notify_all();
}

std::size_t ContentLeases::size() const {
  return held_.with([](const auto& held) { return held.size(); });
}

}  // namespace lifeboat::registry
