#include "upstream/source.h"

#include <utility>

#include "upstream/accept.h"
#include "upstream/paging.h"
#include "upstream/referrers.h"
#include "upstream/scope.h"
#include "upstream/source_shared.h"

namespace lifeboat::upstream {
namespace {

/// Tries of one request: what is known, what the challenge taught, a secret read again.
constexpr int kTriesMax = 3;
constexpr uint64_t kTagsMaxBytes = 8 * kMiB;
constexpr Duration kPauseDefault = std::chrono::seconds(1);
constexpr std::string_view kWrongBytes = "its bytes are not those of the digest";

std::string range_of(uint64_t from, std::optional<uint64_t> length) {
  return "bytes=" + std::to_string(from) + "-" + (length ? std::to_string(from + *length - 1) : "");
}

std::string colon_or_at(const oci::Reference& reference) {
  return (reference.digest() != nullptr ? "@" : ":") + reference.to_string();
}

}  // namespace

/// Counts what comes, and tells the endpoint's breaker when a body breaks off.
class RegistrySource::DownloadStream final : public blob::Stream {
 public:
  DownloadStream(std::shared_ptr<Shared> shared, Reply reply)
      : shared_(std::move(shared)), reply_(std::move(reply)), to_drop_(reply_.to_drop) {}
  std::optional<uint64_t> size_bytes() const override { return reply_.whole_bytes; }
  Task<sys::Block> next() override {
    for (;;) {
      auto block = co_await reply_.download->next();
      if (!block) {
        if (is_outage(block.error().code())) shared_->health.report_late_outage(block.error().message());
        co_return std::unexpected(std::move(block).error().with_context("from upstream '" + shared_->name + "'"));
      }
      shared_->received.add(static_cast<double>(block->size()));
      const bool is_end = block->size() == 0;
      is_whole_ = is_whole_ || is_end;
      const auto dropped = static_cast<std::size_t>(std::min<uint64_t>(to_drop_, block->size()));
      block->drop_front(dropped);
      to_drop_ -= dropped;
      if (is_end || block->size() > 0) co_return std::move(*block);
    }
  }
  std::string endpoint() const override { return shared_->name; }
  /// Whole and not rejected: only now it counts for the endpoint.
  ~DownloadStream() override {
    if (is_whole_ && !is_rejected_) shared_->health.report_body();
  }
  void reject() override {
    is_rejected_ = true;
    shared_->health.report_late_outage(kWrongBytes);
  }

 private:
  bool is_whole_ = false;
  bool is_rejected_ = false;
  const std::shared_ptr<Shared> shared_;
  const Reply reply_;
  uint64_t to_drop_;
};

RegistrySource::RegistrySource(Parts parts, Endpoint endpoint, uint64_t seed)
    : client_(parts.client),
      clock_(parts.clock),
      log_(parts.log),
      endpoint_(std::move(endpoint)),
      shared_(std::make_shared<Shared>(parts, endpoint_, seed)),
      authorizer_(
          {parts.client, parts.files, parts.disk, {parts.clock, parts.log, parts.metrics, parts.breaker_opened}},
          endpoint_) {}
RegistrySource::~RegistrySource() = default;

// ---- one question, one answer ----

Task<RegistrySource::Reply> RegistrySource::ask(Call call, Question question) {
  const bool is_head = question.method == sys::HttpMethod::head;
  auto permit = shared_->health.admit(is_head ? Health::Asking::sign_of_life : Health::Asking::content);
  if (!permit) {
    shared_->count(permit.error().code());
    co_return std::unexpected(std::move(permit).error());
  }
  shared_->retries.note_request();
  // Before it is asked: when the breaker opens, whoever probes must find it.
  shared_->last_asked.with([&](Question& last) { last = question; });
  auto reply = co_await ask_with_authorization(call, std::move(question), std::move(*permit));
  shared_->count(reply ? std::nullopt : std::optional(reply.error().code()));
  if (!reply) {
    if (reply.error().code() == ErrorCode::unauthorized) shared_->credentials.doubt(false);
    co_return std::unexpected(std::move(reply).error().with_context("from upstream '" + shared_->name + "'"));
  }
  co_return std::move(*reply);
}

Task<RegistrySource::Reply> RegistrySource::ask_with_authorization(Call call, Question question,
                                                                   Health::Permit permit) {
  const std::string scope = pull_scope(question.repository);
  // A realm that fails has a breaker of its own: the endpoint is not blamed, and the permit goes back unused.
  LB_CO_TRY(std::string authorization, co_await authorizer_.field_for(call, scope));
  for (int tries = 1;; ++tries) {
    auto reply = co_await exchange(call, question, authorization);
    if (!reply) {
      if (is_fault_of_endpoint(reply.error())) {
        permit.report_outage(outage_of(reply.error()), reply.error().message());
      }
      co_return std::unexpected(std::move(reply).error());
    }
    const auto failure = failure_of_reply(*reply, question);
    if (!failure) {
      permit.report_answer();
      if (!authorization.empty()) authorizer_.note_accepted(authorization);
      // A token from before says nothing about the login that was refused since; one that a new login got does.
      const uint64_t adoptions = authorizer_.credentials().adoptions();
      const bool is_new_login = shared_->adoptions_seen.exchange(adoptions) != adoptions;
      if (authorization.starts_with("Basic ") || is_new_login) shared_->credentials.doubt(true);
      co_return std::move(*reply);
    }
    if (reply->response.status == 401 && tries < kTriesMax) {
      // The first challenge is how one logs in; that what we had is refused is a failure, and asking anew a retry.
      if (!authorization.empty() && !shared_->retries.take()) {
        permit.report_answer();
        shared_->retries_refused.add();
        co_return fail(ErrorCode::too_many,
                       "cannot get " + question.subject + ": it refused our login, as it did too often lately");
      }
      if (!authorization.empty()) shared_->retries_made.add();
      auto next = co_await authorizer_.answer(call, scope, reply->response.fields, authorization);
      if (!next) {
        permit.report_answer();
        co_return std::unexpected(std::move(next).error());
      }
      authorization = std::move(*next);
      continue;
    }
    report(permit, *reply, failure);
    co_return fail(failure->code, "cannot get " + question.subject + ": " + failure->reason);
  }
}

Task<RegistrySource::Reply> RegistrySource::exchange(Call call, const Question& question, std::string authorization) {
  sys::HttpClientRequest request;
  request.method = question.method;
  request.url = endpoint_.url_of("/v2/" + question.repository + question.path);
  request.fields.add("Accept", accept_of(question.wanted));
  if (!authorization.empty()) request.fields.add("Authorization", authorization);
  if (question.is_ranged()) request.fields.add("Range", range_of(question.from, question.length));
  request.deadlines = endpoint_.options().deadlines;
  request.trust = endpoint_.trust();
  request.body_max_bytes = question.body_max_bytes;
  request.waits_for_turn = question.waits_for_turn;
  Reply reply;
  if (!question.is_streamed) {
    LB_CO_TRY(reply.response, co_await client_.send(call, std::move(request)));
    shared_->received.add(static_cast<double>(reply.response.body.size()));
    learn_rate(reply);
    co_return reply;
  }
  LB_CO_TRY(reply.download, co_await client_.open(call, std::move(request)));
  reply.response = reply.download->head();
  reply.whole_bytes = reply.download->length();
  learn_rate(reply);
  const int status = reply.response.status;
  if (status != 200 && status != 206 && status != 401) {
    // The beginning of an error's body tells a registry from a portal; that it breaks off changes nothing.
    const auto block = co_await reply.download->next();
    if (block) reply.response.body = as_text(block->bytes());
  }
  co_return reply;
}

/// A host that was only redirected to has limits of its own.
void RegistrySource::learn_rate(const Reply& reply) {
  const auto answered = Url::parse(reply.response.effective_url);
  if (answered && answered->origin() == endpoint_.url().origin()) shared_->rate.learn(reply.response.fields);
}

/// What the answer means; for a streamed one, also where its body begins.
std::optional<Failure> RegistrySource::failure_of_reply(Reply& reply, const Question& question) {
  const sys::HttpClientResponse& response = reply.response;
  if (!question.is_ranged() || (response.status != 200 && response.status != 206)) {
    auto failure = failure_of({response.status, response.fields, response.body}, question.wanted);
    // A HEAD has no body in which a registry could show itself: the GET that follows will tell.
    const bool is_unclear = question.method == sys::HttpMethod::head && failure && is_outage(failure->code) &&
                            (response.status == 404 || response.status == 410);
    if (is_unclear) failure->code = ErrorCode::unsupported;
    return failure;
  }
  if (response.status == 200) {
    if (question.length) return Failure{ErrorCode::unsupported, "200 where a part was asked for: it knows no ranges"};
    reply.to_drop = question.from;
    return std::nullopt;
  }
  const auto range = oci::parse_content_range(response.fields.find("Content-Range").value_or(""));
  const bool is_ours = range && range->size_bytes && range->range.first == question.from &&
                       range->range.length == question.length.value_or(*range->size_bytes - question.from);
  if (!is_ours) return Failure{ErrorCode::corrupt, "206 with other bytes than it was asked for"};
  reply.whole_bytes = range->size_bytes;
  return std::nullopt;
}

/// `failure`: nothing for the answer that was wanted.
void RegistrySource::report(Health::Permit& permit, const Reply& reply, const std::optional<Failure>& failure) {
  const int status = reply.response.status;
  const bool is_unclear = failure && failure->code == ErrorCode::unsupported && (status == 404 || status == 410);
  if (is_unclear) return;  // a HEAD that tells nothing is no sign of health: the GET that follows will tell
  if (failure && is_outage(failure->code)) {
    permit.report_outage(Health::Outage::broken, failure->reason);
  } else if (failure && failure->code == ErrorCode::too_many) {
    permit.report_too_many(retry_after_of(reply.response.fields, clock_.wall()).value_or(kPauseDefault));
  } else {
    permit.report_answer();
  }
}

// ---- the questions ----
//
// Each stands in a variable: g++ 12 destroys an aggregate twice that is written down inside a co_await.

Task<blob::ResolvedTag> RegistrySource::resolve(Call call, oci::RepositoryId repository, oci::Tag tag) {
  LB_CO_TRY(std::string there, endpoint_.repository_of(repository));
  Question question{.method = sys::HttpMethod::head,
                    .wanted = Wanted::manifest,
                    .repository = std::move(there),
                    .path = "/manifests/" + tag.to_string(),
                    .subject = "tag '" + repository.to_string() + ":" + tag.to_string() + "'"};
  auto head = co_await ask(call, std::move(question));
  if (head) {
    const auto digest = oci::Digest::parse(head->response.fields.find("Docker-Content-Digest").value_or(""));
    if (digest) co_return blob::ResolvedTag{*digest, shared_->name};
  } else if (head.error().code() != ErrorCode::unsupported) {
    co_return std::unexpected(std::move(head).error());
  }
  LB_CO_TRY(const auto fetched, co_await manifest(call, std::move(repository), oci::Reference(std::move(tag))));
  co_return blob::ResolvedTag{oci::Digest::of(HashAlgorithm::sha256, as_bytes(fetched.bytes)), shared_->name};
}

Task<blob::FetchedManifest> RegistrySource::manifest(Call call, oci::RepositoryId repository,
                                                     oci::Reference reference) {
  LB_CO_TRY(std::string there, endpoint_.repository_of(repository));
  Question question{.wanted = Wanted::manifest,
                    .repository = std::move(there),
                    .path = "/manifests/" + reference.to_string(),
                    .subject = "manifest '" + repository.to_string() + colon_or_at(reference) + "'"};
  LB_CO_TRY(auto reply, co_await ask(call, std::move(question)));
  // What it was asked for by; for a tag what it says itself that this is.
  auto digest = oci::Digest::parse(reply.response.fields.find("Docker-Content-Digest").value_or(""));
  if (reference.digest() != nullptr) digest = *reference.digest();
  if (digest && oci::Digest::of(digest->algorithm(), as_bytes(reply.response.body)) != *digest) {
    shared_->health.report_late_outage(kWrongBytes);
    co_return fail(ErrorCode::corrupt, "cannot get manifest '" + digest->to_string() + "' from upstream '" +
                                           shared_->name + "': " + std::string(kWrongBytes));
  }
  co_return blob::FetchedManifest{.bytes = std::move(reply.response.body),
                                  .content_type = std::string(reply.response.fields.find("Content-Type").value_or("")),
                                  .endpoint = shared_->name};
}

Task<std::unique_ptr<blob::Stream>> RegistrySource::open(Call call, oci::RepositoryId repository, oci::Digest digest,
                                                         uint64_t from) {
  LB_CO_TRY(std::string there, endpoint_.repository_of(repository));
  Question question{.wanted = Wanted::blob,
                    .repository = std::move(there),
                    .path = "/blobs/" + digest.to_string(),
                    .subject = "blob '" + digest.to_string() + "'",
                    .is_streamed = true,
                    .from = from};
  LB_CO_TRY(Reply reply, co_await ask(call, std::move(question)));
  co_return std::make_unique<DownloadStream>(shared_, std::move(reply));
}

Task<std::unique_ptr<blob::Stream>> RegistrySource::open_part(Call call, Part part) {
  LB_CO_TRY(std::string there, endpoint_.repository_of(part.repository));
  Question question{.wanted = Wanted::blob,
                    .repository = std::move(there),
                    .path = "/blobs/" + part.digest.to_string(),
                    .subject = "blob '" + part.digest.to_string() + "'",
                    .is_streamed = true,
                    .from = part.range.first,
                    .length = part.range.length,
                    .waits_for_turn = part.waits_for_turn};
  LB_CO_TRY(Reply reply, co_await ask(call, std::move(question)));
  co_return std::make_unique<DownloadStream>(shared_, std::move(reply));
}

Task<blob::Source::TagPage> RegistrySource::tags(Call call, oci::RepositoryId repository, std::string last,
                                                 std::size_t limit) {
  std::string path = "/tags/list?n=" + std::to_string(limit);
  if (!last.empty()) path += "&last=" + percent_encoded(last);
  LB_CO_TRY(std::string there, endpoint_.repository_of(repository));
  Question question{.wanted = Wanted::tags,
                    .repository = std::move(there),
                    .path = std::move(path),
                    .subject = "tags of '" + repository.to_string() + "'",
                    .body_max_bytes = kTagsMaxBytes};
  LB_CO_TRY(auto reply, co_await ask(call, std::move(question)));
  LB_CO_TRY(auto names, parse_tag_list(reply.response.body));
  const bool is_next_named = next_query(reply.response.fields.joined("Link")).has_value();
  co_return page_of(std::move(names), last, limit, is_next_named);
}

class RegistrySource::Referrers final : public ReferrersAsked {
 public:
  Referrers(RegistrySource& asked, oci::RepositoryId repository, oci::Digest subject)
      : asked_(asked), repository_(std::move(repository)), subject_(subject) {}

  Task<Page> page(Call call, std::string query) override {
    LB_CO_TRY(std::string there, asked_.endpoint_.repository_of(repository_));
    Question question{.wanted = Wanted::referrers,
                      .repository = std::move(there),
                      .path = "/referrers/" + subject_.to_string() + query,
                      .subject = "referrers of '" + subject_.to_string() + "'"};
    LB_CO_TRY(auto reply, co_await asked_.ask(call, std::move(question)));
    co_return Page{.body = std::move(reply.response.body), .link = reply.response.fields.joined("Link")};
  }
  Task<std::string> manifest(Call call, oci::Tag tag) override {
    LB_CO_TRY(auto fetched, co_await asked_.manifest(call, repository_, oci::Reference(std::move(tag))));
    co_return std::move(fetched.bytes);
  }

 private:
  RegistrySource& asked_;
  const oci::RepositoryId repository_;
  const oci::Digest subject_;
};

Task<std::vector<oci::Referrer>> RegistrySource::referrers(Call call, oci::RepositoryId repository,
                                                           oci::Digest subject) {
  Referrers asked(*this, std::move(repository), subject);
  co_return co_await list_referrers(std::move(call), subject, asked);
}

}  // namespace lifeboat::upstream
