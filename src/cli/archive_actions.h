#pragma once

#include "base/error.h"
#include "cli/command.h"

/// What `lifeboat archive` can do, each with the words behind its name.
namespace lifeboat::cli {

int archive_save(const Command& self, Words words, Process& process);
int archive_verify(const Command& self, Words words, Process& process);
int archive_list(const Command& self, Words words, Process& process);
int archive_prune(const Command& self, Words words, Process& process);
int archive_load(const Command& self, Words words, Process& process);

/// Says why something could not be done: kFoundWrong when what was to be archived is not there or not right, else
/// kCouldNotFindOut.
int explain_archive_failure(const Error& error, Process& process);

}  // namespace lifeboat::cli
