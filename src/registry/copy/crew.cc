#include "registry/copy/crew.h"

#include <memory>
#include <utility>

#include "sys/beside.h"
#include "sys/notification.h"

namespace lifeboat::registry::copy {
namespace {

struct Crew {
  unsigned alive = 0;
  sys::Notification changed{};
};

Awaitable<void> take_part(Awaitable<void> work, std::shared_ptr<Crew> crew) {
  co_await std::move(work);
  --crew->alive;
  crew->changed.notify_all();
}

}  // namespace

Awaitable<void> work_together(unsigned count, std::function<Awaitable<void>()> worker) {
  const auto crew = std::make_shared<Crew>();
  crew->alive = count;
  for (unsigned i = 0; i < count; ++i) co_await sys::start_beside(take_part(worker(), crew));
  for (;;) {
    const uint64_t seen = crew->changed.version();
    if (crew->alive == 0) co_return;
    co_await crew->changed.wait(seen, SteadyTime::max());
  }
}

}  // namespace lifeboat::registry::copy
