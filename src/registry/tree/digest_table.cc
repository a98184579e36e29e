#include "registry/tree/digest_table.h"

#include <algorithm>
#include <limits>

#include "base/assert.h"

namespace lifeboat::registry {
namespace {

constexpr DigestTable::Id kFree = std::numeric_limits<DigestTable::Id>::max();
constexpr std::size_t kFirstSlots = 1024;

}  // namespace

bool DigestTable::is(Id id, const oci::Digest& digest) const {
  const auto longer = longer_.find(id);
  if (longer != longer_.end()) return longer->second == digest;
  return digest.algorithm() == HashAlgorithm::sha256 && std::ranges::equal(heads_[id], digest.raw());
}

std::size_t DigestTable::slot_of(const oci::Digest& digest) const {
  std::size_t slot = std::hash<oci::Digest>{}(digest) & (slots_.size() - 1);
  while (slots_[slot] != kFree && !is(slots_[slot], digest)) slot = (slot + 1) & (slots_.size() - 1);
  return slot;
}

void DigestTable::grow() {
  slots_.assign(std::max(kFirstSlots, slots_.size() * 2), kFree);
  for (Id id = 0; id < heads_.size(); ++id) slots_[slot_of(digest(id))] = id;
}

DigestTable::Id DigestTable::id_of(const oci::Digest& digest) {
  if (slots_.size() < 2 * (heads_.size() + 1)) grow();
  Id& slot = slots_[slot_of(digest)];
  if (slot != kFree) return slot;
  LB_ASSERT(heads_.size() < kFree);
  slot = static_cast<Id>(heads_.size());
  std::ranges::copy(digest.raw().first<32>(), heads_.emplace_back().begin());
  if (digest.raw().size() > 32) longer_.emplace(slot, digest);
  return slot;
}

std::optional<DigestTable::Id> DigestTable::find(const oci::Digest& digest) const {
  if (slots_.empty() || slots_[slot_of(digest)] == kFree) return std::nullopt;
  return slots_[slot_of(digest)];
}

oci::Digest DigestTable::digest(Id id) const {
  const auto longer = longer_.find(id);
  return longer != longer_.end() ? longer->second : oci::Digest::of_raw(HashAlgorithm::sha256, heads_[id]);
}

}  // namespace lifeboat::registry
