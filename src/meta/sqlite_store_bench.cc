#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <ctime>
#include <filesystem>
#include <string>
#include <vector>

#include "meta/sqlite_store.h"
#include "sys/clock.h"
#include "sys/event_loops.h"

/// meta_bench DIRECTORY [PUTS [COROUTINES]]: what SqliteStore does in an empty directory of this disk. Durable puts of
/// manifests with five edges and a tag each, then lists of what came of it, in milliseconds, best and median.

namespace lifeboat::meta {
namespace {

constexpr int kRepetitions = 21;

Call call() { return {SteadyTime::max(), "bench"}; }
oci::Digest digest(const std::string& text) { return oci::Digest::of(HashAlgorithm::sha256, as_bytes(text)); }
oci::RepositoryId hosted(const std::string& name) { return {std::nullopt, oci::Repository::parse(name).value()}; }
SteadyTime now() { return std::chrono::steady_clock::now(); }
double seconds_since(SteadyTime start) { return std::chrono::duration<double>(now() - start).count(); }

double cpu_seconds() {
  timespec spent{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &spent);
  return static_cast<double>(spent.tv_sec) + 1e-9 * static_cast<double>(spent.tv_nsec);
}

struct Plan {
  int puts = 10'000;
  int coroutines = 32;
};

ManifestPut push_of(const std::string& repository, int number) {
  const std::string name = std::to_string(number);
  ManifestPut put{.repository = hosted(repository),
                  .manifest = {.digest = digest("manifest " + name),
                               .media_type = "application/vnd.oci.image.manifest.v1+json",
                               .size_bytes = 1000,
                               .subject = std::nullopt,
                               .artifact_type = "application/vnd.oci.image.config.v1+json",
                               .annotations_json = ""},
                  .edges = {{EdgeKind::config, digest("config " + name), 1000},
                            {EdgeKind::layer, digest("base layer"), 1000},
                            {EdgeKind::layer, digest("shared layer " + std::to_string(number % 100)), 1000},
                            {EdgeKind::layer, digest("layer " + name), 1000},
                            {EdgeKind::layer, digest("top layer " + name), 1000}},
                  .tags = {oci::Tag::parse("v" + name).value()},
                  .condition = {},
                  .source = "push"};
  return put;
}

struct Crowd {
  Store& store;
  sys::EventLoops& loops;
  std::vector<ManifestPut> puts;
  int coroutines = 0;
  std::atomic<std::size_t> next = 0;
  std::atomic<int> ended = 0;
  std::atomic<int> failures = 0;
};

Awaitable<void> put_some(Crowd& crowd) {
  for (;;) {
    const std::size_t index = crowd.next.fetch_add(1);
    if (index >= crowd.puts.size()) break;
    const Status done = co_await crowd.store.manifests().put(call(), std::move(crowd.puts[index]));
    if (!done && crowd.failures.fetch_add(1) == 0) std::printf("%s\n", done.error().message().c_str());
  }
  if (crowd.ended.fetch_add(1) + 1 == crowd.coroutines) crowd.loops.stop();
}

void measure_puts(const char* name, Store& store, std::vector<ManifestPut> puts, int coroutines) {
  sys::EventLoops loops(1);
  const std::size_t count = puts.size();
  Crowd crowd{.store = store, .loops = loops, .puts = std::move(puts), .coroutines = coroutines};
  const SteadyTime start = now();
  const double cpu = cpu_seconds();
  for (int i = 0; i < coroutines; ++i) loops.spawn(0, put_some(crowd));
  loops.run();
  const double seconds = seconds_since(start);
  std::printf("%-40s %8.0f /s  %6.1f us CPU each  (%d coroutines, %zu puts, %d failed)\n", name,
              static_cast<double>(count) / seconds, (cpu_seconds() - cpu) / static_cast<double>(count) * 1e6,
              coroutines, count, crowd.failures.load());
}

enum class Question { tag_page, tags, repository_page, repositories, tag, manifest, totals };

Awaitable<bool> ask(Store& store, Question question) {
  switch (question) {
    case Question::tag_page: co_return (co_await store.tags().list(call(), hosted("a"), "v5", 100)).has_value();
    case Question::tags: co_return (co_await store.tags().list(call(), hosted("a"), "", 1'000'000)).has_value();
    case Question::repository_page: co_return (co_await store.repositories().list(call(), "r5", 100)).has_value();
    case Question::repositories: co_return (co_await store.repositories().list(call(), "", 1'000'000)).has_value();
    case Question::tag:
      co_return (co_await store.tags().find(call(), hosted("a"), oci::Tag::parse("v77").value())).has_value();
    case Question::manifest:
      co_return (co_await store.manifests().find(call(), hosted("a"), digest("manifest 77"))).has_value();
    case Question::totals: co_return (co_await store.totals(call())).has_value();
  }
  co_return false;
}

Awaitable<void> time_question(Store& store, Question question, std::vector<double>& times, sys::EventLoops& loops) {
  for (int i = 0; i < kRepetitions; ++i) {
    const SteadyTime start = now();
    const bool is_answered = co_await ask(store, question);
    if (!is_answered) std::printf("failed\n");
    times.push_back(seconds_since(start) * 1e3);
  }
  loops.stop();
}

void measure(const char* name, Store& store, Question question) {
  sys::EventLoops loops(1);
  std::vector<double> times;
  loops.spawn(0, time_question(store, question, times, loops));
  loops.run();
  std::ranges::sort(times);
  std::printf("%-40s %8.3f ms best  %8.3f ms median\n", name, times.front(), times[times.size() / 2]);
}

int run(const std::filesystem::path& path, const Plan& plan) {
  const sys::SystemClock clock;
  {
    auto store = SqliteStore::open(path, clock);
    if (!store) {
      std::printf("%s\n", store.error().message().c_str());
      return 1;
    }
    std::vector<ManifestPut> one_repository;
    std::vector<ManifestPut> many_repositories;
    for (int i = 0; i < plan.puts; ++i) {
      one_repository.push_back(push_of("a", i));
      many_repositories.push_back(push_of("r" + std::to_string(i), i + plan.puts));
    }
    measure_puts("put, one repository", **store, std::move(one_repository), plan.coroutines);
    measure_puts("put, a repository each", **store, std::move(many_repositories), plan.coroutines);
  }
  const SteadyTime start = now();
  auto store = SqliteStore::open(path, clock);
  std::printf("%-40s %8.3f ms\n", "open", seconds_since(start) * 1e3);
  measure("page of 100 tags", **store, Question::tag_page);
  measure("all tags of a repository", **store, Question::tags);
  measure("page of 100 repositories", **store, Question::repository_page);
  measure("all repositories", **store, Question::repositories);
  measure("a tag", **store, Question::tag);
  measure("a manifest", **store, Question::manifest);
  measure("totals", **store, Question::totals);
  return 0;
}

}  // namespace
}  // namespace lifeboat::meta

int main(int count, char** arguments) {
  if (count < 2) {
    std::printf("usage: meta_bench DIRECTORY [PUTS [COROUTINES]]\n");
    return 2;
  }
  lifeboat::meta::Plan plan;
  if (count > 2) plan.puts = std::atoi(arguments[2]);
  if (count > 3) plan.coroutines = std::atoi(arguments[3]);
  return lifeboat::meta::run(std::filesystem::path(arguments[1]) / "lifeboat.db", plan);
}
