#include "test/sim/clients.h"

#include <utility>

namespace lifeboat::sim {
namespace {

using std::chrono::seconds;

constexpr SimReader kTakesAll;
constexpr int kTriesMax = 3;
constexpr int kTriesOfAuditor = 60;  ///< a large layer may take a slow upstream a minute
/// Who looks whether all is well, and does not leave.
constexpr std::string_view kAuditor = "auditor";
constexpr std::string_view kNowhere = "sha256:0000000000000000000000000000000000000000000000000000000000000000";

Question of_blob(const Question& manifest, const std::string& digest) {
  Question question = manifest;
  question.kind = Question::Kind::blob;
  question.reference = digest;
  return question;
}

}  // namespace

/// Counts one client for as long as its coroutine lives.
struct Clients::Visit {
  explicit Visit(Clients& all) : clients(all) { ++clients.running_; }
  Visit(const Visit&) = delete;
  Visit& operator=(const Visit&) = delete;
  ~Visit() {
    --clients.running_;
    clients.left_.notify_all();
  }
  Clients& clients;
};

Clients::Clients(const SimWorld& world, House& house, Promises& promises, Report& report, Random random)
    : world_(world), house_(house), promises_(promises), report_(report), random_(random) {}

void Clients::start(Duration until) {
  const std::size_t count = random_.between(3, 8);
  for (std::size_t i = 0; i < count; ++i) {
    house_.loops().spawn(0, live("client-" + std::to_string(i), until, random_.fork()));
  }
  const Duration now = report_.now();
  for (uint64_t crowds = random_.between(1, 3); crowds > 0 && now < until; --crowds) {
    house_.loops().spawn(0, crowd(random_.between(now, until), random_.between(5, 20), random_.fork()));
  }
}

Awaitable<void> Clients::wait_until_all_left() {
  for (;;) {
    const uint64_t seen = left_.version();
    if (running_ == 0) co_return;
    co_await left_.wait(seen, SteadyTime::max());
  }
}

Awaitable<void> Clients::live(std::string name, Duration until, Random random) {
  const Visit visit(*this);
  for (;;) {
    co_await clock_.sleep_until(clock_.now() + random.between(Duration(0), Duration(6'000)));
    if (report_.now() >= until) co_return;
    co_await do_something(name, random);
  }
}

/// Many at the same moment for the same thing.
Awaitable<void> Clients::crowd(Duration at, std::size_t count, Random random) {
  const Visit visit(*this);
  co_await clock_.sleep_until(clock_.now() + (at - report_.now()));
  const Question question = draw_question(random);
  for (std::size_t i = 0; i < count; ++i) {
    house_.loops().spawn(0, pull_once("crowd-" + std::to_string(i), *question.host, *question.repository,
                                      question.reference, random.fork()));
  }
}

Awaitable<void> Clients::pull_once(std::string name, const SimHost& host, const SimRepository& repository,
                                   std::string tag, Random random) {
  const Visit visit(*this);
  Question question{.host = &host, .repository = &repository, .reference = std::move(tag)};
  (void)co_await pull(std::move(name), question, random);
}

Question Clients::draw_question(Random& random) const {
  const SimHost& host = random.pick(world_.hosts);
  const SimRepository& repository = random.pick(host.repositories);
  return {.host = &host, .repository = &repository, .reference = random.pick(repository.tags).name};
}

Awaitable<void> Clients::do_something(const std::string& name, Random& random) {
  Question question = draw_question(random);
  const uint64_t what = random.between(0, 99);
  if (what < 10) {
    question.reference = random.has_chance(50) ? "nowhere" : std::string(kNowhere);
    if (question.reference == kNowhere && random.has_chance(50)) question.kind = Question::Kind::blob;
    question.is_head = random.has_chance(50);
    (void)co_await ask(name, question, kTakesAll, true);
    co_return;
  }
  const auto& owed = promises_.manifests_owed(*question.host, *question.repository);
  if (what < 30 && !owed.empty()) {
    auto one = owed.begin();
    std::advance(one, random.between(0, owed.size() - 1));
    question.reference = *one;
  }
  (void)co_await pull(name, question, random);
}

Awaitable<bool> Clients::pull(std::string name, Question question, Random& random) {
  const bool begins_with_head = random.has_chance(30);
  if (begins_with_head) {
    question.is_head = true;
    (void)co_await ask(name, question, kTakesAll, random.has_chance(50));
    question.is_head = false;
  }
  const SimReply reply = co_await ask(name, question, kTakesAll, random.has_chance(50));
  if (reply.status != 200) co_return false;
  co_return co_await pull_manifest(name, question, reply.field("Docker-Content-Digest"), random);
}

/// Everything that a manifest names, of an index for one platform.
Awaitable<bool> Clients::pull_manifest(std::string name, Question question, std::string digest, Random& random) {
  const auto found = question.repository->manifests.find(digest);
  if (found == question.repository->manifests.end()) co_return false;
  const Document* document = &found->second;
  if (!document->children.empty()) {
    question.reference = random.pick(document->children);
    const SimReply child = co_await ask(name, question, kTakesAll, true);
    if (child.status != 200) co_return false;
    document = &question.repository->manifests.at(question.reference);
  }
  bool is_whole = true;
  for (const std::string& blob : document->blobs) {
    const bool has_come = co_await pull_blob(name, of_blob(question, blob), random);
    is_whole = is_whole && has_come;
  }
  co_return is_whole;
}

Awaitable<bool> Clients::pull_blob(std::string name, Question question, Random& random) {
  const bool asks_first = random.has_chance(15);
  if (asks_first) {
    question.is_head = true;
    (void)co_await ask(name, question, kTakesAll, false);
    question.is_head = false;
  }
  const bool is_auditor = name == kAuditor;
  SimReader reader;
  if (random.has_chance(10)) reader.rate_bytes = random.between(20'000, 2'000'000);
  if (!is_auditor && random.has_chance(5)) reader.leaves_after = random.between(0, 200'000);
  const uint64_t size = question.repository->blobs.at(question.reference).size();
  if (!is_auditor && size > 0 && random.has_chance(5)) question.from = random.between(0, size - 1);
  for (int tries = is_auditor ? kTriesOfAuditor : kTriesMax; tries > 0; --tries) {
    const SimReply reply = co_await ask(name, question, reader, random.has_chance(50));
    if (reader.leaves_after) co_return false;
    const bool is_given = reply.status == 200 || reply.status == 206;
    if (is_given && reply.is_complete) co_return true;
    if (reply.status == 404) co_return false;
    // As containerd: what came is kept, and the rest is asked for.
    const uint64_t have = question.from + (is_given ? reply.body.size() : 0);
    question.from = random.has_chance(50) && have < size ? have : 0;
    co_await clock_.sleep_until(clock_.now() + random.between(seconds(1), seconds(4)));
  }
  co_return false;
}

Awaitable<SimReply> Clients::ask(std::string name, Question question, SimReader reader, bool is_by_path) {
  const std::string thing = (question.kind == Question::Kind::blob ? "/blobs/" : "/manifests/") + question.reference;
  sys::HttpRequest request;
  request.method = question.is_head ? sys::HttpMethod::head : sys::HttpMethod::get;
  request.method_text = question.is_head ? "HEAD" : "GET";
  request.target = is_by_path ? "/v2/" + question.host->name + "/" + question.repository->name + thing
                              : "/v2/" + question.repository->name + thing + "?ns=" + question.host->name;
  request.peer = "192.0.2.1";
  if (question.from > 0) request.fields.add("Range", "bytes=" + std::to_string(question.from) + "-");
  const Promises::Before before = promises_.before(question, house_);
  // As the server does: first what is prepared, then the long way.
  sys::PreparedHit hit;
  if (question.from == 0) hit = house_.handler().prepared(0, {question.is_head, request.target, ""});
  SimExchange exchange(std::move(request), name, reader);
  if (hit.answer) {
    co_await exchange.respond_prepared(std::move(hit));
  } else {
    co_await house_.handler().handle(exchange);
  }
  promises_.compare(question, before, exchange.reply(), house_);
  co_return exchange.reply();
}

Awaitable<void> Clients::ask_for_all_that_is_owed() {
  for (const SimHost& host : world_.hosts) {
    for (const SimRepository& repository : host.repositories) {
      std::vector<Question> questions;
      for (const std::string& digest : promises_.manifests_owed(host, repository)) {
        questions.push_back({.host = &host, .repository = &repository, .reference = digest});
      }
      for (const std::string& digest : promises_.blobs_owed(host, repository)) {
        questions.push_back(
            {.host = &host, .repository = &repository, .kind = Question::Kind::blob, .reference = digest});
      }
      for (const SimTag& tag : repository.tags) {
        if (!promises_.is_tag_owed(host, repository, tag.name)) continue;
        questions.push_back({.host = &host, .repository = &repository, .reference = tag.name});
      }
      for (Question& question : questions) {
        question.is_head = true;
        const SimReply head = co_await ask(std::string(kAuditor), question, kTakesAll, true);
        question.is_head = false;
        const Duration asked = report_.now();
        const SimReply whole = co_await ask(std::string(kAuditor), question, kTakesAll, false);
        const bool agree = head.status == whole.status && head.length == whole.length &&
                           head.field("Docker-Content-Digest") == whole.field("Docker-Content-Digest");
        // What the upstream says of a tag between the two may be news; a tag that was dropped is answered by errors.
        const bool is_comparable = report_.now() == asked && head.status == 200;
        if (!agree && (is_comparable || !question.is_tag())) {
          report_.fault(question.to_string() + ": HEAD and GET of what is held do not agree");
        }
      }
    }
  }
}

Awaitable<void> Clients::ask_for_fresh_tags() {
  for (const SimHost& host : world_.hosts) {
    for (const SimRepository& repository : host.repositories) {
      for (const SimTag& tag : repository.tags) co_await ask_for_fresh_tag(host, repository, tag);
    }
  }
}

Awaitable<void> Clients::ask_for_fresh_tag(const SimHost& host, const SimRepository& repository, const SimTag& tag) {
  Question question{.host = &host, .repository = &repository, .reference = tag.name};
  const auto version = tag.version_at(report_.now());
  SimReply reply = co_await ask(std::string(kAuditor), question, kTakesAll, true);
  if (version && (reply.status != 200 || reply.fields.find("Warning"))) {
    co_await clock_.sleep_until(clock_.now() + seconds(3));
    reply = co_await ask(std::string(kAuditor), question, kTakesAll, true);
  }
  if (!version) {
    const bool is_gone = reply.status == 404 || reply.field("X-Lifeboat-Stale").starts_with("gone");
    if (!is_gone) report_.fault(question.to_string() + ": it is gone upstream, all are well, and nothing says so");
    co_return;
  }
  const bool is_fresh = reply.status == 200 && !reply.fields.find("Warning") &&
                        reply.field("Docker-Content-Digest") == tag.versions.at(*version).digest;
  if (!is_fresh) {
    report_.fault(question.to_string() + ": all endpoints are well for long, and the tag is not fresh (got " +
                  std::to_string(reply.status) + " " + reply.field("X-Lifeboat-Stale") + ")");
    co_return;
  }
  Random random = random_.fork();
  const bool is_whole =
      co_await pull_manifest(std::string(kAuditor), question, tag.versions.at(*version).digest, random);
  if (!is_whole) report_.fault(question.to_string() + ": all endpoints are well for long, and it cannot be pulled");
}

}  // namespace lifeboat::sim
