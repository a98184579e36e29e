#include "registry/archive/output.h"

#include <algorithm>
#include <array>
#include <set>
#include <utility>

#include "sys/posix_file.h"
#include "sys/symbolic_link.h"
#include "sys/write_out.h"

namespace lifeboat::registry::archive {
namespace {

// Each is hidden, so that `*.tar` never finds a half one.
constexpr std::string_view kHidden = ".lifeboat-";
constexpr std::string_view kPartial = ".partial";
constexpr std::string_view kChecksumPartial = ".sha256.partial";
constexpr std::string_view kLinkPartial = ".link.partial";
constexpr std::string_view kLock = ".lock";
/// A second of a slow disk, at most: what is given to it at a time.
constexpr uint64_t kWriteOutBytes = 8 * kMiB;
constexpr std::array kLeft{kPartial, kChecksumPartial, kLinkPartial};

Status gone(Status removed) {
  if (!removed && removed.error().code() == ErrorCode::not_found) return {};
  return removed;
}

}  // namespace

Output::Output(sys::FileSystem& files, sys::Path directory, std::string family)
    : files_(files), directory_(std::move(directory)), family_(std::move(family)) {}

sys::Path Output::hidden(std::string_view ending) const {
  return directory_ / std::string(kHidden).append(family_).append(ending);
}

sys::Path Output::partial() const { return hidden(kPartial); }

Status Output::clean() {
  for (const std::string_view ending : kLeft) LB_CHECK(gone(files_.remove(hidden(ending))));
  return {};
}

Result<std::unique_ptr<Output>> Output::begin(sys::FileSystem& files, sys::Path directory, std::string family) {
  std::unique_ptr<Output> output(new Output(files, std::move(directory), std::move(family)));
  LB_TRY(output->lock_, files.lock(output->hidden(kLock)));
  LB_CHECK(output->clean());
  LB_TRY(output->file_, files.create(output->hidden(kPartial)));
  LB_TRY(output->written_, files.open(output->hidden(kPartial)));
  return output;
}

Output::~Output() {
  if (lock_ == nullptr) return;
  file_.reset();
  (void)clean();
  // While it is still held: who has opened it already finds that it has no name any more.
  (void)files_.remove(hidden(kLock));
}

Status Output::append(ByteView bytes) {
  LB_CHECK(file_->append(bytes));
  hasher_.update(bytes);
  size_bytes_ += bytes.size();
  if (size_bytes_ - on_its_way_bytes_ >= kWriteOutBytes) {
    sys::begin_write_out(*written_, on_its_way_bytes_, size_bytes_ - on_its_way_bytes_);
    on_its_way_bytes_ = size_bytes_;
  }
  return {};
}

Status Output::commit(const std::string& name) {
  LB_CHECK(file_->sync());
  file_.reset();
  const sys::Path path = directory_ / name;
  const sys::Path checksum = directory_ / (name + std::string(kChecksumEnding));
  LB_TRY(const auto file, files_.create(hidden(kChecksumPartial)));
  LB_CHECK(file->append(as_bytes(to_hex(hasher_.current()) + "  " + name + "\n")));
  LB_CHECK(file->sync());
  if (!sys::is_still_named(*written_, hidden(kPartial))) {
    return fail(ErrorCode::conflict,
                "cannot save archive '" + path.native() + "': something else has taken the place of what was written");
  }
  // A checksum of the file that is replaced goes first, and durably.
  LB_CHECK(gone(files_.remove(checksum)));
  LB_CHECK(files_.sync_directory(directory_));
  LB_CHECK(files_.rename(hidden(kPartial), path));
  LB_CHECK(files_.sync_directory(directory_));
  LB_CHECK(files_.rename(hidden(kChecksumPartial), checksum));
  return files_.sync_directory(directory_);
}

Status Output::link(const std::string& link, const std::string& name) {
  LB_CHECK(sys::replace_symbolic_link(directory_ / link, name, hidden(kLinkPartial)));
  return files_.sync_directory(directory_);
}

Result<std::size_t> remove_leftovers(sys::FileSystem& files, const sys::Path& directory) {
  LB_TRY(const auto entries, files.list(directory));
  std::set<std::string> families;
  for (const sys::DirectoryEntry& entry : entries) {
    if (!entry.name.starts_with(kHidden)) continue;
    // The longest ending first: one of them ends another.
    for (const std::string_view ending : {kChecksumPartial, kLinkPartial, kPartial, kLock}) {
      if (!entry.name.ends_with(ending)) continue;
      families.insert(entry.name.substr(kHidden.size(), entry.name.size() - kHidden.size() - ending.size()));
      break;
    }
  }
  std::size_t removed = 0;
  for (const std::string& family : families) {
    const std::string base = std::string(kHidden) + family;
    const auto lock = files.lock(directory / (base + std::string(kLock)));
    if (!lock && lock.error().code() == ErrorCode::conflict) continue;
    if (!lock) return std::unexpected(lock.error());
    for (const std::string_view ending : kLeft) {
      const Status done = files.remove(directory / (base + std::string(ending)));
      if (done) ++removed;
      LB_CHECK(gone(done));
    }
    LB_CHECK(gone(files.remove(directory / (base + std::string(kLock)))));
  }
  return removed;
}

}  // namespace lifeboat::registry::archive
