#include <algorithm>
#include <filesystem>
#include <optional>
#include <thread>

#include "cli/admin_client.h"
#include "cli/adopt_text.h"
#include "cli/archive_actions.h"
#include "cli/archive_importer.h"
#include "cli/archive_text.h"
#include "cli/human.h"
#include "cli/printable.h"
#include "cli/progress_line.h"
#include "cli/run_to_end.h"
#include "registry/adopt/adopt.h"
#include "registry/adopt/archive_origin.h"
#include "registry/archive/output.h"
#include "registry/random_id.h"
#include "server/offline_store.h"

namespace lifeboat::cli {
namespace {

namespace archive = registry::archive;
namespace adopt = registry::adopt;

struct LoadFlags {
  AdminOptions data{};
  std::vector<std::string> words{};
  std::string into = "containerd";
  std::optional<std::string> address{};
  std::optional<std::string> name_space{};
  bool is_pinned = false;
  bool replaces_tags = false;
  bool is_dry_run = false;
  std::string output = "text";
};

std::string mistake_in(const LoadFlags& flags) {
  if (flags.words.size() != 1) return "want one file";
  const bool is_containerd = flags.into == "containerd";
  const bool is_store = flags.into == "store";
  if (!is_containerd && (flags.address || flags.name_space || flags.is_pinned)) {
    return "'--address', '--namespace' and '--pin' are for '--into containerd'";
  }
  if (!is_store && flags.replaces_tags) return "'--replace' is for '--into store'";
  return "";
}

/// A plain copy of a compressed archive, gone at the end: not every importer takes compressed ones. It has a name that
/// nobody can guess, and what a killed run leaves is what `archive prune` removes.
class PlainCopy {
 public:
  explicit PlainCopy(sys::FileSystem& files) : files_(files) {}

  Result<sys::Path> make(const sys::Path& of, const sys::Path& directory) {
    LB_TRY(const auto from, files_.open(of));
    LB_TRY(copy_, archive::Output::begin(files_, directory, "unpacked-" + registry::random_upload_id().to_string()));
    LB_CHECK(sys::decompress(from, of.native(), [&](ByteView bytes) { return copy_->append(bytes); }));
    return copy_->partial();
  }

 private:
  sys::FileSystem& files_;
  std::unique_ptr<archive::Output> copy_;
};

/// $TMPDIR, or else beside the archive, where there was room for it.
sys::Path directory_for_copies(const sys::Path& archive, const server::Environment& environment) {
  const auto named = std::ranges::find(environment, "TMPDIR", &server::Environment::value_type::first);
  if (named != environment.end() && !named->second.empty()) return std::filesystem::absolute(named->second);
  return archive.has_parent_path() ? archive.parent_path() : sys::Path(".");
}

class LoadRun {
 public:
  LoadRun(const LoadFlags& flags, Process& process) : flags_(flags), process_(process) {}

  int run() {
    std::error_code error;
    const sys::Path real = std::filesystem::canonical(flags_.words.front(), error);
    const sys::Path path = error ? sys::Path(flags_.words.front()) : real;
    auto checked = look(path);
    if (!checked) return could_not(checked.error());
    const bool can_be_loaded = flags_.into == "docker" ? checked->is_whole() : checked->is_loadable();
    if (!can_be_loaded) {
      process_.err(checked_text({path.native(), std::move(*checked)}));
      return kFoundWrong;
    }
    if (flags_.is_dry_run && flags_.into != "store") {
      process_.out(checked_text({path.native(), std::move(*checked)}));
      return kFine;
    }
    sys::Path plain = path;
    if (checked->compression != sys::TarCompression::none) {
      auto made = copy_.make(path, directory_for_copies(path, process_.environment));
      if (!made) return could_not(made.error());
      plain = std::move(*made);
    }
    return flags_.into == "store" ? into_store(plain) : into_engine(plain);
  }

 private:
  int could_not(const Error& error) {
    process_.err(printable(error.message()) + "\n");
    return kCouldNotFindOut;
  }

  /// Nothing is loaded that an importer would find half.
  Result<archive::CheckReport> look(const sys::Path& path) {
    uint64_t read = 0;
    ProgressLine line(process_);
    return archive::check(*files_, path, {}, [&](uint64_t bytes) {
      read += bytes;
      line.show([&] { return "looking at " + path.filename().native() + ": " + human_size(read); });
    });
  }

  int into_engine(const sys::Path& plain) {
    const auto standing = archive::look_at(*files_, plain);
    if (!standing) return could_not(standing.error());
    const ImportOptions options{.engine = flags_.into == "docker"   ? Engine::docker
                                          : flags_.into == "podman" ? Engine::podman
                                                                    : Engine::containerd,
                                .address = flags_.address.value_or(""),
                                .name_space = flags_.name_space.value_or("k8s.io"),
                                .is_pinned = flags_.is_pinned};
    const auto imported = import_archive(plain.native(), standing->entries, options,
                                         [](const sys::ProcessRequest& request) { return sys::run_process(request); });
    if (!imported) {
      process_.err(printable(imported.error().message()) + "\n");
      return imported.error().code() == ErrorCode::corrupt ? kFoundWrong : kCouldNotFindOut;
    }
    process_.out(flags_.output == "json" ? loaded_json(flags_.into, *imported) : loaded_text(flags_.into, *imported));
    return kFine;
  }

  Result<adopt::AdoptReport> adopt_into_store(const sys::Path& plain) {
    const auto sharing = sys::make_posix_file_sharing();
    sys::SystemClock clock;
    std::unique_ptr<server::OfflineStore> store;
    std::optional<adopt::Landing> landing;
    if (!flags_.is_dry_run) {
      LB_TRY(const std::string data, data_directory(flags_.data, process_));
      LB_TRY(store, server::OfflineStore::open(data, *files_, clock));
      landing.emplace(adopt::Landing::Parts{store->directory(), store->blobs(), *files_, *sharing});
      LB_CHECK(landing->open());
    }
    sys::ThreadPool disk("archive-read", 1);
    sys::BlockPool blocks;
    LB_TRY(const auto origin, adopt::ArchiveOrigin::open(*files_, plain, {disk, blocks}));
    ProgressLine line(process_);
    sys::EventLoops loops(1);
    adopt::Adopter adopter({.origin = *origin,
                            .landing = landing ? &*landing : nullptr,
                            .names = store ? &store->names() : nullptr,
                            .clock = clock,
                            .loops = loops},
                           {.is_dry_run = flags_.is_dry_run, .replaces_tags = flags_.replaces_tags});
    std::optional<Result<adopt::AdoptReport>> report;
    loops.spawn(0, keep_and_stop(adopter.run([&](const adopt::AdoptProgress& progress) {
                  line.show([&] { return adopt_progress_text(progress); });
                }),
                                 report, loops));
    loops.run();
    return std::move(*report);
  }

  int into_store(const sys::Path& plain) {
    const auto report = adopt_into_store(plain);
    if (!report) return explain_failure(report.error(), process_);
    process_.out(flags_.output == "json" ? adopt_json(*report, flags_.is_dry_run)
                                         : adopt_text(*report, flags_.is_dry_run));
    return report->refused.empty() ? kFine : kFoundWrong;
  }

  const LoadFlags& flags_;
  Process& process_;
  const std::unique_ptr<sys::FileSystem> files_ = sys::make_posix_file_system();
  PlainCopy copy_{*files_};
};

}  // namespace

int archive_load(const Command& self, Words words, Process& process) {
  LoadFlags flags;
  Arguments arguments;
  flags.data.declare(arguments);
  arguments.words("FILE", flags.words);
  arguments.choice("--into", flags.into, {"containerd", "docker", "podman", "store"});
  arguments.option("--address", flags.address);
  arguments.option("--namespace", flags.name_space);
  arguments.flag("--pin", flags.is_pinned);
  arguments.flag("--replace", flags.replaces_tags);
  arguments.flag("--dry-run", flags.is_dry_run);
  arguments.choice("-o,--output", flags.output, {"text", "json"});
  if (const auto done = arguments.parse(self, words, process)) return *done;
  if (const std::string mistake = mistake_in(flags); !mistake.empty())
    return explain_usage(self.name, mistake, process);
  return LoadRun(flags, process).run();
}

}  // namespace lifeboat::cli
