// Every row: how the upstream fails, and what comes of a HEAD of the tag, a GET of the manifest and a GET of the blob
// at that one endpoint. What a client gets of it in each case is for the model to say (failure.cc).

#include <utility>

#include "oci/manifest.h"
#include "test/failures/failure.h"
#include "test/failures/names.h"

namespace lifeboat::test {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using Ending = HttpImposter::Ending;
using Registry = FailingRegistry;
using Fault = Registry::Fault;
using Script = Registry::Script;
using SetUp = std::function<void(Scene&)>;
using sys::HttpDeadlines;

/// For the one step that a row lets run out; all others have all the time they need, however busy the machine is.
constexpr Duration kShort = milliseconds(150);
constexpr HttpDeadlines kPatient{.resolve = seconds(20),
                                 .connect = seconds(20),
                                 .tls = seconds(20),
                                 .first_byte = seconds(20),
                                 .stall = seconds(20)};

constexpr const char* kJson = "application/json";
constexpr const char* kHtml = "text/html; charset=utf-8";
/// A manifest, and not the one of the_image().
constexpr const char* kAnother = R"({"schemaVersion":2,"manifests":[]})";
constexpr const char* kPortal = "<!doctype html><html><body>Welcome to the airport. Accept the terms.</body></html>";

std::string errors(const std::string& code) {
  return R"({"errors":[{"code":")" + code + R"(","message":"as the script says"}]})";
}

// ---- who answers ----

template <class Place>
SetUp at(std::string (Place::*url)() const, Duration HttpDeadlines::* impatient = nullptr) {
  return [=](Scene& scene) {
    const auto place = std::make_shared<Place>();
    scene.alive.push_back(place);
    scene.endpoint = {.url = (*place.*url)(), .deadlines = kPatient};
    if (impatient != nullptr) scene.endpoint.deadlines.*impatient = kShort;
  };
}

SetUp named(const char* host) {
  return [=](Scene& scene) {
    scene.endpoint = {.url = std::string("http://") + host, .deadlines = kPatient};
    scene.endpoint.deadlines.resolve = kShort;
  };
}

SetUp scripted(Script script, Duration HttpDeadlines::* impatient = nullptr) {
  return [=](Scene& scene) {
    scene.registry = std::make_shared<Registry>(the_content(), script);
    scene.endpoint.url = scene.registry->url();
    scene.endpoint.deadlines = kPatient;
    if (impatient != nullptr) scene.endpoint.deadlines.*impatient = kShort;
  };
}

SetUp registry(Fault fault) { return scripted({.registry = std::move(fault)}); }
SetUp tokens(Fault fault, Duration HttpDeadlines::* impatient = nullptr) {
  return scripted({.login = Registry::Login::bearer, .tokens = std::move(fault)}, impatient);
}
SetUp storage(Fault fault, Duration HttpDeadlines::* impatient = nullptr) {
  return scripted({.has_storage = true, .storage = std::move(fault)}, impatient);
}

SetUp with_credentials(SetUp set_up, std::string password) {
  return [=, set_up = std::move(set_up)](Scene& scene) {
    set_up(scene);
    scene.endpoint.username = "user";
    scene.endpoint.password = password;
  };
}

/// The token endpoint is somewhere else, where nothing good comes from.
template <class Place>
SetUp tokens_at(std::string (Place::*url)() const, Duration HttpDeadlines::* impatient = nullptr) {
  return [=](Scene& scene) {
    const auto place = std::make_shared<Place>();
    scene.alive.push_back(place);
    scripted({.login = Registry::Login::bearer, .realm = (*place.*url)()}, impatient)(scene);
  };
}

template <class Place>
SetUp storage_at(std::string (Place::*url)() const, Duration HttpDeadlines::* impatient = nullptr) {
  return [=](Scene& scene) {
    const auto place = std::make_shared<Place>();
    scene.alive.push_back(place);
    scripted({.has_storage = true, .storage_url = (*place.*url)()}, impatient)(scene);
  };
}

/// The answer comes when nobody waits for it any more.
void be_slower_than_our_patience(Scene& scene) {
  registry(Registry::behind([gate = scene.gate] { gate->pass(); }))(scene);
  scene.answer_within = milliseconds(300);
  scene.revalidate_within = milliseconds(100);
}

Fault answer_with(int status, std::vector<std::pair<std::string, std::string>> fields, std::string body = "") {
  return Registry::answers({.status = status, .fields = std::move(fields), .body = std::move(body)});
}

// ---- what comes of it ----

Outcome fails(ErrorCode code, Breaker breaker, int asked = 1, std::optional<int> again = {}) {
  return {.failure = code, .breaker = breaker, .asked = asked, .asked_again = again};
}
Failure everywhere(std::string name, SetUp set_up, const Outcome& outcome) {
  return {.name = std::move(name), .set_up = std::move(set_up), .head = outcome, .manifest = outcome, .blob = outcome};
}
Failure only_blobs(std::string name, SetUp set_up, const Outcome& blob) {
  return {.name = std::move(name), .set_up = std::move(set_up), .head = {}, .manifest = {}, .blob = blob};
}
/// The bytes of a blob are what breaks, once they have begun to come.
Outcome breaks_off(int asked = 1) {
  return {.failure = ErrorCode::corrupt, .breaker = Breaker::counts, .asked = asked, .has_begun = true};
}
Outcome is_wrong() {
  return {.failure = ErrorCode::corrupt, .breaker = Breaker::counts, .has_begun = true, .is_wrong = true};
}
/// A realm that fails: the endpoint says once where it is, and is not asked again without a token.
Failure realm(std::string name, SetUp set_up, ErrorCode code, Breaker breaker) {
  return everywhere(std::move(name), std::move(set_up), fails(code, breaker, 2, 1));
}

void add_connections(std::vector<Failure>& table) {
  const auto unreachable = fails(ErrorCode::unavailable, Breaker::opens);
  const auto late = fails(ErrorCode::timed_out, Breaker::opens);
  const auto broken = fails(ErrorCode::unavailable, Breaker::counts);
  table.push_back(everywhere("its name does not exist", named(kUnknownName), unreachable));
  table.push_back(everywhere("the resolver does not answer", named(kHangingName), late));
  table.push_back(everywhere("it refuses connections", at(&RefusingPort::url), unreachable));
  table.push_back(everywhere("it is powered off", at(&DeadAddress::url, &HttpDeadlines::connect), late));
  table.push_back(everywhere("it speaks no TLS", at(&Babbler::tls_url), unreachable));
  table.push_back(everywhere("its TLS never answers", at(&BlackHole::tls_url, &HttpDeadlines::tls), late));
  table.push_back(everywhere("it accepts and never answers", at(&BlackHole::url, &HttpDeadlines::first_byte), late));
  table.push_back(everywhere("it hangs up without an answer", registry(Registry::silent(Ending::close)), broken));
  table.push_back(everywhere("it resets the connection", registry(Registry::silent(Ending::reset)), broken));
  table.push_back(everywhere("it speaks no HTTP",
                             registry(Registry::answers({.raw = "220 mail ready\r\n", .ending = Ending::close})),
                             broken));
  table.push_back(everywhere("it is slower than our patience", be_slower_than_our_patience,
                             {.failure = ErrorCode::timed_out, .is_pending = true}));
}

void add_statuses(std::vector<Failure>& table) {
  const auto row = [&](std::string name, Fault fault, ErrorCode code, Breaker breaker) {
    table.push_back(everywhere(std::move(name), registry(std::move(fault)), fails(code, breaker)));
  };
  using enum ErrorCode;
  row("401 without a challenge", Registry::answers(401), unauthorized, Breaker::untouched);
  row("403 from the registry", Registry::answers(403, kJson, errors("DENIED")), denied, Breaker::untouched);
  row("403 from a firewall, in HTML", Registry::answers(403, kHtml, kPortal), unavailable, Breaker::counts);
  row("402", Registry::answers(402, kJson), denied, Breaker::untouched);
  row("451", Registry::answers(451, kJson), denied, Breaker::untouched);
  row("404 from the registry", Registry::answers(404, kJson, errors("MANIFEST_UNKNOWN")), not_found,
      Breaker::untouched);
  row("410 from the registry", Registry::answers(410, kJson, errors("MANIFEST_UNKNOWN")), not_found,
      Breaker::untouched);
  row("407 from a proxy", Registry::answers(407), unavailable, Breaker::counts);
  row("408", Registry::answers(408), too_many, Breaker::pauses);
  row("429", Registry::answers(429), too_many, Breaker::pauses);
  row("429 with Retry-After",
      answer_with(429, {{"Retry-After", "30"}, {"Content-Type", kJson}}, errors("TOOMANYREQUESTS")), too_many,
      Breaker::pauses);
  row("429 with ratelimit-*",
      answer_with(429, {{"ratelimit-limit", "100;w=21600"}, {"ratelimit-remaining", "0;w=21600"}}), too_many,
      Breaker::pauses);
  for (const int status : {500, 502, 503, 504}) {
    row(std::to_string(status), Registry::answers(status, kHtml, kPortal), unavailable, Breaker::counts);
  }
  row("503 with Retry-After", answer_with(503, {{"Retry-After", "30"}}), unavailable, Breaker::counts);
  row("a status of nonsense", Registry::answers(999), unavailable, Breaker::counts);
  table.push_back({.name = "a captive portal's HTML 200",
                   .set_up = registry(Registry::answers(200, kHtml, kPortal)),
                   .head = fails(corrupt, Breaker::counts),
                   .manifest = fails(corrupt, Breaker::counts),
                   .blob = is_wrong()});
  row("204", Registry::answers(204), corrupt, Breaker::counts);
}

void add_bodies(std::vector<Failure>& table) {
  const auto row = [&](std::string name, Fault fault, const Outcome& manifest, const Outcome& blob,
                       Duration HttpDeadlines::* impatient = nullptr) {
    table.push_back({.name = std::move(name),
                     .set_up = scripted({.registry = std::move(fault)}, impatient),
                     .head = {},
                     .manifest = manifest,
                     .blob = blob});
  };
  const auto corrupt = fails(ErrorCode::corrupt, Breaker::counts);
  const auto again_for_the_rest = breaks_off(2);
  row("a body is cut", Registry::half(Ending::close), corrupt, again_for_the_rest);
  row("a body is cut by a reset", Registry::half(Ending::reset), fails(ErrorCode::unavailable, Breaker::counts),
      again_for_the_rest);
  row("a body stalls", Registry::half(Ending::hang), fails(ErrorCode::timed_out, Breaker::counts), again_for_the_rest,
      &HttpDeadlines::stall);
  row("a chunked body is cut", Registry::cut_in_chunks(), corrupt, is_wrong());
  row("a body is short and announced so", Registry::half_as_whole(true), corrupt, is_wrong());
  row("a body is short and not announced", Registry::half_as_whole(false), corrupt, is_wrong());
  row("a body is long", Registry::more_than_all(), corrupt, is_wrong());
  row("the bytes are wrong", Registry::wrong_byte(), corrupt, is_wrong());
}

void add_redirects(std::vector<Failure>& table) {
  const auto broken = fails(ErrorCode::unavailable, Breaker::counts);
  table.push_back(only_blobs("a redirect to a storage host that refuses", storage_at(&RefusingPort::url), broken));
  table.push_back(only_blobs("a redirect to a storage host that is powered off",
                             storage_at(&DeadAddress::url, &HttpDeadlines::connect),
                             fails(ErrorCode::timed_out, Breaker::counts)));
  table.push_back(only_blobs("a redirect to a storage host that never answers",
                             storage_at(&BlackHole::url, &HttpDeadlines::first_byte),
                             fails(ErrorCode::timed_out, Breaker::counts)));
  const char* xml = "<?xml version=\"1.0\"?><Error><Code>AccessDenied</Code></Error>";
  table.push_back(only_blobs("a redirect whose signature has expired",
                             storage(Registry::answers(403, "application/xml", xml)), broken));
  table.push_back(only_blobs("a redirect to what the storage host does not have",
                             storage(Registry::answers(404, "application/xml", xml)), broken));
  table.push_back(only_blobs("a redirect to a storage host that answers 503",
                             storage(Registry::answers(503, "application/xml", xml)), broken));
  table.push_back(
      only_blobs("a redirect to a storage host that cuts", storage(Registry::half(Ending::close)), breaks_off(2)));
  table.push_back(only_blobs("a redirect in a circle",
                             registry(Registry::where("/blobs/", answer_with(307, {{"Location", "/blobs/again"}}))),
                             broken));
  table.push_back({.name = "a redirect to a portal's login page",
                   .set_up =
                       [](Scene& scene) {
                         const auto portal = std::make_shared<HttpImposter>([](const HttpImposter::Request&) {
                           return HttpImposter::Answer{.fields = {{"Content-Type", kHtml}}, .body = kPortal};
                         });
                         scene.alive.push_back(portal);
                         registry(answer_with(302, {{"Location", portal->url() + "/login"}}))(scene);
                       },
                   .head = fails(ErrorCode::corrupt, Breaker::counts),
                   .manifest = fails(ErrorCode::corrupt, Breaker::counts),
                   .blob = is_wrong()});
}

void add_credentials(std::vector<Failure>& table) {
  const auto refused = [](int asked, int again) {
    return fails(ErrorCode::unauthorized, Breaker::untouched, asked, again);
  };
  table.push_back(everywhere("401 Basic, and no credentials are configured",
                             scripted({.login = Registry::Login::basic}), refused(1, 1)));
  table.push_back(everywhere("401 Basic, and the credentials are refused",
                             with_credentials(scripted({.login = Registry::Login::basic}), "rotated"), refused(2, 1)));
  table.push_back(everywhere("401 Bearer with a realm that is not trusted",
                             scripted({.login = Registry::Login::bearer, .realm = "http://tokens.elsewhere.example"}),
                             refused(1, 1)));
  const auto challenge = [](Scene& scene, const std::string& more) {
    scripted({.login = Registry::Login::bearer})(scene);
    const auto inner = scene.registry;
    const auto outer = std::make_shared<HttpImposter>([=](const HttpImposter::Request& request) {
      if (request.target.starts_with("/token")) {
        return HttpImposter::Answer{.fields = {{"Content-Type", kJson}}, .body = R"({"token":"useless"})"};
      }
      HttpImposter::Answer answer{.status = 401};
      answer.fields.emplace_back(
          "WWW-Authenticate",
          "Bearer realm=\"http://" + std::string(request.fields.find("Host").value_or("")) + "/token\"" + more);
      return answer;
    });
    scene.alive.push_back(outer);
    scene.endpoint.url = outer->url();
  };
  table.push_back(everywhere("401 Bearer to every token", [=](Scene& scene) { challenge(scene, ""); }, refused(5, 5)));
  table.push_back(everywhere(
      "401 Bearer: the token does not suffice",
      [=](Scene& scene) { challenge(scene, ",error=\"insufficient_scope\""); },
      fails(ErrorCode::denied, Breaker::untouched, 3, 2)));
}

/// The HEAD names a manifest that is not held; what comes when that is asked for is the fault.
void add_moved_tags(std::vector<Failure>& table) {
  const auto row = [&](std::string name, const Fault& fault, ErrorCode code, Breaker breaker = Breaker::untouched) {
    const std::string there = "sha256:" + std::string(64, 'a');
    const auto moved = [=](const HttpImposter::Request& request, Registry::Answer right) {
      if (request.target.ends_with(there)) {
        return fault(request, {.fields = {{"Content-Type", std::string(oci::kOciManifest)}}, .body = kAnother});
      }
      const bool is_tag = request.method == "HEAD" && request.target.ends_with(std::string("/") + kTag);
      if (is_tag) right.fields.back() = {"Docker-Content-Digest", there};
      return right;
    };
    table.push_back({.name = std::move(name),
                     .set_up = registry(moved),
                     .head = fails(code, breaker, 2),
                     .manifest = {},
                     .blob = {}});
  };
  row("the tag moved to what the registry does not have", Registry::answers(404, kJson, errors("MANIFEST_UNKNOWN")),
      ErrorCode::unavailable);
  row("the tag moved to wrong bytes", Registry::wrong_byte(), ErrorCode::corrupt, Breaker::counts);
  row("the tag moved to a manifest that is cut", Registry::half(Ending::close), ErrorCode::corrupt);
  row("the tag moved to a manifest that answers 500", Registry::answers(500), ErrorCode::unavailable);
}

void add_realms(std::vector<Failure>& table) {
  using enum ErrorCode;
  table.push_back(
      realm("the token endpoint refuses connections", tokens_at(&RefusingPort::url), unavailable, Breaker::opens));
  table.push_back(realm("the token endpoint accepts and never answers",
                        tokens_at(&BlackHole::url, &HttpDeadlines::first_byte), timed_out, Breaker::opens));
  table.push_back(
      realm("the token endpoint hangs up", tokens(Registry::silent(Ending::close)), unavailable, Breaker::counts));
  table.push_back(
      realm("the token endpoint cuts its answer", tokens(Registry::half(Ending::close)), corrupt, Breaker::counts));
  table.push_back(realm("the token endpoint stalls", tokens(Registry::half(Ending::hang), &HttpDeadlines::stall),
                        timed_out, Breaker::counts));
  table.push_back(realm("the token endpoint is a portal's HTML 200", tokens(Registry::answers(200, kHtml, kPortal)),
                        corrupt, Breaker::counts));
  table.push_back(realm("the token endpoint redirects", tokens(answer_with(302, {{"Location", "/elsewhere"}})),
                        unavailable, Breaker::counts));
  table.push_back(
      realm("the token endpoint answers 401", tokens(Registry::answers(401, kJson)), unauthorized, Breaker::untouched));
  table.push_back(
      realm("the token endpoint answers 403", tokens(Registry::answers(403, kJson)), denied, Breaker::untouched));
  table.push_back(
      realm("the token endpoint answers 404", tokens(Registry::answers(404, kJson)), unauthorized, Breaker::untouched));
  table.push_back(realm("the token endpoint answers 429", tokens(answer_with(429, {{"Retry-After", "30"}})), too_many,
                        Breaker::pauses));
  table.push_back(
      realm("the token endpoint answers 500", tokens(Registry::answers(500)), unavailable, Breaker::counts));
  table.push_back(
      realm("the token endpoint answers 503", tokens(Registry::answers(503)), unavailable, Breaker::counts));
  table.push_back(realm("the token endpoint lies: 200 without a token", tokens(Registry::answers(200, kJson, "{}")),
                        corrupt, Breaker::counts));
  table.push_back(realm("the token endpoint's 200 is no JSON", tokens(Registry::answers(200, "text/plain", "ok")),
                        corrupt, Breaker::counts));
}

void add_what_needs_a_second_question(std::vector<Failure>& table) {
  // A HEAD has no body in which a registry could show itself.
  const auto unclear = [](std::string name, Fault fault) {
    const auto broken = fails(ErrorCode::unavailable, Breaker::counts);
    return Failure{.name = std::move(name),
                   .set_up = registry(std::move(fault)),
                   .head = fails(ErrorCode::unavailable, Breaker::counts, 2),
                   .manifest = broken,
                   .blob = broken};
  };
  table.push_back(
      unclear("404 without a sign of a registry", Registry::answers(404, "text/plain", "404 page not found")));
  table.push_back(unclear("404 from a proxy, in HTML", Registry::answers(404, kHtml, kPortal)));
}

/// What it dislikes about a question is no word for a client.
void add_what_the_upstream_dislikes(std::vector<Failure>& table) {
  for (const int status : {405, 415, 501}) {
    table.push_back({.name = std::to_string(status),
                     .set_up = registry(Registry::answers(status)),
                     .head = fails(ErrorCode::unsupported, Breaker::untouched, 2),
                     .manifest = fails(ErrorCode::unsupported, Breaker::untouched),
                     .blob = fails(ErrorCode::unsupported, Breaker::untouched)});
  }
  for (const int status : {400, 409, 418, 421, 425, 431}) {
    table.push_back(everywhere(std::to_string(status), registry(Registry::answers(status)),
                               fails(ErrorCode::invalid, Breaker::untouched)));
  }
}

}  // namespace

const std::vector<Failure>& failures() {
  static const std::vector<Failure> all = [] {
    std::vector<Failure> table;
    table.push_back(everywhere("nothing fails", registry({}), {}));
    table.push_back(everywhere("nothing fails behind a token endpoint", tokens({}), {.asked = 3}));
    add_connections(table);
    add_statuses(table);
    add_what_needs_a_second_question(table);
    add_redirects(table);
    add_bodies(table);
    add_moved_tags(table);
    add_credentials(table);
    add_realms(table);
    add_what_the_upstream_dislikes(table);
    return table;
  }();
  return all;
}

}  // namespace lifeboat::test
