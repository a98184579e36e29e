#pragma once

#include <string>

#include "base/error.h"
#include "sys/file_system.h"

namespace lifeboat::sys {

/// Makes `link` lead to `target`, whatever it led to before, by way of the name `temporary` beside it: at no moment is
/// there none. Durable once the directory is synced. conflict: something that is no link stands there. Any thread;
/// blocks.
Status replace_symbolic_link(const Path& link, const std::string& target, const Path& temporary);
/// What a link has in it, as it was written; not_found: there is none, or it is no link.
Result<std::string> read_symbolic_link(const Path& link);

}  // namespace lifeboat::sys
