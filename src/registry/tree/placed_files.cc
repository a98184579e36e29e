#include "registry/tree/placed_files.h"

#include <string>

namespace lifeboat::registry {
namespace {

sys::Path fresh_name(const sys::Path& path) { return path.native() + ".lifeboat-new"; }

}  // namespace

Status PlacedFiles::make_directory(const sys::Path& path) {
  const auto info = parts_.files.info(path);
  if (info && info->is_directory) return {};
  if (!info && info.error().code() != ErrorCode::not_found) return std::unexpected(info.error());
  const sys::Path above = path.parent_path();
  if (!above.empty() && above != path) LB_CHECK(make_directory(above));
  LB_CHECK(parts_.files.make_directory(path));
  return parts_.sharing.give_directory(path, above.empty() ? sys::Path(".") : above);
}

Result<sys::Path> PlacedFiles::beside(const sys::Path& path) {
  LB_CHECK(make_directory(path.parent_path()));
  (void)parts_.files.remove(fresh_name(path));  // of one that was cut off
  return fresh_name(path);
}

sys::FileSharing::OwnerMay PlacedFiles::may() const {
  return parts_.is_read_only ? sys::FileSharing::OwnerMay::read : sys::FileSharing::OwnerMay::write;
}

Result<std::unique_ptr<sys::WritableFile>> PlacedFiles::create(const sys::Path& fresh) {
  return parts_.sharing.create(fresh, fresh.parent_path(), may());
}

Status PlacedFiles::clone(const sys::ReadableFile& from, const sys::Path& fresh) {
  return parts_.sharing.clone(from, fresh, fresh.parent_path(), may());
}

Status PlacedFiles::settle(const sys::Path& path) {
  LB_CHECK(parts_.files.rename(fresh_name(path), path));
  return parts_.files.sync_directory(path.parent_path());
}

Status PlacedFiles::write(const sys::Path& path, ByteView bytes) {
  LB_TRY(const sys::Path fresh, beside(path));
  LB_TRY(const auto file, create(fresh));
  LB_CHECK(file->append(bytes));
  LB_CHECK(file->sync());
  return settle(path);
}

}  // namespace lifeboat::registry
