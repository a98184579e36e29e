#include "blob/quarantine.h"

#include <algorithm>
#include <ctime>
#include <vector>

namespace lifeboat::blob {
namespace {

constexpr std::string_view kReason = ".reason";
/// Names tried for one digest in one second.
constexpr int kTriesMax = 100;

/// "20260131T235959.123Z": sorts as the times do.
std::string stamp_of(WallTime time) {
  const auto since = time.time_since_epoch().count();
  const auto seconds = static_cast<std::time_t>(since / 1000);
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  char text[32] = {};
  const std::size_t length = std::strftime(text, sizeof text, "%Y%m%dT%H%M%S", &parts);
  std::string millis = std::to_string(since % 1000);
  millis.insert(0, 3 - millis.size(), '0');
  return std::string(text, length) + "." + millis + "Z";
}

/// What stands behind the hex: the time first.
std::string_view stamp_in(std::string_view name) { return name.substr(std::min(name.find('.'), name.size())); }

struct Kept {
  std::string name;
  uint64_t size_bytes = 0;
};

}  // namespace

Quarantine::Quarantine(sys::Path directory, Bounds bounds, sys::FileSystem& files)
    : directory_(std::move(directory)), bounds_(bounds), files_(files) {}

Result<sys::Path> Quarantine::free_name(const oci::Digest& digest, WallTime now) const {
  const std::string name = digest.hex() + "." + stamp_of(now);
  for (int i = 0; i < kTriesMax; ++i) {
    sys::Path path = directory_ / (i == 0 ? name : name + "-" + std::to_string(i));
    const auto info = files_.info(path);
    if (!info && info.error().code() == ErrorCode::not_found) return path;
    if (!info) return std::unexpected(info.error());
  }
  return fail(ErrorCode::conflict, "cannot quarantine content '" + digest.to_string() + "': no name is free for it");
}

Status Quarantine::take(const sys::Path& from, const oci::Digest& digest, std::string_view reason, WallTime now) {
  LB_CHECK(files_.make_directory(directory_));
  LB_TRY(const sys::Path to, free_name(digest, now));
  LB_CHECK(files_.rename(from, to));
  (void)write_reason(to, reason);
  LB_CHECK(files_.sync_directory(directory_));
  (void)make_room(to.filename().native(), now);  // it is out of the way; what is too much is for the next to clear
  return {};
}

Status Quarantine::write_reason(const sys::Path& beside, std::string_view reason) {
  LB_TRY(const auto file, files_.create(beside.native() + std::string(kReason)));
  LB_CHECK(file->append(as_bytes(std::string(reason) + "\n")));
  return file->sync();
}

Status Quarantine::make_room(const std::string& latest, WallTime now) {
  LB_TRY(const auto entries, files_.list(directory_));
  std::vector<Kept> all;
  uint64_t bytes = 0;
  for (const sys::DirectoryEntry& entry : entries) {
    if (entry.is_directory || entry.name.ends_with(kReason)) continue;
    LB_TRY(const auto info, files_.info(directory_ / entry.name));
    all.push_back({entry.name, info.size_bytes});
    bytes += info.size_bytes;
  }
  std::ranges::sort(all, {}, [](const Kept& one) { return stamp_in(one.name); });
  const std::string oldest = "." + stamp_of(now - bounds_.max_age);
  for (const Kept& one : all) {
    if (bytes <= bounds_.max_bytes && stamp_in(one.name) >= oldest) break;
    if (one.name == latest) continue;  // somebody should see it at least once
    if (!files_.remove(directory_ / one.name)) continue;
    (void)files_.remove(directory_ / (one.name + std::string(kReason)));
    bytes -= one.size_bytes;
  }
  return {};
}

}  // namespace lifeboat::blob
