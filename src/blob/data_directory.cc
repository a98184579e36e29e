#include "blob/data_directory.h"

#include <algorithm>
#include <array>
#include <string>

namespace lifeboat::blob {
namespace {

constexpr std::string_view kMarker = "lifeboat-data";
constexpr std::string_view kFormat = "lifeboat data directory, format 1\n";

std::unexpected<Error> refuse(const sys::Path& root, ErrorCode code, std::string_view reason) {
  return fail(code, "cannot use data directory '" + root.string() + "': " + std::string(reason));
}

Status write_marker(const sys::Path& root, sys::FileSystem& files) {
  const sys::Path temporary = root / (std::string(kMarker) + ".new");
  (void)files.remove(temporary);
  LB_TRY(const auto file, files.create(temporary));
  LB_CHECK(file->append(as_bytes(kFormat)));
  LB_CHECK(file->sync());
  LB_CHECK(files.rename(temporary, root / kMarker));
  return files.sync_directory(root);
}

Status check_marker(const sys::Path& root, sys::FileSystem& files) {
  LB_TRY(const auto file, files.open(root / kMarker));
  std::array<std::byte, 128> buffer{};
  LB_TRY(const std::size_t count, file->read_at(0, buffer));
  const std::string_view text = as_text(ByteView(buffer).first(count));
  if (text == kFormat) return {};
  return refuse(root, ErrorCode::invalid,
                "its format is unknown to this version (got '" + std::string(text.substr(0, text.find('\n'))) +
                    "', want '" + std::string(kFormat.substr(0, kFormat.size() - 1)) +
                    "'); use the version that wrote it");
}

/// New, ours, or a stranger's: told by the marker, before anything is written.
Status check_owner(const sys::Path& root, sys::FileSystem& files) {
  LB_TRY(const auto entries, files.list(root));
  const bool is_ours = std::ranges::any_of(entries, [](const auto& entry) { return entry.name == kMarker; });
  if (is_ours) return check_marker(root, files);
  // What a first start leaves when it is cut off before the marker is in place; file systems make lost+found.
  const auto is_foreign = [](const sys::DirectoryEntry& entry) {
    return entry.name != "lost+found" && entry.name != "lock" && entry.name != std::string(kMarker) + ".new";
  };
  const auto stranger = std::ranges::find_if(entries, is_foreign);
  if (stranger != entries.end()) {
    return refuse(root, ErrorCode::invalid,
                  "it is not empty and not lifeboat's (got '" + stranger->name + "', want '" + std::string(kMarker) +
                      "' or an empty directory); name another directory");
  }
  return {};
}

}  // namespace

DataDirectory::DataDirectory(sys::Path root, std::unique_ptr<sys::FileLock> lock)
    : root_(std::move(root)), lock_(std::move(lock)) {}

Result<std::unique_ptr<sys::FileLock>> DataDirectory::lock_to_read(const sys::Path& root, sys::FileSystem& files) {
  LB_CHECK(check_marker(root, files));
  const auto found = files.info(root / "lock");
  if (!found && found.error().code() == ErrorCode::not_found) return nullptr;
  auto lock = files.lock(root / "lock");
  if (!lock && lock.error().code() == ErrorCode::no_space) return nullptr;
  if (!lock) return refuse(root, lock.error().code(), lock.error().message());
  return lock;
}

Result<std::unique_ptr<DataDirectory>> DataDirectory::open(const sys::Path& root, sys::FileSystem& files) {
  const auto info = files.info(root);
  if (info && !info->is_directory) return refuse(root, ErrorCode::invalid, "it is not a directory");
  if (!info && info.error().code() != ErrorCode::not_found) return std::unexpected(info.error());
  if (!info) {
    if (const Status made = files.make_directory(root); !made) {
      return refuse(root, made.error().code(), "it is not there and cannot be made: " + made.error().message());
    }
  }
  LB_CHECK(check_owner(root, files));
  auto lock = files.lock(root / "lock");
  if (!lock) return refuse(root, lock.error().code(), lock.error().message());
  if (const Status marked = files.info(root / kMarker) ? Status{} : write_marker(root, files); !marked) {
    return refuse(root, marked.error().code(), marked.error().message());
  }
  std::unique_ptr<DataDirectory> directory(new DataDirectory(root, std::move(*lock)));
  for (const sys::Path& part : {directory->blobs(), directory->uploads(), directory->meta()}) {
    if (files.info(part)) continue;
    if (const Status made = files.make_directory(part); !made) {
      return refuse(root, made.error().code(), made.error().message());
    }
  }
  return directory;
}

}  // namespace lifeboat::blob
