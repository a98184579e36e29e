#include "test/support/scripted_source.h"

#include <algorithm>
#include <chrono>
#include <cstring>

#include "oci/media_type.h"

namespace lifeboat::test {
namespace {

constexpr std::size_t kPieceBytes = 100 * kKiB;

class ScriptedStream final : public blob::Stream {
 public:
  ScriptedStream(const ScriptedSource::Blob& blob, ScriptedSource& source, sys::BlockPool& blocks, uint64_t from)
      : blob_(blob),
        blocks_(blocks),
        rejections_(source.rejections),
        name_(source.name),
        offset_(std::min<std::size_t>(from, blob.bytes.size())) {}
  std::optional<uint64_t> size_bytes() const override {
    if (!blob_.is_size_known) return std::nullopt;
    return blob_.announced.value_or(blob_.bytes.size());
  }
  Task<sys::Block> next() override {
    std::size_t end = std::min(blob_.bytes.size(), blob_.fails_after);
    if (blob_.gate && offset_ == blob_.gate->after_bytes()) co_await blob_.gate->pass();
    if (offset_ >= end && end < blob_.bytes.size()) co_return fail(ErrorCode::unavailable, "cannot read: cut");
    if (offset_ == end) co_return sys::Block();
    if (blob_.gate && offset_ < blob_.gate->after_bytes()) end = std::min(end, blob_.gate->after_bytes());
    sys::Block block = blocks_.take();
    const std::size_t count = std::min(kPieceBytes, end - offset_);
    std::memcpy(block.free_space().data(), blob_.bytes.data() + offset_, count);
    block.grow(count);
    offset_ += count;
    co_return std::move(block);
  }
  std::string endpoint() const override { return name_; }
  void reject() override { ++rejections_; }

 private:
  const ScriptedSource::Blob blob_;
  sys::BlockPool& blocks_;
  std::atomic<int>& rejections_;
  const std::string name_;
  std::size_t offset_;
};

}  // namespace

void BodyGate::open() {
  state_.with([](State& state) { state.is_open = true; });
  changed_.notify_all();
}

Awaitable<bool> BodyGate::reached() {
  const SteadyTime deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  for (;;) {
    const uint64_t seen = changed_.version();
    if (state_.with([](const State& state) { return state.is_reached; })) co_return true;
    const bool has_changed = co_await changed_.wait(seen, deadline);
    if (!has_changed) co_return false;
  }
}

Awaitable<void> BodyGate::pass() {
  state_.with([](State& state) { state.is_reached = true; });
  changed_.notify_all();
  for (;;) {
    const uint64_t seen = changed_.version();
    if (state_.with([](const State& state) { return state.is_open; })) co_return;
    co_await changed_.wait(seen, SteadyTime::max());
  }
}

Task<blob::ResolvedTag> ScriptedSource::resolve(Call, oci::RepositoryId, oci::Tag tag) {
  ++asked;
  if (const auto gate = head_gate) co_await gate->pass();
  if (fails) co_return fail(*fails, "cannot ask: scripted");
  const auto found = manifests.find(tag.to_string());
  if (found == manifests.end()) co_return fail(ErrorCode::not_found, "no such tag");
  co_return blob::ResolvedTag{oci::Digest::of(HashAlgorithm::sha256, as_bytes(found->second)), name};
}

Task<blob::FetchedManifest> ScriptedSource::manifest(Call, oci::RepositoryId, oci::Reference reference) {
  ++asked;
  if (const auto gate = head_gate) co_await gate->pass();
  if (fails) co_return fail(*fails, "cannot ask: scripted");
  const auto found = manifests.find(reference.to_string());
  if (found == manifests.end()) co_return fail(ErrorCode::not_found, "no such manifest");
  const bool is_index = found->second.find(oci::kOciIndex) != std::string::npos;
  co_return blob::FetchedManifest{found->second, std::string(is_index ? oci::kOciIndex : oci::kOciManifest), name};
}

Task<std::unique_ptr<blob::Stream>> ScriptedSource::open(Call, oci::RepositoryId, oci::Digest digest, uint64_t from) {
  ++asked;
  ++opens;
  last_from = from;
  if (const auto gate = head_gate) co_await gate->pass();
  if (fails) co_return fail(*fails, "cannot ask: scripted");
  const auto found = blobs.find(digest.to_string());
  if (found == blobs.end()) co_return fail(ErrorCode::not_found, "no such blob");
  co_return std::unique_ptr<blob::Stream>(std::make_unique<ScriptedStream>(found->second, *this, blocks_, from));
}

Task<blob::Source::TagPage> ScriptedSource::tags(Call, oci::RepositoryId, std::string, std::size_t) {
  co_return fail(fails.value_or(ErrorCode::not_found), "no tags");
}

Task<std::vector<oci::Referrer>> ScriptedSource::referrers(Call, oci::RepositoryId, oci::Digest subject) {
  ++asked;
  if (referrers_fail) co_return fail(*referrers_fail, "cannot ask for referrers: scripted");
  const auto found = referring.find(subject.to_string());
  if (!fails && found != referring.end()) co_return found->second;
  co_return fail(fails.value_or(ErrorCode::not_found), "no referrers");
}

}  // namespace lifeboat::test
