#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/call.h"
#include "http/error_response.h"
#include "http/query.h"
#include "http/services.h"
#include "registry/freshness.h"
#include "sys/http_server.h"

namespace lifeboat::http {

/// One request on its way through an endpoint: what every endpoint needs, and what the log is told afterwards.
class RequestContext {
 public:
  RequestContext(Services& services, sys::HttpExchange& exchange, Query query);

  Services& services() { return services_; }
  sys::HttpExchange& exchange() { return exchange_; }
  const sys::HttpRequest& request() const { return exchange_.request(); }
  const Query& query() const { return query_; }
  bool is_head() const { return request().method == sys::HttpMethod::head; }
  bool is_read() const { return is_head() || request().method == sys::HttpMethod::get; }

  /// For what must be answered within `answer_within`: of a read all that is asked together, of a write each question.
  Call read_call() const;
  /// For what makes something durable: as long as a slow disk may take.
  Call write_call() const;

  /// The repository of a name in the path. A write whose `ns` names no configured upstream means one hosted here:
  /// clients that mirror us under another name send it along with pushes (W50).
  Task<oci::RepositoryId> locate(std::string_view name, registry::Addressing::Purpose purpose);

  /// An answer under `/v2/` with `OCI-Namespace` where the request had `ns` (W85).
  sys::HttpResponse response(int status) const;
  /// The failure as the client is told; remembered for the log.
  sys::HttpResponse refuse(const Error& error, Asked asked);
  sys::HttpResponse refuse(int status, oci::OciErrorCode code, std::string message);
  /// 405 with the methods there are (W21).
  sys::HttpResponse wrong_method(std::string_view allowed);
  sys::HttpResponse deleting_is_off(std::string_view allowed);
  /// The failure of a call of the API; remembered for the log.
  sys::HttpResponse refuse_call(const Error& error);
  sys::HttpResponse refuse_method(std::string_view allowed);

  /// Marks `response` as not fresh (DESIGN §4).
  void mark_stale(sys::HttpResponse& response, const registry::Staleness& stale);
  /// Says in `response` and in the access log which endpoint was asked; nothing for "".
  void name_endpoint(sys::HttpResponse& response, std::string endpoint);
  /// The same for an answer that is kept for others, who will not have asked: a copy.
  std::shared_ptr<const sys::PreparedAnswer> with_endpoint(std::shared_ptr<const sys::PreparedAnswer> answer,
                                                           std::string endpoint);
  /// The answer had begun and cannot be ended.
  void note_cut(const Error& error);

  const std::string& endpoint() const { return endpoint_; }
  bool is_stale() const { return is_stale_; }
  bool is_cut() const { return is_cut_; }
  /// True when the client left before it could be answered.
  bool has_client_left() const { return has_client_left_; }
  const std::string& failure() const { return failure_; }

 private:
  sys::HttpResponse not_allowed(std::string_view allowed, std::string message);

  Services& services_;
  sys::HttpExchange& exchange_;
  const Query query_;
  const SteadyTime began_;
  std::string ns_;  ///< as given, when it is a host's name
  std::string failure_;
  std::string endpoint_;
  bool is_stale_ = false;
  bool is_cut_ = false;
  bool has_client_left_ = false;
};

}  // namespace lifeboat::http
