// What libcurl is told about a request, and what its verdicts mean to the house.

#include <algorithm>
#include <cstring>

#include "sys/curl_transfer.h"

namespace lifeboat::sys {

Result<CURL*> CurlTransfer::prepare(const CurlLibrary& curl) {
  curl_ = &curl;
  easy_ = curl.easy_init();
  if (easy_ == nullptr) return std::unexpected(failure(ErrorCode::internal, step(), "no memory"));
  set_options();
  set_fields();
  set_trust();
  begin_attempt(request_.deadlines.connect);
  return easy_;
}

void CurlTransfer::set_options() {
  set(CURLOPT_URL, request_.url.c_str());
  set(CURLOPT_PRIVATE, this);
  set(CURLOPT_ERRORBUFFER, error_text_.data());
  set(CURLOPT_NOSIGNAL, 1L);
  // A lookup that hangs must not hold the thread of all other transfers when its deadline ends it.
  set(CURLOPT_QUICK_EXIT, 1L);
  set(CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_2TLS));  // NOLINT(google-runtime-int)
  set(CURLOPT_PROTOCOLS_STR, "http,https");
  set(CURLOPT_REDIR_PROTOCOLS_STR, request_.url.starts_with("https://") ? "https" : "http,https");
  set(CURLOPT_UNRESTRICTED_AUTH, 0L);
  set(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
  set(CURLOPT_TCP_KEEPALIVE, 1L);
  if (mode_ == Mode::streamed) set(CURLOPT_BUFFERSIZE, static_cast<long>(256 * kKiB));  // NOLINT(google-runtime-int)
  if (!user_agent_.empty()) set(CURLOPT_USERAGENT, user_agent_.c_str());
  if (!request_.unix_socket.empty()) set(CURLOPT_UNIX_SOCKET_PATH, request_.unix_socket.c_str());  // knows no proxy

  set(CURLOPT_HEADERFUNCTION, &CurlTransfer::on_header);
  set(CURLOPT_HEADERDATA, this);
  set(CURLOPT_WRITEFUNCTION, &CurlTransfer::on_body);
  set(CURLOPT_WRITEDATA, this);
  set(CURLOPT_NOPROGRESS, 0L);
  set(CURLOPT_XFERINFOFUNCTION, &CurlTransfer::on_progress);
  set(CURLOPT_XFERINFODATA, this);
  set(CURLOPT_SSL_CTX_FUNCTION, &CurlTransfer::on_tls);
  set(CURLOPT_SSL_CTX_DATA, this);
  set(CURLOPT_PREREQFUNCTION, &CurlTransfer::on_request);
  set(CURLOPT_PREREQDATA, this);

  const bool may_follow = request_.method == HttpMethod::get || request_.method == HttpMethod::head;
  if (may_follow && request_.redirects_max > 0) {
    set(CURLOPT_FOLLOWLOCATION, 1L);
    set(CURLOPT_MAXREDIRS, static_cast<long>(request_.redirects_max));  // NOLINT(google-runtime-int)
  }
  set_body();
}

void CurlTransfer::set_body() {
  if (request_.method == HttpMethod::get) return;
  if (request_.method == HttpMethod::head) {
    set(CURLOPT_NOBODY, 1L);
    return;
  }
  // A PUT or PATCH says its length also when it is 0 (RFC 9110 §8.6).
  const bool is_bodily = request_.method != HttpMethod::delete_ || !request_.body.empty();
  if (upload_bytes_) {
    set(CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));  // NOLINT(google-runtime-int)
    set(CURLOPT_UPLOAD, 1L);
    set(CURLOPT_INFILESIZE_LARGE, static_cast<curl_off_t>(*upload_bytes_));
    set(CURLOPT_UPLOAD_BUFFERSIZE, static_cast<long>(512 * kKiB));  // NOLINT(google-runtime-int)
    set(CURLOPT_READFUNCTION, &CurlTransfer::on_send);
    set(CURLOPT_READDATA, this);
  } else if (is_bodily) {
    set(CURLOPT_POSTFIELDS, request_.body.c_str());
    set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request_.body.size()));
  }
  if (upload_bytes_ || request_.method != HttpMethod::post) {
    set(CURLOPT_CUSTOMREQUEST, std::string(to_string(request_.method)).c_str());
  }
}

void CurlTransfer::set_fields() {
  const auto append = [&](const std::string& line) { fields_ = curl_->slist_append(fields_, line.c_str()); };
  append("Accept-Encoding: identity");
  append("Expect:");
  bool has_content_type = request_.method == HttpMethod::post;
  for (const auto& [name, value] : request_.fields.all()) {
    if (equals_ignoring_case(name, "Accept-Encoding") || equals_ignoring_case(name, "Expect")) continue;
    has_content_type = has_content_type || equals_ignoring_case(name, "Content-Type");
    // libcurl takes "Name:" for "leave this field out"; "Name;" sends it empty.
    append(value.empty() ? name + ";" : name + ": " + value);
  }
  if (!has_content_type) append("Content-Type:");
  set(CURLOPT_HTTPHEADER, fields_);
}

void CurlTransfer::set_trust() {
  const HttpTrust& trust = request_.trust;
  if (!trust.ca_file.empty()) {
    set(CURLOPT_CAINFO, trust.ca_file.c_str());
    set(CURLOPT_CAPATH, static_cast<const char*>(nullptr));
  }
  if (!trust.client_certificate.empty()) set(CURLOPT_SSLCERT, trust.client_certificate.c_str());
  if (!trust.client_key.empty()) set(CURLOPT_SSLKEY, trust.client_key.c_str());
  if (trust.skip_verify) {
    set(CURLOPT_SSL_VERIFYPEER, 0L);
    set(CURLOPT_SSL_VERIFYHOST, 0L);
  }
}

Error CurlTransfer::error_of(CURLcode code) const {
  // libcurl's own text names hosts and ports at most while it connects; later texts are not trusted with that.
  const auto detail = [&] {
    std::string text = error_text_.front() == '\0' ? curl_->easy_strerror(code) : error_text_.data();
    std::ranges::replace_if(text, [](char letter) { return static_cast<unsigned char>(letter) < 0x20; }, ' ');
    return text.substr(0, 200);
  };
  const auto unavailable = [&](TransferStep step, std::string_view reason) {
    return failure(ErrorCode::unavailable, step, reason);
  };
  switch (code) {
    case CURLE_OPERATION_TIMEDOUT:
      return failure(ErrorCode::timed_out, step(), "nothing within " + std::to_string(allowed().count()) + " ms");
    case CURLE_URL_MALFORMAT: return failure(ErrorCode::invalid, step(), "the URL is malformed");
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY: return unavailable(TransferStep::resolve, detail());
    case CURLE_COULDNT_CONNECT: return unavailable(TransferStep::connect, detail());
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CIPHER:
    case CURLE_SSL_ISSUER_ERROR: return unavailable(TransferStep::tls, detail());
    case CURLE_TOO_MANY_REDIRECTS:
      return unavailable(step(), "more than " + std::to_string(request_.redirects_max) + " redirects");
    case CURLE_UNSUPPORTED_PROTOCOL:
      return unavailable(step(), "a redirect to a protocol that is not allowed, or no HTTP answer");
    case CURLE_PARTIAL_FILE: {
      std::string reason = "the body ended early (got " + std::to_string(received_) + " bytes";
      if (announced_) reason.append(", want ").append(std::to_string(*announced_));
      return failure(ErrorCode::corrupt, step(), reason + ")");
    }
    case CURLE_GOT_NOTHING: return unavailable(step(), "closed without an answer");
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR: return unavailable(step(), "the connection was cut");
    default: return unavailable(step(), curl_->easy_strerror(code));
  }
}

}  // namespace lifeboat::sys
