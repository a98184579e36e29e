#include "test/support/faulty_file_system.h"

#include <algorithm>
#include <cerrno>
#include <random>
#include <set>
#include <utility>

namespace lifeboat::test {

using Node = FaultyFileSystem::Node;
using Entries = std::map<std::string, std::shared_ptr<Node>>;

/// A file or a directory: as it is seen, and as it would be found after a power loss.
struct FaultyFileSystem::Node {
  bool is_directory = false;
  std::string bytes;
  std::string durable_bytes;
  bool lost_bytes = false;  ///< a sync failed: no later sync brings them back
  Entries entries;
  Entries durable_entries;
};

namespace {

std::shared_ptr<Node> directory_node() {
  auto node = std::make_shared<Node>();
  node->is_directory = true;
  return node;
}

/// A rename whose directories were not synced yet; it becomes durable on both sides at once.
struct Move {
  std::shared_ptr<Node> from, to;
  std::string from_name, to_name;
  std::shared_ptr<Node> moved;

  void settle() const {
    const auto old = from->durable_entries.find(from_name);
    if (old != from->durable_entries.end() && old->second == moved) from->durable_entries.erase(old);
    to->durable_entries[to_name] = moved;
  }
};

std::string about(std::string_view verb_noun, const sys::Path& path) {
  return "cannot " + std::string(verb_noun) + " '" + path.native() + "'";
}

int errno_of(DiskFault fault) {
  switch (fault) {
    case DiskFault::no_space:
    case DiskFault::short_write: return ENOSPC;
    case DiskFault::read_only: return EROFS;
    case DiskFault::io_error:
    case DiskFault::power_loss: return EIO;
  }
  return EIO;
}

}  // namespace

struct FaultyFileSystem::Disk {
  mutable std::mutex mutex;  // guards all of it, the nodes as well
  std::shared_ptr<Node> root = directory_node();
  std::vector<Move> moves;
  std::set<std::string> locked;
  uint64_t calls = 0;
  uint64_t life = 0;  ///< how many crashes there were: files opened before the last one are dead
  std::optional<FaultPlan> plan;
  bool has_power = true;

  /// The fault this call meets, if any.
  std::optional<DiskFault> meet(DiskCall call) {
    ++calls;
    if (!has_power) return DiskFault::power_loss;
    if (!plan || (plan->only && *plan->only != call)) return std::nullopt;
    // A full disk still lets go of things.
    if (errno_of(plan->fault) == ENOSPC && call == DiskCall::remove) return std::nullopt;
    if (plan->at > 0) {
      --plan->at;
      return std::nullopt;
    }
    const DiskFault fault = plan->fault;
    if (fault == DiskFault::power_loss) has_power = false;
    if (!plan->lasts) plan.reset();
    return fault;
  }

  std::shared_ptr<Node> find(const sys::Path& path) const {
    std::shared_ptr<Node> node = root;
    for (const sys::Path& part : path.relative_path()) {
      if (part.empty()) continue;
      const auto found = node->entries.find(part.native());
      if (found == node->entries.end()) return nullptr;
      node = found->second;
    }
    return node;
  }

  Result<std::shared_ptr<Node>> look(const sys::Path& path, std::string_view verb_noun) const {
    if (!has_power) return fail_errno(EIO, about(verb_noun, path));
    auto node = find(path);
    if (node == nullptr) return fail_errno(ENOENT, about(verb_noun, path));
    return node;
  }

  void crash(std::mt19937_64* dice);
  void settle_names(Node& directory, std::mt19937_64* dice, const std::set<std::pair<Node*, std::string>>& decided);
};

namespace {

using Disk = FaultyFileSystem::Disk;

class OpenFile final : public sys::ReadableFile, public sys::WritableFile {
 public:
  OpenFile(std::shared_ptr<Disk> disk, std::shared_ptr<Node> node, sys::Path path)
      : disk_(std::move(disk)), node_(std::move(node)), path_(std::move(path)), life_(disk_->life) {}

  Result<std::size_t> read_at(uint64_t offset, ByteSpan out) const override {
    const std::lock_guard lock(disk_->mutex);
    if (is_dead()) return fail_errno(EIO, about("read file", path_));
    if (offset >= node_->bytes.size()) return std::size_t{0};
    const ByteView rest = as_bytes(node_->bytes).subspan(offset);
    const std::size_t count = std::min(rest.size(), out.size());
    std::ranges::copy(rest.first(count), out.begin());
    return count;
  }

  Result<uint64_t> size() const override {
    const std::lock_guard lock(disk_->mutex);
    if (is_dead()) return fail_errno(EIO, about("get the size of file", path_));
    return static_cast<uint64_t>(node_->bytes.size());
  }

  Status append(ByteView bytes) override {
    const std::lock_guard lock(disk_->mutex);
    const auto fault = disk_->meet(DiskCall::write);
    if (is_dead()) return fail_errno(EIO, about("write file", path_));
    if (fault == DiskFault::short_write) node_->bytes.append(as_text(bytes.first(bytes.size() / 2)));
    if (fault) return fail_errno(errno_of(*fault), about("write file", path_));
    node_->bytes.append(as_text(bytes));
    return {};
  }

  Status truncate(uint64_t size) override {
    const std::lock_guard lock(disk_->mutex);
    const auto fault = disk_->meet(DiskCall::truncate);
    if (fault || is_dead())
      return fail_errno(errno_of(fault.value_or(DiskFault::io_error)), about("truncate file", path_));
    node_->bytes.resize(size);
    return {};
  }

  Status sync() override {
    const std::lock_guard lock(disk_->mutex);
    const auto fault = disk_->meet(DiskCall::sync);
    if (fault) node_->lost_bytes = true;
    if (fault || is_dead()) return fail_errno(errno_of(fault.value_or(DiskFault::io_error)), about("sync file", path_));
    if (!node_->lost_bytes) node_->durable_bytes = node_->bytes;
    return {};
  }

 private:
  bool is_dead() const { return life_ != disk_->life || !disk_->has_power; }

  const std::shared_ptr<Disk> disk_;
  const std::shared_ptr<Node> node_;
  const sys::Path path_;
  const uint64_t life_;
};

class Lock final : public sys::FileLock {
 public:
  Lock(std::shared_ptr<Disk> disk, std::string name)
      : disk_(std::move(disk)), name_(std::move(name)), life_(disk_->life) {}
  Lock(const Lock&) = delete;
  Lock& operator=(const Lock&) = delete;
  ~Lock() override {
    const std::lock_guard lock(disk_->mutex);
    if (life_ == disk_->life) disk_->locked.erase(name_);
  }

 private:
  const std::shared_ptr<Disk> disk_;
  const std::string name_;
  const uint64_t life_;
};

bool toss(std::mt19937_64* dice) { return dice != nullptr && ((*dice)() & 1U) == 1; }

}  // namespace

/// Draws what became of names that differ from their durable state, in this directory and below.
void FaultyFileSystem::Disk::settle_names(Node& directory, std::mt19937_64* dice,
                                          const std::set<std::pair<Node*, std::string>>& decided) {
  std::set<std::string> names;
  for (const auto& [name, node] : directory.entries) names.insert(name);
  for (const auto& [name, node] : directory.durable_entries) names.insert(name);
  for (const std::string& name : names) {
    if (decided.contains({&directory, name}) || !toss(dice)) continue;
    const auto seen = directory.entries.find(name);
    if (seen == directory.entries.end()) {
      directory.durable_entries.erase(name);
    } else {
      directory.durable_entries[name] = seen->second;
    }
  }
  directory.entries = directory.durable_entries;
  for (const auto& [name, node] : directory.entries) {
    if (node->is_directory) {
      settle_names(*node, dice, decided);
      continue;
    }
    if (node->bytes != node->durable_bytes && toss(dice)) {
      // More of the file may be there than was synced: some of the bytes, or room for them and nothing in it.
      const std::size_t kept = std::min(node->bytes.size(), node->durable_bytes.size());
      const std::size_t length = kept + (*dice)() % (node->bytes.size() - kept + 1);
      const bool has_bytes = toss(dice);
      node->durable_bytes.resize(kept);
      node->durable_bytes += has_bytes ? node->bytes.substr(kept, length - kept) : std::string(length - kept, '\0');
    }
    node->bytes = node->durable_bytes;
    node->lost_bytes = false;
  }
}

void FaultyFileSystem::Disk::crash(std::mt19937_64* dice) {
  std::set<std::pair<Node*, std::string>> decided;
  for (const Move& move : moves) {
    if (toss(dice)) move.settle();
    decided.insert({move.from.get(), move.from_name});
    decided.insert({move.to.get(), move.to_name});
  }
  moves.clear();
  settle_names(*root, dice, decided);
  locked.clear();
  plan.reset();
  has_power = true;
  ++life;
}

FaultyFileSystem::FaultyFileSystem() : disk_(std::make_shared<Disk>()) {}
FaultyFileSystem::~FaultyFileSystem() = default;

void FaultyFileSystem::inject(FaultPlan plan) {
  const std::lock_guard lock(disk_->mutex);
  disk_->plan = plan;
}

void FaultyFileSystem::heal() {
  const std::lock_guard lock(disk_->mutex);
  disk_->plan.reset();
}

uint64_t FaultyFileSystem::calls() const {
  const std::lock_guard lock(disk_->mutex);
  return disk_->calls;
}

void FaultyFileSystem::crash(uint64_t seed) {
  const std::lock_guard lock(disk_->mutex);
  std::mt19937_64 dice(seed);
  disk_->crash(seed == 0 ? nullptr : &dice);
}

Result<std::unique_ptr<sys::WritableFile>> FaultyFileSystem::create(const sys::Path& path) {
  const std::lock_guard lock(disk_->mutex);
  if (const auto fault = disk_->meet(DiskCall::create)) return fail_errno(errno_of(*fault), about("create file", path));
  LB_TRY(const auto directory, disk_->look(path.parent_path(), "create file in"));
  const auto [place, is_new] = directory->entries.try_emplace(path.filename().native(), std::make_shared<Node>());
  if (!is_new) return fail(ErrorCode::conflict, about("create file", path) + ": the name is taken");
  return std::make_unique<OpenFile>(disk_, place->second, path);
}

Result<std::unique_ptr<sys::WritableFile>> FaultyFileSystem::open_to_append(const sys::Path& path) {
  const std::lock_guard lock(disk_->mutex);
  LB_TRY(const auto node, disk_->look(path, "open file"));
  return std::make_unique<OpenFile>(disk_, node, path);
}

Result<std::shared_ptr<const sys::ReadableFile>> FaultyFileSystem::open(const sys::Path& path) {
  const std::lock_guard lock(disk_->mutex);
  LB_TRY(const auto node, disk_->look(path, "open file"));
  return std::make_shared<const OpenFile>(disk_, node, path);
}

Status FaultyFileSystem::rename(const sys::Path& from, const sys::Path& to) {
  const std::lock_guard lock(disk_->mutex);
  if (const auto fault = disk_->meet(DiskCall::rename)) return fail_errno(errno_of(*fault), about("rename file", from));
  LB_TRY(const auto node, disk_->look(from, "rename file"));
  LB_TRY(const auto source, disk_->look(from.parent_path(), "rename file in"));
  LB_TRY(const auto target, disk_->look(to.parent_path(), "rename file into"));
  source->entries.erase(from.filename().native());
  target->entries[to.filename().native()] = node;
  disk_->moves.push_back({source, target, from.filename().native(), to.filename().native(), node});
  return {};
}

Status FaultyFileSystem::remove(const sys::Path& path) {
  const std::lock_guard lock(disk_->mutex);
  if (const auto fault = disk_->meet(DiskCall::remove)) return fail_errno(errno_of(*fault), about("remove file", path));
  LB_TRY(const auto node, disk_->look(path, "remove file"));
  LB_TRY(const auto directory, disk_->look(path.parent_path(), "remove file in"));
  directory->entries.erase(path.filename().native());
  // What was moved here and removed again is not brought back by a sync.
  std::erase_if(disk_->moves, [&](const Move& move) { return move.moved == node; });
  return {};
}

Status FaultyFileSystem::make_directory(const sys::Path& path) {
  const std::lock_guard lock(disk_->mutex);
  if (const auto fault = disk_->meet(DiskCall::make_directory))
    return fail_errno(errno_of(*fault), about("make directory", path));
  std::shared_ptr<Node> node = disk_->root;
  for (const sys::Path& part : path.relative_path()) {
    if (part.empty()) continue;
    auto& entry = node->entries[part.native()];
    if (entry == nullptr) {
      entry = directory_node();
      node->durable_entries[part.native()] = entry;
    }
    if (!entry->is_directory) return fail_errno(ENOTDIR, about("make directory", path));
    node = entry;
  }
  return {};
}

Status FaultyFileSystem::sync_directory(const sys::Path& path) {
  const std::lock_guard lock(disk_->mutex);
  if (const auto fault = disk_->meet(DiskCall::sync_directory))
    return fail_errno(errno_of(*fault), about("sync directory", path));
  LB_TRY(const auto directory, disk_->look(path, "sync directory"));
  std::erase_if(disk_->moves, [&](const Move& move) {
    const bool is_here = move.from == directory || move.to == directory;
    if (is_here) move.settle();
    return is_here;
  });
  directory->durable_entries = directory->entries;
  return {};
}

Result<std::vector<sys::DirectoryEntry>> FaultyFileSystem::list(const sys::Path& path) {
  const std::lock_guard lock(disk_->mutex);
  LB_TRY(const auto directory, disk_->look(path, "list directory"));
  std::vector<sys::DirectoryEntry> found;
  for (const auto& [name, node] : directory->entries) found.push_back({name, node->is_directory});
  return found;
}

Result<sys::FileInfo> FaultyFileSystem::info(const sys::Path& path) {
  const std::lock_guard lock(disk_->mutex);
  LB_TRY(const auto node, disk_->look(path, "look at"));
  return sys::FileInfo{.size_bytes = node->bytes.size(), .is_directory = node->is_directory, .modified = {}};
}

Result<std::unique_ptr<sys::FileLock>> FaultyFileSystem::lock(const sys::Path& path) {
  const std::lock_guard lock(disk_->mutex);
  LB_TRY(const auto directory, disk_->look(path.parent_path(), "lock file in"));
  directory->entries.try_emplace(path.filename().native(), std::make_shared<Node>());
  if (!disk_->locked.insert(path.native()).second)
    return fail(ErrorCode::conflict, about("lock file", path) + ": process 1 holds it");
  return std::make_unique<Lock>(disk_, path.native());
}

}  // namespace lifeboat::test
