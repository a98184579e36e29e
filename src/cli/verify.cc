#include "cli/verify.h"

#include <algorithm>
#include <random>

#include "cli/remote_registry.h"
#include "cli/verify_text.h"
#include "cli/whole_number.h"
#include "registry/verify/walk.h"
#include "registry/verify/wanted.h"
#include "sys/beside.h"
#include "sys/event_loops.h"

namespace lifeboat::cli {
namespace {

namespace verify = registry::verify;
using verify::Wanted;

constexpr Duration kOpenWithin = std::chrono::minutes(1);
constexpr Duration kDrawEvery = std::chrono::milliseconds(200);
constexpr unsigned kJobsMax = 64;

struct Order {
  std::vector<Wanted> wanted{};
  verify::WalkOptions options{};
  std::size_t sample = 0;
};

/// One registry of the order, and what became of it.
class Visit {
 public:
  Visit(RemoteRegistries& registries, const Order& order, oci::RegistryHost host, Process& process)
      : registries_(registries), order_(order), host_(std::move(host)), process_(process) {}

  Awaitable<void> run(VerifySummary& summary) {
    const Call call(SteadyTime::max(), "verify");
    auto opened = co_await registries_.open(call.shortened_to(registries_.clock().now() + kOpenWithin), host_);
    if (!opened) {
      const verify::Fault fault = verify::fault_of(opened.error());
      for (const Wanted& one : order_.wanted) {
        if (one.host == host_) add_failure(summary, one.to_string(), fault);
      }
      co_return;
    }
    verify::Walk walk(**opened, registries_.clock(), order_.options);
    const auto is_done = std::make_shared<bool>(false);
    if (process_.is_terminal) co_await sys::start_beside(draw(walk, is_done));
    for (const Wanted& one : order_.wanted) {
      if (one.host != host_) continue;
      auto names = co_await names_of(call, **opened, one);
      if (names) {
        co_await walk.look(call, *names);
        if (std::holds_alternative<Wanted::Tags>(one.what)) co_await walk.forget_deleted(call, std::move(*names));
      } else {
        add_failure(summary, one.to_string(), verify::fault_of_list(names.error()));
      }
    }
    if (order_.sample > 0) co_await walk.sample(call, order_.sample, std::random_device()());
    *is_done = true;
    add(summary, walk.report());
  }

 private:
  static Task<std::vector<verify::Name>> names_of(Call call, upstream::RegistryInspector& asked, Wanted wanted) {
    const auto* tags = std::get_if<Wanted::Tags>(&wanted.what);
    if (tags == nullptr) {
      co_return std::vector<verify::Name>{{wanted.repository, std::get<oci::Reference>(wanted.what)}};
    }
    const std::function<bool(const oci::Tag&)> fits = [tags](const oci::Tag& tag) { return tags->has(tag); };
    LB_CO_TRY(auto names, co_await verify::tags_of(call, asked, wanted.repository, fits));
    if (names.empty()) co_return fail(ErrorCode::not_found, "there is no such tag");
    co_return std::move(names);
  }

  /// The line is drawn over until the visit is done; the coroutine ends by itself.
  Awaitable<void> draw(const verify::Walk& walk, std::shared_ptr<bool> is_done) {
    while (!*is_done) {
      const auto progress = walk.progress();
      process_.err("\r\x1b[K" + host_.to_string() + ": " + std::to_string(progress.done) + " looked at, " +
                   std::to_string(progress.waiting) + " waiting");
      co_await registries_.clock().sleep_until(registries_.clock().now() + kDrawEvery);
    }
  }

  static void add_failure(VerifySummary& summary, const std::string& reference, const verify::Fault& fault) {
    Verified failed{.reference = reference, .findings = {{{{.part = verify::Part::tag}}, fault}}};
    if (verify::is_wrong(fault.kind)) failed.outcome = verify::Verdict::Outcome::broken;
    summary.references.push_back(std::move(failed));
  }

  void add(VerifySummary& summary, verify::Report report) {
    if (process_.is_terminal) process_.err("\r\x1b[K");
    for (verify::Verdict& verdict : report.verdicts) {
      summary.references.push_back({.reference = host_.to_string() + "/" + verdict.name.to_string(),
                                    .digest = verdict.digest ? verdict.digest->to_string() : "",
                                    .outcome = verdict.outcome(),
                                    .findings = std::move(verdict.findings)});
    }
    summary.totals.indexes += report.totals.indexes;
    summary.totals.manifests += report.totals.manifests;
    summary.totals.blobs += report.totals.blobs;
    summary.totals.hashed_bytes += report.totals.hashed_bytes;
    if (!report.given_up.empty()) summary.given_up.push_back(host_.to_string() + ": " + report.given_up);
  }

  RemoteRegistries& registries_;
  const Order& order_;
  const oci::RegistryHost host_;
  Process& process_;
};

std::vector<oci::RegistryHost> hosts_of(const Order& order) {
  std::vector<oci::RegistryHost> hosts;
  for (const Wanted& one : order.wanted) {
    if (std::ranges::find(hosts, one.host) == hosts.end()) hosts.push_back(one.host);
  }
  return hosts;
}

Awaitable<void> visit_all(RemoteRegistries& registries, const Order& order, Process& process, VerifySummary& summary,
                          sys::EventLoops& loops) {
  for (const oci::RegistryHost& host : hosts_of(order)) {
    Visit visit(registries, order, host, process);
    co_await visit.run(summary);
  }
  loops.stop();
}

int exit_code_of(const VerifySummary& summary) {
  switch (outcome_of(summary)) {
    case verify::Verdict::Outcome::whole: return kFine;
    case verify::Verdict::Outcome::broken: return kFoundWrong;
    case verify::Verdict::Outcome::unknown: return kCouldNotFindOut;
  }
  return kCouldNotFindOut;
}

}  // namespace

int run_verify(const Command& self, Words words, Process& process) {
  RemoteOptions remote;
  std::vector<std::string> references;
  std::vector<std::string> platforms;
  std::optional<std::string> sample;
  std::optional<std::string> jobs;
  std::string output = "text";
  bool is_deep = false;
  Order order;
  Arguments arguments;
  remote.declare(arguments);
  arguments.words("REF", references);
  arguments.list("--platform", platforms);
  arguments.flag("--referrers", order.options.has_referrers);
  arguments.flag("--deep", is_deep);
  arguments.option("--sample", sample);
  arguments.option("--jobs", jobs);
  arguments.choice("-o,--output", output, {"text", "json", "junit"});
  if (const auto done = arguments.parse(self, words, process)) return *done;

  const auto refuse = [&](std::string_view why) { return explain_usage(self.name, why, process); };
  if (references.empty()) return refuse("a reference is missing");
  if (const std::string mistake = remote.mistake(); !mistake.empty()) return refuse(mistake);
  for (const std::string& text : references) {
    auto wanted = Wanted::parse(text);
    if (!wanted) return refuse(wanted.error().message());
    order.wanted.push_back(std::move(*wanted));
  }
  if (remote.username && hosts_of(order).size() > 1) {
    return refuse("'--username' is for one registry, and there are several: each would be told the password");
  }
  for (const std::string& text : platforms) {
    const auto platform = oci::Platform::parse(text);
    if (!platform) return refuse(platform.error().message());
    order.options.platforms.push_back(*platform);
  }
  const auto jobs_at_a_time = whole_number_of("--jobs", jobs, order.options.jobs, kJobsMax);
  if (!jobs_at_a_time) return refuse(jobs_at_a_time.error().message());
  const auto sampled = whole_number_of("--sample", sample, 0, UINT32_MAX);
  if (!sampled) return refuse(sampled.error().message());
  if (is_deep && sample) return refuse("'--deep' hashes all of it, and '--sample' some: want one of them");
  order.options.jobs = static_cast<unsigned>(*jobs_at_a_time);
  order.options.depth = is_deep ? verify::Depth::deep : verify::Depth::light;
  order.sample = *sampled;

  VerifySummary summary;
  RemoteRegistries registries(remote, process.environment, order.options.jobs);
  sys::EventLoops loops(1);
  loops.spawn(0, visit_all(registries, order, process, summary, loops));
  loops.run();
  if (output == "json") {
    process.out(verify_json(summary));
  } else {
    process.out(output == "junit" ? verify_junit(summary) : verify_text(summary));
  }
  return exit_code_of(summary);
}

}  // namespace lifeboat::cli
