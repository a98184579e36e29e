#include "registry/archive/shelf.h"

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <tuple>
#include <utility>

#include "registry/archive/format.h"
#include "registry/archive/output.h"
#include "sys/symbolic_link.h"

namespace lifeboat::registry::archive {
namespace {

constexpr std::size_t kDigestLetters = 12;
constexpr uint64_t kIndexMaxBytes = 4 * kMiB;
constexpr std::array<std::string_view, 3> kEndings{".tar", ".tar.gz", ".tar.zst"};

std::string_view ending_of(sys::TarCompression compression) {
  switch (compression) {
    case sys::TarCompression::none: return kEndings[0];
    case sys::TarCompression::gzip: return kEndings[1];
    case sys::TarCompression::zstd: return kEndings[2];
  }
  return "";
}

bool is_archive(std::string_view file) {
  return !file.starts_with('.') && std::ranges::any_of(kEndings, [&](auto ending) { return file.ends_with(ending); });
}

/// What is before "-<12 hex>.tar…"; "" for another name.
std::string family_in(std::string_view file) {
  if (!is_archive(file)) return "";
  const auto ending = std::ranges::find_if(kEndings, [&](auto one) { return file.ends_with(one); });
  file.remove_suffix(ending->size());
  const std::size_t dash = file.rfind('-');
  if (dash == file.npos) return "";
  const std::string_view letters = file.substr(dash + 1);
  const bool is_hex = letters.find_first_not_of("0123456789abcdef") == letters.npos;
  return is_hex && letters.size() == kDigestLetters ? std::string(file.substr(0, dash)) : "";
}

Result<std::string> read_whole(sys::TarReader& reader, const sys::TarEntry& entry) {
  if (entry.size_bytes > kIndexMaxBytes) {
    return fail(ErrorCode::invalid, "cannot read '" + entry.name + "': it is too large (got " +
                                        std::to_string(entry.size_bytes) + " bytes)");
  }
  std::string text;
  for (;;) {
    LB_TRY(const ByteView bytes, reader.read());
    if (bytes.empty()) return text;
    text.append(as_text(bytes));
  }
}

Result<std::vector<Entry>> entries_of(sys::TarReader& reader) {
  for (;;) {
    LB_TRY(const auto entry, reader.next());
    if (!entry) return fail(ErrorCode::invalid, "it has no index.json: it is no archive in the OCI layout");
    if (entry->name != kIndexPath || !entry->is_file) continue;
    LB_TRY(const std::string text, read_whole(reader, *entry));
    return read_index(as_bytes(text));
  }
}

bool is_link(const sys::Path& path) {
  std::error_code ignored;
  return std::filesystem::is_symlink(path, ignored);
}

Status gone(Status removed) {
  if (!removed && removed.error().code() == ErrorCode::not_found) return {};
  return removed;
}

}  // namespace

std::string family_of(const oci::FullReference& name, const std::vector<oci::Platform>& platforms) {
  std::string family = name.repository.to_string();
  if (const oci::Tag* tag = name.reference.tag()) family.append("-").append(tag->to_string());
  std::set<std::string> told;
  for (const oci::Platform& platform : platforms) told.insert(platform.to_string());
  for (const std::string& platform : told) family.append("+").append(platform);
  std::ranges::replace(family, '/', '-');
  return family;
}

std::string file_name(const std::string& family, const oci::Digest& digest, sys::TarCompression compression) {
  return family + "-" + digest.hex().substr(0, kDigestLetters).append(ending_of(compression));
}

std::string latest_name(const std::string& family, sys::TarCompression compression) {
  return family + "-latest" + std::string(ending_of(compression));
}

std::vector<std::string> Standing::tags() const {
  std::vector<std::string> tags;
  for (const Entry& entry : entries) {
    if (!entry.name.empty() && !entry.name.contains('@')) tags.push_back(entry.name);
  }
  return tags;
}

std::string Standing::family() const {
  const auto all = tags();
  if (all.size() != 1) return "";
  const auto name = oci::FullReference::parse(all.front());
  if (!name) return "";
  std::string family = family_in(file);
  const std::string own = family_of(*name);
  return family == own || family.starts_with(own + "+") ? family : "";
}

Result<Standing> look_at(sys::FileSystem& files, const sys::Path& path) {
  LB_TRY(const sys::FileInfo info, files.info(path));
  Standing found{.file = path.filename(),
                 .size_bytes = info.size_bytes,
                 .modified = info.modified,
                 .has_checksum = files.info(path.native() + std::string(kChecksumEnding)).has_value()};
  const auto read = [&]() -> Status {
    LB_TRY(const auto file, files.open(path));
    LB_TRY(const auto reader, sys::TarReader::open(file, path.native()));
    found.compression = reader->compression();
    LB_TRY(found.entries, entries_of(*reader));
    return {};
  };
  if (const Status done = read(); !done) found.fault = done.error().message();
  return found;
}

Result<std::vector<Standing>> archives_in(sys::FileSystem& files, const sys::Path& directory) {
  LB_TRY(const auto listed, files.list(directory));
  std::vector<Standing> archives;
  for (const sys::DirectoryEntry& entry : listed) {
    if (entry.is_directory || !is_archive(entry.name) || is_link(directory / entry.name)) continue;
    auto found = look_at(files, directory / entry.name);
    if (!found && found.error().code() == ErrorCode::not_found) continue;  // it went meanwhile
    if (!found) return std::unexpected(std::move(found).error());
    archives.push_back(std::move(*found));
  }
  std::ranges::sort(archives, [](const Standing& a, const Standing& b) {
    return a.modified != b.modified ? a.modified > b.modified : a.file < b.file;
  });
  return archives;
}

Status check_family(sys::FileSystem& files, const sys::Path& directory, const oci::FullReference& name,
                    const std::string& family) {
  LB_TRY(const auto listed, files.list(directory));
  for (const sys::DirectoryEntry& entry : listed) {
    if (family_in(entry.name) != family) continue;
    const auto found = look_at(files, directory / entry.name);
    if (!found || !found->fault.empty()) continue;
    const bool is_of_name = std::ranges::any_of(found->entries, [&](const Entry& one) {
      const auto of = oci::FullReference::parse(one.name);
      return of && of->host == name.host && of->repository == name.repository;
    });
    if (is_of_name) continue;
    return fail(ErrorCode::conflict, "cannot save '" + name.to_string() + "' in '" + directory.native() + "': '" +
                                         entry.name + "' is of another name (got '" +
                                         (found->entries.empty() ? "" : found->entries.front().name) +
                                         "', want a directory of its own)");
  }
  return {};
}

std::vector<std::size_t> beyond(const std::vector<Standing>& archives, std::size_t keep,
                                const std::function<bool(const Standing&)>& is_good) {
  std::map<std::tuple<std::string, std::string, sys::TarCompression>, std::vector<std::size_t>> families;
  for (std::size_t i = 0; i < archives.size(); ++i) {
    // Only what is called as we call it: what others have put there is nobody's to remove.
    const std::string family = archives[i].fault.empty() ? archives[i].family() : "";
    if (!family.empty()) families[{archives[i].tags().front(), family, archives[i].compression}].push_back(i);
  }
  std::vector<std::size_t> doomed;
  for (const auto& [name, members] : families) {
    if (members.size() <= keep) continue;
    const auto is_good_one = [&](std::size_t i) { return is_good(archives[i]); };
    const auto first_old = members.begin() + static_cast<std::ptrdiff_t>(keep);
    const bool has_good = std::any_of(members.begin(), first_old, is_good_one);
    const auto saved = has_good ? members.end() : std::find_if(first_old, members.end(), is_good_one);
    for (auto old = first_old; old != members.end(); ++old) {
      if (old != saved) doomed.push_back(*old);
    }
  }
  std::ranges::sort(doomed);
  return doomed;
}

Status remove_archive(sys::FileSystem& files, const sys::Path& directory, const Standing& archive) {
  LB_CHECK(gone(files.remove(directory / archive.file)));
  LB_CHECK(gone(files.remove(directory / (archive.file + std::string(kChecksumEnding)))));
  return files.sync_directory(directory);
}

}  // namespace lifeboat::registry::archive
