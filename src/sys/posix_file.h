#pragma once

#include <memory>

#include "sys/file_system.h"

namespace lifeboat::sys {

/// The file of a descriptor that is open to append, and from now on its own; `path` is for messages.
std::unique_ptr<WritableFile> writable_file(Path path, int descriptor);

}  // namespace lifeboat::sys
