#include "registry/tree/contents.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <iterator>
#include <mutex>

#include "base/hasher.h"
#include "oci/document.h"
#include "registry/tree/parallel.h"
#include "sys/thread_pool.h"

namespace lifeboat::registry {
namespace {

constexpr std::size_t kPieceBytes = kMiB;
constexpr std::chrono::milliseconds kTellEvery{100};
/// Manifests that are parsed and not yet packed.
constexpr std::size_t kReadAtATime = 1024;

Contents::State state_of(const Error& error) {
  if (error.code() == ErrorCode::not_found) return Contents::State::absent;
  return error.code() == ErrorCode::corrupt ? Contents::State::wrong_digest : Contents::State::unreadable;
}

/// A sound document that is no manifest or index of today: Docker schema 1, or a media type of somebody's own.
bool is_of_another_kind(ByteView bytes) {
  const auto document = oci::read_document(bytes, oci::ListedAnnotations::skipped);
  if (!document) return false;
  if (document->has_fs_layers || document->schema_version == 1U) return true;
  const auto type = oci::MediaType::parse(document->media_type);
  return type && !type->is_manifest() && !type->is_index();
}

}  // namespace

Result<uint64_t> Tree::size_of(const oci::Digest& digest) const {
  const sys::Path path = content(digest);
  LB_TRY(const sys::FileInfo info, files_.info(path));
  if (!info.is_directory) return info.size_bytes;
  return fail(ErrorCode::corrupt, "cannot read '" + path.native() + "': it is a directory");
}

Result<std::string> read_manifest_bytes(const sys::ReadableFile& file, const oci::Digest& digest) {
  LB_TRY(const uint64_t size, file.size());
  if (size > oci::kManifestMaxBytes) {
    return fail(ErrorCode::corrupt, "cannot read manifest '" + digest.to_string() + "': it is too long (got " +
                                        std::to_string(size) + " bytes, want at most " +
                                        std::to_string(oci::kManifestMaxBytes) + ")");
  }
  std::string bytes(size, '\0');
  LB_TRY(const std::size_t count, file.read_at(0, std::as_writable_bytes(std::span(bytes))));
  bytes.resize(count);
  return bytes;
}

Status compare_digest(const sys::ReadableFile& file, const oci::Digest& digest) {
  Hasher hasher(digest.algorithm());
  std::vector<std::byte> piece(kPieceBytes);
  for (uint64_t offset = 0;;) {
    LB_TRY(const std::size_t count, file.read_at(offset, piece));
    hasher.update(ByteView(piece).first(count));
    offset += count;
    if (count < piece.size()) break;
  }
  const oci::Digest got = oci::Digest::of_raw(digest.algorithm(), hasher.current());
  if (got == digest) return {};
  return fail(ErrorCode::corrupt, "cannot use content '" + digest.to_string() +
                                      "': its bytes have another digest (got " + got.to_string() + ")");
}

Contents::Bytes& Contents::bytes_of(Id id) {
  if (bytes_.size() <= id) bytes_.resize(std::max<std::size_t>(table_.size(), id + 1));
  return bytes_[id];
}

void Contents::note_damage(Id id, State state, std::string what) {
  bytes_of(id).state = state;
  damage_.insert_or_assign(id, std::move(what));
}

Contents::Bytes Contents::look(Id id) {
  const Bytes known = bytes_of(id);
  if (known.state != State::unknown && known.state != State::absent) return known;
  keep_size(id, tree_.size_of(table_.digest(id)));
  return bytes_of(id);
}

void Contents::keep_size(Id id, const Result<uint64_t>& size) {
  if (size) {
    bytes_of(id) = {.size_bytes = *size, .state = State::here};
  } else if (size.error().code() == ErrorCode::not_found) {
    bytes_of(id).state = State::absent;
  } else {
    note_damage(id, State::unreadable, size.error().message());
  }
}

void Contents::look_at_all(std::vector<Id> ids) {
  std::erase_if(ids, [&](Id id) { return bytes_of(id).state != State::unknown; });
  std::ranges::sort(ids);
  const auto repeated = std::ranges::unique(ids);
  ids.erase(repeated.begin(), repeated.end());
  std::vector<Result<uint64_t>> sizes(ids.size());
  in_parallel(ids.size(), [&](std::size_t i) { sizes[i] = tree_.size_of(table_.digest(ids[i])); });
  for (std::size_t i = 0; i < ids.size(); ++i) keep_size(ids[i], sizes[i]);
}

void Contents::prepare(std::span<const Id> manifests) {
  look_at_all({manifests.begin(), manifests.end()});
  std::vector<Id> fresh;
  for (const Id id : manifests) {
    if (bytes_of(id).state == State::here && !documents_.contains(id)) fresh.push_back(id);
  }
  for (std::size_t first = 0; first < fresh.size(); first += kReadAtATime) {
    const std::span<const Id> some = std::span(fresh).subspan(first, std::min(kReadAtATime, fresh.size() - first));
    std::vector<Read> read(some.size());
    in_parallel(some.size(), [&](std::size_t i) { read[i] = read_document(table_.digest(some[i])); });
    const std::size_t parts_before = parts_.size();
    for (std::size_t i = 0; i < some.size(); ++i) (void)keep(some[i], std::move(read[i]));
    std::vector<Id> parts;
    for (const Part& part : std::span(parts_).subspan(parts_before)) parts.push_back(part.id);
    look_at_all(std::move(parts));
  }
}

Contents::Document Contents::document(Id id) {
  const auto known = documents_.find(id);
  const Kept& kept = known != documents_.end() ? known->second : keep(id, read_document(table_.digest(id)));
  const auto why = bad_documents_.find(id);
  return {.state = kept.state,
          .parts = std::span(parts_).subspan(kept.first, kept.count),
          .detail = why == bad_documents_.end() ? std::string_view() : why->second};
}

Contents::Read Contents::read_document(const oci::Digest& digest) const {
  const auto file = tree_.open(digest);
  if (!file) return {.state = DocumentState::unreadable, .fault = file.error().message()};
  const auto bytes = read_manifest_bytes(**file, digest);
  if (!bytes) {
    const bool is_long = bytes.error().code() == ErrorCode::corrupt;
    return {.state = is_long ? DocumentState::malformed : DocumentState::unreadable, .fault = bytes.error().message()};
  }
  Read read;
  const oci::Digest got = oci::Digest::of(digest.algorithm(), as_bytes(*bytes));
  if (got != digest) read.damage = "its bytes have the digest " + got.to_string();
  auto manifest = oci::Manifest::parse(as_bytes(*bytes), "");
  if (manifest) {
    read.manifest = std::move(*manifest);
    return read;
  }
  const bool is_other = got == digest && is_of_another_kind(as_bytes(*bytes));
  read.state = is_other ? DocumentState::unsupported : DocumentState::malformed;
  read.fault = manifest.error().message();
  return read;
}

const Contents::Kept& Contents::keep(Id id, Read read) {
  Kept kept{.first = parts_.size(), .count = 0, .state = read.state};
  if (!read.fault.empty()) bad_documents_.insert_or_assign(id, std::move(read.fault));
  if (!read.damage.empty()) note_damage(id, State::wrong_digest, std::move(read.damage));
  if (read.manifest) keep_parts(*read.manifest);
  kept.count = parts_.size() - kept.first;
  return documents_.insert_or_assign(id, kept).first->second;
}

void Contents::keep_parts(const oci::Manifest& manifest) {
  const auto keep = [&](const oci::Descriptor& part, PartKind kind) {
    if (part.is_optional) return;
    parts_.push_back({.size_bytes = part.size_bytes, .id = table_.id_of(part.digest), .kind = kind});
  };
  if (manifest.config) keep(*manifest.config, PartKind::config);
  for (const oci::Descriptor& layer : manifest.layers) keep(layer, PartKind::layer);
  for (const oci::Descriptor& child : manifest.manifests) {
    // Build caches are indexes of layers.
    const bool is_manifest = child.media_type.is_manifest() || child.media_type.is_index();
    keep(child, is_manifest ? PartKind::child : PartKind::layer);
  }
}

Status Contents::hash_all(unsigned threads, const std::function<void(const Hashed&)>& told) {
  std::vector<Id> all;
  LB_CHECK(tree_.for_each_content([&](const oci::Digest& digest) { all.push_back(table_.id_of(digest)); }));
  struct Failed {
    Id id;
    Error error;
  };
  std::atomic<std::size_t> next = 0;
  std::atomic<uint64_t> pieces = 0;
  std::atomic<uint64_t> bytes = 0;
  std::mutex mutex;
  std::condition_variable ended;
  unsigned running = std::max(1U, threads);  // guarded by mutex
  std::vector<Failed> failed;                // guarded by mutex
  const auto hash_some = [&] {
    for (std::size_t i = next++; i < all.size(); i = next++) {
      const oci::Digest digest = table_.digest(all[i]);
      Status compared;
      if (const auto file = tree_.open(digest); !file) {
        compared = std::unexpected(file.error());
      } else {
        compared = compare_digest(**file, digest);
        bytes += (*file)->size().value_or(0);
      }
      ++pieces;
      if (compared) continue;
      const std::lock_guard lock(mutex);
      failed.push_back({all[i], std::move(compared).error()});
    }
    const std::lock_guard lock(mutex);
    --running;
    ended.notify_all();
  };
  {
    sys::ThreadPool pool("fsck-hash", running);
    for (unsigned i = 0; i < std::max(1U, threads); ++i) pool.post(hash_some);
    std::unique_lock lock(mutex);
    while (!ended.wait_for(lock, kTellEvery, [&] { return running == 0; })) {
      lock.unlock();
      told({.pieces = pieces, .pieces_all = all.size(), .bytes = bytes});
      lock.lock();
    }
  }
  told({.pieces = pieces, .pieces_all = all.size(), .bytes = bytes});
  for (Failed& one : failed) {
    const State state = state_of(one.error);
    // Removed since it was listed, or a directory without a file in it: whoever names it will see.
    if (state != State::absent) note_damage(one.id, state, one.error.message());
  }
  return {};
}

void Contents::hash_aliases(std::span<const TreeAlias> aliases) {
  std::vector<TreeAlias> fresh;
  std::ranges::copy_if(aliases, std::back_inserter(fresh), [&](const auto& one) { return !aliases_.contains(one); });
  std::vector<Status> compared(fresh.size());
  in_parallel(fresh.size(), [&](std::size_t i) {
    const auto file = tree_.open(table_.digest(fresh[i].kept_as));
    if (file) compared[i] = compare_digest(**file, table_.digest(fresh[i].id));
  });
  // What is not there or cannot be read is found under the name it has on disk.
  for (std::size_t i = 0; i < fresh.size(); ++i) {
    aliases_.emplace(fresh[i], compared[i].has_value() || compared[i].error().code() != ErrorCode::corrupt);
  }
}

bool Contents::is_false(const TreeAlias& alias) const {
  const auto known = aliases_.find(alias);
  return known != aliases_.end() && !known->second;
}

std::vector<Contents::Id> Contents::damaged() const {
  std::vector<Id> ids;
  for (const auto& [id, what] : damage_) ids.push_back(id);
  std::ranges::sort(ids);
  return ids;
}

std::string_view Contents::damage_of(Id id) const {
  const auto found = damage_.find(id);
  return found == damage_.end() ? std::string_view() : found->second;
}

}  // namespace lifeboat::registry
