#include "registry/blob_fetch.h"

#include <algorithm>

#include "registry/random_id.h"

namespace lifeboat::registry {
namespace {

/// A source that opened and then cut or lied is not asked again for this blob until then.
constexpr Duration kRememberFailure{5000};
/// A fetch nobody waits for any more still gets this long to its first byte.
constexpr Duration kOpenWithin{30000};
/// What is fetched and verified is worth this long a wait for the names store.
constexpr Duration kRecordWithin{60000};

}  // namespace

BlobFetch::State BlobFetch::state() const {
  return state_.with([](const State& state) { return state; });
}

Task<BlobFetch::State> BlobFetch::wait_for_promise(Call call) {
  for (;;) {
    const uint64_t seen = changed_.version();
    State now = state();
    // First of all: what failed after its first bytes still has those, and nothing more may be promised of it.
    if (now.phase == State::Phase::failed) co_return std::unexpected(*now.failure);
    const bool is_promised = now.phase == State::Phase::committed || now.available_bytes > 0;
    if (is_promised) co_return now;
    const bool has_changed = co_await changed_.wait(seen, call.deadline());
    if (!has_changed) {
      co_return fail(ErrorCode::timed_out, "cannot serve the blob yet: the upstream's first bytes are still to come");
    }
  }
}

void BlobFetch::publish_stream(const blob::Stream& stream, std::shared_ptr<const sys::ReadableFile> bytes) {
  state_.with([&](State& state) {
    state.phase = State::Phase::streaming;
    state.size_bytes = stream.size_bytes();
    state.endpoint = stream.endpoint();
    state.bytes = std::move(bytes);
  });
  changed_.notify_all();
}

void BlobFetch::publish_written(uint64_t written) {
  const bool has_more = state_.with([&](State& state) {
    // Measured from what was written, not from the announced size: an announcement may lie, and what lies behind it is
    // exactly what must not leave before the digest has matched.
    uint64_t available = written > BlobFetches::kWithheldBytes ? written - BlobFetches::kWithheldBytes : 0;
    if (state.size_bytes) available = std::min(available, *state.size_bytes);
    if (state.phase != State::Phase::streaming || available <= state.available_bytes) return false;
    state.available_bytes = available;
    return true;
  });
  if (has_more) changed_.notify_all();
}

void BlobFetch::publish_committed(const blob::Content& content) {
  state_.with([&](State& state) {
    state.phase = State::Phase::committed;
    state.size_bytes = content.size_bytes;
    state.available_bytes = content.size_bytes;
    state.bytes = content.bytes;
  });
  changed_.notify_all();
}

void BlobFetch::publish_failure(Error error) {
  state_.with([&](State& state) {
    state.phase = State::Phase::failed;
    state.failure = std::move(error);
  });
  changed_.notify_all();
}

BlobFetches::BlobFetches(blob::Store& blobs, meta::Store& names, ContentLeases& leases, sys::Clock& clock,
                         sys::EventLoops& loops, sys::Metrics& metrics, Log& log)
    : blobs_(blobs),
      names_(names),
      leases_(leases),
      clock_(clock),
      log_(log),
      in_flight_(metrics.gauge("lifeboat_fetch_in_flight", "Blobs being fetched from upstreams now.")),
      tasks_(loops) {}
BlobFetches::~BlobFetches() = default;

std::shared_ptr<BlobFetch> BlobFetches::join_or_start(Call call, Request request) {
  const Key key(request.repository, request.digest);
  std::shared_ptr<BlobFetch> started;
  auto fetch = entries_.with([&](auto& entries) {
    const SteadyTime now = clock_.now();
    std::erase_if(entries, [&](const auto& entry) { return now >= entry.second.forget_at; });
    if (const auto found = entries.find(key); found != entries.end()) return found->second.fetch;
    started = std::make_shared<BlobFetch>();
    entries.emplace(key, Entry{started});
    return started;
  });
  if (!started) return fetch;
  in_flight_.add(1);
  const Call own(clock_.now() + kOpenWithin, call.request_id());
  if (!tasks_.spawn(lead(own, std::move(request), started))) {
    started->publish_failure(Error(ErrorCode::cancelled, "cannot fetch the blob: the server is stopping"));
    end(key, false);
  }
  return fetch;
}

Awaitable<void> BlobFetches::lead(Call call, Request request, std::shared_ptr<BlobFetch> fetch) {
  const Key key(request.repository, request.digest);
  auto content = co_await transfer(call, request, fetch);
  if (content) {
    end(key, false);
    fetch->publish_committed(*content);
    co_return;
  }
  const bool had_begun = fetch->state().phase == BlobFetch::State::Phase::streaming;
  if (had_begun || content.error().code() == ErrorCode::corrupt) {
    log_.warning("fetch.failed", {{"repository", request.repository.to_string()},
                                  {"digest", request.digest.to_string()},
                                  {"code", to_string(content.error().code())},
                                  {"reason", content.error().message()},
                                  {"request_id", call.request_id()}});
  }
  end(key, had_begun);
  fetch->publish_failure(std::move(content).error());
}

/// Source → session → content, block by block; what readers follow is the session's file.
Task<blob::Content> BlobFetches::transfer(Call call, Request request, std::shared_ptr<BlobFetch> fetch) {
  LB_CO_TRY(const std::unique_ptr<blob::Stream> stream,
            co_await request.source->open(call, request.repository, request.digest, 0));
  LB_CO_TRY(const std::unique_ptr<blob::Writer> writer,
            co_await blobs_.begin(call, random_upload_id(), request.digest.algorithm()));
  writer->on_written([fetch](uint64_t written) { fetch->publish_written(written); });
  auto readable = writer->readable();
  if (!readable) {
    (void)co_await writer->discard();
    co_return std::unexpected(std::move(readable).error());
  }
  const std::optional<uint64_t> announced = stream->size_bytes();
  fetch->publish_stream(*stream, std::move(*readable));
  Status status;
  for (;;) {
    auto block = co_await stream->next();
    if (!block) {
      status = std::unexpected(std::move(block).error());
      break;
    }
    if (block->size() == 0) break;
    if (announced && writer->received() + block->size() > *announced) {
      status = fail(ErrorCode::corrupt, "cannot keep blob '" + request.digest.to_string() +
                                            "': the upstream sent more than it announced (want " +
                                            std::to_string(*announced) + " bytes)");
      break;
    }
    status = co_await writer->append(std::move(*block));
    if (!status) break;
  }
  if (!status) {
    (void)co_await writer->discard();
    co_return std::unexpected(std::move(status).error());
  }
  const Call record(clock_.now() + kRecordWithin, call.request_id());
  auto share = co_await leases_.share(record, request.digest);
  if (!share) {
    (void)co_await writer->discard();
    co_return std::unexpected(std::move(share).error());
  }
  auto content = co_await writer->commit(request.digest);
  if (!content) {
    if (content.error().code() == ErrorCode::corrupt) stream->reject();
    co_return std::unexpected(std::move(content).error());
  }
  const meta::BlobRecord blob{request.digest, content->size_bytes};
  LB_CO_CHECK(co_await names_.blobs().add(record, request.repository, blob));
  co_return content;
}

void BlobFetches::end(const Key& key, bool remember) {
  in_flight_.add(-1);
  entries_.with([&](auto& entries) {
    const auto found = entries.find(key);
    if (found == entries.end()) return;
    if (remember) {
      found->second.forget_at = clock_.now() + kRememberFailure;
    } else {
      entries.erase(found);
    }
  });
}

std::size_t BlobFetches::running() const { return tasks_.running(); }

Awaitable<void> BlobFetches::stop() { co_await tasks_.join(); }

}  // namespace lifeboat::registry
