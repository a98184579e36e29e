#include "registry/tree/export.h"

#include <algorithm>
#include <array>
#include <unordered_set>
#include <utility>

#include "base/hasher.h"
#include "registry/tree/export_target.h"
#include "registry/tree/finding.h"

namespace lifeboat::registry {
namespace {

constexpr std::string_view kMarker = "lifeboat-export";
constexpr std::size_t kPieceBytes = kMiB;

std::string marker_of(ExportLayout layout, bool is_complete) {
  return std::string("lifeboat export, layout ") + (layout == ExportLayout::oci ? "oci" : "distribution") +
         (is_complete ? ", complete\n" : ", not complete\n");
}

/// New, empty, or ours and of the same layout.
Status check_target(const ExportOptions& options, sys::FileSystem& files) {
  const auto refuse = [&](std::string_view reason) {
    return fail(ErrorCode::invalid, "cannot export to '" + options.to.native() + "': " + std::string(reason));
  };
  const auto info = files.info(options.to);
  if (!info && info.error().code() == ErrorCode::not_found) return {};
  if (!info) return std::unexpected(info.error());
  if (!info->is_directory) return refuse("it is not a directory");
  LB_TRY(const auto entries, files.list(options.to));
  if (entries.empty()) return {};
  const auto marker = files.open(options.to / kMarker);
  if (!marker) return refuse("it is not empty, and no export of lifeboat's; name another directory");
  std::array<std::byte, 128> buffer{};
  LB_TRY(const std::size_t count, (*marker)->read_at(0, buffer));
  const std::string_view text = as_text(ByteView(buffer).first(count));
  if (text == marker_of(options.layout, true) || text == marker_of(options.layout, false)) return {};
  return refuse("it has an export of another layout");
}

class Export {
 public:
  using Id = DigestTable::Id;
  using Told = std::function<void(const ExportProgress&)>;
  Export(OpenTree& from, PlacedFiles& placed, const ExportOptions& options, const Told& told)
      : from_(from),
        placed_(placed),
        options_(options),
        told_(told),
        contents_(*from.tree),
        target_(make_export_target(options.layout, options.to, placed)) {}

  Result<ExportReport> run() {
    LB_CHECK(check_target(options_, placed_.files()));
    LB_TRY(const auto repositories, from_.tree->repositories());
    if (!options_.is_dry_run) LB_CHECK(mark(false));
    for (const std::string& name : repositories) {
      progress_.repository = name;
      LB_CHECK(export_repository(name));
    }
    if (options_.is_dry_run) return std::move(report_);
    LB_CHECK(target_->finish());
    LB_CHECK(mark(true));
    return std::move(report_);
  }

 private:
  /// What one name leads to, children before who names them.
  struct Closure {
    std::vector<Id> manifests{};
    std::vector<Id> blobs{};
    std::unordered_set<Id> seen{};
  };

  Status mark(bool is_complete) {
    return placed_.write(options_.to / kMarker, as_bytes(marker_of(options_.layout, is_complete)));
  }

  bool is_wanted(const oci::Repository& repository, const std::optional<std::string>& tag) const {
    std::optional<oci::Tag> parsed;
    if (tag) {
      const auto known = oci::Tag::parse(*tag);
      if (!known) return false;
      parsed = *known;
    }
    return options_.patterns.empty() || std::ranges::any_of(options_.patterns, [&](const auto& pattern) {
             return pattern.matches(repository, parsed ? &*parsed : nullptr);
           });
  }

  Status export_repository(const std::string& name) {
    LB_TRY(const TreeRepository repository, from_.tree->read(name, contents_.table()));
    const auto parsed = oci::Repository::parse(name);
    if (!parsed) {
      report_.refused.push_back({name, "no other registry can serve a repository of that name"});
      return {};
    }
    const uint64_t before = report_.manifests;
    std::unordered_set<Id> named;
    for (const TreeTag& tag : repository.tags) {
      if (!tag.target || !is_wanted(*parsed, tag.name)) continue;
      named.insert(*tag.target);
      LB_CHECK(export_root(repository, *tag.target, tag.name, name_of_tag(name, tag.name)));
    }
    for (const Id manifest : repository.manifests) {
      if (named.contains(manifest) || linked_.contains(manifest) || !is_wanted(*parsed, std::nullopt)) continue;
      LB_CHECK(
          export_root(repository, manifest, std::nullopt, name_of_digest(name, contents_.table().digest(manifest))));
    }
    if (report_.manifests > before) ++report_.repositories;
    linked_.clear();
    return {};
  }

  Status export_root(const TreeRepository& repository, Id manifest, std::optional<std::string> tag, std::string name) {
    Closure closure;
    if (const Status whole = gather(repository, manifest, closure); !whole) {
      report_.refused.push_back({std::move(name), whole.error().message()});
      return {};
    }
    if (const Status brought = bring_all(repository.name, closure); !brought) {
      // A full disk ends it; what is damaged here costs the names that need it.
      if (brought.error().code() != ErrorCode::corrupt) return brought;
      report_.refused.push_back({std::move(name), brought.error().message()});
      return {};
    }
    if (tag) ++report_.tags;
    if (options_.is_dry_run) return {};
    LB_TRY(const oci::MediaType type, media_type_of(manifest));
    return target_->name({.repository = repository.name,
                          .tag = std::move(tag),
                          .digest = contents_.table().digest(manifest),
                          .media_type = type,
                          .size_bytes = contents_.look(manifest).size_bytes});
  }

  Status bring_all(const std::string& repository, const Closure& closure) {
    for (const Id blob : closure.blobs) LB_CHECK(bring(blob, report_.blobs));
    for (const Id manifest : closure.manifests) LB_CHECK(bring(manifest, report_.manifests));
    for (const Id blob : closure.blobs) {
      if (linked_.insert(blob).second) LB_CHECK(link(repository, LinkKind::blob, blob));
    }
    for (const Id manifest : closure.manifests) {
      if (linked_.insert(manifest).second) LB_CHECK(link(repository, LinkKind::manifest, manifest));
    }
    return {};
  }

  Status gather(const TreeRepository& repository, Id manifest, Closure& closure) {
    if (!closure.seen.insert(manifest).second) return {};
    LB_CHECK(check_here(manifest, repository.manifests, "manifest"));
    const Contents::Document document = contents_.document(manifest);
    if (document.state != Contents::DocumentState::fine) {
      return fail(ErrorCode::corrupt, std::string(document.detail));
    }
    const std::vector<Contents::Part> parts(document.parts.begin(), document.parts.end());
    for (const Contents::Part& part : parts) {
      if (part.kind == Contents::PartKind::child) {
        LB_CHECK(gather(repository, part.id, closure));
      } else if (closure.seen.insert(part.id).second) {
        LB_CHECK(check_here(part.id, repository.blobs, "blob"));
        closure.blobs.push_back(part.id);
      }
    }
    closure.manifests.push_back(manifest);
    return {};
  }

  Status check_here(Id id, const std::vector<Id>& linked, std::string_view what) {
    const bool is_here = std::ranges::binary_search(linked, id) && contents_.look(id).state == Contents::State::here;
    if (is_here) return {};
    return fail(ErrorCode::not_found,
                std::string(what) + " " + contents_.table().digest(id).to_string() + " is not held, or damaged");
  }

  Result<oci::MediaType> media_type_of(Id manifest) {
    const oci::Digest digest = contents_.table().digest(manifest);
    LB_TRY(const auto file, from_.tree->open(digest));
    LB_TRY(const std::string bytes, read_manifest_bytes(*file, digest));
    LB_TRY(const oci::Manifest document, oci::Manifest::parse(as_bytes(bytes), ""));
    return document.media_type;
  }

  Status link(const std::string& repository, LinkKind kind, Id id) {
    return options_.is_dry_run ? Status() : target_->link(repository, kind, contents_.table().digest(id));
  }

  /// Once, however many repositories have it.
  Status bring(Id id, uint64_t& count) {
    if (brought_.contains(id)) return {};
    if (!options_.is_dry_run) LB_CHECK(bring_now(id));
    brought_.insert(id);
    ++count;
    ++progress_.contents;
    report_.bytes += contents_.look(id).size_bytes;
    progress_.bytes = report_.bytes;
    told_(progress_);
    return {};
  }

  /// It was hashed when it got its name, and may have rotted since.
  bool is_there(const sys::Path& path, const oci::Digest& digest, uint64_t size_bytes) const {
    const auto info = placed_.files().info(path);
    if (!info || info->is_directory || info->size_bytes != size_bytes) return false;
    const auto file = placed_.files().open(path);
    return file && compare_digest(**file, digest).has_value();
  }

  Status bring_now(Id id) {
    const oci::Digest digest = contents_.table().digest(id);
    const uint64_t size = contents_.look(id).size_bytes;
    const sys::Path to = target_->content(digest);
    if (is_there(to, digest, size)) return {};
    LB_TRY(const sys::Path fresh, placed_.beside(to));
    if (Status written = write(digest, fresh, to); !written) {
      (void)placed_.files().remove(fresh);
      return written;
    }
    report_.bytes_written += size;
    return {};
  }

  Status write(const oci::Digest& digest, const sys::Path& fresh, const sys::Path& to) {
    LB_TRY(const auto source, from_.tree->open(digest));
    Status shared = options_.links ? placed_.sharing().hard_link(*source, fresh) : placed_.clone(*source, fresh);
    if (!shared && shared.error().code() != ErrorCode::unsupported) return shared;
    if (!shared) {
      LB_TRY(const auto target, placed_.create(fresh));
      LB_CHECK(copy(*source, digest, *target));
      return placed_.settle(to);
    }
    LB_TRY(const auto file, placed_.files().open(fresh));
    LB_CHECK(compare_digest(*file, digest));
    return placed_.settle(to);
  }

  static Status copy(const sys::ReadableFile& source, const oci::Digest& digest, sys::WritableFile& target) {
    Hasher hasher(digest.algorithm());
    std::vector<std::byte> piece(kPieceBytes);
    for (uint64_t offset = 0;;) {
      LB_TRY(const std::size_t count, source.read_at(offset, piece));
      const ByteView bytes = ByteView(piece).first(count);
      hasher.update(bytes);
      LB_CHECK(target.append(bytes));
      offset += count;
      if (count < piece.size()) break;
    }
    const oci::Digest got = oci::Digest::of_raw(digest.algorithm(), hasher.current());
    if (got == digest) return target.sync();
    return fail(ErrorCode::corrupt, "cannot export content '" + digest.to_string() +
                                        "': its bytes have another digest (got " + got.to_string() +
                                        "); 'lifeboat fsck --deep' finds what it breaks");
  }

  OpenTree& from_;
  PlacedFiles& placed_;
  const ExportOptions& options_;
  const Told& told_;
  Contents contents_;
  const std::unique_ptr<ExportTarget> target_;
  ExportReport report_;
  ExportProgress progress_;
  std::unordered_set<Id> brought_;
  std::unordered_set<Id> linked_;  ///< linked in the repository that is exported now
};

}  // namespace

Result<ExportReport> export_tree(OpenTree& from, PlacedFiles& placed, const ExportOptions& options,
                                 const std::function<void(const ExportProgress&)>& told) {
  return Export(from, placed, options, told).run();
}

}  // namespace lifeboat::registry
