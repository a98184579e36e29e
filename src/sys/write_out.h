#pragma once

#include <cstdint>

#include "sys/file_system.h"

namespace lifeboat::sys {

/// Has the disk begin to write these bytes, which somebody has just appended, so that a later sync has less to wait
/// for: the kernel itself begins only when a tenth of the memory is dirty. A hint: nothing is durable by it. Any
/// thread.
void begin_write_out(const ReadableFile& file, uint64_t offset, uint64_t size_bytes);

}  // namespace lifeboat::sys
