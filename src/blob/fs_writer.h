#pragma once

#include <map>
#include <memory>
#include <set>

#include "base/guarded.h"
#include "base/hasher.h"
#include "blob/fs_layout.h"
#include "blob/store.h"
#include "sys/thread_pool.h"

namespace lifeboat::blob {

/// One session's file. A block is hashed and written at the same time, by two pools, each in the blocks' order.
class FsWriter final : public Writer {
 public:
  struct Pools {
    sys::ThreadPool& disk;
    sys::ThreadPool& hash;
  };
  struct Work;
  /// What is known of sessions beside their files. Any thread.
  struct Sessions {
    /// With a writer, or with blocks that a writer left behind in the pools.
    std::map<oci::UploadId, std::weak_ptr<Work>> open;
    /// Ended in a failure, and even their files could not be removed. They must not be resumed: after a failed sync the
    /// kernel shows bytes that are not on the disk and never will be.
    std::set<oci::UploadId> dead;
  };
  using SharedSessions = std::shared_ptr<Guarded<Sessions>>;
  struct Where {
    FsLayout& layout;
    Pools pools;
    SharedSessions sessions;
  };
  /// Where the session stands.
  struct Start {
    std::unique_ptr<sys::WritableFile> file;
    Hasher hasher;  ///< has seen just what is in the file
    uint64_t size_bytes = 0;
  };

  FsWriter(oci::UploadId id, Where where, Start start);
  ~FsWriter() override;

  const oci::UploadId& id() const override { return id_; }
  uint64_t received() const override { return received_; }
  uint64_t written() const override;
  void on_written(std::function<void(uint64_t)> notify) override;
  Task<void> append(sys::Block block) override;
  Task<void> flush() override;
  Result<std::shared_ptr<const sys::ReadableFile>> readable() override;
  Task<Content> commit(oci::Digest expected) override;
  Task<void> discard() override;

  /// Returns when no pool works on the session any more, for one who wants its file: its writer may be gone while the
  /// last blocks were still on their way.
  static Awaitable<void> settle(SharedSessions sessions, oci::UploadId id);

 private:
  Task<Content> commit_flushed(oci::Digest expected);
  Result<Content> place(const oci::Digest& expected);

  const oci::UploadId id_;
  FsLayout& layout_;
  const Pools pools_;
  const std::shared_ptr<Work> work_;  ///< shared with jobs on the pools, which may outlive the writer
  uint64_t received_;
  std::shared_ptr<const sys::ReadableFile> readable_;
};

/// Reads the file from its start and feeds the hasher: for a session that is resumed, and for the rare commit under
/// another algorithm than was hashed with. Gives the length. In turns, so that others have the pool in between.
Task<uint64_t> hash_file(sys::ThreadPool& pool, std::shared_ptr<const sys::ReadableFile> file, Hasher& hasher);

}  // namespace lifeboat::blob
