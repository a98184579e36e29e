#include <dlfcn.h>

#include <string>

#include "sys/tar_library_native.h"

namespace lifeboat::sys {
namespace {

constexpr const char* kName = "libarchive.so.13";

std::string why() {
  const char* text = dlerror();  // NOLINT(concurrency-mt-unsafe): per thread in glibc
  return text == nullptr ? "no reason given" : text;
}

class Finder {
 public:
  explicit Finder(void* library) : library_(library) {}
  template <class Function>
  void find(const char* name, Function& function) {
    if (!missing_.empty()) return;
    function = reinterpret_cast<Function>(dlsym(library_, name));  // NOLINT: what dlsym is for
    if (function == nullptr) missing_ = why();
  }
  const std::string& missing() const { return missing_; }

 private:
  void* library_;
  std::string missing_;
};

Result<TarLibrary> open_library() {
  void* library = dlopen(kName, RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    return fail(ErrorCode::unavailable, std::string("cannot open library '") + kName + "': " + why() +
                                            " (archives need the package libarchive13)");
  }
  TarLibrary tar;
  Finder in(library);
  in.find("archive_write_new", tar.write_new);
  in.find("archive_write_set_format_pax_restricted", tar.write_set_format_pax_restricted);
  in.find("archive_write_add_filter_gzip", tar.write_add_filter_gzip);
  in.find("archive_write_add_filter_zstd", tar.write_add_filter_zstd);
  in.find("archive_write_set_filter_option", tar.write_set_filter_option);
  in.find("archive_write_set_bytes_per_block", tar.write_set_bytes_per_block);
  in.find("archive_write_set_bytes_in_last_block", tar.write_set_bytes_in_last_block);
  in.find("archive_write_open", tar.write_open);
  in.find("archive_write_header", tar.write_header);
  in.find("archive_write_data", tar.write_data);
  in.find("archive_write_close", tar.write_close);
  in.find("archive_write_free", tar.write_free);
  in.find("archive_read_new", tar.read_new);
  in.find("archive_read_support_filter_gzip", tar.read_support_filter_gzip);
  in.find("archive_read_support_filter_zstd", tar.read_support_filter_zstd);
  in.find("archive_read_support_format_tar", tar.read_support_format_tar);
  in.find("archive_read_support_format_raw", tar.read_support_format_raw);
  in.find("archive_read_open2", tar.read_open2);
  in.find("archive_read_next_header", tar.read_next_header);
  in.find("archive_read_data_block", tar.read_data_block);
  in.find("archive_read_free", tar.read_free);
  in.find("archive_filter_bytes", tar.filter_bytes);
  in.find("archive_filter_code", tar.filter_code);
  in.find("archive_error_string", tar.error_string);
  in.find("archive_entry_new", tar.entry_new);
  in.find("archive_entry_clear", tar.entry_clear);
  in.find("archive_entry_free", tar.entry_free);
  in.find("archive_entry_set_pathname", tar.entry_set_pathname);
  in.find("archive_entry_set_size", tar.entry_set_size);
  in.find("archive_entry_set_filetype", tar.entry_set_filetype);
  in.find("archive_entry_set_perm", tar.entry_set_perm);
  in.find("archive_entry_set_mtime", tar.entry_set_mtime);
  in.find("archive_entry_pathname", tar.entry_pathname);
  in.find("archive_entry_size", tar.entry_size);
  in.find("archive_entry_filetype", tar.entry_filetype);
  in.find("archive_entry_hardlink", tar.entry_hardlink);
  if (!in.missing().empty()) {
    return fail(ErrorCode::unavailable, std::string("cannot use library '") + kName + "': " + in.missing());
  }
  return tar;
}

}  // namespace

const Result<TarLibrary>& TarLibrary::get() {
  static const Result<TarLibrary> library = open_library();
  return library;
}

}  // namespace lifeboat::sys
