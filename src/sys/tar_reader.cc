#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "sys/tar.h"
#include "sys/tar_library_native.h"

namespace lifeboat::sys {
namespace {

enum class Shape { tar, raw };

/// "./a" and "/a" are "a", as writers differ.
std::string plain_name(const char* name) {
  std::string_view text = name == nullptr ? "" : name;
  while (text.starts_with("./") || text.starts_with("/")) text.remove_prefix(text.front() == '/' ? 1 : 2);
  while (text.ends_with('/')) text.remove_suffix(1);
  return std::string(text);
}

class LibraryTarReader final : public TarReader {
 public:
  LibraryTarReader(const TarLibrary& library, std::shared_ptr<const ReadableFile> file, std::string name,
                   uint64_t entries_max)
      : library_(library),
        file_(std::move(file)),
        name_(std::move(name)),
        entries_max_(entries_max),
        archive_(library.read_new()) {}
  LibraryTarReader(const LibraryTarReader&) = delete;
  LibraryTarReader& operator=(const LibraryTarReader&) = delete;
  ~LibraryTarReader() override { library_.read_free(archive_); }

  Status open(Shape shape) {
    std::array<std::byte, 4> first{};
    LB_TRY(const std::size_t count, file_->read_at(0, first));
    LB_TRY(size_bytes_, file_->size());
    is_raw_ = shape == Shape::raw;
    compression_ = compression_of(ByteView(first).first(count));
    // Only what a file begins like: a tar must not be taken for something else by the bytes of its first entry.
    if (compression_ == TarCompression::gzip) library_.read_support_filter_gzip(archive_);
    if (compression_ == TarCompression::zstd) library_.read_support_filter_zstd(archive_);
    if (shape == Shape::tar) library_.read_support_format_tar(archive_);
    if (shape == Shape::raw) library_.read_support_format_raw(archive_);
    buffer_.resize(kMiB);
    if (library_.read_open2(archive_, this, nullptr, &read_file, &skip_file, nullptr) != ARCHIVE_OK) {
      return failed("it is no tar archive");
    }
    return {};
  }

  Result<std::optional<TarEntry>> next() override {
    struct archive_entry* entry = nullptr;
    const int code = library_.read_next_header(archive_, &entry);
    if (code == ARCHIVE_EOF) return std::optional<TarEntry>();
    if (code != ARCHIVE_OK && code != ARCHIVE_WARN) return failed("it is no tar archive, or is cut off");
    if (++entries_ > entries_max_) {
      return fail(ErrorCode::too_many,
                  "cannot read archive '" + name_ + "': it has more than " + std::to_string(entries_max_) + " entries");
    }
    TarEntry found{.name = plain_name(library_.entry_pathname(entry)),
                   .size_bytes = static_cast<uint64_t>(std::max<la_int64_t>(0, library_.entry_size(entry))),
                   .is_file = library_.entry_filetype(entry) == AE_IFREG && library_.entry_hardlink(entry) == nullptr};
    if (compression_ == TarCompression::none) {
      found.offset_bytes = static_cast<uint64_t>(library_.filter_bytes(archive_, 0));
    }
    position_bytes_ = 0;
    told_bytes_ = found.is_file && !is_raw_ ? std::optional(found.size_bytes) : std::nullopt;
    return found;
  }

  Result<ByteView> read() override {
    const void* bytes = nullptr;
    std::size_t count = 0;
    la_int64_t offset = 0;
    const int code = library_.read_data_block(archive_, &bytes, &count, &offset);
    if (code == ARCHIVE_EOF) {
      // A sparse file may end in a hole, for which nothing is read.
      if (told_bytes_ && static_cast<uint64_t>(position_bytes_) != *told_bytes_) {
        return failed("an entry has not the length that it names (got " + std::to_string(position_bytes_) +
                      " bytes, want " + std::to_string(*told_bytes_) + ")");
      }
      return ByteView();
    }
    if (code != ARCHIVE_OK) return failed("it is cut off");
    if (offset != position_bytes_) return failed("it has a sparse file");
    position_bytes_ += static_cast<la_int64_t>(count);
    return ByteView(static_cast<const std::byte*>(bytes), count);
  }

  TarCompression compression() const override { return compression_; }

 private:
  static la_ssize_t read_file(struct archive* /*archive*/, void* self, const void** bytes) {
    auto& reader = *static_cast<LibraryTarReader*>(self);
    auto count = reader.file_->read_at(reader.next_bytes_, reader.buffer_);
    if (!count) {
      reader.file_failure_ = std::move(count).error();
      return -1;
    }
    reader.next_bytes_ += *count;
    *bytes = reader.buffer_.data();
    return static_cast<la_ssize_t>(*count);
  }
  static la_int64_t skip_file(struct archive* /*archive*/, void* self, la_int64_t count) {
    auto& reader = *static_cast<LibraryTarReader*>(self);
    const uint64_t left = reader.size_bytes_ - std::min(reader.next_bytes_, reader.size_bytes_);
    const uint64_t skipped = std::min(static_cast<uint64_t>(count), left);
    reader.next_bytes_ += skipped;
    return static_cast<la_int64_t>(skipped);
  }

  std::unexpected<Error> failed(const std::string& reason) {
    if (file_failure_) return std::unexpected(*file_failure_);
    const char* text = library_.error_string(archive_);
    return fail(ErrorCode::corrupt, "cannot read archive '" + name_ + "': " + reason +
                                        (text == nullptr ? std::string() : " (" + std::string(text) + ")"));
  }

  const TarLibrary& library_;
  const std::shared_ptr<const ReadableFile> file_;
  const std::string name_;
  const uint64_t entries_max_;
  struct archive* const archive_;
  TarCompression compression_ = TarCompression::none;
  bool is_raw_ = false;
  uint64_t size_bytes_ = 0;
  std::vector<std::byte> buffer_;
  uint64_t next_bytes_ = 0;             ///< of the file
  la_int64_t position_bytes_ = 0;       ///< of the entry
  std::optional<uint64_t> told_bytes_;  ///< as long as the entry says it is
  uint64_t entries_ = 0;
  std::optional<Error> file_failure_;
};

Result<std::unique_ptr<LibraryTarReader>> open_as(Shape shape, std::shared_ptr<const ReadableFile> file,
                                                  std::string name, uint64_t entries_max) {
  const Result<TarLibrary>& library = TarLibrary::get();
  if (!library) return std::unexpected(library.error());
  auto reader = std::make_unique<LibraryTarReader>(*library, std::move(file), std::move(name), entries_max);
  LB_CHECK(reader->open(shape));
  return reader;
}

bool begins_with(ByteView bytes, std::string_view magic) {
  return bytes.size() >= magic.size() && as_text(bytes.first(magic.size())) == magic;
}

}  // namespace

TarCompression compression_of(ByteView first_bytes) {
  if (begins_with(first_bytes, "\x1f\x8b")) return TarCompression::gzip;
  if (begins_with(first_bytes, "\x28\xb5\x2f\xfd")) return TarCompression::zstd;
  return TarCompression::none;
}

Result<std::unique_ptr<TarReader>> TarReader::open(std::shared_ptr<const ReadableFile> file, std::string name,
                                                   uint64_t entries_max) {
  return open_as(Shape::tar, std::move(file), std::move(name), entries_max);
}

Status decompress(std::shared_ptr<const ReadableFile> file, const std::string& name, const TarWriter::Sink& sink) {
  LB_TRY(const auto reader, open_as(Shape::raw, std::move(file), name, 1));
  LB_TRY(const auto entry, reader->next());
  if (!entry) return {};
  for (;;) {
    LB_TRY(const ByteView bytes, reader->read());
    if (bytes.empty()) return {};
    LB_CHECK(sink(bytes));
  }
}

}  // namespace lifeboat::sys
