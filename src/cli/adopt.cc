#include "cli/adopt.h"

#include <algorithm>
#include <filesystem>
#include <thread>

#include "cli/admin_client.h"
#include "cli/adopt_text.h"
#include "cli/fsck_repair.h"
#include "cli/progress_line.h"
#include "cli/remote_registry.h"
#include "cli/run_to_end.h"
#include "registry/adopt/registry_origin.h"
#include "registry/adopt/tree_origin.h"
#include "server/offline_store.h"
#include "sys/disk_beneath.h"

namespace lifeboat::cli {
namespace {

namespace adopt = registry::adopt;

constexpr unsigned kStreamsMax = 8;

struct AdoptFlags {
  AdminOptions data{};
  RemoteOptions remote{};
  std::vector<std::string> words{};
  std::vector<std::string> patterns{};
  std::optional<std::string> as{};
  std::string output = "text";
  adopt::AdoptOptions options{};
};

/// What is needed to take something over, made once and alive until it is done.
struct Adoption {
  const AdoptFlags& flags;
  Process& process;
  std::unique_ptr<sys::FileSystem> files = sys::make_posix_file_system();
  std::unique_ptr<sys::FileSharing> sharing = sys::make_posix_file_sharing();
  sys::SystemClock clock{};
  std::unique_ptr<server::OfflineStore> store{};
  std::optional<adopt::Landing> landing{};

  Status open() {
    if (flags.options.is_dry_run) return {};
    LB_TRY(const std::string data, data_directory(flags.data, process));
    LB_TRY(store, server::OfflineStore::open(data, *files, clock));
    landing.emplace(adopt::Landing::Parts{store->directory(), store->blobs(), *files, *sharing});
    return landing->open();
  }

  Result<adopt::AdoptReport> run(adopt::Origin& origin, sys::EventLoops& loops) {
    ProgressLine line(process);
    adopt::Adopter adopter({.origin = origin,
                            .landing = landing ? &*landing : nullptr,
                            .names = store ? &store->names() : nullptr,
                            .clock = clock,
                            .loops = loops},
                           flags.options);
    std::optional<Result<adopt::AdoptReport>> report;
    loops.spawn(0, keep_and_stop(adopter.run([&](const adopt::AdoptProgress& progress) {
                  line.show([&] { return adopt_progress_text(progress); });
                }),
                                 report, loops));
    loops.run();
    return std::move(*report);
  }
};

Result<adopt::AdoptReport> adopt_tree(const AdoptFlags& flags, const std::string& path, Process& process) {
  Adoption adoption{flags, process};
  const sys::DiskBeneath theirs = sys::make_disk_beneath(path);
  LB_TRY(registry::OpenTree open, registry::open_tree(path, std::nullopt, *theirs.files));
  const bool is_layout = open.tree->kind() == registry::TreeKind::oci_layout;
  if (is_layout && !flags.as) {
    return fail(ErrorCode::invalid, "an OCI layout does not say what its repository is called: '--as NAME' does");
  }
  if (!is_layout && flags.as) return fail(ErrorCode::invalid, "'--as' is for an OCI layout");
  LB_CHECK(adoption.open());
  sys::ThreadPool disk("adopt-hash", std::max(1U, std::thread::hardware_concurrency()));
  sys::EventLoops loops(1);
  adopt::TreeOrigin origin(open, flags.as.value_or(""), disk);
  return adoption.run(origin, loops);
}

Result<adopt::AdoptReport> adopt_registry(const AdoptFlags& flags, const std::string& text, Process& process) {
  LB_TRY(const RepairOrigin from, RepairOrigin::parse(text));
  if (flags.as) return fail(ErrorCode::invalid, "'--as' is for an OCI layout");
  std::optional<oci::Repository> only;
  if (!from.prefix.empty()) {
    LB_TRY(only, oci::Repository::parse(from.prefix));
  }
  Adoption adoption{flags, process};
  LB_CHECK(adoption.open());
  RemoteRegistries registries(flags.remote, process.environment, kStreamsMax);
  const Call call(registries.clock().now() + std::chrono::minutes(1), "adopt");
  LB_TRY(const auto asked, run_to_end(registries.open(call, from.host)));
  sys::EventLoops loops(1);
  adopt::RegistryOrigin origin(*asked, std::move(only));
  return adoption.run(origin, loops);
}

/// What is there on the disk is meant, whatever else it could mean; and what can only be a path.
bool is_path(const std::string& word) {
  std::error_code ignored;
  return word.starts_with('/') || word.starts_with('.') || std::filesystem::exists(word, ignored);
}

}  // namespace

int run_adopt(const Command& self, Words words, Process& process) {
  AdoptFlags flags;
  Arguments arguments;
  flags.data.declare(arguments);
  flags.remote.declare(arguments);
  arguments.words("FROM", flags.words);
  arguments.list("--repository", flags.patterns);
  arguments.option("--as", flags.as);
  arguments.flag("--dry-run", flags.options.is_dry_run);
  arguments.flag("--replace", flags.options.replaces_tags);
  arguments.choice("-o,--output", flags.output, {"text", "json"});
  if (const auto done = arguments.parse(self, words, process)) return *done;

  const auto refuse = [&](std::string_view why) { return explain_usage(self.name, why, process); };
  if (flags.words.size() != 1) return refuse("want one path, or one registry");
  if (const std::string mistake = flags.remote.mistake(); !mistake.empty()) return refuse(mistake);
  for (const std::string& text : flags.patterns) {
    auto pattern = oci::ReferencePattern::parse(text);
    if (!pattern) return refuse(pattern.error().message());
    flags.options.patterns.push_back(std::move(*pattern));
  }
  const std::string& from = flags.words.front();
  const auto report = is_path(from) ? adopt_tree(flags, from, process) : adopt_registry(flags, from, process);
  if (!report) return explain_failure(report.error(), process);
  const bool is_dry_run = flags.options.is_dry_run;
  process.out(flags.output == "json" ? adopt_json(*report, is_dry_run) : adopt_text(*report, is_dry_run));
  return report->refused.empty() ? kFine : kFoundWrong;
}

}  // namespace lifeboat::cli
