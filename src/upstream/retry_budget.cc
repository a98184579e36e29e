#include "upstream/retry_budget.h"

namespace lifeboat::upstream {

RetryWindow::Slot& RetryWindow::slot_of(SteadyTime now) {
  const int64_t number = now.time_since_epoch() / kSlot;
  Slot& slot = slots_.at(static_cast<std::size_t>(number) % kSlots);
  if (slot.number != number) slot = Slot{.number = number};
  return slot;
}

void RetryWindow::note_request(SteadyTime now) { ++slot_of(now).requests; }

bool RetryWindow::take(SteadyTime now) {
  Slot& current = slot_of(now);
  const int64_t oldest = current.number - static_cast<int64_t>(kSlots) + 1;
  uint64_t requests = 0;
  uint64_t taken = 0;
  for (const Slot& slot : slots_) {
    if (slot.number < oldest) continue;
    requests += slot.requests;
    taken += slot.taken;
  }
  if (taken >= options_.least + requests * options_.percent / 100) return false;
  ++current.taken;
  return true;
}

void RetryWindow::give_back(SteadyTime now) {
  Slot& current = slot_of(now);
  if (current.taken > 0) --current.taken;
}

void RetryBudget::note_request() {
  const SteadyTime now = clock_.now();
  const std::lock_guard lock(mu_);
  window_.note_request(now);
}

bool RetryBudget::take() {
  const SteadyTime now = clock_.now();
  const std::lock_guard lock(mu_);
  return window_.take(now);
}

void RetryBudget::give_back() {
  const SteadyTime now = clock_.now();
  const std::lock_guard lock(mu_);
  window_.give_back(now);
}

}  // namespace lifeboat::upstream
