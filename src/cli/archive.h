#pragma once

#include "cli/command.h"

namespace lifeboat::cli {

int run_archive(const Command& self, Words words, Process& process);

}  // namespace lifeboat::cli
