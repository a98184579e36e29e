#include "cli/copy.h"

#include <algorithm>
#include <charconv>
#include <map>

#include "cli/copy_places.h"
#include "cli/copy_text.h"
#include "cli/remote_registry.h"
#include "cli/run_to_end.h"
#include "registry/copy/copy.h"
#include "registry/copy/layout.h"
#include "server/units.h"
#include "sys/beside.h"
#include "upstream/inspected_source.h"

namespace lifeboat::cli {
namespace {

namespace copy = registry::copy;

constexpr Duration kOpenWithin = std::chrono::minutes(1);
constexpr Duration kDrawEvery = std::chrono::milliseconds(200);
constexpr std::size_t kColumns = 80;
constexpr unsigned kJobsMax = 64;

struct Order {
  std::string source_text{};
  CopySource source{};
  std::vector<CopyTarget> targets{};
  std::vector<oci::Platform> platforms{};
  bool has_referrers = false;
  bool is_dry_run = false;
  unsigned jobs = 4;
  upstream::RegistryPusher::Options pusher{};
};

/// Everything that one copy holds open.
class Errand {
 public:
  Errand(RemoteRegistries& registries, const Order& order, Process& process)
      : registries_(registries), order_(order), process_(process), placed_({registries.files(), *sharing_}) {}

  Awaitable<copy::CopyReport> run() {
    const Call call(SteadyTime::max(), "copy");
    const auto repository = oci::Repository::parse("layout");  // a layout has one, without a name
    auto reference = co_await open_source(call);
    if (!reference) co_return failed(reference.error());
    const oci::RepositoryId from{.host = std::nullopt, .name = order_.source.repository.value_or(*repository)};
    copy::CopyReport unreached;
    std::vector<copy::Target> targets;
    for (const CopyTarget& one : order_.targets) {
      auto opened = co_await open_target(call, one);
      if (!opened) {
        unreached.targets.push_back({.name = one.name(), .failure = opened.error()});
        continue;
      }
      const bool is_same_registry = one.host && one.host == order_.source.host;
      targets.push_back({.name = one.name(),
                         .to = *opened->to,
                         .check = *opened->check,
                         .repository = one.repository.value_or(*repository),
                         .tags = one.tags,
                         .mount_from = is_same_registry ? order_.source.repository : std::nullopt,
                         .is_local = !one.host});
    }
    const copy::CopyOrder what{.from = *from_,
                               .repository = from,
                               .what = *reference,
                               .platforms = order_.platforms,
                               .has_referrers = order_.has_referrers,
                               .jobs = order_.jobs,
                               .is_dry_run = order_.is_dry_run};
    copy::Copy all(registries_.clock(), what, std::move(targets));
    const auto is_done = std::make_shared<bool>(false);
    if (process_.is_terminal) co_await sys::start_beside(draw(all, is_done));
    copy::CopyReport report = co_await all.run(call);
    *is_done = true;
    if (process_.is_terminal) process_.err("\r\x1b[J");
    std::ranges::move(unreached.targets, std::back_inserter(report.targets));
    co_return report;
  }

 private:
  struct Opened {
    blob::Destination* to = nullptr;
    blob::Inspector* check = nullptr;
  };

  copy::CopyReport failed(const Error& error) const {
    copy::CopyReport report{.failure = error};
    for (const CopyTarget& one : order_.targets) report.targets.push_back({.name = one.name(), .failure = error});
    return report;
  }

  copy::LayoutPlace layout_at(const std::string& directory) {
    return {directory, {registries_.files(), placed_, registries_.disk(), registries_.blocks()}};
  }

  Task<upstream::RegistryInspector*> inspector_of(Call call, oci::RegistryHost host) {
    auto& known = inspectors_[host];
    if (known == nullptr) {
      LB_CO_TRY(known,
                co_await registries_.open(call.shortened_to(registries_.clock().now() + kOpenWithin), std::move(host)));
    }
    co_return known.get();
  }

  /// What is to be copied, by its name in the source.
  Task<oci::Reference> open_source(Call call) {
    if (order_.source.host) {
      LB_CO_TRY(auto* const asked, co_await inspector_of(std::move(call), *order_.source.host));
      from_ = std::make_unique<upstream::InspectedSource>(*asked);
      co_return *order_.source.reference;
    }
    const copy::LayoutPlace place = layout_at(order_.source.directory);
    LB_CO_TRY(const oci::Digest digest, place.find(order_.source.layout_name));
    from_ = std::make_unique<blob::LayoutSource>(
        place.directory, blob::LayoutSource::Parts{registries_.files(), registries_.disk(), registries_.blocks()});
    co_return oci::Reference(digest);
  }

  Task<Opened> open_target(Call call, CopyTarget target) {
    if (!target.host) {
      const copy::LayoutPlace place = layout_at(target.directory);
      LB_CO_CHECK(place.check());
      if (!order_.is_dry_run) {
        LB_CO_TRY(auto lock, place.lock());
        locks_.push_back(std::move(lock));
      }
      destinations_.push_back(std::make_unique<copy::LayoutDestination>(place));
      checks_.push_back(std::make_unique<copy::LayoutInspector>(place));
      co_return Opened{destinations_.back().get(), checks_.back().get()};
    }
    LB_CO_TRY(auto* const check, co_await inspector_of(call, *target.host));
    auto& known = pushers_[*target.host];
    if (known == nullptr) {
      LB_CO_TRY(known, co_await registries_.open_to_push(std::move(call), *target.host, order_.pusher));
    }
    co_return Opened{known.get(), check};
  }

  /// Drawn over until the copy is done; the coroutine ends by itself.
  Awaitable<void> draw(const copy::Copy& all, std::shared_ptr<bool> is_done) {
    while (!*is_done) {
      const auto lines = copy_bars(all.progress(), all.under_way(), kColumns);
      std::string text = "\r\x1b[J";
      for (const std::string& line : lines) text += line + "\n";
      process_.err(text + "\x1b[" + std::to_string(lines.size()) + "A");
      co_await registries_.clock().sleep_until(registries_.clock().now() + kDrawEvery);
    }
  }

  RemoteRegistries& registries_;
  const Order& order_;
  Process& process_;
  const std::unique_ptr<sys::FileSharing> sharing_ = sys::make_posix_file_sharing();
  registry::PlacedFiles placed_;
  std::unique_ptr<blob::Source> from_;
  std::map<oci::RegistryHost, std::unique_ptr<upstream::RegistryInspector>> inspectors_;
  std::map<oci::RegistryHost, std::unique_ptr<upstream::RegistryPusher>> pushers_;
  std::vector<std::unique_ptr<sys::FileLock>> locks_;
  std::vector<std::unique_ptr<blob::Destination>> destinations_;
  std::vector<std::unique_ptr<blob::Inspector>> checks_;
};

Result<unsigned> jobs_of(const std::optional<std::string>& text, unsigned otherwise) {
  if (!text) return otherwise;
  unsigned number = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), number);
  const bool is_fine = error == std::errc() && end == text->data() + text->size() && number > 0 && number <= kJobsMax;
  if (is_fine) return number;
  return fail(ErrorCode::invalid,
              "'--concurrency' wants a number from 1 to " + std::to_string(kJobsMax) + " (got '" + *text + "')");
}

std::size_t registries_in(const Order& order) {
  std::vector<oci::RegistryHost> hosts;
  if (order.source.host) hosts.push_back(*order.source.host);
  for (const CopyTarget& one : order.targets) {
    if (one.host && std::ranges::find(hosts, *one.host) == hosts.end()) hosts.push_back(*one.host);
  }
  return hosts.size();
}

struct Flags {
  std::vector<std::string> places{};
  std::vector<std::string> platforms{};
  std::optional<std::string> concurrency{};
  std::optional<std::string> bandwidth{};
};

/// What is asked for; invalid: a mistake in how.
Status read(const Flags& flags, Order& order) {
  if (flags.places.size() < 2) return fail(ErrorCode::invalid, "want SRC and at least one DST");
  order.source_text = flags.places.front();
  LB_TRY(order.source, parse_copy_source(order.source_text));
  LB_TRY(order.targets, parse_copy_targets({flags.places.begin() + 1, flags.places.end()}, order.source.tag()));
  for (const std::string& text : flags.platforms) {
    LB_TRY(auto platform, oci::Platform::parse(text));
    order.platforms.push_back(std::move(platform));
  }
  LB_TRY(order.jobs, jobs_of(flags.concurrency, order.jobs));
  if (flags.bandwidth) {
    const auto bytes = server::parse_size(*flags.bandwidth);
    if (!bytes || *bytes == 0) {
      return fail(ErrorCode::invalid,
                  "'--bandwidth' wants bytes a second, as in 10MiB (got '" + *flags.bandwidth + "')");
    }
    order.pusher.bytes_per_second = *bytes;
  }
  return {};
}

}  // namespace

int run_copy(const Command& self, Words words, Process& process) {
  RemoteOptions remote;
  Order order;
  Flags flags;
  std::optional<std::string> authfile;
  std::string output = "text";
  Arguments arguments;
  remote.declare(arguments);
  arguments.words("SRC DST...", flags.places);
  arguments.list("--platform", flags.platforms);
  arguments.flag("--referrers", order.has_referrers);
  arguments.flag("--dry-run", order.is_dry_run);
  arguments.option("--concurrency", flags.concurrency);
  arguments.option("--bandwidth", flags.bandwidth);
  arguments.option("--authfile", authfile);
  arguments.choice("-o,--output", output, {"text", "json"});
  if (const auto done = arguments.parse(self, words, process)) return *done;

  const auto refuse = [&](std::string_view why) { return explain_usage(self.name, why, process); };
  if (const std::string mistake = remote.mistake(); !mistake.empty()) return refuse(mistake);
  if (const Status asked = read(flags, order); !asked) return refuse(asked.error().message());
  if (remote.username && registries_in(order) > 1) {
    return refuse("'--username' is for one registry, and there are several: each would be told the password");
  }
  server::Environment environment = process.environment;
  if (authfile) environment.insert(environment.begin(), {"REGISTRY_AUTH_FILE", *authfile});

  RemoteRegistries registries(remote, std::move(environment), order.jobs);
  Errand errand(registries, order, process);
  const copy::CopyReport report = run_to_end(errand.run());
  process.out(output == "json" ? copy_json(order.source_text, report, order.is_dry_run)
                               : copy_text(order.source_text, report, order.is_dry_run));
  return copy_exit_code(report);
}

}  // namespace lifeboat::cli
