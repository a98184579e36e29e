#pragma once

#include <memory>

#include "sys/file_system.h"

namespace lifeboat::sys {

/// The file of a descriptor that is open to append, and from now on its own; `path` is for messages.
std::unique_ptr<WritableFile> writable_file(Path path, int descriptor);

/// True when the name itself is a symbolic link, whatever it leads to. Any thread; blocks.
bool is_symbolic_link(const Path& path);

}  // namespace lifeboat::sys
