#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "base/error.h"
#include "base/log.h"
#include "base/time.h"
#include "blob/inspector.h"
#include "sys/http_client.h"
#include "sys/metrics.h"
#include "sys/notification.h"
#include "upstream/authorizer.h"
#include "upstream/endpoint.h"
#include "upstream/failure.h"
#include "upstream/rate_budget.h"

namespace lifeboat::upstream {

/// The pause before a question that failed is asked again; nothing: it is not, since more of it would not help.
/// `asked`: how often so far. `named`: the pause the registry asked for, with which nobody waits longer than
/// kInspectionPauseMax.
std::optional<Duration> inspection_pause(const Error& failure, int asked, std::optional<Duration> named);
inline constexpr Duration kInspectionPauseMax = std::chrono::seconds(30);

/// A remote registry behind one endpoint, for whoever wants to know how it is. It has the transport, the logins and the
/// failure classes of RegistrySource, but no breaker: a client must not wait for what is down, while here finding that
/// out is the question. So nothing that is asked here is seen in the metrics of upstreams. Any thread.
class RegistryInspector final : public blob::Inspector {
 public:
  struct Parts {
    sys::HttpClient& client;
    sys::Clock& clock;
    sys::FileSystem& files;
    sys::ThreadPool& disk;  ///< password files are read on it
    Log& log;
  };
  RegistryInspector(Parts parts, Endpoint endpoint);
  ~RegistryInspector() override;

  Task<Head> head(Call call, oci::Repository repository, Thing thing, oci::Reference reference) override;
  Task<Answered> manifest(Call call, oci::Repository repository, oci::Reference reference) override;
  Task<std::unique_ptr<blob::Stream>> open(Call call, oci::Repository repository, oci::Digest digest,
                                           Extent extent) override;
  Task<std::vector<oci::Referrer>> referrers(Call call, oci::Repository repository, oci::Digest subject) override;
  Task<blob::Source::TagPage> tags(Call call, oci::Repository repository, std::string last, std::size_t limit) override;
  Task<RepositoryPage> repositories(Call call, std::string last, std::size_t limit) override;
  bool is_short_of_requests() const override;

  /// The bytes behind the first `from` ones, also of a registry that knows no ranges.
  Task<std::unique_ptr<blob::Stream>> open_at(Call call, oci::Repository repository, oci::Digest digest, uint64_t from);

  /// Whether it speaks this protocol at all: asks "/v2/" once. A refused login is an answer.
  Task<void> greet(Call call);
  /// "registry.example:5000"
  const std::string& name() const { return endpoint_.name(); }

 private:
  struct Question {
    sys::HttpMethod method = sys::HttpMethod::get;
    Wanted wanted = Wanted::manifest;
    std::string path{};  ///< behind "/v2/"
    std::string scope{};
    std::string subject{};  ///< "manifest 'a:b'", for messages
    bool is_streamed = false;
    bool is_ranged = false;  ///< for the first byte
    uint64_t from = 0;       ///< of a streamed body
  };
  struct Reply {
    sys::HttpClientResponse response{};
    std::unique_ptr<sys::HttpDownload> download{};  ///< when streamed
    std::optional<uint64_t> whole_bytes{};          ///< of the blob, when streamed and told
    uint64_t to_drop = 0;                           ///< of the beginning: it knows no ranges
  };
  class Body;
  class Referrers;

  Result<Question> question_of(const oci::Repository& repository, const std::string& path, Wanted wanted,
                               std::string subject) const;
  Task<Reply> ask(Call call, Question question);
  Task<Reply> ask_once(Call call, const Question& question, std::optional<Duration>& named_pause);
  Task<Reply> exchange(Call call, const Question& question, std::string authorization);

  // constant after construction
  const Parts parts_;
  const Endpoint endpoint_;

  // own synchronization
  sys::Metrics unseen_;  ///< what the parts below would show of an upstream
  sys::Notification unheard_;
  Authorizer authorizer_;
  mutable RateBudget rate_;
};

}  // namespace lifeboat::upstream
