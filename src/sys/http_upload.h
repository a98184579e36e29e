#pragma once

#include <cstdint>
#include <memory>

#include "base/call.h"
#include "base/task.h"
#include "sys/http_client.h"
#include "sys/shared_bytes.h"

namespace lifeboat::sys {

/// A request whose body is given while it is sent. One coroutine at a time. Destroying it before finish() returned ends
/// the transfer, and the peer sees a body that broke off.
class HttpUpload {
 public:
  virtual ~HttpUpload() = default;
  /// Takes the next bytes of the body; resumes when they are taken, which is once at most two pieces before them wait
  /// to be sent. False: no more is wanted, finish() tells why: the peer has answered already, or it failed.
  virtual Awaitable<bool> give(SharedBytes piece) = 0;
  /// The answer. All of the body was given, or give() was false. An HTTP status of any kind is a value. `call` bounds
  /// the time from now; the steps have their own deadlines (HttpDeadlines), of which `stall` also bounds how long the
  /// peer may take none of the bytes that wait, and `first_byte` counts from the last byte sent.
  virtual Task<HttpClientResponse> finish(Call call) = 0;
};

/// An HttpClient that also sends bodies that are longer than memory. Any thread.
class HttpUploadClient : public HttpClient {
 public:
  /// Begins a request with a body of `body_bytes`, at least one. Its `body` is empty; no redirect is followed, and
  /// nothing is sent a second time: what was given is gone. Always HTTP/1.1: of several uploads each has a connection
  /// of its own, and none waits for the window of another. Uploads are not among the streams that are bounded.
  virtual Result<std::unique_ptr<HttpUpload>> upload(HttpClientRequest request, uint64_t body_bytes) = 0;
};

/// The client of make_curl_http_client().
std::unique_ptr<HttpUploadClient> make_curl_upload_client(HttpClientOptions options, BlockPool& blocks);

}  // namespace lifeboat::sys
