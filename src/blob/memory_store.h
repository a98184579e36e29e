#pragma once

#include <memory>
#include <optional>
#include <string>

#include "blob/integrity.h"
#include "blob/inventory.h"
#include "blob/store.h"

namespace lifeboat::blob {

/// The store in memory, for tests: the same promises but durability. Nothing here waits. Writers must not outlive it.
class MemoryStore final : public Store, public Integrity, public Inventory {
 public:
  MemoryStore();
  ~MemoryStore() override;
  MemoryStore(const MemoryStore&) = delete;
  MemoryStore& operator=(const MemoryStore&) = delete;

  Task<Content> open(Call call, oci::Digest digest) override;
  Task<void> put(Call call, oci::Digest digest, std::string bytes) override;
  Task<std::unique_ptr<Writer>> begin(Call call, oci::UploadId id, HashAlgorithm algorithm) override;
  Task<std::unique_ptr<Writer>> resume(Call call, oci::UploadId id, HashAlgorithm algorithm) override;
  Task<void> discard(Call call, oci::UploadId id) override;
  Task<std::vector<StoredSession>> sessions(Call call) override;
  Task<void> remove(Call call, oci::Digest digest) override;
  Task<std::vector<oci::Digest>> shard(Call call, std::size_t index) override;
  Task<std::optional<StoredContent>> find(Call call, oci::Digest digest) override;
  Task<std::vector<oci::Digest>> absent(Call call, std::vector<oci::Digest> digests) override;

  Task<std::unique_ptr<Reading>> read_through(Call call, oci::Digest digest) override;
  Task<std::vector<StoredContent>> list(Call call, HashAlgorithm algorithm, std::byte first) override;
  /// Nothing is kept of what is moved out of the way.
  Task<Damage> quarantine(Call call, oci::Digest digest, uint64_t size_bytes, WallTime now) override;

  /// As a failing disk does: other bytes under the digest, or none.
  void damage(const oci::Digest& digest, std::optional<std::string> bytes);

  struct State;

 private:
  const std::shared_ptr<State> state_;
};

}  // namespace lifeboat::blob
