#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>

#include "oci/repository_id.h"

namespace lifeboat::registry {

/// Tells whether an answer that was prepared from a repository still holds: a number that grows with every change of
/// what the repository answers. Repositories share numbers (by hash), so a change may spoil a stranger's answer; never
/// the other way round. Any thread, no lock: this is what lets every loop keep answers of its own and still see a push
/// the moment it was acknowledged (W59).
///
/// Read the stamp BEFORE the state an answer is made from; bump AFTER the change is durable and BEFORE it is
/// acknowledged.
class ChangeStamps {
 public:
  using Stamp = std::atomic<uint64_t>;

  const Stamp& of(const oci::RepositoryId& repository) const { return stamps_[slot(repository)]; }
  void bump(const oci::RepositoryId& repository) { stamps_[slot(repository)].fetch_add(1, std::memory_order_acq_rel); }

 private:
  static constexpr std::size_t kSlots = 1024;
  static std::size_t slot(const oci::RepositoryId& repository) {
    return std::hash<oci::RepositoryId>{}(repository) % kSlots;
  }
  std::array<Stamp, kSlots> stamps_{};
};

}  // namespace lifeboat::registry
