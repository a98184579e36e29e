#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "base/call.h"
#include "base/task.h"
#include "oci/digest.h"
#include "oci/upload_id.h"
#include "sys/block_pool.h"
#include "sys/file_system.h"

namespace lifeboat::blob {

/// Committed bytes, ready to be read by any number of readers, also after they were removed from the store.
struct Content {
  std::shared_ptr<const sys::ReadableFile> bytes;
  uint64_t size_bytes = 0;
};

/// One upload session: bytes that come in order and become content under their digest, or nothing. Used by one
/// coroutine at a time. Hashes and writes on the store's pools while the next block is received.
///
/// What is promised: bytes behind `written()` are in the session's file; after commit() succeeded the content survives
/// `kill -9` and power loss; after it failed, or without it, nothing is visible under any digest.
class Writer {
 public:
  virtual ~Writer() = default;

  virtual const oci::UploadId& id() const = 0;
  /// Bytes given to append() so far (for a resumed session: those found on disk, plus these).
  virtual uint64_t received() const = 0;
  /// Bytes that are in the file, contiguous from 0. Any thread.
  virtual uint64_t written() const = 0;
  /// Called on a pool thread with written() each time it has grown; set before the first append.
  virtual void on_written(std::function<void(uint64_t)> notify) = 0;

  /// Takes a block. Returns as soon as few enough blocks are in work, so that the next can be received meanwhile.
  /// An error of an earlier block surfaces here or in flush(); then the session is only good for discard().
  virtual Task<void> append(sys::Block block) = 0;
  /// Returns when all that was appended is written and hashed: written() == received().
  virtual Task<void> flush() = 0;
  /// The session's bytes while they grow; stays readable after commit and after discard.
  virtual Result<std::shared_ptr<const sys::ReadableFile>> readable() = 0;

  /// flush → compare → fsync → rename into place → fsync the directory. corrupt when the digest is another (the
  /// message has got and want): the session is then discarded. Content that is there already gives way to
  /// these bytes, which were verified just now. Not to be used after it, whatever it returned.
  virtual Task<Content> commit(oci::Digest expected) = 0;
  /// Drops the session's bytes; fine to call twice. A Writer destroyed without commit or discard leaves the session on
  /// disk, to be resumed.
  virtual Task<void> discard() = 0;
};

struct StoredSession {
  oci::UploadId id;
  uint64_t size_bytes = 0;
  WallTime modified{};
};

/// Content by digest, on one data directory. Knows nothing of names. Any thread.
///
/// Errors: not_found — no such content or session; corrupt — bytes are there and are not what they should be; no_space
/// — disk full or read-only; internal — the disk failed in another way. No operation leaves something half-made
/// visible.
class Store {
 public:
  virtual ~Store() = default;

  virtual Task<Content> open(Call call, oci::Digest digest) = 0;
  /// A small document that is all here (a manifest): the same durability as Writer::commit, idempotent.
  virtual Task<void> put(Call call, oci::Digest digest, std::string bytes) = 0;
  /// A new session; its bytes are hashed with `algorithm` as they come. A commit with a digest of another algorithm
  /// works and reads the bytes once more.
  virtual Task<std::unique_ptr<Writer>> begin(Call call, oci::UploadId id, HashAlgorithm algorithm) = 0;
  /// The session as its bytes on disk are: they are read once, to have the hash.
  virtual Task<std::unique_ptr<Writer>> resume(Call call, oci::UploadId id, HashAlgorithm algorithm) = 0;
  /// Drops a session nobody has open; fine when it is not there.
  virtual Task<void> discard(Call call, oci::UploadId id) = 0;
  virtual Task<std::vector<StoredSession>> sessions(Call call) = 0;
  /// Fine when it is not there.
  virtual Task<void> remove(Call call, oci::Digest digest) = 0;
};

}  // namespace lifeboat::blob
