#pragma once

#include <memory>

#include "blob/store.h"

namespace lifeboat::blob {

/// The store in memory, for tests: the same promises but durability. Nothing here waits. Writers must not outlive it.
class MemoryStore final : public Store {
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

  struct State;

 private:
  const std::shared_ptr<State> state_;
};

}  // namespace lifeboat::blob
