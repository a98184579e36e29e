#include "blob/memory_store.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstring>
#include <map>

#include "base/guarded.h"

namespace lifeboat::blob {
namespace {

/// Bytes that grow at their end while others read them.
class MemoryFile final : public sys::ReadableFile {
 public:
  Result<std::size_t> read_at(uint64_t offset, ByteSpan out) const override {
    return bytes_.with([&](const std::string& bytes) {
      if (offset >= bytes.size()) return std::size_t{0};
      const ByteView rest = as_bytes(bytes).subspan(offset);
      const std::size_t count = std::min(rest.size(), out.size());
      std::memcpy(out.data(), rest.data(), count);
      return count;
    });
  }
  Result<uint64_t> size() const override {
    return bytes_.with([](const std::string& bytes) { return static_cast<uint64_t>(bytes.size()); });
  }

  void append(ByteView more) {
    bytes_.with([&](std::string& bytes) { bytes.append(as_text(more)); });
  }
  std::string all() const {
    return bytes_.with([](const std::string& bytes) { return bytes; });
  }

 private:
  Guarded<std::string> bytes_;
};

using SharedFile = std::shared_ptr<MemoryFile>;

struct Held {
  std::map<oci::Digest, SharedFile> contents;
  std::map<oci::UploadId, SharedFile> sessions;
};

WallTime wall_now() {
  return std::chrono::time_point_cast<std::chrono::milliseconds>(std::chrono::system_clock::now());
}

std::unexpected<Error> wrong_digest(const std::string& subject, const oci::Digest& got, const oci::Digest& want) {
  return fail(ErrorCode::corrupt, "cannot " + subject + ": its digest is another (got " + got.to_string() + ", want " +
                                      want.to_string() + ")");
}

}  // namespace

struct MemoryStore::State {
  Guarded<Held> held;
};

namespace {

class MemoryWriter final : public Writer {
 public:
  MemoryWriter(std::shared_ptr<MemoryStore::State> store, oci::UploadId id, HashAlgorithm algorithm, SharedFile file)
      : store_(std::move(store)), id_(std::move(id)), file_(std::move(file)), hasher_(algorithm) {
    hasher_.update(as_bytes(file_->all()));
    size_ = file_->size().value();
  }

  const oci::UploadId& id() const override { return id_; }
  uint64_t received() const override { return size_; }
  uint64_t written() const override { return size_; }
  void on_written(std::function<void(uint64_t)> notify) override { notify_ = std::move(notify); }

  Task<void> append(sys::Block block) override {
    if (block.size() == 0) co_return Status{};
    hasher_.update(block.bytes());
    file_->append(block.bytes());
    size_ += block.size();
    if (notify_) notify_(size_);
    co_return Status{};
  }
  Task<void> flush() override { co_return Status{}; }
  Result<std::shared_ptr<const sys::ReadableFile>> readable() override { return file_; }

  Task<Content> commit(oci::Digest expected) override {
    const oci::Digest got = hasher_.algorithm() == expected.algorithm()
                                ? oci::Digest::of_raw(expected.algorithm(), hasher_.current())
                                : oci::Digest::of(expected.algorithm(), as_bytes(file_->all()));
    drop();
    if (got != expected) co_return wrong_digest("commit upload session '" + id_.to_string() + "'", got, expected);
    const SharedFile standing =
        store_->held.with([&](Held& held) { return held.contents.try_emplace(expected, file_).first->second; });
    co_return Content{standing, standing->size().value()};
  }

  Task<void> discard() override {
    drop();
    co_return Status{};
  }

 private:
  void drop() {
    store_->held.with([&](Held& held) { held.sessions.erase(id_); });
  }

  const std::shared_ptr<MemoryStore::State> store_;
  const oci::UploadId id_;
  const SharedFile file_;
  Hasher hasher_;
  std::function<void(uint64_t)> notify_;
  std::atomic<uint64_t> size_ = 0;
};

}  // namespace

MemoryStore::MemoryStore() : state_(std::make_shared<State>()) {}
MemoryStore::~MemoryStore() = default;

Task<Content> MemoryStore::open(Call, oci::Digest digest) {
  const SharedFile file = state_->held.with([&](const Held& held) {
    const auto found = held.contents.find(digest);
    return found == held.contents.end() ? nullptr : found->second;
  });
  if (file == nullptr) {
    co_return fail(ErrorCode::not_found, "cannot open content '" + digest.to_string() + "': it is not here");
  }
  co_return Content{file, file->size().value()};
}

Task<void> MemoryStore::put(Call, oci::Digest digest, std::string bytes) {
  const oci::Digest got = oci::Digest::of(digest.algorithm(), as_bytes(bytes));
  if (got != digest) co_return wrong_digest("store content '" + digest.to_string() + "'", got, digest);
  const auto file = std::make_shared<MemoryFile>();
  file->append(as_bytes(bytes));
  state_->held.with([&](Held& held) { held.contents.try_emplace(digest, file); });
  co_return Status{};
}

Task<std::unique_ptr<Writer>> MemoryStore::begin(Call, oci::UploadId id, HashAlgorithm algorithm) {
  const auto file = std::make_shared<MemoryFile>();
  const bool is_new = state_->held.with([&](Held& held) { return held.sessions.try_emplace(id, file).second; });
  if (!is_new) {
    co_return fail(ErrorCode::conflict, "cannot begin upload session '" + id.to_string() + "': the name is taken");
  }
  co_return std::make_unique<MemoryWriter>(state_, id, algorithm, file);
}

Task<std::unique_ptr<Writer>> MemoryStore::resume(Call, oci::UploadId id, HashAlgorithm algorithm) {
  const SharedFile file = state_->held.with([&](const Held& held) {
    const auto found = held.sessions.find(id);
    return found == held.sessions.end() ? nullptr : found->second;
  });
  if (file == nullptr) {
    co_return fail(ErrorCode::not_found, "cannot resume upload session '" + id.to_string() + "': it is not here");
  }
  co_return std::make_unique<MemoryWriter>(state_, id, algorithm, file);
}

Task<void> MemoryStore::discard(Call, oci::UploadId id) {
  state_->held.with([&](Held& held) { held.sessions.erase(id); });
  co_return Status{};
}

Task<std::vector<StoredSession>> MemoryStore::sessions(Call) {
  co_return state_->held.with([](const Held& held) {
    std::vector<StoredSession> found;
    for (const auto& [id, file] : held.sessions) found.push_back({id, file->size().value(), wall_now()});
    return found;
  });
}

Task<void> MemoryStore::remove(Call, oci::Digest digest) {
  state_->held.with([&](Held& held) { held.contents.erase(digest); });
  co_return Status{};
}

namespace {

class MemoryReading final : public Reading {
 public:
  MemoryReading(HashAlgorithm algorithm, std::string bytes) : hasher_(algorithm), bytes_(std::move(bytes)) {}
  Task<uint64_t> next(uint64_t bytes_max) override {
    const std::string piece = bytes_.substr(offset_, bytes_max);
    hasher_.update(as_bytes(piece));
    offset_ += piece.size();
    co_return piece.size();
  }
  oci::Digest so_far() const override { return oci::Digest::of_raw(hasher_.algorithm(), hasher_.current()); }

 private:
  Hasher hasher_;
  const std::string bytes_;
  std::size_t offset_ = 0;
};

}  // namespace

Task<std::unique_ptr<Reading>> MemoryStore::read_through(Call call, oci::Digest digest) {
  LB_CO_TRY(const Content content, co_await open(std::move(call), digest));
  const auto bytes = state_->held.with([&](const Held& held) { return held.contents.at(digest)->all(); });
  co_return std::make_unique<MemoryReading>(digest.algorithm(), bytes);
}

Task<std::vector<StoredContent>> MemoryStore::list(Call, HashAlgorithm algorithm, std::byte first) {
  co_return state_->held.with([&](const Held& held) {
    std::vector<StoredContent> found;
    for (const auto& [digest, file] : held.contents) {
      if (digest.algorithm() == algorithm && digest.raw()[0] == first) found.push_back({digest, file->size().value()});
    }
    return found;
  });
}

Task<Damage> MemoryStore::quarantine(Call, oci::Digest digest, uint64_t size_bytes, WallTime) {
  using Kind = Damage::Kind;
  co_return state_->held.with([&](Held& held) {
    const auto found = held.contents.find(digest);
    if (found == held.contents.end()) return Damage{Kind::missing, "it is not here"};
    const std::string bytes = found->second->all();
    const oci::Digest got = oci::Digest::of(digest.algorithm(), as_bytes(bytes));
    if (got == digest) return Damage{};
    held.contents.erase(found);
    if (bytes.size() == size_bytes) return Damage{Kind::wrong_bytes, "got " + got.to_string()};
    return Damage{Kind::wrong_size,
                  "got " + std::to_string(bytes.size()) + " bytes, want " + std::to_string(size_bytes) + " bytes"};
  });
}

void MemoryStore::damage(const oci::Digest& digest, std::optional<std::string> bytes) {
  state_->held.with([&](Held& held) {
    held.contents.erase(digest);
    if (!bytes) return;
    const auto file = std::make_shared<MemoryFile>();
    file->append(as_bytes(*bytes));
    held.contents.emplace(digest, file);
  });
}

Task<std::vector<oci::Digest>> MemoryStore::shard(Call, std::size_t index) {
  co_return state_->held.with([&](const Held& held) {
    std::vector<oci::Digest> found;
    for (const auto& [digest, file] : held.contents) {
      const std::size_t algorithm = digest.algorithm() == HashAlgorithm::sha256 ? 0 : 256;
      if (algorithm + std::to_integer<std::size_t>(digest.raw()[0]) == index) found.push_back(digest);
    }
    return found;
  });
}

Task<std::optional<StoredContent>> MemoryStore::find(Call, oci::Digest digest) {
  co_return state_->held.with([&](const Held& held) -> std::optional<StoredContent> {
    const auto found = held.contents.find(digest);
    if (found == held.contents.end()) return std::nullopt;
    return StoredContent{digest, found->second->size().value(), wall_now()};
  });
}

Task<std::vector<oci::Digest>> MemoryStore::absent(Call, std::vector<oci::Digest> digests) {
  co_return state_->held.with([&](const Held& held) {
    std::erase_if(digests, [&](const oci::Digest& digest) { return held.contents.contains(digest); });
    return digests;
  });
}

}  // namespace lifeboat::blob
