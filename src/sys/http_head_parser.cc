#include "sys/http_head_parser.h"

#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <boost/beast/http/basic_parser.hpp>
#include <boost/beast/http/field.hpp>
#include <cstring>

#include "base/assert.h"

namespace lifeboat::sys {
namespace {

namespace beast_http = boost::beast::http;
using BeastError = boost::beast::error_code;
using BeastText = boost::beast::string_view;

std::string_view std_view(BeastText text) { return {text.data(), text.size()}; }

/// Beast's parser with the callbacks a request needs; subclasses say what they keep.
class RequestParser : public beast_http::basic_parser<true> {
 public:
  RequestParser() {
    header_limit(std::numeric_limits<std::uint32_t>::max());  // the connection bounds the head before it is parsed
    body_limit(boost::none);
    skip(false);
  }

  bool has_content_length = false;
  bool has_transfer_encoding = false;

 protected:
  virtual void keep_request(std::string_view method, std::string_view target, int version) = 0;
  virtual void keep_field(beast_http::field field, std::string_view name, std::string_view value) = 0;
  virtual void keep_body(std::string_view) {}

 private:
  void on_request_impl(beast_http::verb, BeastText method, BeastText target, int version, BeastError&) override {
    keep_request(std_view(method), std_view(target), version);
  }
  void on_response_impl(int, BeastText, int, BeastError&) override {}
  void on_field_impl(beast_http::field field, BeastText name, BeastText value, BeastError&) override {
    if (field == beast_http::field::content_length) has_content_length = true;
    if (field == beast_http::field::transfer_encoding) has_transfer_encoding = true;
    keep_field(field, std_view(name), std_view(value));
  }
  void on_header_impl(BeastError&) override {}
  void on_body_init_impl(const boost::optional<std::uint64_t>&, BeastError&) override {}
  std::size_t on_body_impl(BeastText body, BeastError&) override { return body.size(); }
  void on_chunk_header_impl(std::uint64_t, BeastText, BeastError&) override {}
  std::size_t on_chunk_body_impl(std::uint64_t, BeastText body, BeastError&) override {
    keep_body(std_view(body));
    return body.size();
  }
  void on_finish_impl(BeastError&) override {}
};

class HeadParser final : public RequestParser {
 public:
  HttpHead head;

 private:
  void keep_request(std::string_view method, std::string_view target, int version) override {
    head.method = http_method_of(method);
    head.view.is_head = head.method == HttpMethod::head;
    head.view.target = target;
    head.is_http_1_0 = version == 10;
  }
  void keep_field(beast_http::field field, std::string_view, std::string_view value) override {
    switch (field) {
      case beast_http::field::if_none_match: head.view.if_none_match = value; break;
      case beast_http::field::range: head.has_range = true; break;
      case beast_http::field::expect: head.expects_continue = equals_ignoring_case(value, "100-continue"); break;
      default: break;
    }
  }
};

class OwningParser final : public RequestParser {
 public:
  HttpRequest request;

 private:
  void keep_request(std::string_view method, std::string_view target, int) override {
    request.method = http_method_of(method);
    request.method_text = method;
    request.target = target;
  }
  void keep_field(beast_http::field, std::string_view name, std::string_view value) override {
    request.fields.add(name, value);
  }
};

template <class Parser>
bool feed_head(Parser& parser, std::string_view bytes) {
  BeastError error;
  parser.eager(false);
  parser.put(boost::asio::buffer(bytes.data(), bytes.size()), error);
  return !error && parser.is_header_done();
}

}  // namespace

std::size_t find_head_end(std::string_view bytes, std::size_t from) {
  const std::size_t start = from > 3 ? from - 3 : 0;
  const void* found = memmem(bytes.data() + start, bytes.size() - start, "\r\n\r\n", 4);
  if (found == nullptr) return 0;
  return static_cast<std::size_t>(static_cast<const char*>(found) - bytes.data()) + 4;
}

std::optional<HttpHead> parse_head(std::string_view bytes) {
  HeadParser parser;
  if (!feed_head(parser, bytes)) return std::nullopt;
  if (parser.has_transfer_encoding && (parser.has_content_length || !parser.chunked())) return std::nullopt;
  HttpHead& head = parser.head;
  if (parser.has_content_length) {
    const auto length = parser.content_length();
    if (!length) return std::nullopt;
    head.content_length = *length;
  }
  head.is_chunked = parser.chunked();
  head.keeps_alive = parser.keep_alive();
  return head;
}

HttpRequest own_request(std::string_view bytes) {
  OwningParser parser;
  LB_ASSERT(feed_head(parser, bytes));
  return std::move(parser.request);
}

class ChunkedBody::Parser final : public RequestParser {
 public:
  Block* into = nullptr;

 private:
  void keep_request(std::string_view, std::string_view, int) override {}
  void keep_field(beast_http::field, std::string_view, std::string_view) override {}
  void keep_body(std::string_view bytes) override {
    const ByteSpan space = into->free_space();
    LB_ASSERT(bytes.size() <= space.size());
    std::memcpy(space.data(), bytes.data(), bytes.size());
    into->grow(bytes.size());
  }
};

ChunkedBody::ChunkedBody(std::string_view head) : parser_(std::make_unique<Parser>()) {
  LB_ASSERT(feed_head(*parser_, head));
  parser_->eager(true);
}
ChunkedBody::~ChunkedBody() = default;

bool ChunkedBody::is_done() const { return parser_->is_done(); }

std::optional<std::size_t> ChunkedBody::decode(std::string_view raw, Block& block) {
  parser_->into = &block;
  BeastError error;
  std::size_t used = 0;
  while (used < raw.size() && !parser_->is_done()) {
    const std::size_t count = parser_->put(boost::asio::buffer(raw.data() + used, raw.size() - used), error);
    used += count;
    if (error == beast_http::error::need_more) return used;
    if (error) return std::nullopt;
    if (count == 0) return used;
  }
  return used;
}

}  // namespace lifeboat::sys
