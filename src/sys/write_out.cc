#include "sys/write_out.h"

#include <fcntl.h>

namespace lifeboat::sys {

void begin_write_out(const ReadableFile& file, uint64_t offset, uint64_t size_bytes) {
  if (file.native_handle() < 0) return;
  // Where the file system knows no such thing, the sync waits for all of it.
  (void)::sync_file_range(file.native_handle(), static_cast<off64_t>(offset), static_cast<off64_t>(size_bytes),
                          SYNC_FILE_RANGE_WRITE);
}

}  // namespace lifeboat::sys
