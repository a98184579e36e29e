#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "base/bytes.h"
#include "sys/block_pool.h"
#include "sys/http_message.h"
#include "sys/http_server.h"

/// Parsing of requests, by Beast's parser, without Beast in anybody's header. For the .cc files of sys/ and their
/// tests.
namespace lifeboat::sys {

/// What frames a request, and what a prepared answer depends on.
struct HttpHead {
  HttpRequestView view;
  HttpMethod method = HttpMethod::other;
  std::optional<uint64_t> content_length;
  bool is_chunked = false;
  bool is_http_1_0 = false;
  bool keeps_alive = true;
  bool expects_continue = false;
  bool has_range = false;
};

/// Bytes up to and including the empty line, or 0 when it has not come yet. `from`: where the last look ended.
std::size_t find_head_end(std::string_view bytes, std::size_t from);

/// Reads a complete head. Nothing when it is malformed, or framed in two ways at once (W3: request smuggling). The
/// views point into `bytes`.
std::optional<HttpHead> parse_head(std::string_view bytes);

/// The same head with all its fields, owned. Only for bytes that parse_head accepted.
HttpRequest own_request(std::string_view bytes);

/// Takes the chunks off a body (RFC 9112 §7.1), with extensions and trailers.
class ChunkedBody {
 public:
  /// `head`: the request's head, complete.
  explicit ChunkedBody(std::string_view head);
  ~ChunkedBody();
  ChunkedBody(const ChunkedBody&) = delete;
  ChunkedBody& operator=(const ChunkedBody&) = delete;

  /// Decodes from `raw` into `block`, which has room for raw.size() bytes. Returns how many raw bytes were used (the
  /// rest is to come again with more behind it); nothing when the chunking is broken.
  std::optional<std::size_t> decode(std::string_view raw, Block& block);
  bool is_done() const;

 private:
  class Parser;
  std::unique_ptr<Parser> parser_;
};

}  // namespace lifeboat::sys
