#pragma once

#include "cli/command.h"

namespace lifeboat::cli {

int run_config(const Command& self, Words arguments, Process& process);

}  // namespace lifeboat::cli
