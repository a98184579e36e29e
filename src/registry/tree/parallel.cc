#include "registry/tree/parallel.h"

#include <algorithm>
#include <atomic>

#include "sys/thread_pool.h"

namespace lifeboat::registry {
namespace {

constexpr unsigned kThreads = 8;
/// Fewer are done before a thread has started.
constexpr std::size_t kManyFrom = 64;
/// Taken at a time, so that threads do not meet at the counter.
constexpr std::size_t kAtATime = 16;

}  // namespace

void in_parallel(std::size_t count, const std::function<void(std::size_t)>& each) {
  std::atomic<std::size_t> next = 0;
  const auto work = [&] {
    for (std::size_t first = next.fetch_add(kAtATime); first < count; first = next.fetch_add(kAtATime)) {
      for (std::size_t i = first; i < std::min(count, first + kAtATime); ++i) each(i);
    }
  };
  if (count < kManyFrom) return work();
  sys::ThreadPool pool("tree", kThreads);  // its destructor waits for the work
  for (unsigned i = 0; i < kThreads; ++i) pool.post(work);
}

}  // namespace lifeboat::registry
