#include "blob/fs_layout.h"

#include <vector>

namespace lifeboat::blob {
namespace {

constexpr std::array<std::string_view, 2> kAlgorithms{"sha256", "sha512"};
constexpr std::size_t kReadBytes = kMiB;

}  // namespace

FsLayout::FsLayout(sys::Path blobs, sys::Path uploads, sys::FileSystem& files)
    : blobs_(std::move(blobs)), uploads_(std::move(uploads)), files_(files) {}

Status FsLayout::open() {
  for (std::size_t i = 0; i < kAlgorithms.size(); ++i) {
    const auto entries = files_.list(blobs_ / kAlgorithms[i]);
    if (!entries && entries.error().code() == ErrorCode::not_found) continue;
    if (!entries) return std::unexpected(entries.error());
    // A process that was killed may have made a shard without living to sync its name.
    LB_CHECK(files_.sync_directory(blobs_ / kAlgorithms[i]));
    for (const sys::DirectoryEntry& entry : *entries) {
      std::array<std::byte, 1> first{};
      if (!entry.is_directory || !from_hex(entry.name, first)) continue;
      Shard& shard = shards_[i][std::to_integer<std::size_t>(first[0])];
      const std::lock_guard lock(shard.mutex);
      shard.is_made = true;
    }
  }
  return {};
}

sys::Path FsLayout::content(const oci::Digest& digest) const {
  const std::string hex = digest.hex();
  return blobs_ / digest.algorithm_name() / hex.substr(0, 2) / hex;
}

sys::Path FsLayout::session(const oci::UploadId& id) const { return uploads_ / id.to_string(); }

FsLayout::Shard& FsLayout::shard_of(const oci::Digest& digest) {
  return shards_[digest.algorithm() == HashAlgorithm::sha256 ? 0 : 1][std::to_integer<std::size_t>(digest.raw()[0])];
}

Result<Content> FsLayout::read(const oci::Digest& digest) const {
  auto bytes = files_.open(content(digest));
  if (!bytes && bytes.error().code() == ErrorCode::not_found) {
    return fail(ErrorCode::not_found, "cannot open content '" + digest.to_string() + "': it is not on disk");
  }
  if (!bytes) return std::unexpected(std::move(bytes).error());
  LB_TRY(const uint64_t size, (*bytes)->size());
  return Content{std::move(*bytes), size};
}

Result<bool> FsLayout::holds(const oci::Digest& digest, uint64_t size_bytes) {
  Shard& shard = shard_of(digest);
  const std::lock_guard lock(shard.mutex);
  return holds_locked(shard, digest, size_bytes);
}

Result<bool> FsLayout::holds(const oci::Digest& digest, std::string_view bytes) {
  LB_TRY(const bool is_held, holds(digest, bytes.size()));
  if (!is_held) return false;
  LB_TRY(const Content content, read(digest));
  std::string got(bytes.size(), '\0');
  LB_TRY(const std::size_t count, content.bytes->read_at(0, std::as_writable_bytes(std::span(got))));
  return count == bytes.size() && got == bytes;
}

Result<bool> FsLayout::holds_locked(Shard& shard, const oci::Digest& digest, uint64_t size_bytes) {
  if (!shard.is_made) return false;
  const sys::Path path = content(digest);
  const auto info = files_.info(path);
  if (!info && info.error().code() == ErrorCode::not_found) return false;
  if (!info) return std::unexpected(info.error());
  if (info->is_directory || info->size_bytes != size_bytes) return false;
  // What an earlier process left may be visible and still not durable.
  if (!shard.is_synced) LB_CHECK(files_.sync_directory(path.parent_path()));
  shard.is_synced = true;
  return true;
}

Status FsLayout::place(const sys::Path& from, const oci::Digest& digest) {
  const sys::Path to = content(digest);
  Shard& shard = shard_of(digest);
  const std::lock_guard lock(shard.mutex);
  // What stands there may have rotted since; these bytes were hashed just now. Whoever reads the other has it open.
  const bool is_there = files_.info(to).has_value();
  if (!shard.is_made) LB_CHECK(files_.make_directory(to.parent_path()));
  shard.is_made = true;
  LB_CHECK(files_.rename(from, to));
  // Without this the name may be gone after a power loss, and with it what was acknowledged.
  if (Status synced = files_.sync_directory(to.parent_path()); !synced) {
    shard.is_synced = false;
    if (!is_there) (void)files_.remove(to);  // else somebody was told that it is here
    return synced;
  }
  shard.is_synced = true;
  return {};
}

Status FsLayout::remove(const oci::Digest& digest) {
  Shard& shard = shard_of(digest);
  const std::lock_guard lock(shard.mutex);
  return files_.remove(content(digest));
}

Status FsLayout::for_each_content(const std::function<void(const oci::Digest&)>& take) const {
  for (const std::string_view algorithm : kAlgorithms) {
    const auto shards = files_.list(blobs_ / algorithm);
    if (!shards && shards.error().code() == ErrorCode::not_found) continue;
    if (!shards) return std::unexpected(shards.error());
    for (const sys::DirectoryEntry& shard : *shards) {
      if (!shard.is_directory) continue;
      LB_TRY(const auto entries, files_.list(blobs_ / algorithm / shard.name));
      for (const sys::DirectoryEntry& entry : entries) {
        const auto digest = oci::Digest::parse(std::string(algorithm).append(":").append(entry.name));
        if (digest) take(*digest);
      }
    }
  }
  return {};
}

Result<std::vector<StoredContent>> FsLayout::list(HashAlgorithm algorithm, std::byte first) const {
  const std::size_t of_algorithm = algorithm == HashAlgorithm::sha256 ? 0 : 256;
  LB_TRY(const std::vector<oci::Digest> digests, list(of_algorithm + std::to_integer<std::size_t>(first)));
  std::vector<StoredContent> found;
  for (const oci::Digest& digest : digests) {
    const auto one = find(digest);
    if (one && *one) found.push_back(**one);  // else it went meanwhile
  }
  return found;
}

Result<FsLayout::Verdict> FsLayout::judge(const oci::Digest& digest, uint64_t size_bytes) const {
  using Kind = Damage::Kind;
  const auto seen = files_.info(content(digest));
  const auto found = read(digest);
  const bool is_gone = (!seen && seen.error().code() == ErrorCode::not_found) ||
                       (!found && found.error().code() == ErrorCode::not_found);
  if (is_gone) return Verdict{{Kind::missing, "it is not on disk"}, {}};
  if (!seen) return std::unexpected(seen.error());
  if (!found) return std::unexpected(found.error());
  Hasher hasher(digest.algorithm());
  std::vector<std::byte> piece(kReadBytes);
  for (uint64_t offset = 0;;) {
    LB_TRY(const std::size_t count, found->bytes->read_past_cache(offset, piece));
    hasher.update(std::span(piece).first(count));
    offset += count;
    if (count < piece.size()) break;
  }
  const oci::Digest got = oci::Digest::of_raw(digest.algorithm(), hasher.current());
  // The digest is the authority: what hashes right is right, whatever a record says of its size.
  if (got == digest) return Verdict{{}, *seen};
  if (found->size_bytes == size_bytes) return Verdict{{Kind::wrong_bytes, "got " + got.to_string()}, *seen};
  return Verdict{{Kind::wrong_size,
                  "got " + std::to_string(found->size_bytes) + " bytes, want " + std::to_string(size_bytes) + " bytes"},
                 *seen};
}

Status FsLayout::set_aside(const oci::Digest& digest, const Verdict& verdict, Quarantine& quarantine, WallTime now) {
  Shard& shard = shard_of(digest);
  const std::lock_guard lock(shard.mutex);
  const sys::Path path = content(digest);
  LB_TRY(const sys::FileInfo info, files_.info(path));
  if (info.size_bytes != verdict.seen.size_bytes || info.modified != verdict.seen.modified) {
    return fail(ErrorCode::unavailable,
                "cannot quarantine '" + digest.to_string() + "': it was brought again just now");
  }
  LB_CHECK(quarantine.take(path, digest, digest.to_string() + ": " + verdict.damage.detail, now));
  return files_.sync_directory(path.parent_path());
}

Result<std::vector<oci::Digest>> FsLayout::list(std::size_t index) const {
  const std::string algorithm(kAlgorithms.at(index / 256));
  const std::array<std::byte, 1> first{static_cast<std::byte>(index % 256)};
  const auto entries = files_.list(blobs_ / algorithm / to_hex(first));
  std::vector<oci::Digest> found;
  if (!entries && entries.error().code() == ErrorCode::not_found) return found;
  if (!entries) return std::unexpected(entries.error());
  for (const sys::DirectoryEntry& entry : *entries) {
    const auto digest = oci::Digest::parse(algorithm + ":" + entry.name);
    // In another's directory it is no content.
    if (digest && !entry.is_directory && digest->raw()[0] == first[0]) found.push_back(*digest);
  }
  return found;
}

Result<std::optional<StoredContent>> FsLayout::find(const oci::Digest& digest) const {
  const auto info = files_.info(content(digest));
  if (!info && info.error().code() == ErrorCode::not_found) return std::nullopt;
  if (!info) return std::unexpected(info.error());
  return StoredContent{digest, info->size_bytes, info->modified};
}

}  // namespace lifeboat::blob
