#include "cli/adopt.h"
#include "cli/archive.h"
#include "cli/command.h"
#include "cli/config.h"
#include "cli/copy.h"
#include "cli/explain.h"
#include "cli/export.h"
#include "cli/fsck.h"
#include "cli/gc.h"
#include "cli/manuals.h"
#include "cli/prefetch.h"
#include "cli/prune.h"
#include "cli/scrub.h"
#include "cli/serve.h"
#include "cli/status.h"
#include "cli/tag.h"
#include "cli/verify.h"
#include "cli/version.h"

namespace lifeboat::cli {
namespace {

constexpr Command kCommands[] = {
    {.name = "serve", .summary = "Serve the registry and the cache", .manual = serve_manual, .run = run_serve},
    {.name = "status",
     .summary = "Say how a running server and its upstreams are",
     .manual = status_manual,
     .run = run_status},
    {.name = "explain",
     .summary = "Say what a pull would get now, and why",
     .manual = explain_manual,
     .run = run_explain},
    {.name = "prefetch",
     .summary = "Fetch what is to be held before anybody pulls it",
     .manual = prefetch_manual,
     .run = run_prefetch},
    {.name = "verify",
     .summary = "Prove that references can be pulled whole from any registry",
     .manual = verify_manual,
     .run = run_verify},
    {.name = "copy",
     .summary = "Copy between registries and layouts, to several at once",
     .manual = copy_manual,
     .run = run_copy},
    {.name = "fsck",
     .summary = "Find what cannot be pulled from a registry's disk",
     .manual = fsck_manual,
     .run = run_fsck},
    {.name = "adopt", .summary = "Take a registry over", .manual = adopt_manual, .run = run_adopt},
    {.name = "export", .summary = "Write it all out for other registries", .manual = export_manual, .run = run_export},
    {.name = "archive",
     .summary = "Keep what can be loaded without any registry",
     .manual = archive_manual,
     .run = run_archive},
    {.name = "gc", .summary = "Remove what nothing needs any more", .manual = gc_manual, .run = run_gc},
    {.name = "prune", .summary = "Remove what retention does not keep", .manual = prune_manual, .run = run_prune},
    {.name = "tag", .summary = "Say what tags were, restore and pin them", .manual = tag_manual, .run = run_tag},
    {.name = "scrub",
     .summary = "Look at everything that is held, and mend it",
     .manual = scrub_manual,
     .run = run_scrub},
    {.name = "config", .summary = "Check and show the configuration", .manual = config_manual, .run = run_config},
    {.name = "version", .summary = "Say which build this is", .manual = version_manual, .run = run_version},
};

}  // namespace

std::span<const Command> commands() { return kCommands; }

}  // namespace lifeboat::cli
