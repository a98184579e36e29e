#include "cli/archive_importer.h"

#include <algorithm>
#include <set>
#include <utility>

#include "oci/full_reference.h"

namespace lifeboat::cli {
namespace {

using registry::archive::Entry;

/// However large the archive and slow the disk.
constexpr Duration kLoadWithin = std::chrono::hours(2);
constexpr Duration kAskWithin = std::chrono::minutes(1);
constexpr std::size_t kOutputMaxBytes = 4 * kMiB;

std::string last_line_of(std::string_view text) {
  while (text.ends_with('\n')) text.remove_suffix(1);
  return std::string(text.substr(text.rfind('\n') + 1));
}

/// What an archive calls itself may be any text; only a name is given to an engine, which would take a text with a dash
/// for an option.
bool is_tagged(const Entry& entry) {
  const auto name = oci::FullReference::parse(entry.name);
  return name && name->reference.tag() != nullptr && !entry.name.contains('@');
}

class Importer {
 public:
  Importer(const ImportOptions& options, const RunProgram& run) : options_(options), run_(run) {}

  Result<std::vector<Imported>> import_of(const std::string& path, const std::vector<Entry>& entries) const {
    switch (options_.engine) {
      case Engine::containerd: return into_containerd(path, entries);
      case Engine::docker: return into_other("docker", path, entries);
      case Engine::podman: return into_other("podman", path, entries);
    }
    return std::vector<Imported>();
  }

 private:
  Result<std::string> done(std::vector<std::string> arguments, Duration within) const {
    const std::string program = arguments.front();
    auto result = run_({.arguments = std::move(arguments),
                        .input = "",
                        .within = within,
                        .output_max_bytes = kOutputMaxBytes,
                        .keeps_errors = true});
    if (!result && result.error().code() == ErrorCode::not_found) {
      return fail(ErrorCode::unavailable, result.error().message());
    }
    if (!result) return std::unexpected(std::move(result).error());
    if (result->exit_status == 0) return std::move(result->output);
    return fail(ErrorCode::unavailable, "cannot load an archive by '" + program + "': " + last_line_of(result->output));
  }

  std::vector<std::string> ctr(std::vector<std::string> words) const {
    std::vector<std::string> all{"ctr"};
    if (!options_.address.empty()) all.insert(all.end(), {"--address", options_.address});
    all.insert(all.end(), {"--namespace", options_.name_space, "images"});
    all.insert(all.end(), std::make_move_iterator(words.begin()), std::make_move_iterator(words.end()));
    return all;
  }

  Result<std::vector<Imported>> into_containerd(const std::string& path, const std::vector<Entry>& entries) const {
    LB_TRY(const std::string said, done(ctr({"import", path}), kLoadWithin));
    std::vector<Imported> imported;
    for (const auto& [name, digest] : names_for_containerd(entries)) {
      LB_TRY(std::string is_there, digest_in_containerd(name));
      if (is_there.empty()) {
        // Only what has a tag in the archive, and none by its digest.
        const std::string tag = tag_of(entries, digest);
        LB_TRY(const std::string tagged, done(ctr({"tag", tag, name}), kAskWithin));
        LB_TRY(is_there, digest_in_containerd(name));
      }
      if (is_there != digest) {
        return fail(ErrorCode::corrupt, "cannot load '" + name + "': containerd has it with another digest (got " +
                                            (is_there.empty() ? "none" : is_there) + ", want " + digest + ")");
      }
      if (options_.is_pinned) {
        LB_TRY(const std::string labelled, done(ctr({"label", name, "io.cri-containerd.pinned=pinned"}), kAskWithin));
      }
      imported.push_back({name, is_there});
    }
    return imported;
  }

  /// Each tag, and each digest by which its repository may be asked for it.
  static std::vector<std::pair<std::string, std::string>> names_for_containerd(const std::vector<Entry>& entries) {
    std::vector<std::pair<std::string, std::string>> names;
    std::set<std::string> told;
    const auto tell = [&](const std::string& name, const oci::Digest& digest) {
      if (told.insert(name).second) names.emplace_back(name, digest.to_string());
    };
    for (const Entry& entry : entries) {
      const oci::Digest& digest = entry.descriptor.digest;
      auto name = oci::FullReference::parse(entry.name);
      if (!name) continue;  // containerd makes up one of its own
      tell(entry.name, digest);
      name->reference = oci::Reference(digest);
      tell(name->to_string(), digest);
    }
    return names;
  }
  static std::string tag_of(const std::vector<Entry>& entries, const std::string& digest) {
    const auto found = std::ranges::find_if(
        entries, [&](const Entry& one) { return one.descriptor.digest.to_string() == digest && is_tagged(one); });
    return found == entries.end() ? "" : found->name;
  }

  /// "" when it has no such image. A row is: REF TYPE DIGEST SIZE PLATFORMS LABELS.
  Result<std::string> digest_in_containerd(const std::string& name) const {
    LB_TRY(const std::string table, done(ctr({"ls", "name==" + name}), kAskWithin));
    const std::size_t row = table.find("\n" + name + " ");
    if (row == table.npos) return std::string();
    const std::size_t digest = table.find("sha", row + 1 + name.size());
    if (digest == table.npos) return std::string();
    return table.substr(digest, table.find_first_of(" \t\n", digest) - digest);
  }

  Result<std::vector<Imported>> into_other(const std::string& program, const std::string& path,
                                           const std::vector<Entry>& entries) const {
    LB_TRY(const std::string said, done({program, "load", "--input", path}, kLoadWithin));
    std::vector<Imported> imported;
    for (const Entry& entry : entries) {
      if (!is_tagged(entry)) continue;
      LB_TRY(const std::string id,
             done({program, "image", "inspect", "--format", "{{.Id}}", "--", entry.name}, kAskWithin));
      imported.push_back({entry.name, last_line_of(id)});
    }
    return imported;
  }

  const ImportOptions& options_;
  const RunProgram& run_;
};

}  // namespace

Result<std::vector<Imported>> import_archive(const std::string& path, const std::vector<Entry>& entries,
                                             const ImportOptions& options, const RunProgram& run) {
  return Importer(options, run).import_of(path, entries);
}

}  // namespace lifeboat::cli
