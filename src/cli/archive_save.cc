#include <algorithm>
#include <map>
#include <memory>

#include "cli/archive_actions.h"
#include "cli/archive_text.h"
#include "cli/progress_line.h"
#include "cli/remote_registry.h"
#include "cli/run_to_end.h"
#include "cli/whole_number.h"
#include "registry/archive/keep.h"

namespace lifeboat::cli {
namespace {

namespace archive = registry::archive;

constexpr Duration kOpenWithin = std::chrono::minutes(1);
constexpr uint64_t kKeepMax = 10'000;
constexpr unsigned kStreams = 2;

struct SaveFlags {
  RemoteOptions remote{};
  std::vector<std::string> words{};
  std::optional<std::string> file{};
  std::optional<std::string> directory{};
  std::vector<std::string> platforms{};
  bool has_all_platforms = false;
  std::string compression = "none";
  std::string names = "all";
  std::optional<std::string> keep{};
  bool is_json = false;
};

struct SaveOrder {
  std::vector<oci::FullReference> names{};
  archive::KeepOptions options{};
};

/// Docker Hub is meant without a host, and its official images are in 'library', as importers have it.
Result<oci::FullReference> name_of(const std::string& text) {
  LB_TRY(oci::FullReference name, oci::FullReference::parse(text));
  if (!name.host) {
    LB_TRY(name.host, oci::RegistryHost::parse("docker.io"));
  }
  if (name.host->is_docker_hub() && !name.repository.to_string().contains('/')) {
    LB_TRY(name.repository, oci::Repository::parse("library/" + name.repository.to_string()));
  }
  return name;
}

sys::TarCompression compression_named(const std::string& text) {
  using enum sys::TarCompression;
  for (const sys::TarCompression one : {gzip, zstd}) {
    if (to_string(one) == text) return one;
  }
  return none;
}

/// invalid: what they contradict.
Result<SaveOrder> order_of(const SaveFlags& flags) {
  SaveOrder order;
  const auto refuse = [](std::string why) { return fail(ErrorCode::invalid, std::move(why)); };
  if (flags.words.empty()) return refuse("a reference is missing");
  if (flags.file.has_value() == flags.directory.has_value()) {
    return refuse("want one of '-o FILE' and '--dir DIR'");
  }
  if (flags.file && flags.keep) return refuse("'--keep' goes with '--dir'");
  if (flags.has_all_platforms && !flags.platforms.empty()) {
    return refuse("'--all-platforms' and '--platform' contradict each other");
  }
  if (const std::string mistake = flags.remote.mistake(); !mistake.empty()) return refuse(mistake);
  for (const std::string& text : flags.words) {
    LB_TRY(oci::FullReference name, name_of(text));
    const bool is_other_host = !order.names.empty() && order.names.front().host != name.host;
    if (flags.remote.username && is_other_host) {
      return refuse("'--username' is for one registry, and there are several: each would be told the password");
    }
    order.names.push_back(std::move(name));
  }
  for (const std::string& text : flags.platforms) {
    LB_TRY(const oci::Platform platform, oci::Platform::parse(text));
    order.options.platforms.push_back(platform);
  }
  order.options.compression = compression_named(flags.compression);
  order.options.named_by = flags.names == "tag" ? archive::NamedBy::tag : archive::NamedBy::tag_and_digest;
  LB_TRY(order.options.keep, whole_number_of("--keep", flags.keep, order.options.keep, kKeepMax));
  return order;
}

class SaveRun {
 public:
  SaveRun(const SaveFlags& flags, SaveOrder order, Process& process)
      : flags_(flags),
        order_(std::move(order)),
        process_(process),
        registries_(flags.remote, process.environment, kStreams) {}

  /// Goes on with the other names when one fails, so that what can be saved is.
  int run() {
    if (flags_.file) {
      note(save_all());
    } else {
      for (const oci::FullReference& name : order_.names) note(keep(name));
    }
    if (flags_.is_json) process_.out(saved_json(saved_));
    return code_;
  }

 private:
  Result<archive::Kept> save_all() {
    std::vector<archive::Wanted> wanted;
    for (const oci::FullReference& name : order_.names) {
      LB_TRY(blob::Inspector* const from, registry_of(*name.host));
      wanted.push_back({name, from});
    }
    return run_to_end(archive::save_as(call(), parts(), *flags_.file, std::move(wanted), order_.options, told()));
  }
  Result<archive::Kept> keep(const oci::FullReference& name) {
    LB_TRY(blob::Inspector* const from, registry_of(*name.host));
    return run_to_end(archive::keep_in(call(), parts(), *flags_.directory, {name, from}, order_.options, told()));
  }

  Result<blob::Inspector*> registry_of(const oci::RegistryHost& host) {
    if (const auto known = opened_.find(host); known != opened_.end()) return known->second.get();
    const Call soon(registries_.clock().now() + kOpenWithin, "archive");
    LB_TRY(auto opened, run_to_end(registries_.open(soon, host)));
    return opened_.emplace(host, std::move(opened)).first->second.get();
  }

  void note(Result<archive::Kept> done) {
    line_.clear();
    if (!done) {
      code_ = std::max(code_, explain_archive_failure(done.error(), process_));
      return;
    }
    if (!flags_.is_json) process_.out(saved_text(*done));
    saved_.push_back(std::move(*done));
  }

  static Call call() { return Call(SteadyTime::max(), "archive"); }
  archive::KeepParts parts() { return {*files_, disk_, hash_}; }
  archive::Told told() {
    return [this](const archive::SaveProgress& progress) { line_.show([&] { return save_progress_text(progress); }); };
  }

  const SaveFlags& flags_;
  const SaveOrder order_;
  Process& process_;
  RemoteRegistries registries_;
  const std::unique_ptr<sys::FileSystem> files_ = sys::make_posix_file_system();
  sys::ThreadPool disk_{"archive", 1};
  sys::ThreadPool hash_{"archive-hash", 1};
  std::map<oci::RegistryHost, std::unique_ptr<upstream::RegistryInspector>> opened_;
  ProgressLine line_{process_};
  std::vector<archive::Kept> saved_;
  int code_ = kFine;
};

}  // namespace

int archive_save(const Command& self, Words words, Process& process) {
  SaveFlags flags;
  Arguments arguments;
  flags.remote.declare(arguments);
  arguments.words("REF", flags.words);
  arguments.option("-o,--output", flags.file);
  arguments.option("--dir", flags.directory);
  arguments.list("--platform", flags.platforms);
  arguments.flag("--all-platforms", flags.has_all_platforms);
  arguments.choice("--compress", flags.compression, {"none", "gzip", "zstd"});
  arguments.choice("--names", flags.names, {"all", "tag"});
  arguments.option("--keep", flags.keep);
  arguments.flag("--json", flags.is_json);
  if (const auto done = arguments.parse(self, words, process)) return *done;
  auto order = order_of(flags);
  if (!order) return explain_usage(self.name, order.error().message(), process);
  return SaveRun(flags, std::move(*order), process).run();
}

}  // namespace lifeboat::cli
