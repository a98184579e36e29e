#include "registry/copy/spread.h"

#include <algorithm>
#include <utility>

namespace lifeboat::registry::copy {
namespace {

constexpr Duration kOpenWithin = std::chrono::minutes(5);
constexpr Duration kPause = std::chrono::milliseconds(500);
constexpr int kFailedMax = 4;

std::unexpected<Error> refuse(const blob::BlobName& name, const std::string& why) {
  return fail(ErrorCode::corrupt, "cannot copy blob '" + name.digest.to_string() + "': the source has " + why);
}

bool may_pass(const Error& error) {
  return error.code() == ErrorCode::unavailable || error.code() == ErrorCode::timed_out ||
         error.step() == NetworkStep::body;
}

/// Gives all that is left, and commits.
Task<void> finish_alone(Call call, const Reading::Of& of, blob::BlobUpload& upload) {
  Reading reading(of, upload.offset());
  while (upload.offset() < of.name.size_bytes) {
    auto block = co_await reading.next(call);
    if (!block) co_return std::unexpected(std::move(block).error());
    if (block->size() == 0) break;
    LB_CO_CHECK(co_await upload.give(call, sys::SharedBytes::of(std::move(*block))));
  }
  co_return co_await upload.commit(std::move(call));
}

Awaitable<void> go_on(Call call, const Reading::Of& of, Taker& taker) {
  while (taker.failure) {
    const auto from = co_await taker.upload->resume(call, *taker.failure);
    if (!from) {
      taker.failure = from.error();
      co_return;
    }
    taker.failure.reset();
    auto finished = co_await finish_alone(call, of, *taker.upload);
    if (!finished) taker.failure = std::move(finished).error();
  }
}

}  // namespace

Reading::Reading(Of of, uint64_t from)
    : of_(std::move(of)), is_from_first_(from == 0), offset_(from), hasher_(of_.name.digest.algorithm()) {}

Task<void> Reading::open(Call call) {
  LB_CO_TRY(stream_, co_await of_.source.open(call.shortened_to(of_.clock.now() + kOpenWithin), of_.repository,
                                              of_.name.digest, offset_));
  co_return Status{};
}

Task<sys::Block> Reading::next_of_stream(Call call) {
  if (!stream_) LB_CO_CHECK(co_await open(std::move(call)));
  co_return co_await stream_->next();
}

Task<sys::Block> Reading::next(Call call) {
  for (;;) {
    auto block = co_await next_of_stream(call);
    if (!block) {
      stream_.reset();
      const SteadyTime again = of_.clock.now() + kPause * (failed_ * failed_ + 1);
      if (++failed_ >= kFailedMax || !may_pass(block.error()) || again >= call.deadline()) {
        co_return std::unexpected(std::move(block).error());
      }
      co_await of_.clock.sleep_until(again);
      continue;
    }
    failed_ = 0;
    offset_ += block->size();
    if (is_from_first_) hasher_.update(block->bytes());
    // What is wrong is known before the last byte of it is given to anybody.
    if (offset_ >= of_.name.size_bytes || block->size() == 0) LB_CO_CHECK(compare_end());
    co_return std::move(*block);
  }
}

Status Reading::compare_end() {
  if (offset_ != of_.name.size_bytes) {
    return refuse(of_.name, "another length (got " + std::string(offset_ > of_.name.size_bytes ? "more than " : "") +
                                std::to_string(std::min(offset_, of_.name.size_bytes)) + " bytes, want " +
                                std::to_string(of_.name.size_bytes) + ")");
  }
  if (!is_from_first_) return {};
  const oci::Digest got = oci::Digest::of_raw(of_.name.digest.algorithm(), hasher_.current());
  return got == of_.name.digest ? Status() : refuse(of_.name, "the bytes of " + got.to_string());
}

Task<void> spread(Call call, Reading::Of of, std::vector<Taker>& takers, std::function<void(uint64_t)> told) {
  Reading reading(of, 0);
  uint64_t given = 0;
  while (given < of.name.size_bytes && std::ranges::any_of(takers, [](const Taker& one) { return !one.failure; })) {
    LB_CO_TRY(sys::Block block, co_await reading.next(call));
    given += block.size();
    const sys::SharedBytes bytes = sys::SharedBytes::of(std::move(block));
    for (Taker& taker : takers) {
      if (taker.failure) continue;
      auto taken = co_await taker.upload->give(call, bytes);
      if (!taken) taker.failure = std::move(taken).error();
    }
    told(given);
  }
  for (Taker& taker : takers) {
    if (taker.failure) continue;
    auto committed = co_await taker.upload->commit(call);
    if (!committed) taker.failure = std::move(committed).error();
  }
  for (Taker& taker : takers) {
    if (taker.failure) co_await go_on(call, of, taker);
  }
  co_return Status{};
}

}  // namespace lifeboat::registry::copy
