#pragma once

#include <memory>
#include <optional>
#include <string>

#include "base/log.h"
#include "blob/source.h"
#include "oci/range.h"
#include "sys/http_client.h"
#include "upstream/authorizer.h"
#include "upstream/credential_check.h"
#include "upstream/endpoint.h"
#include "upstream/failure.h"
#include "upstream/health.h"

namespace lifeboat::upstream {

/// A remote registry behind one endpoint (OCI distribution-spec 1.1, the pulling half). Every failure has the class
/// that failure.h gives it; while a breaker is open nothing is sent but probe()'s question. Any thread.
class RegistrySource final : public blob::Source {
 public:
  struct Parts {
    sys::HttpClient& client;
    sys::Clock& clock;
    sys::FileSystem& files;
    sys::ThreadPool& disk;  ///< password files are read on it
    sys::Metrics& metrics;
    Log& log;
    sys::Notification& breaker_opened;  ///< told when there is something to probe
  };
  /// `seed`: of the jitter in the breaker's pauses.
  RegistrySource(Parts parts, Endpoint endpoint, uint64_t seed);
  ~RegistrySource() override;

  Task<blob::ResolvedTag> resolve(Call call, oci::RepositoryId repository, oci::Tag tag) override;
  Task<blob::FetchedManifest> manifest(Call call, oci::RepositoryId repository, oci::Reference reference) override;
  Task<std::unique_ptr<blob::Stream>> open(Call call, oci::RepositoryId repository, oci::Digest digest,
                                           uint64_t from) override;
  /// A part of a blob that is longer.
  struct Part {
    oci::RepositoryId repository;
    oci::Digest digest;
    oci::ByteRange range;        ///< of at least one byte
    bool waits_for_turn = true;  ///< false: too_many at once when as many streams of the host run as may
  };
  /// Exactly these bytes, or fewer when the body breaks off; the stream's size_bytes() is that of the whole.
  /// unsupported: the endpoint knows no ranges.
  Task<std::unique_ptr<blob::Stream>> open_part(Call call, Part part);
  /// An endpoint that ignores `last` or `limit` is cut to them here.
  Task<TagPage> tags(Call call, oci::RepositoryId repository, std::string last, std::size_t limit) override;
  Task<std::vector<oci::Referrer>> referrers(Call call, oci::RepositoryId repository, oci::Digest subject) override;

  /// Neither its breaker nor that of a token realm is open.
  bool can_be_asked() const override;
  bool can_be_asked_for(const oci::RepositoryId& repository) const override;
  bool is_short_of_requests() const override;
  bool is_failing() const override;

  const Endpoint& endpoint() const { return endpoint_; }
  Health::State health() const;
  /// When the next probe of the endpoint or a realm of it is due; max: none is.
  SteadyTime next_probe() const;
  Health::Snapshot health_report() const;
  /// Asks again what failed, so that no client has to find out whether it works again. Does nothing when none is due.
  Awaitable<void> probe(Call call);

  /// What the last check of the login said.
  CredentialState credentials() const;
  /// When the next check is due; max: none is, since there is no login and no realm that gives tokens without.
  SteadyTime next_credential_check();
  /// Tries the login as it is kept now, so that a deploy does not have to find out. A rotated one is used from when it
  /// was seen to work; until then the old one is. Does nothing when no check is due.
  Awaitable<void> check_credentials(Call call);

 private:
  /// What every stream needs for as long as it lives, which may be longer than the source.
  struct Shared;
  struct Question {
    sys::HttpMethod method = sys::HttpMethod::get;
    Wanted wanted = Wanted::manifest;
    std::string repository{};  ///< its name there
    std::string path{};        ///< behind "/v2/<repository>"
    std::string subject{};     ///< "manifest 'a:b'", for messages
    uint64_t body_max_bytes = oci::kManifestMaxBytes;
    bool is_streamed = false;
    uint64_t from = 0;                 ///< of a streamed body
    std::optional<uint64_t> length{};  ///< nothing: to the end
    bool waits_for_turn = true;        ///< a streamed one
    bool is_ranged() const { return from > 0 || length; }
  };
  struct Reply {
    sys::HttpClientResponse response;
    std::unique_ptr<sys::HttpDownload> download;  ///< when streamed
    std::optional<uint64_t> whole_bytes{};        ///< of the content, when streamed and told
    uint64_t to_drop = 0;                         ///< of the beginning: the endpoint knows no ranges
  };
  class DownloadStream;
  class Referrers;

  Task<Reply> ask(Call call, Question question);
  Task<Reply> ask_with_authorization(Call call, Question question, Health::Permit permit);
  void report(Health::Permit& permit, const Reply& reply, const std::optional<Failure>& failure);
  Task<Reply> exchange(Call call, const Question& question, std::string authorization);
  static std::optional<Failure> failure_of_reply(Reply& reply, const Question& question);
  void learn_rate(const Reply& reply);
  Awaitable<CredentialState> judge_credentials(Call call);
  Awaitable<CredentialState> try_credentials(Call call, std::string challenges, std::optional<Credentials> credentials);

  // constant after construction
  sys::HttpClient& client_;
  sys::Clock& clock_;
  Log& log_;
  const Endpoint endpoint_;
  const std::shared_ptr<Shared> shared_;

  // own synchronization
  Authorizer authorizer_;
};

}  // namespace lifeboat::upstream
