#include "test/sim/sim_server.h"

#include <algorithm>
#include <charconv>

namespace lifeboat::sim {
namespace {

constexpr std::string_view kBasic = "Basic cm9ib3Q6c2VjcmV0";  // robot:secret
constexpr Duration kTokenLifetime{30'000};
constexpr std::string_view kHtml = "<!DOCTYPE html><html><body>Please log in.</body></html>";

SimAnswer answer_of(int status, std::string_view type, std::string body) {
  SimAnswer answer{.status = status, .fields = {}, .body = {}};
  answer.fields.add("Content-Type", type);
  answer.body.announced = body.size();
  answer.body.bytes = std::move(body);
  return answer;
}

SimAnswer error_of(int status, std::string_view code) {
  SimAnswer answer =
      answer_of(status, "application/json", R"({"errors":[{"code":")" + std::string(code) + R"(","message":"no"}]})");
  answer.fields.add("Docker-Distribution-Api-Version", "registry/2.0");
  return answer;
}

SimAnswer limited(const SimEndpoint& endpoint) {
  SimAnswer answer = error_of(429, "TOOMANYREQUESTS");
  answer.fields.add("Retry-After",
                    std::to_string(std::chrono::duration_cast<std::chrono::seconds>(endpoint.retry_after).count()));
  return answer;
}

SimAnswer challenge_of(const Asked& asked) {
  SimAnswer answer = error_of(401, "UNAUTHORIZED");
  if (asked.endpoint->login == SimEndpoint::Login::basic) {
    answer.fields.add("WWW-Authenticate", "Basic realm=\"registry\"");
  } else {
    std::string challenge = "Bearer realm=\"https://auth." + asked.host->name + "/" + asked.endpoint->name +
                            "/token\",service=\"" + asked.endpoint->name + "\"";
    if (!asked.repository.empty()) challenge += ",scope=\"repository:" + asked.repository + ":pull\"";
    answer.fields.add("WWW-Authenticate", challenge);
  }
  return answer;
}

std::string token_text(const std::string& endpoint, Duration expires) {
  return "t:" + endpoint + ":" + std::to_string(expires.count());
}

bool is_let_in(const Asked& asked, const sys::HttpFields& fields, Duration now) {
  const std::string given(fields.find("Authorization").value_or(""));
  switch (asked.endpoint->login) {
    case SimEndpoint::Login::none: return true;
    case SimEndpoint::Login::basic: return given == kBasic;
    case SimEndpoint::Login::bearer: break;
  }
  const std::string prefix = "Bearer t:" + asked.endpoint->name + ":";
  if (!given.starts_with(prefix)) return false;
  int64_t expires = 0;
  std::from_chars(given.data() + prefix.size(), given.data() + given.size(), expires);
  return now.count() < expires;
}

/// What is in order but for its body.
void spoil(SimAnswer& answer, Fault fault) {
  SimBody& body = answer.body;
  const uint64_t middle = body.bytes.size() / 2;
  switch (fault) {
    case Fault::cuts_body:
      body.ends_after = middle;
      body.ending = SimBody::Ending::cut;
      break;
    case Fault::stalls_body:
      body.ends_after = middle;
      body.ending = SimBody::Ending::stalls;
      break;
    case Fault::short_body:
      body.bytes.resize(middle);
      body.announced = middle;
      break;
    case Fault::long_body:
      if (body.announced) *body.announced += 10;
      break;
    case Fault::wrong_bytes: {
      if (body.bytes.empty()) break;
      // In a document a digit of what it names, so that it still reads well.
      const std::size_t named = body.bytes.find("sha256:");
      const std::size_t at = named == std::string::npos ? middle : named + 10;
      body.bytes[at] = body.bytes[at] == '0' ? '1' : '0';
      break;
    }
    default: break;
  }
}

/// What it says without a look at the question; nothing: it does its work.
std::optional<SimAnswer> refusal_of(const SimEndpoint& endpoint, Fault fault) {
  switch (fault) {
    case Fault::error_500: return error_of(500, "UNKNOWN");
    case Fault::error_502_html: return answer_of(502, "text/html", std::string(kHtml));
    case Fault::error_503: return answer_of(503, "text/plain", "overloaded");
    case Fault::portal_200: return answer_of(200, "text/html", std::string(kHtml));
    case Fault::portal_404: return answer_of(404, "text/html", std::string(kHtml));
    case Fault::refuses_401: return error_of(401, "UNAUTHORIZED");
    case Fault::refuses_403: return error_of(403, "DENIED");
    case Fault::limits_429: return limited(endpoint);
    default: return std::nullopt;
  }
}

SimAnswer not_found(const Asked& asked, std::string_view code, NetworkWatch& watch) {
  watch.note_not_found(asked);
  return error_of(404, code);
}

SimAnswer manifest_answer(const Asked& asked, const SimRepository& repository, Fault fault, NetworkWatch& watch,
                          Duration now) {
  std::string digest = asked.reference;
  if (const SimTag* tag = repository.find_tag(asked.reference)) {
    const auto version = tag->version_at(now);
    if (!version) return not_found(asked, "MANIFEST_UNKNOWN", watch);
    digest = tag->versions.at(*version).digest;
  }
  const auto found = repository.manifests.find(digest);
  if (found == repository.manifests.end() || asked.endpoint->lacks.contains(digest)) {
    return not_found(asked, "MANIFEST_UNKNOWN", watch);
  }
  SimAnswer answer = answer_of(200, found->second.media_type, found->second.bytes);
  const bool is_head = asked.method == "HEAD";
  if (is_head && fault == Fault::wrong_digest) digest = "sha256:" + std::string(64, 'e');
  if (!is_head || asked.endpoint->tells_digest_in_head) answer.fields.add("Docker-Content-Digest", digest);
  return answer;
}

SimAnswer blob_answer(const Asked& asked, const SimRepository& repository, NetworkWatch& watch) {
  const auto found = repository.blobs.find(asked.reference);
  if (found == repository.blobs.end() || asked.endpoint->lacks.contains(asked.reference)) {
    return not_found(asked, "BLOB_UNKNOWN", watch);
  }
  if (asked.endpoint->has_storage) {
    SimAnswer answer{.status = 307, .fields = {}, .body = {}};
    answer.is_sent_on = true;
    return answer;
  }
  return storage_answer(asked, Fault::none);
}

}  // namespace

SimAnswer registry_answer(const Asked& asked, const sys::HttpFields& fields, Fault fault, NetworkWatch& watch,
                          Duration now) {
  if (auto refusal = refusal_of(*asked.endpoint, fault)) {
    // Who refuses credentials says how he wants them.
    if (fault == Fault::refuses_401 && asked.endpoint->login != SimEndpoint::Login::none) return challenge_of(asked);
    return std::move(*refusal);
  }
  if (!is_let_in(asked, fields, now)) return challenge_of(asked);
  SimAnswer answer = answer_of(200, "application/json", "{}");
  const SimRepository* repository = asked.host->find_repository(asked.repository);
  if (asked.kind.empty()) return answer;
  if (repository == nullptr) return not_found(asked, "NAME_UNKNOWN", watch);
  if (asked.kind == "manifests") {
    answer = manifest_answer(asked, *repository, fault, watch, now);
  } else if (asked.kind == "blobs") {
    answer = blob_answer(asked, *repository, watch);
  } else {
    return error_of(404, "UNSUPPORTED");
  }
  if (answer.status == 200 || answer.status == 206) spoil(answer, fault);
  return answer;
}

SimAnswer storage_answer(const Asked& asked, Fault fault) {
  if (auto refusal = refusal_of(*asked.endpoint, fault)) return std::move(*refusal);
  const std::string& content = asked.host->find_repository(asked.repository)->blobs.at(asked.reference);
  SimAnswer answer = answer_of(200, "application/octet-stream", content);
  if (asked.from > 0 && asked.from < content.size() && asked.endpoint->knows_ranges) {
    answer = answer_of(206, "application/octet-stream", content.substr(asked.from));
    answer.fields.add("Content-Range", "bytes " + std::to_string(asked.from) + "-" +
                                           std::to_string(content.size() - 1) + "/" + std::to_string(content.size()));
  }
  spoil(answer, fault);
  if (!asked.endpoint->announces_length) answer.body.announced.reset();
  return answer;
}

SimAnswer realm_answer(const Asked& asked, const std::string& url, const sys::HttpFields& fields, Fault fault,
                       Duration now) {
  if (fault == Fault::garbage_token) return answer_of(200, "application/json", R"({"token":17})");
  if (auto refusal = refusal_of(*asked.endpoint, fault)) return std::move(*refusal);
  if (fields.find("Authorization").value_or("") != kBasic || !url.contains("service=" + asked.endpoint->name)) {
    return error_of(401, "UNAUTHORIZED");
  }
  return answer_of(200, "application/json",
                   R"({"token":")" + token_text(asked.endpoint->name, now + kTokenLifetime) + R"(","expires_in":)" +
                       std::to_string(kTokenLifetime.count() / 1000) + "}");
}

}  // namespace lifeboat::sim
