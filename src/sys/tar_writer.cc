#include <limits>
#include <utility>

#include "sys/tar.h"
#include "sys/tar_library_native.h"

namespace lifeboat::sys {
namespace {

constexpr int kFileMode = 0644;
constexpr uint64_t kEntryMaxBytes = std::numeric_limits<la_int64_t>::max();

class LibraryTarWriter final : public TarWriter {
 public:
  LibraryTarWriter(const TarLibrary& library, Sink sink)
      : library_(library), sink_(std::move(sink)), archive_(library.write_new()), entry_(library.entry_new()) {}
  LibraryTarWriter(const LibraryTarWriter&) = delete;
  LibraryTarWriter& operator=(const LibraryTarWriter&) = delete;
  ~LibraryTarWriter() override {
    library_.entry_free(entry_);
    is_closing_ = true;
    // Of what failed or was left, write_free() alone would not free what the stream has (libarchive 3.6).
    (void)library_.write_close(archive_);
    library_.write_free(archive_);
  }

  Status open(TarCompression compression) {
    LB_CHECK(check("open archive", library_.write_set_format_pax_restricted(archive_)));
    switch (compression) {
      case TarCompression::none: break;
      case TarCompression::gzip:
        LB_CHECK(check("compress archive", library_.write_add_filter_gzip(archive_)));
        LB_CHECK(check("compress archive", library_.write_set_filter_option(archive_, "gzip", "timestamp", nullptr)));
        break;
      case TarCompression::zstd: LB_CHECK(check("compress archive", library_.write_add_filter_zstd(archive_))); break;
    }
    // Bytes go through as they come: nothing is gathered into blocks of a tape.
    LB_CHECK(check("open archive", library_.write_set_bytes_per_block(archive_, 0)));
    LB_CHECK(check("open archive", library_.write_set_bytes_in_last_block(archive_, 1)));
    return check("open archive", library_.write_open(archive_, this, nullptr, &write_to_sink, nullptr));
  }

  Status begin(const std::string& name, uint64_t size_bytes) override {
    LB_CHECK(check_whole());
    if (size_bytes > kEntryMaxBytes) {
      return fail(ErrorCode::invalid, "cannot begin archive entry '" + name + "': it is too long (got " +
                                          std::to_string(size_bytes) + " bytes)");
    }
    library_.entry_clear(entry_);
    library_.entry_set_pathname(entry_, name.c_str());
    library_.entry_set_size(entry_, static_cast<la_int64_t>(size_bytes));
    library_.entry_set_filetype(entry_, AE_IFREG);
    library_.entry_set_perm(entry_, kFileMode);
    library_.entry_set_mtime(entry_, 0, 0);
    name_ = name;
    missing_bytes_ = size_bytes;
    return check("begin archive entry '" + name_ + "'", library_.write_header(archive_, entry_));
  }

  Status append(ByteView bytes) override {
    if (bytes.size() > missing_bytes_) {
      return fail(ErrorCode::invalid, "cannot write archive entry '" + name_ +
                                          "': more bytes than were announced (got " +
                                          std::to_string(bytes.size() - missing_bytes_) + " more)");
    }
    missing_bytes_ -= bytes.size();
    while (!bytes.empty()) {
      const la_ssize_t count = library_.write_data(archive_, bytes.data(), bytes.size());
      if (count <= 0) return failed("write archive entry '" + name_ + "'");
      bytes = bytes.subspan(static_cast<std::size_t>(count));
    }
    return {};
  }

  Status finish() override {
    LB_CHECK(check_whole());
    return check("end archive", library_.write_close(archive_));
  }

 private:
  static la_ssize_t write_to_sink(struct archive* /*archive*/, void* self, const void* bytes, size_t count) {
    auto& writer = *static_cast<LibraryTarWriter*>(self);
    if (writer.is_closing_) return -1;  // an end for what has none is not written
    Status written = writer.sink_(ByteView(static_cast<const std::byte*>(bytes), count));
    if (written) return static_cast<la_ssize_t>(count);
    writer.sink_failure_ = std::move(written).error();
    return -1;
  }

  Status check_whole() const {
    if (missing_bytes_ == 0) return {};
    return fail(ErrorCode::invalid, "cannot end archive entry '" + name_ + "': fewer bytes than were announced (want " +
                                        std::to_string(missing_bytes_) + " more)");
  }
  Status check(const std::string& what, int code) {
    if (code == ARCHIVE_OK) return {};
    return failed(what);
  }
  std::unexpected<Error> failed(const std::string& what) {
    if (sink_failure_) return std::unexpected(*sink_failure_);
    const char* text = library_.error_string(archive_);
    return fail(ErrorCode::internal, "cannot " + what + ": " + (text == nullptr ? "no reason given" : text));
  }

  const TarLibrary& library_;
  const Sink sink_;
  struct archive* const archive_;
  struct archive_entry* const entry_;
  std::string name_;
  uint64_t missing_bytes_ = 0;
  std::optional<Error> sink_failure_;
  bool is_closing_ = false;
};

}  // namespace

std::string_view to_string(TarCompression compression) {
  switch (compression) {
    case TarCompression::none: return "none";
    case TarCompression::gzip: return "gzip";
    case TarCompression::zstd: return "zstd";
  }
  return "";
}

Result<std::unique_ptr<TarWriter>> TarWriter::make(Sink sink, TarCompression compression) {
  const Result<TarLibrary>& library = TarLibrary::get();
  if (!library) return std::unexpected(library.error());
  auto writer = std::make_unique<LibraryTarWriter>(*library, std::move(sink));
  LB_CHECK(writer->open(compression));
  return writer;
}

}  // namespace lifeboat::sys
