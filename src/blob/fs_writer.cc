#include "blob/fs_writer.h"

#include <atomic>
#include <deque>

#include "sys/notification.h"

namespace lifeboat::blob {
namespace {

/// Blocks being hashed and written while the next one is received. One keeps the hash busy; more would only be memory.
constexpr std::size_t kInWorkMax = 1;
/// What one turn on the pool reads and hashes of a long file: a few milliseconds.
constexpr std::size_t kBlocksPerTurn = 16;
constexpr std::size_t kReadBytes = 512 * kKiB;

Status gone(Status removed) {
  if (!removed && removed.error().code() == ErrorCode::not_found) return {};
  return removed;
}

}  // namespace

struct FsWriter::Work : std::enable_shared_from_this<Work> {
  using SharedBlock = std::shared_ptr<const sys::Block>;

  /// Blocks that wait for one kind of work, and whether a job is at it.
  struct Lane {
    std::deque<SharedBlock> waiting;
    bool is_running = false;
  };
  struct State {
    Lane hash;
    Lane disk;
    std::optional<Error> failure;
  };

  Work(oci::UploadId session, const Where& where, Start start)
      : id(std::move(session)),
        pools(where.pools),
        sessions(where.sessions),
        file(std::move(start.file)),
        hasher(std::move(start.hasher)),
        written(start.size_bytes) {}
  Work(const Work&) = delete;
  Work& operator=(const Work&) = delete;
  ~Work() {
    sessions->with([this](Sessions& known) {
      const auto found = known.open.find(id);
      // Another writer may have the session by now.
      if (found != known.open.end() && found->second.expired()) known.open.erase(found);
    });
  }

  const oci::UploadId id;
  const Pools pools;
  const SharedSessions sessions;
  std::unique_ptr<sys::WritableFile> file;  // the disk lane's job alone, or nobody's
  Hasher hasher;                            // the hash lane's job alone, or nobody's
  std::function<void(uint64_t)> notify;     // constant after the first append
  std::atomic<uint64_t> written;
  std::atomic<std::size_t> in_work = 0;
  sys::Notification changed;
  Guarded<State> state;

  void push(sys::Block block) {
    ++in_work;
    // The block goes back to its pool, and counts as done, when both lanes have let go of it.
    const SharedBlock shared(new sys::Block(std::move(block)), [self = shared_from_this()](const sys::Block* done) {
      delete done;
      --self->in_work;
      self->changed.notify_all();
    });
    const auto enter = [&shared](Lane& lane) {
      lane.waiting.push_back(shared);
      return !std::exchange(lane.is_running, true);
    };
    const auto [is_hash_due, is_disk_due] =
        state.with([&](State& now) { return std::pair(enter(now.hash), enter(now.disk)); });
    if (is_hash_due) start(&State::hash);
    if (is_disk_due) start(&State::disk);
  }

  void start(Lane State::* lane) {
    sys::ThreadPool& pool = lane == &State::hash ? pools.hash : pools.disk;
    pool.post([self = shared_from_this(), lane] { self->run_one(lane); });
  }

  /// One block, then it is another session's turn.
  void run_one(Lane State::* lane) {
    SharedBlock block;
    const bool is_failed = state.with([&](State& now) {
      block = std::move((now.*lane).waiting.front());
      (now.*lane).waiting.pop_front();
      return now.failure.has_value();
    });
    if (!is_failed && lane == &State::hash) hasher.update(block->bytes());
    if (!is_failed && lane == &State::disk) write(*block);
    const bool has_more = state.with([&](State& now) {
      (now.*lane).is_running = !(now.*lane).waiting.empty();
      return (now.*lane).is_running;
    });
    // Only now: who sees that nothing is in work may touch the file and the hasher.
    block.reset();
    if (has_more) start(lane);
  }

  void write(const sys::Block& block) {
    if (const Status done = file->append(block.bytes()); !done) {
      state.with([&](State& now) { now.failure = done.error(); });
      return;
    }
    const uint64_t now = written.fetch_add(block.size()) + block.size();
    if (notify) notify(now);
  }

  Status status() {
    return state.with([](const State& now) -> Status {
      if (now.failure) return std::unexpected(*now.failure);
      return {};
    });
  }

  /// Keeps this object alive itself: the writer may go meanwhile.
  static Awaitable<void> wait_until_in_work(std::shared_ptr<Work> self, std::size_t blocks_max) {
    for (;;) {
      const uint64_t seen = self->changed.version();
      if (self->in_work <= blocks_max) co_return;
      co_await self->changed.wait(seen, SteadyTime::max());
    }
  }
};

FsWriter::FsWriter(oci::UploadId id, Where where, Start start)
    : id_(std::move(id)),
      layout_(where.layout),
      pools_(where.pools),
      work_(std::make_shared<Work>(id_, where, std::move(start))),
      received_(work_->written) {
  where.sessions->with([this](Sessions& known) { known.open.insert_or_assign(id_, work_); });
}
FsWriter::~FsWriter() = default;

uint64_t FsWriter::written() const { return work_->written; }

void FsWriter::on_written(std::function<void(uint64_t)> notify) { work_->notify = std::move(notify); }

Awaitable<void> FsWriter::settle(SharedSessions sessions, oci::UploadId id) {
  const std::shared_ptr<Work> work = sessions->with([&](const Sessions& known) {
    const auto found = known.open.find(id);
    return found == known.open.end() ? nullptr : found->second.lock();
  });
  if (work != nullptr) co_await Work::wait_until_in_work(work, 0);
}

Task<void> FsWriter::append(sys::Block block) {
  LB_CO_CHECK(work_->status());
  received_ += block.size();
  if (block.size() > 0) work_->push(std::move(block));
  co_await Work::wait_until_in_work(work_, kInWorkMax);
  co_return work_->status();
}

Task<void> FsWriter::flush() {
  co_await Work::wait_until_in_work(work_, 0);
  co_return work_->status();
}

Result<std::shared_ptr<const sys::ReadableFile>> FsWriter::readable() {
  if (readable_ == nullptr) {
    LB_TRY(readable_, layout_.files().open(layout_.session(id_)));
  }
  return readable_;
}

/// On a thread of the disk: everything was written and hashed, and the digest is right.
Result<Content> FsWriter::place(const oci::Digest& expected) {
  const sys::Path session = layout_.session(id_);
  // Before the name is there: a shortage of descriptors after it would be a failure that left something behind.
  LB_TRY(auto bytes, readable());
  LB_TRY(const uint64_t size, bytes->size());
  if (size != received_) {
    return fail(ErrorCode::corrupt, "cannot commit upload session '" + id_.to_string() +
                                        "': its length is wrong (got " + std::to_string(size) +
                                        " bytes on disk, want " + std::to_string(received_) + ")");
  }
  // The bytes first: a durable name must never stand for bytes that are not.
  LB_CHECK(work_->file->sync());
  LB_CHECK(layout_.place(session, expected));
  return Content{std::move(bytes), size};
}

Task<Content> FsWriter::commit_flushed(oci::Digest expected) {
  Hasher reread(expected.algorithm());
  const bool is_hashed = work_->hasher.algorithm() == expected.algorithm();
  if (!is_hashed) {
    LB_CO_TRY(const auto bytes, readable());
    const Result<uint64_t> length = co_await hash_file(pools_.hash, bytes, reread);
    if (!length) co_return std::unexpected(length.error());
  }
  const Hasher& hasher = is_hashed ? work_->hasher : reread;
  const oci::Digest got = oci::Digest::of_raw(expected.algorithm(), hasher.current());
  if (got != expected) {
    co_return fail(ErrorCode::corrupt, "cannot commit upload session '" + id_.to_string() +
                                           "': its digest is another (got " + got.to_string() + ", want " +
                                           expected.to_string() + ")");
  }
  co_return co_await pools_.disk.run([&] { return place(expected); });
}

Task<Content> FsWriter::commit(oci::Digest expected) {
  const Status flushed = co_await flush();
  Result<Content> placed = flushed ? Result<Content>(Content{}) : Result<Content>(std::unexpected(flushed.error()));
  if (flushed) placed = co_await commit_flushed(expected);
  if (!placed) {
    const Status discarded = co_await discard();
    if (!discarded) work_->sessions->with([this](Sessions& known) { known.dead.insert(id_); });
  }
  co_return placed;
}

Task<void> FsWriter::discard() {
  co_await Work::wait_until_in_work(work_, 0);
  co_return co_await pools_.disk.run([this] { return gone(layout_.files().remove(layout_.session(id_))); });
}

namespace {

struct Turn {
  uint64_t offset = 0;
  bool is_last = false;
};

Result<Turn> hash_turn(const sys::ReadableFile& file, uint64_t offset, Hasher& hasher) {
  std::vector<std::byte> buffer(kReadBytes);
  for (std::size_t i = 0; i < kBlocksPerTurn; ++i) {
    LB_TRY(const std::size_t count, file.read_at(offset, buffer));
    hasher.update(std::span(buffer).first(count));
    offset += count;
    if (count < buffer.size()) return Turn{offset, true};
  }
  return Turn{offset, false};
}

}  // namespace

Task<uint64_t> hash_file(sys::ThreadPool& pool, std::shared_ptr<const sys::ReadableFile> file, Hasher& hasher) {
  Turn turn;
  while (!turn.is_last) {
    const Result<Turn> next = co_await pool.run([&] { return hash_turn(*file, turn.offset, hasher); });
    if (!next) co_return std::unexpected(next.error());
    turn = *next;
  }
  co_return turn.offset;
}

}  // namespace lifeboat::blob
