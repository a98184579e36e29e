#include "upstream/inspector.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "oci/inspection.h"
#include "oci/range.h"
#include "upstream/accept.h"
#include "upstream/paging.h"
#include "upstream/referrers.h"
#include "upstream/scope.h"
#include "upstream/verdict.h"

namespace lifeboat::upstream {
namespace {

using std::chrono::milliseconds;

constexpr int kAskedMax = 3;
/// Tries of one request: what is known, what the challenge taught, a secret read again.
constexpr int kLoginsMax = 3;
constexpr uint64_t kListMaxBytes = 8 * kMiB;
constexpr Duration kPause = milliseconds(500);
constexpr std::string_view kCatalogScope = "registry:catalog:*";

std::string subject_of(std::string_view noun, const oci::Repository& repository, const oci::Reference& reference) {
  return std::string(noun) + " '" + repository.to_string() + (reference.digest() != nullptr ? "@" : ":") +
         reference.to_string() + "'";
}

uint64_t body_max_of(Wanted wanted) {
  return wanted == Wanted::tags ? kListMaxBytes : static_cast<uint64_t>(oci::kManifestMaxBytes);
}

std::optional<oci::Digest> digest_of(const sys::HttpFields& fields) {
  const auto digest = oci::Digest::parse(fields.find("Docker-Content-Digest").value_or(""));
  return digest ? std::optional(*digest) : std::nullopt;
}

std::optional<uint64_t> length_of(const sys::HttpFields& fields) {
  const std::string_view text = fields.find("Content-Length").value_or("");
  uint64_t length = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), length);
  const bool is_number = error == std::errc() && end == text.data() + text.size() && !text.empty();
  return is_number ? std::optional(length) : std::nullopt;
}

/// The client's transport says so in words only, and as corrupt like a body that broke off.
bool is_too_long(const Error& error) {
  return error.code() == ErrorCode::corrupt && error.message().contains("the body is too long");
}

/// Of the answer to a question for the first byte, or for those behind the first `from`. An empty blob has none: the
/// whole is asked for then.
std::optional<Failure> failure_of_range(int status, const std::optional<oci::ContentRange>& range, uint64_t from) {
  if (status == 200) return std::nullopt;
  const bool is_first = range && range->range == oci::ByteRange{.first = 0, .length = 1};
  const bool is_rest = range && range->range.first == from;
  const bool is_ours = from == 0 ? is_first : is_rest;
  if (is_ours) return std::nullopt;
  return Failure{ErrorCode::corrupt, "206 with other bytes than it was asked for"};
}

}  // namespace

std::optional<Duration> inspection_pause(const Error& failure, int asked, std::optional<Duration> named) {
  const Culprit culprit = verdict_of(failure.code()).culprit;
  const bool is_passing =
      culprit == Culprit::pace || is_outage(failure.code()) || failure.code() == ErrorCode::internal;
  // What came whole and means nothing will mean nothing again; a body that broke off may have been the network.
  const bool is_answer = failure.code() == ErrorCode::corrupt && failure.step() != NetworkStep::body;
  if (asked >= kAskedMax || !is_passing || is_answer) return std::nullopt;
  if (named) return *named > kInspectionPauseMax ? std::nullopt : std::optional(std::max(*named, kPause));
  return kPause * (asked * asked);
}

/// A body as it comes.
class RegistryInspector::Body final : public blob::Stream {
 public:
  Body(Reply reply, std::string name) : reply_(std::move(reply)), name_(std::move(name)), to_drop_(reply_.to_drop) {}
  std::optional<uint64_t> size_bytes() const override { return reply_.whole_bytes; }
  Task<sys::Block> next() override {
    for (;;) {
      LB_CO_TRY(sys::Block block, co_await reply_.download->next());
      const auto dropped = static_cast<std::size_t>(std::min<uint64_t>(to_drop_, block.size()));
      if (dropped == 0) co_return std::move(block);
      to_drop_ -= dropped;
      block.drop_front(dropped);
      if (block.size() > 0) co_return std::move(block);
    }
  }
  std::string endpoint() const override { return name_; }

 private:
  const Reply reply_;
  const std::string name_;
  uint64_t to_drop_;
};

RegistryInspector::RegistryInspector(Parts parts, Endpoint endpoint)
    : parts_(parts),
      endpoint_(std::move(endpoint)),
      authorizer_({parts.client, parts.files, parts.disk, {parts.clock, parts.log, unseen_, unheard_}}, endpoint_),
      rate_({parts.clock, parts.log, unseen_}, endpoint_.name(), endpoint_.options().rate_floor) {}
RegistryInspector::~RegistryInspector() = default;

bool RegistryInspector::is_short_of_requests() const { return rate_.is_short(); }

// ---- one question, one answer ----

Task<RegistryInspector::Reply> RegistryInspector::ask(Call call, Question question) {
  for (int asked = 1;; ++asked) {
    // A realm that failed has a breaker, which only a probe closes; whoever asks again waits for it anyway.
    if (authorizer_.next_probe() <= parts_.clock.now()) co_await authorizer_.probe(call);
    std::optional<Duration> named;
    auto reply = co_await ask_once(call, question, named);
    if (reply) co_return std::move(*reply);
    if (is_too_long(reply.error())) co_return std::unexpected(std::move(reply).error());
    const auto pause = inspection_pause(reply.error(), asked, named);
    const SteadyTime again = parts_.clock.now() + pause.value_or(Duration(0));
    if (!pause || again >= call.deadline()) co_return std::unexpected(std::move(reply).error());
    co_await parts_.clock.sleep_until(again);
  }
}

Task<RegistryInspector::Reply> RegistryInspector::ask_once(Call call, const Question& question,
                                                           std::optional<Duration>& named_pause) {
  LB_CO_TRY(std::string authorization, co_await authorizer_.field_for(call, question.scope));
  for (int tries = 1;; ++tries) {
    LB_CO_TRY(Reply reply, co_await exchange(call, question, authorization));
    sys::HttpClientResponse& response = reply.response;
    std::optional<Failure> failure;
    const bool is_ranged = question.is_ranged || question.from > 0;
    if (is_ranged && (response.status == 200 || response.status == 206)) {
      const auto range = oci::parse_content_range(response.fields.find("Content-Range").value_or(""));
      failure = failure_of_range(response.status, range ? std::optional(*range) : std::nullopt, question.from);
      if (range && response.status == 206) reply.whole_bytes = range->size_bytes;
      if (response.status == 200) reply.to_drop = question.from;
    } else {
      failure = failure_of({response.status, response.fields, response.body}, question.wanted);
    }
    if (!failure) {
      if (!authorization.empty()) authorizer_.note_accepted(authorization);
      co_return reply;
    }
    if (response.status == 401 && tries < kLoginsMax) {
      LB_CO_TRY(authorization, co_await authorizer_.answer(call, question.scope, response.fields, authorization));
      continue;
    }
    named_pause = retry_after_of(response.fields, parts_.clock.wall());
    if (response.status == 500) failure->code = ErrorCode::internal;
    co_return fail(failure->code, "cannot get " + question.subject + ": " + failure->reason);
  }
}

Task<RegistryInspector::Reply> RegistryInspector::exchange(Call call, const Question& question,
                                                           std::string authorization) {
  sys::HttpClientRequest request;
  request.method = question.method;
  request.url = endpoint_.url_of("/v2/" + question.path);
  request.fields.add("Accept", accept_of(question.wanted));
  request.fields.add("User-Agent", oci::kInspectionAgent);
  if (!authorization.empty()) request.fields.add("Authorization", authorization);
  if (question.is_ranged) request.fields.add("Range", "bytes=0-0");
  if (question.from > 0) request.fields.add("Range", "bytes=" + std::to_string(question.from) + "-");
  request.deadlines = endpoint_.options().deadlines;
  request.trust = endpoint_.trust();
  request.body_max_bytes = body_max_of(question.wanted);
  Reply reply;
  if (question.is_streamed) {
    LB_CO_TRY(reply.download, co_await parts_.client.open(call, std::move(request)));
    reply.response = reply.download->head();
    reply.whole_bytes = reply.download->length();
    const int status = reply.response.status;
    if (status != 200 && status != 206 && status != 401) {
      // The beginning of an error's body tells a registry from a portal; that it breaks off changes nothing.
      const auto block = co_await reply.download->next();
      if (block) reply.response.body = as_text(block->bytes());
    }
  } else {
    LB_CO_TRY(reply.response, co_await parts_.client.send(call, std::move(request)));
  }
  const auto answered = Url::parse(reply.response.effective_url);
  if (answered && answered->origin() == endpoint_.url().origin()) rate_.learn(reply.response.fields);
  co_return reply;
}

// ---- the questions ----
//
// Each stands in a variable: g++ 12 destroys an aggregate twice that is written down inside a co_await.

Result<RegistryInspector::Question> RegistryInspector::question_of(const oci::Repository& repository,
                                                                   const std::string& path, Wanted wanted,
                                                                   std::string subject) const {
  const oci::RepositoryId id{.host = std::nullopt, .name = repository};
  LB_TRY(const std::string there, endpoint_.repository_of(id));
  return Question{.wanted = wanted, .path = there + path, .scope = pull_scope(there), .subject = std::move(subject)};
}

Task<void> RegistryInspector::greet(Call call) {
  const Question question{.subject = "the API's base"};
  const auto reply = co_await exchange(call, question, "");
  if (!reply) co_return std::unexpected(reply.error());
  co_return Status{};
}

Task<blob::Inspector::Head> RegistryInspector::head(Call call, oci::Repository repository, Thing thing,
                                                    oci::Reference reference) {
  const bool is_blob = thing == Thing::blob;
  LB_CO_TRY(Question question, question_of(repository, (is_blob ? "/blobs/" : "/manifests/") + reference.to_string(),
                                           is_blob ? Wanted::blob : Wanted::manifest,
                                           subject_of(is_blob ? "blob" : "manifest", repository, reference)));
  question.method = sys::HttpMethod::head;
  LB_CO_TRY(const Reply reply, co_await ask(call, std::move(question)));
  co_return Head{.size_bytes = length_of(reply.response.fields), .digest = digest_of(reply.response.fields)};
}

Task<blob::Inspector::Answered> RegistryInspector::manifest(Call call, oci::Repository repository,
                                                            oci::Reference reference) {
  LB_CO_TRY(Question question, question_of(repository, "/manifests/" + reference.to_string(), Wanted::manifest,
                                           subject_of("manifest", repository, reference)));
  auto reply = co_await ask(call, std::move(question));
  if (!reply) {
    if (is_too_long(reply.error())) co_return Answered{.is_too_long = true};
    co_return std::unexpected(std::move(reply).error());
  }
  co_return Answered{.bytes = std::move(reply->response.body),
                     .content_type = std::string(reply->response.fields.find("Content-Type").value_or("")),
                     .digest = digest_of(reply->response.fields)};
}

Task<std::unique_ptr<blob::Stream>> RegistryInspector::open(Call call, oci::Repository repository, oci::Digest digest,
                                                            Extent extent) {
  LB_CO_TRY(Question question, question_of(repository, "/blobs/" + digest.to_string(), Wanted::blob,
                                           subject_of("blob", repository, oci::Reference(digest))));
  question.is_streamed = true;
  question.is_ranged = extent == Extent::first_byte;
  Question whole = question;
  whole.is_ranged = false;
  auto reply = co_await ask(call, std::move(question));
  // 416: there is no first byte; 400 and the like: it dislikes ranges.
  const bool dislikes_range = !reply && extent == Extent::first_byte && reply.error().code() == ErrorCode::invalid;
  if (dislikes_range) reply = co_await ask(call, std::move(whole));
  if (!reply) co_return std::unexpected(std::move(reply).error());
  co_return std::make_unique<Body>(std::move(*reply), endpoint_.name());
}

Task<std::unique_ptr<blob::Stream>> RegistryInspector::open_at(Call call, oci::Repository repository,
                                                               oci::Digest digest, uint64_t from) {
  LB_CO_TRY(Question question, question_of(repository, "/blobs/" + digest.to_string(), Wanted::blob,
                                           subject_of("blob", repository, oci::Reference(digest))));
  question.is_streamed = true;
  question.from = from;
  LB_CO_TRY(Reply reply, co_await ask(call, std::move(question)));
  co_return std::make_unique<Body>(std::move(reply), endpoint_.name());
}

Task<blob::Source::TagPage> RegistryInspector::tags(Call call, oci::Repository repository, std::string last,
                                                    std::size_t limit) {
  std::string path = "/tags/list?n=" + std::to_string(limit);
  if (!last.empty()) path += "&last=" + percent_encoded(last);
  LB_CO_TRY(Question question, question_of(repository, path, Wanted::tags, "tags of '" + repository.to_string() + "'"));
  LB_CO_TRY(const Reply reply, co_await ask(call, std::move(question)));
  LB_CO_TRY(auto names, parse_tag_list(reply.response.body));
  const bool is_next_named = next_query(reply.response.fields.joined("Link")).has_value();
  co_return page_of(std::move(names), last, limit, is_next_named);
}

Task<blob::Inspector::RepositoryPage> RegistryInspector::repositories(Call call, std::string last, std::size_t limit) {
  Question question{.wanted = Wanted::tags,
                    .path = "_catalog?n=" + std::to_string(limit),
                    .scope = std::string(kCatalogScope),
                    .subject = "the catalog"};
  if (!last.empty()) question.path += "&last=" + percent_encoded(last);
  LB_CO_TRY(const Reply reply, co_await ask(call, std::move(question)));
  LB_CO_TRY(auto names, parse_catalog(reply.response.body));
  const bool is_next_named = next_query(reply.response.fields.joined("Link")).has_value();
  const auto page = page_of(std::move(names), last, limit, is_next_named);
  RepositoryPage answer{.has_more = page.has_more};
  for (const std::string& name : page.tags) {
    if (auto repository = oci::Repository::parse(name)) answer.repositories.push_back(std::move(*repository));
  }
  co_return answer;
}

class RegistryInspector::Referrers final : public ReferrersAsked {
 public:
  Referrers(RegistryInspector& asked, oci::Repository repository, oci::Digest subject)
      : asked_(asked), repository_(std::move(repository)), subject_(subject) {}

  Task<Page> page(Call call, std::string query) override {
    LB_CO_TRY(Question question, asked_.question_of(repository_, "/referrers/" + subject_.to_string() + query,
                                                    Wanted::referrers, "referrers of '" + subject_.to_string() + "'"));
    LB_CO_TRY(Reply reply, co_await asked_.ask(call, std::move(question)));
    co_return Page{.body = std::move(reply.response.body), .link = reply.response.fields.joined("Link")};
  }
  Task<std::string> manifest(Call call, oci::Tag tag) override {
    LB_CO_TRY(auto answered, co_await asked_.manifest(call, repository_, oci::Reference(std::move(tag))));
    co_return std::move(answered.bytes);
  }

 private:
  RegistryInspector& asked_;
  const oci::Repository repository_;
  const oci::Digest subject_;
};

Task<std::vector<oci::Referrer>> RegistryInspector::referrers(Call call, oci::Repository repository,
                                                              oci::Digest subject) {
  Referrers asked(*this, std::move(repository), subject);
  co_return co_await list_referrers(std::move(call), subject, asked);
}

}  // namespace lifeboat::upstream
