#include "registry/archive/scan.h"

#include <utility>

#include "blob/archive_file.h"
#include "oci/manifest.h"
#include "registry/archive/format.h"

namespace lifeboat::registry::archive {
namespace {

/// Of one archive, in memory.
constexpr uint64_t kDocumentsMaxBytes = 256 * kMiB;
/// What JSON may begin with (RFC 8259, section 2).
constexpr std::string_view kJsonSpace = " \t\n\r";

class Scanner {
 public:
  Scanner(sys::TarReader& reader, const std::function<void(uint64_t)>& told) : reader_(reader), told_(told) {}

  Result<Scan> run() {
    for (;;) {
      LB_TRY(const auto entry, reader_.next());
      if (!entry) break;
      if (entry->is_file) LB_CHECK(take(*entry));
    }
    found_.compression = reader_.compression();
    return std::move(found_);
  }

 private:
  Status take(const sys::TarEntry& entry) {
    LB_CHECK(count(entry.name.size()));
    found_.paths.insert(entry.name);
    if (entry.name == kLayoutPath) return read(entry, found_.layout.emplace());
    if (entry.name == kIndexPath) return read(entry, found_.index.emplace());
    if (entry.name == kDockerPath) return read(entry, found_.docker_list.emplace());
    const auto digest = blob::digest_of_layout_path(entry.name);
    return digest ? take_blob(entry, *digest) : Status{};
  }

  Status take_blob(const sys::TarEntry& entry, const oci::Digest& digest) {
    Hasher hasher(digest.algorithm());
    const bool is_short = entry.size_bytes <= oci::kManifestMaxBytes;
    bool may_be_document = is_short;
    std::string document;
    bool has_begun = false;
    for (;;) {
      LB_TRY(const ByteView bytes, reader_.read());
      if (bytes.empty()) break;
      hasher.update(bytes);
      told_(bytes.size());
      if (const auto first = as_text(bytes).find_first_not_of(kJsonSpace); !has_begun && first != std::string::npos) {
        has_begun = true;
        if (as_text(bytes)[first] != '{') may_be_document = false;
      }
      if (may_be_document) document.append(as_text(bytes));
    }
    const oci::Digest actual = oci::Digest::of_raw(digest.algorithm(), hasher.current());
    found_.blobs.insert_or_assign(digest, Scan::Blob{.size_bytes = entry.size_bytes, .actual = actual});
    if (!may_be_document || document.empty()) return {};
    LB_CHECK(count(document.size()));
    found_.documents.insert_or_assign(digest, std::move(document));
    return {};
  }

  Status read(const sys::TarEntry& entry, std::string& text) {
    LB_CHECK(count(entry.size_bytes));
    for (;;) {
      LB_TRY(const ByteView bytes, reader_.read());
      if (bytes.empty()) return {};
      text.append(as_text(bytes));
    }
  }

  Status count(uint64_t bytes) {
    documents_bytes_ += bytes;
    if (documents_bytes_ <= kDocumentsMaxBytes) return {};
    return fail(ErrorCode::too_many, "cannot look through an archive: it has more than " +
                                         std::to_string(kDocumentsMaxBytes) + " bytes of documents and names");
  }

  sys::TarReader& reader_;
  const std::function<void(uint64_t)>& told_;
  Scan found_;
  uint64_t documents_bytes_ = 0;
};

}  // namespace

Result<Scan> scan(const std::shared_ptr<const sys::ReadableFile>& file, const std::string& name,
                  const std::function<void(uint64_t)>& told) {
  LB_TRY(const auto reader, sys::TarReader::open(file, name));
  return Scanner(*reader, told).run();
}

}  // namespace lifeboat::registry::archive
