#include "blob/fs_store.h"

#include "blob/fs_reading.h"

namespace lifeboat::blob {
namespace {

/// No upload session's name begins so: those are UUIDs.
constexpr std::string_view kPutPrefix = "put-";

/// A removal is done when the thing is not there, whoever removed it.
Status gone(Status removed) {
  if (!removed && removed.error().code() == ErrorCode::not_found) return {};
  return removed;
}

}  // namespace

FsStore::FsStore(const DataDirectory& directory, sys::FileSystem& files, FsWriter::Pools pools,
                 Quarantine::Bounds bounds)
    : layout_(directory.blobs(), directory.uploads(), files),
      quarantine_(Quarantine(directory.quarantine(), bounds, files)),
      pools_(pools) {}

FsWriter::Where FsStore::where() { return {.layout = layout_, .pools = pools_, .sessions = sessions_}; }

Result<std::unique_ptr<FsStore>> FsStore::open(const DataDirectory& directory, sys::FileSystem& files,
                                               FsWriter::Pools pools, Quarantine::Bounds quarantine) {
  LB_TRY(const auto entries, files.list(directory.uploads()));
  for (const sys::DirectoryEntry& entry : entries) {
    if (entry.name.starts_with(kPutPrefix)) LB_CHECK(gone(files.remove(directory.uploads() / entry.name)));
  }
  std::unique_ptr<FsStore> store(new FsStore(directory, files, pools, quarantine));
  LB_CHECK(store->layout_.open());
  return store;
}

bool FsStore::is_dead(const oci::UploadId& id) const {
  return sessions_->with([&](const FsWriter::Sessions& known) { return known.dead.contains(id); });
}

Task<Content> FsStore::open(Call, oci::Digest digest) {
  co_return co_await pools_.disk.run([&] { return layout_.read(digest); });
}

Task<void> FsStore::put(Call, oci::Digest digest, std::string bytes) {
  co_return co_await pools_.disk.run([&] { return put_now(digest, bytes); });
}

Status FsStore::put_now(const oci::Digest& digest, std::string_view bytes) {
  const oci::Digest got = oci::Digest::of(digest.algorithm(), as_bytes(bytes));
  if (got != digest) {
    return fail(ErrorCode::corrupt, "cannot store content '" + digest.to_string() + "': its digest is another (got " +
                                        got.to_string() + ", want " + digest.to_string() + ")");
  }
  LB_TRY(const bool is_held, layout_.holds(digest, bytes));
  if (is_held) return {};
  sys::FileSystem& files = layout_.files();
  const sys::Path temporary = layout_.uploads() / (std::string(kPutPrefix) + std::to_string(next_put_++));
  LB_TRY(auto file, files.create(temporary));
  Status done = file->append(as_bytes(bytes));
  // The bytes first: a durable name must never stand for bytes that are not.
  if (done) done = file->sync();
  file.reset();
  if (done) done = layout_.place(temporary, digest);
  if (!done) (void)files.remove(temporary);
  return done;
}

Task<std::unique_ptr<Writer>> FsStore::begin(Call, oci::UploadId id, HashAlgorithm algorithm) {
  co_return co_await pools_.disk.run([&]() -> Result<std::unique_ptr<Writer>> {
    LB_TRY(auto file, layout_.files().create(layout_.session(id)));
    return std::make_unique<FsWriter>(id, where(), FsWriter::Start{std::move(file), Hasher(algorithm), 0});
  });
}

/// Reads the session's bytes once, so that the hash goes on where they end.
Task<std::unique_ptr<Writer>> FsStore::resume(Call, oci::UploadId id, HashAlgorithm algorithm) {
  co_await FsWriter::settle(sessions_, id);
  const auto not_there = [&id] {
    return fail(ErrorCode::not_found, "cannot resume upload session '" + id.to_string() + "': it is not on disk");
  };
  if (is_dead(id)) co_return not_there();
  using Bytes = std::shared_ptr<const sys::ReadableFile>;
  const Result<Bytes> bytes = co_await pools_.disk.run([&] { return layout_.files().open(layout_.session(id)); });
  if (!bytes && bytes.error().code() == ErrorCode::not_found) co_return not_there();
  if (!bytes) co_return std::unexpected(bytes.error());
  Hasher hasher(algorithm);
  const Result<uint64_t> size = co_await hash_file(pools_.hash, *bytes, hasher);
  if (!size) co_return std::unexpected(size.error());
  co_return co_await pools_.disk.run([&]() -> Result<std::unique_ptr<Writer>> {
    LB_TRY(auto file, layout_.files().open_to_append(layout_.session(id)));
    return std::make_unique<FsWriter>(id, where(), FsWriter::Start{std::move(file), std::move(hasher), *size});
  });
}

Task<void> FsStore::discard(Call, oci::UploadId id) {
  co_return co_await pools_.disk.run([&] {
    const Status removed = gone(layout_.files().remove(layout_.session(id)));
    if (removed) sessions_->with([&](FsWriter::Sessions& known) { known.dead.erase(id); });
    return removed;
  });
}

Task<std::vector<StoredSession>> FsStore::sessions(Call) {
  co_return co_await pools_.disk.run([&]() -> Result<std::vector<StoredSession>> {
    LB_TRY(const auto entries, layout_.files().list(layout_.uploads()));
    std::vector<StoredSession> found;
    for (const sys::DirectoryEntry& entry : entries) {
      const auto id = oci::UploadId::parse(entry.name);
      if (!id || is_dead(*id)) continue;
      const auto info = layout_.files().info(layout_.session(*id));
      if (info) found.push_back({*id, info->size_bytes, info->modified});
    }
    return found;
  });
}

Task<std::unique_ptr<Reading>> FsStore::read_through(Call, oci::Digest digest) {
  co_return co_await pools_.disk.run([&]() -> Result<std::unique_ptr<Reading>> {
    LB_TRY(Content content, layout_.read(digest));
    return std::make_unique<FsReading>(std::move(content.bytes), digest.algorithm(), pools_.hash);
  });
}

Task<std::vector<StoredContent>> FsStore::list(Call, HashAlgorithm algorithm, std::byte first) {
  co_return co_await pools_.disk.run([&] { return layout_.list(algorithm, first); });
}

Task<Damage> FsStore::quarantine(Call, oci::Digest digest, uint64_t size_bytes, WallTime now) {
  // Reading it all takes as long as it is large: nobody else's file waits for that.
  LB_CO_TRY(const FsLayout::Verdict verdict,
            co_await pools_.hash.run([&] { return layout_.judge(digest, size_bytes); }));
  using Kind = Damage::Kind;
  if (verdict.damage.kind == Kind::none || verdict.damage.kind == Kind::missing) co_return verdict.damage;
  LB_CO_CHECK(co_await pools_.disk.run([&] {
    return quarantine_.with(
        [&](Quarantine& quarantine) { return layout_.set_aside(digest, verdict, quarantine, now); });
  }));
  co_return verdict.damage;
}

Task<void> FsStore::remove(Call, oci::Digest digest) {
  co_return co_await pools_.disk.run([&] { return gone(layout_.remove(digest)); });
}

Task<std::vector<oci::Digest>> FsStore::shard(Call, std::size_t index) {
  co_return co_await pools_.disk.run([&] { return layout_.list(index); });
}

Task<std::optional<StoredContent>> FsStore::find(Call, oci::Digest digest) {
  co_return co_await pools_.disk.run([&] { return layout_.find(digest); });
}

Task<std::vector<oci::Digest>> FsStore::absent(Call, std::vector<oci::Digest> digests) {
  co_return co_await pools_.disk.run([&]() -> Result<std::vector<oci::Digest>> {
    std::vector<oci::Digest> absent;
    for (const oci::Digest& digest : digests) {
      LB_TRY(const auto found, layout_.find(digest));
      if (!found) absent.push_back(digest);
    }
    return absent;
  });
}

}  // namespace lifeboat::blob
