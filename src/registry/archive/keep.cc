#include "registry/archive/keep.h"

#include <algorithm>
#include <system_error>
#include <utility>

#include "registry/archive/check.h"
#include "registry/archive/shelf.h"
#include "sys/disk_space.h"

namespace lifeboat::registry::archive {
namespace {

/// How long a compressed archive will be nobody knows.
Status check_room(const sys::Path& directory, const std::vector<Member>& members, sys::TarCompression compression) {
  if (compression != sys::TarCompression::none) return {};
  const uint64_t wanted = tar_size_of(members);
  LB_TRY(const sys::DiskSpace space, sys::disk_space(directory));
  if (space.free_bytes >= wanted) return {};
  return fail(ErrorCode::no_space, "cannot save an archive in '" + directory.native() +
                                       "': the disk has no room for it (got " + std::to_string(space.free_bytes) +
                                       " bytes, want " + std::to_string(wanted) + ")");
}

/// Only a file is replaced: whatever else has the name was put there for something, a link too.
Status check_replaceable(const sys::Path& path) {
  using enum std::filesystem::file_type;
  std::error_code error;
  const auto there = std::filesystem::symlink_status(path, error).type();
  if (there == none || there == not_found || (there == regular && path.has_filename())) return {};
  const std::string what = there == directory ? "a directory"
                           : there == symlink ? "a symbolic link"
                                              : "no regular file";
  return fail(ErrorCode::conflict, "cannot save archive '" + path.native() + "': it is " + what);
}

Task<uint64_t> write_and_commit(Call call, Saver& saver, const std::vector<Member>& members, const KeepOptions& options,
                                Output& output, const std::string& file, KeepParts parts, Told told) {
  LB_CO_CHECK(co_await saver.write(call, members, options.compression, output, std::move(told)));
  const Status committed = co_await parts.disk.run([&] { return output.commit(file); });
  LB_CO_CHECK(committed);
  co_return output.size_bytes();
}

const std::string& index_among(const std::vector<Member>& members) {
  return std::ranges::find(members, kIndexPath, &Member::path)->bytes;
}

/// True when the file is what would be written: as long, with the same names, and whole.
bool is_there_already(sys::FileSystem& files, const sys::Path& path, const std::vector<Member>& members) {
  const auto info = files.info(path);
  if (!info || info->size_bytes != tar_size_of(members)) return false;
  const auto report = check(files, path, {}, [](uint64_t) {});
  if (!report || !report->is_whole() || !report->has_checksum) return false;
  const auto standing = look_at(files, path);
  const auto wanted = read_index(as_bytes(index_among(members)));
  if (!standing || !wanted || standing->entries.size() != wanted->size()) return false;
  return std::ranges::equal(standing->entries, *wanted, [](const Entry& a, const Entry& b) {
    return a.name == b.name && a.descriptor.digest == b.descriptor.digest;
  });
}

/// The newest is the one that was saved last, also when it was saved before.
void touch(const sys::Path& path) {
  std::error_code ignored;
  std::filesystem::last_write_time(path, std::filesystem::file_time_type::clock::now(), ignored);
}

Result<std::vector<std::string>> remove_old(sys::FileSystem& files, const sys::Path& directory, const Kept& kept,
                                            const KeepOptions& options) {
  LB_TRY(auto archives, archives_in(files, directory));
  const auto is_new = [&](const Standing& one) { return one.file == kept.path.filename(); };
  const auto newest = std::ranges::find_if(archives, is_new);
  if (newest == archives.end()) return std::vector<std::string>();
  // It counts as the newest whatever the clock says.
  std::rotate(archives.begin(), newest, newest + 1);
  const std::string family = archives.front().family();
  std::erase_if(archives, [&](const Standing& one) { return one.family() != family; });
  std::vector<std::string> removed;
  for (const std::size_t i : beyond(archives, options.keep, is_new)) {
    LB_CHECK(remove_archive(files, directory, archives[i]));
    removed.push_back(archives[i].file);
  }
  return removed;
}

}  // namespace

Task<Kept> save_as(Call call, KeepParts parts, sys::Path path, std::vector<Wanted> wanted, KeepOptions options,
                   Told told) {
  const sys::Path directory = path.has_parent_path() ? path.parent_path() : sys::Path(".");
  const std::string file = path.filename();
  auto output = co_await parts.disk.run([&]() -> Result<std::unique_ptr<Output>> {
    if (file.empty())
      return fail(ErrorCode::conflict, "cannot save archive '" + path.native() + "': it is a directory");
    LB_CHECK(check_replaceable(path));
    return Output::begin(parts.files, directory, file);
  });
  if (!output) co_return std::unexpected(std::move(output).error());
  Saver saver({parts.disk, parts.hash}, options.platforms);
  LB_CO_CHECK(co_await saver.gather(call, std::move(wanted)));
  const auto members = members_of(saver.contents(), options.named_by);
  LB_CO_CHECK(check_room(directory, members, options.compression));
  LB_CO_TRY(const uint64_t size,
            co_await write_and_commit(call, saver, members, options, **output, file, parts, std::move(told)));
  co_return Kept{.path = std::move(path), .size_bytes = size, .roots = saver.contents().roots()};
}

Task<Kept> keep_in(Call call, KeepParts parts, sys::Path directory, Wanted wanted, KeepOptions options, Told told) {
  const oci::FullReference name = wanted.name;
  const std::string family = family_of(name, options.platforms);
  auto output = co_await parts.disk.run([&]() -> Result<std::unique_ptr<Output>> {
    LB_CHECK(parts.files.make_directory(directory));
    LB_CHECK(check_family(parts.files, directory, name, family));
    return Output::begin(parts.files, directory, family);
  });
  if (!output) co_return std::unexpected(std::move(output).error());
  Saver saver({parts.disk, parts.hash}, options.platforms);
  std::vector<Wanted> only;
  only.push_back(std::move(wanted));
  LB_CO_CHECK(co_await saver.gather(call, std::move(only)));
  const auto members = members_of(saver.contents(), options.named_by);
  const std::string file = file_name(family, saver.contents().roots().front().digest, options.compression);
  Kept kept{.path = directory / file, .roots = saver.contents().roots()};
  if (options.compression == sys::TarCompression::none) {
    const bool is_there = co_await parts.disk.run([&] { return is_there_already(parts.files, kept.path, members); });
    kept.is_new = !is_there;
  }
  if (kept.is_new) {
    LB_CO_CHECK(check_room(directory, members, options.compression));
    LB_CO_TRY(kept.size_bytes,
              co_await write_and_commit(call, saver, members, options, **output, file, parts, std::move(told)));
  } else {
    kept.size_bytes = tar_size_of(members);
    touch(kept.path);
  }
  if (name.reference.tag() == nullptr) co_return kept;
  auto removed = co_await parts.disk.run([&]() -> Result<std::vector<std::string>> {
    LB_CHECK((*output)->link(latest_name(family, options.compression), file));
    return remove_old(parts.files, directory, kept, options);
  });
  if (!removed) co_return std::unexpected(std::move(removed).error());
  kept.removed = std::move(*removed);
  co_return kept;
}

}  // namespace lifeboat::registry::archive
