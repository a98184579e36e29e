#include "test/support/failing_registry.h"

#include <utility>

#include "base/bytes.h"
#include "oci/digest.h"
#include "oci/manifest.h"
#include "oci/media_type.h"

namespace lifeboat::test {
namespace {

using Ending = HttpImposter::Ending;

std::string digest_text(std::string_view bytes) {
  return oci::Digest::of(HashAlgorithm::sha256, as_bytes(bytes)).to_string();
}

bool is_continuation(const HttpImposter::Request& request) { return request.fields.find("Range").has_value(); }

}  // namespace

FailingRegistry::Content FailingRegistry::content_of(const std::string& manifest, const std::string& tag,
                                                     const std::vector<std::string>& blobs) {
  Content content{{"manifests/" + tag, manifest}, {"manifests/" + digest_text(manifest), manifest}};
  for (const std::string& blob : blobs) content["blobs/" + digest_text(blob)] = blob;
  return content;
}

FailingRegistry::FailingRegistry(Content content, Script script)
    : content_(std::move(content)),
      script_(std::move(script)),
      tokens_(std::make_unique<HttpImposter>([this](const Request& request) { return at_tokens(request); })),
      storage_(std::make_unique<HttpImposter>([this](const Request& request) { return at_storage(request); })),
      registry_(std::make_unique<HttpImposter>([this](const Request& request) { return at_registry(request); })) {}
FailingRegistry::~FailingRegistry() = default;

std::string FailingRegistry::url() const { return registry_->url(); }

FailingRegistry::Answer FailingRegistry::challenge() const {
  Answer answer{.status = 401,
                .fields = {{"Content-Type", "application/json"}},
                .body = R"({"errors":[{"code":"UNAUTHORIZED","message":"log in"}]})"};
  const std::string realm = script_.realm.empty() ? tokens_->url() : script_.realm;
  answer.fields.emplace_back("WWW-Authenticate", script_.login == Login::basic
                                                     ? R"(Basic realm="registry")"
                                                     : "Bearer realm=\"" + realm + "/token\",service=\"registry\"");
  return answer;
}

FailingRegistry::Answer FailingRegistry::content_at(const Request& request) const {
  for (const auto& [path, bytes] : content_) {
    if (!request.target.ends_with("/" + path)) continue;
    const bool is_manifest = path.starts_with("manifests/");
    Answer answer{.fields = {{"Content-Type", std::string(is_manifest ? oci::kOciManifest : oci::kOctetStream)},
                             {"Docker-Content-Digest", digest_text(bytes)}},
                  .body = bytes};
    if (const auto range = request.fields.find("Range")) {  // "bytes=<from>-", which is all we ask
      const std::size_t from = std::stoul(std::string(range->substr(range->find('=') + 1)));
      answer.status = 206;
      answer.body = bytes.substr(from);
      answer.fields.emplace_back("Content-Range", "bytes " + std::to_string(from) + "-" +
                                                      std::to_string(bytes.size() - 1) + "/" +
                                                      std::to_string(bytes.size()));
    }
    return answer;
  }
  return {.status = 404,
          .fields = {{"Content-Type", "application/json"}},
          .body = R"({"errors":[{"code":"MANIFEST_UNKNOWN","message":"unknown"}]})"};
}

FailingRegistry::Answer FailingRegistry::at_registry(const Request& request) const {
  const std::string authorization = request.fields.joined("Authorization");
  const bool is_let_in =
      script_.login == Login::none || authorization == "Bearer good" || authorization == "Basic dXNlcjpyaWdodA==";
  Answer answer = is_let_in ? content_at(request) : challenge();
  if (is_let_in && script_.has_storage && request.target.contains("/blobs/")) {
    const std::string to = script_.storage_url.empty() ? storage_->url() : script_.storage_url;
    answer = {.status = 307, .fields = {{"Location", to + request.target}}};
  }
  return script_.registry ? script_.registry(request, std::move(answer)) : answer;
}

FailingRegistry::Answer FailingRegistry::at_tokens(const Request& request) const {
  Answer answer{.fields = {{"Content-Type", "application/json"}}, .body = R"({"token":"good","expires_in":300})"};
  return script_.tokens ? script_.tokens(request, std::move(answer)) : answer;
}

FailingRegistry::Answer FailingRegistry::at_storage(const Request& request) const {
  Answer answer = content_at(request);
  return script_.storage ? script_.storage(request, std::move(answer)) : answer;
}

// ---- faults ----

FailingRegistry::Fault FailingRegistry::answers(Answer answer) {
  return [answer = std::move(answer)](const Request&, const Answer&) { return answer; };
}

FailingRegistry::Fault FailingRegistry::answers(int status, const std::string& media_type, const std::string& body) {
  Answer answer{.status = status, .body = body};
  if (!media_type.empty()) answer.fields.emplace_back("Content-Type", media_type);
  return answers(std::move(answer));
}

FailingRegistry::Fault FailingRegistry::in_bodies(Fault fault) {
  return [fault = std::move(fault)](const Request& request, Answer right) {
    return request.method == "GET" && right.status < 300 ? fault(request, std::move(right)) : right;
  };
}

FailingRegistry::Fault FailingRegistry::where(std::string part, Fault fault) {
  return [part = std::move(part), fault = std::move(fault)](const Request& request, Answer right) {
    return request.target.contains(part) ? fault(request, std::move(right)) : right;
  };
}

FailingRegistry::Fault FailingRegistry::wrong_byte() {
  return in_bodies([](const Request&, Answer right) {
    if (right.body.starts_with('{')) {
      right.body.insert(1, " ");  // what was a manifest is one still
    } else {
      right.body.front() ^= 1;
    }
    return right;
  });
}

FailingRegistry::Fault FailingRegistry::half(Ending ending) {
  return in_bodies([ending](const Request& request, Answer right) {
    right.announced_bytes = static_cast<int64_t>(right.body.size());
    right.body.resize(is_continuation(request) ? 0 : right.body.size() / 2);
    right.ending = ending;
    return right;
  });
}

FailingRegistry::Fault FailingRegistry::half_as_whole(bool is_announced) {
  return in_bodies([is_announced](const Request&, Answer right) {
    right.body.resize(right.body.size() / 2);
    if (!is_announced) right.announced_bytes = -1;
    right.ending = Ending::close;
    return right;
  });
}

FailingRegistry::Fault FailingRegistry::more_than_all() {
  return in_bodies([](const Request&, Answer right) {
    right.body += " and more";
    return right;
  });
}

FailingRegistry::Fault FailingRegistry::cut_in_chunks() {
  return in_bodies([](const Request&, const Answer& right) {
    Answer cut{.ending = Ending::close};
    cut.raw = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n";
    for (const auto& [name, value] : right.fields) cut.raw += name + ": " + value + "\r\n";
    cut.raw += "\r\n10\r\n" + right.body.substr(0, 16) + "\r\n";
    return cut;
  });
}

FailingRegistry::Fault FailingRegistry::silent(Ending ending) { return answers({.is_silent = true, .ending = ending}); }

FailingRegistry::Fault FailingRegistry::behind(std::function<void()> gate) {
  return [gate = std::move(gate)](const Request&, const Answer&) {
    return Answer{.is_silent = true, .pause = gate, .ending = Ending::close};
  };
}

}  // namespace lifeboat::test
