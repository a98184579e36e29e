#include "http/answer_cache.h"

#include <algorithm>

#include "base/assert.h"
#include "http/conditional.h"

namespace lifeboat::http {
namespace {

/// What an entry costs besides its texts: the nodes of list and map, the control block.
constexpr std::size_t kEntryBytes = 512;
/// One answer may take this part of a loop's memory.
constexpr std::size_t kShareMax = 4;

}  // namespace

Watch::Watch(const registry::ChangeStamps& stamps, const Stamp& meaning) : stamps_(&stamps) { add(meaning); }

void Watch::add(const oci::RepositoryId& repository) { add(stamps_->of(repository)); }

void Watch::add(const Stamp& stamp) {
  for (Seen& seen : seen_) {
    if (seen.stamp == &stamp) return;
    if (seen.stamp != nullptr) continue;
    seen = {&stamp, stamp.load(std::memory_order_acquire)};
    return;
  }
  const bool has_room = false;  // one meaning and two repositories is all an answer depends on
  LB_ASSERT(has_room);
}

void Watch::add_hosted(std::string_view name) {
  if (auto repository = oci::Repository::parse(name)) add({std::nullopt, std::move(*repository)});
}

bool Watch::holds() const {
  return std::ranges::all_of(seen_, [](const Seen& seen) {
    return seen.stamp == nullptr || seen.stamp->load(std::memory_order_acquire) == seen.value;
  });
}

AnswerCache::AnswerCache(AnswerCacheOptions options, sys::Clock& clock)
    : max_bytes_(options.max_bytes / std::max(options.loops, 1U)),
      max_files_(options.max_files / std::max(options.loops, 1U)),
      clock_(clock) {
  for (unsigned i = 0; i < std::max(options.loops, 1U); ++i) shards_.push_back(std::make_unique<Shard>());
}

AnswerCache::Found AnswerCache::find(unsigned loop, const sys::HttpRequestView& request) {
  Shard& shard = *shards_[loop];
  const auto found = shard.by_target.find(request.target);
  if (found == shard.by_target.end()) return {};
  const Entries::iterator entry = found->second;
  const Answer& answer = entry->answer;
  const bool is_over = answer.valid_until != SteadyTime::max() && clock_.now() >= answer.valid_until;
  if (is_over || !entry->watch.holds()) {
    drop(shard, entry);
    return {};
  }
  shard.entries.splice(shard.entries.begin(), shard.entries, entry);
  const bool is_not_modified =
      !request.if_none_match.empty() && is_known_to_client(request.if_none_match, answer.digest);
  return {{answer.prepared, is_not_modified}, answer.route};
}

void AnswerCache::keep(unsigned loop, std::string_view target, Answer answer, const Watch& watch) {
  Shard& shard = *shards_[loop];
  if (const auto old = shard.by_target.find(target); old != shard.by_target.end()) drop(shard, old->second);
  const sys::PreparedAnswer& prepared = *answer.prepared;
  const std::size_t bytes = kEntryBytes + target.size() + answer.digest.size() + prepared.head.size() +
                            prepared.not_modified_head.size() + prepared.body.size();
  const std::size_t files = prepared.file ? 1 : 0;
  if (bytes > max_bytes_ / kShareMax || files > max_files_) return;
  while (shard.bytes + bytes > max_bytes_) drop(shard, std::prev(shard.entries.end()));
  if (files > 0 && shard.files + files > max_files_) {
    const auto oldest = std::find_if(shard.entries.rbegin(), shard.entries.rend(),
                                     [](const Entry& entry) { return entry.answer.prepared->file != nullptr; });
    drop(shard, std::prev(oldest.base()));
  }
  shard.entries.push_front(Entry{std::string(target), std::move(answer), watch, bytes});
  shard.by_target.emplace(shard.entries.front().target, shard.entries.begin());
  shard.bytes += bytes;
  shard.files += files;
}

void AnswerCache::drop(Shard& shard, Entries::iterator entry) {
  shard.bytes -= entry->bytes;
  if (entry->answer.prepared->file) --shard.files;
  shard.by_target.erase(entry->target);
  shard.entries.erase(entry);
}

}  // namespace lifeboat::http
