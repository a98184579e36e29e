#include "http/request_context.h"

#include "oci/repository.h"
#include "oci/text.h"

namespace lifeboat::http {
namespace {

/// A commit syncs what may be gigabytes to a slow disk.
constexpr Duration kWriteWithin{120'000};

}  // namespace

RequestContext::RequestContext(Services& services, sys::HttpExchange& exchange, Query query)
    : services_(services), exchange_(exchange), query_(std::move(query)), began_(services.clock.now()) {
  const auto ns = query_.first("ns");
  if (ns && oci::RegistryHost::parse(*ns)) ns_ = *ns;
}

Call RequestContext::read_call() const {
  const SteadyTime from = is_read() ? began_ : services_.clock.now();
  return {from + services_.options.answer_within, exchange_.request_id()};
}

Call RequestContext::write_call() const { return {services_.clock.now() + kWriteWithin, exchange_.request_id()}; }

Task<oci::RepositoryId> RequestContext::locate(std::string_view name, registry::Addressing::Purpose purpose) {
  const registry::Addressing::Address address{.name = name, .ns = query_.first("ns")};
  auto repository = co_await services_.addressing.locate(read_call(), address, purpose);
  const bool is_strange_ns = !repository && repository.error().code() == ErrorCode::not_found && address.ns;
  if (is_strange_ns && purpose == registry::Addressing::Purpose::write) {
    const registry::Addressing::Address plain{.name = name, .ns = std::nullopt};
    co_return co_await services_.addressing.locate(read_call(), plain, purpose);
  }
  co_return repository;
}

sys::HttpResponse RequestContext::response(int status) const {
  sys::HttpResponse response = v2_response(status);
  if (!ns_.empty()) response.fields.add("OCI-Namespace", ns_);
  return response;
}

sys::HttpResponse RequestContext::refuse(const Error& error, Asked asked) {
  failure_ = error.message();
  if (error.code() == ErrorCode::cancelled) has_client_left_ = true;
  sys::HttpResponse response = error_response(error, asked);
  if (!ns_.empty()) response.fields.add("OCI-Namespace", ns_);
  return response;
}

sys::HttpResponse RequestContext::refuse(int status, oci::OciErrorCode code, std::string message) {
  failure_ = message;
  sys::HttpResponse response = error_response(status, {{.code = code, .message = std::move(message), .detail = ""}});
  if (!ns_.empty()) response.fields.add("OCI-Namespace", ns_);
  return response;
}

sys::HttpResponse RequestContext::not_allowed(std::string_view allowed, std::string message) {
  sys::HttpResponse response = refuse(405, oci::OciErrorCode::unsupported, std::move(message));
  response.fields.add("Allow", allowed);
  return response;
}

sys::HttpResponse RequestContext::wrong_method(std::string_view allowed) {
  return not_allowed(allowed, "cannot use this method here (want " + std::string(allowed) + ")");
}

sys::HttpResponse RequestContext::deleting_is_off(std::string_view allowed) {
  return not_allowed(allowed, "cannot delete: deleting is switched off");
}

sys::HttpResponse RequestContext::refuse_call(const Error& error) {
  failure_ = error.message();
  if (error.code() == ErrorCode::cancelled) has_client_left_ = true;
  return api_error_response(error);
}

sys::HttpResponse RequestContext::refuse_method(std::string_view allowed) {
  sys::HttpResponse response = refuse_call(Error(
      ErrorCode::unsupported,
      "cannot use this method on a call: got " + oci::quote(request().method_text) + ", want " + std::string(allowed)));
  response.fields.add("Allow", allowed);
  return response;
}

void RequestContext::mark_stale(sys::HttpResponse& response, const registry::Staleness& stale) {
  is_stale_ = true;
  response.fields.add("Warning", "110 - \"Response is Stale\"");
  response.fields.add("X-Lifeboat-Stale", stale.reason + "; age=" + std::to_string(stale.age.count()));
}

void RequestContext::name_endpoint(sys::HttpResponse& response, std::string endpoint) {
  if (endpoint.empty()) return;
  response.fields.add("X-Lifeboat-Endpoint", endpoint);
  endpoint_ = std::move(endpoint);
}

std::shared_ptr<const sys::PreparedAnswer> RequestContext::with_endpoint(
    std::shared_ptr<const sys::PreparedAnswer> answer, std::string endpoint) {
  if (endpoint.empty()) return answer;
  auto named = std::make_shared<sys::PreparedAnswer>(*answer);
  const std::string field = "X-Lifeboat-Endpoint: " + endpoint + "\r\n";
  named->head += field;
  named->not_modified_head += field;
  endpoint_ = std::move(endpoint);
  return named;
}

void RequestContext::note_cut(const Error& error) {
  failure_ = error.message();
  if (error.code() == ErrorCode::cancelled || error.code() == ErrorCode::timed_out) {
    has_client_left_ = true;
  } else {
    is_cut_ = true;
  }
}

}  // namespace lifeboat::http
