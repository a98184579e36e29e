#include "test/crash/blob_story.h"

#include <atomic>

#include "test/support/run.h"

namespace lifeboat::test {

BlobStory::BlobStory(FsStoreRig& rig, uint64_t seed) : rig_(rig), dice_(seed) {}

void BlobStory::play(int steps) {
  for (int i = 0; i < steps; ++i) {
    switch (draw(12)) {
      case 0:
      case 1:
      case 2: put(); break;
      case 3:
      case 4: begin(); break;
      case 5:
      case 6: append(); break;
      case 7:
      case 8: commit(); break;
      case 9: commit_twins(); break;
      case 10: draw(2) == 0 ? commit_wrong() : leave(); break;
      default: remove(); break;
    }
  }
}

std::set<oci::Digest> BlobStory::refused() const {
  std::set<oci::Digest> refused;
  for (const oci::Digest& digest : tried_) {
    if (!acknowledged_.contains(digest) && !maybe_removed_.contains(digest)) refused.insert(digest);
  }
  return refused;
}

/// From a small set, so that the same content comes again and again.
std::string BlobStory::draw_bytes() {
  const uint64_t which = draw(8);
  return "content " + std::to_string(which) + std::string(which * 97, static_cast<char>('a' + which));
}

template <class T>
bool BlobStory::note(const Result<T>& result) {
  if (!result) errors_.push_back(result.error());
  return result.has_value();
}

void BlobStory::note_content(const std::string& bytes, bool is_acknowledged) {
  const oci::Digest digest = sha256_of(bytes);
  tried_.insert(digest);
  if (is_acknowledged) acknowledged_[digest] = bytes;
}

void BlobStory::put() {
  const std::string bytes = draw_bytes();
  note_content(bytes, note(run(rig_.store->put(a_call(), sha256_of(bytes), bytes))));
}

std::unique_ptr<BlobStory::Upload> BlobStory::begin_upload() {
  auto writer = run(rig_.store->begin(a_call(), session_id(next_session_++), HashAlgorithm::sha256));
  if (!note(writer)) return nullptr;
  auto upload = std::make_unique<Upload>();
  upload->writer = std::move(*writer);
  return upload;
}

void BlobStory::begin() {
  if (auto upload = begin_upload()) uploads_.push_back(std::move(upload));
}

void BlobStory::append_to(Upload& upload, std::string_view bytes) {
  upload.bytes += bytes;
  (void)note(run(upload.writer->append(block_of(rig_.blocks, bytes))));
}

void BlobStory::append() {
  if (!uploads_.empty()) append_to(*uploads_[draw(uploads_.size())], draw_bytes());
}

std::unique_ptr<BlobStory::Upload> BlobStory::draw_upload() {
  if (uploads_.empty()) return nullptr;
  std::swap(uploads_[draw(uploads_.size())], uploads_.back());
  auto upload = std::move(uploads_.back());
  uploads_.pop_back();
  return upload;
}

void BlobStory::commit() {
  const auto upload = draw_upload();
  if (upload == nullptr) return;
  note_content(upload->bytes, note(run(upload->writer->commit(sha256_of(upload->bytes)))));
}

namespace {

Awaitable<void> commit_into(blob::Writer& writer, oci::Digest digest, std::optional<Result<blob::Content>>& result,
                            int& left, sys::EventLoops& loops) {
  result.emplace(co_await writer.commit(digest));
  if (--left == 0) loops.stop();
}

}  // namespace

void BlobStory::commit_twins() {
  const std::string bytes = draw_bytes();
  std::vector<std::unique_ptr<Upload>> twins;
  for (int i = 0; i < 2; ++i) {
    auto upload = begin_upload();
    if (upload == nullptr) return;
    append_to(*upload, bytes);
    twins.push_back(std::move(upload));
  }
  sys::EventLoops loops(1);
  std::vector<std::optional<Result<blob::Content>>> results(2);
  int left = 2;
  for (std::size_t i = 0; i < 2; ++i)
    loops.spawn(0, commit_into(*twins[i]->writer, sha256_of(bytes), results[i], left, loops));
  loops.run();
  for (const auto& result : results) note_content(bytes, note(*result));
}

void BlobStory::commit_wrong() {
  const auto upload = draw_upload();
  if (upload == nullptr) return;
  const std::string other = upload->bytes + " but not quite";
  note_content(other, note(run(upload->writer->commit(sha256_of(other)))));
}

/// The client went away.
void BlobStory::leave() { (void)draw_upload(); }

void BlobStory::remove() {
  if (acknowledged_.empty()) return;
  auto chosen = acknowledged_.begin();
  std::advance(chosen, static_cast<std::ptrdiff_t>(draw(acknowledged_.size())));
  // From here on it may be there or not.
  const oci::Digest digest = chosen->first;
  maybe_removed_.insert(digest);
  acknowledged_.erase(chosen);
  (void)note(run(rig_.store->remove(a_call(), digest)));
}

namespace {

void check_contents(FsStoreRig& rig, std::vector<std::string>& faults) {
  const sys::Path root = rig.directory->blobs() / "sha256";
  const auto shards = rig.files.list(root);
  if (!shards) return;
  for (const auto& shard : *shards) {
    const auto entries = rig.files.list(root / shard.name).value();
    for (const auto& entry : entries) {
      const std::string bytes = read_all(*rig.files.open(root / shard.name / entry.name).value());
      if (sha256_of(bytes).hex() != entry.name) faults.push_back("content is not its digest: " + entry.name);
      if (!entry.name.starts_with(shard.name)) faults.push_back("content in a wrong shard: " + entry.name);
    }
  }
}

void check_sessions(FsStoreRig& rig, std::vector<std::string>& faults) {
  const auto entries = rig.files.list(rig.directory->uploads()).value();
  for (const auto& entry : entries) {
    if (!oci::UploadId::parse(entry.name)) faults.push_back("left in uploads: " + entry.name);
  }
  const auto sessions = run(rig.store->sessions(a_call())).value();
  for (const blob::StoredSession& session : sessions) {
    auto writer = run(rig.store->resume(a_call(), session.id, HashAlgorithm::sha256));
    if (!writer) {
      faults.push_back("session cannot be resumed: " + writer.error().message());
      continue;
    }
    // Only now: a writer that left may have had blocks on their way.
    const std::string bytes = read_all(**(*writer)->readable());
    (void)run((*writer)->append(block_of(rig.blocks, "the rest")));
    const auto committed = run((*writer)->commit(sha256_of(bytes + "the rest")));
    if (!committed) faults.push_back("session cannot be committed: " + committed.error().message());
  }
}

}  // namespace

std::vector<std::string> find_faults(FsStoreRig& rig, const std::map<oci::Digest, std::string>& acknowledged) {
  std::vector<std::string> faults;
  for (const auto& [digest, bytes] : acknowledged) {
    const auto content = run(rig.store->open(a_call(), digest));
    if (!content) {
      faults.push_back("lost: " + content.error().message());
    } else if (read_all(*content->bytes) != bytes || content->size_bytes != bytes.size()) {
      faults.push_back("not what it was: " + digest.to_string());
    }
  }
  check_contents(rig, faults);
  check_sessions(rig, faults);
  return faults;
}

}  // namespace lifeboat::test
