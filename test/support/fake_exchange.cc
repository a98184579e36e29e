#include "test/support/fake_exchange.h"

#include <algorithm>
#include <cstring>

#include "base/assert.h"

namespace lifeboat::test {

std::pair<int, sys::HttpFields> parse_prepared_head(std::string_view head) {
  static constexpr std::string_view kVersion = "HTTP/1.1 ";
  LB_ASSERT(head.starts_with(kVersion) && head.ends_with("\r\n"));
  const int status = std::stoi(std::string(head.substr(kVersion.size(), 3)));
  head.remove_prefix(head.find("\r\n") + 2);
  sys::HttpFields fields;
  while (!head.empty()) {
    const std::string_view line = head.substr(0, head.find("\r\n"));
    const std::size_t colon = line.find(": ");
    LB_ASSERT(colon != std::string_view::npos);
    fields.add(line.substr(0, colon), line.substr(colon + 2));
    head.remove_prefix(line.size() + 2);
  }
  return {status, fields};
}

FakeExchange::FakeExchange(FakeRequest request) : given_(std::move(request)) {
  request_.method = sys::http_method_of(given_.method);
  request_.method_text = given_.method;
  request_.target = given_.target;
  for (const auto& [name, value] : given_.fields) request_.fields.add(name, value);
  request_.peer = "192.0.2.1";
  request_.door = given_.door;
}

std::optional<uint64_t> FakeExchange::body_length() const {
  if (given_.is_chunked) return std::nullopt;
  return given_.announced_length.value_or(given_.body.size());
}

Task<sys::Block> FakeExchange::read_block() {
  was_body_read_ = true;
  const uint64_t end = std::min<uint64_t>(given_.breaks_after.value_or(given_.body.size()), given_.body.size());
  if (offset_ >= end && given_.breaks_after) {
    co_return fail(ErrorCode::cancelled, "cannot read the body: the client left");
  }
  if (offset_ >= end) co_return sys::Block();
  sys::Block block = blocks_.take();
  const auto count = static_cast<std::size_t>(std::min<uint64_t>(block.free_space().size(), end - offset_));
  std::memcpy(block.free_space().data(), given_.body.data() + offset_, count);
  block.grow(count);
  offset_ += count;
  co_return std::move(block);
}

Task<std::optional<std::string>> FakeExchange::read_all(std::size_t max_bytes) {
  was_body_read_ = true;
  if (given_.breaks_after) co_return fail(ErrorCode::cancelled, "cannot read the body: the client left");
  if (given_.body.size() > max_bytes) co_return std::nullopt;
  offset_ = given_.body.size();
  co_return std::optional(given_.body);
}

Awaitable<void> FakeExchange::respond(sys::HttpResponse response) {
  LB_ASSERT(answer_.status == 0);
  answer_.status = response.status;
  answer_.fields = std::move(response.fields);
  if (response.status != 204 && response.status != 304) answer_.length = response.body.size();
  if (!is_head()) answer_.body = std::move(response.body);
  answer_.is_complete = true;
  co_return;
}

Awaitable<void> FakeExchange::respond_prepared(sys::PreparedHit hit) {
  LB_ASSERT(answer_.status == 0);
  const sys::PreparedAnswer& prepared = *hit.answer;
  std::tie(answer_.status, answer_.fields) =
      parse_prepared_head(hit.is_not_modified ? prepared.not_modified_head : prepared.head);
  answer_.is_prepared = true;
  answer_.is_complete = true;
  if (hit.is_not_modified) co_return;
  answer_.length = prepared.size_bytes;
  if (is_head()) co_return;
  answer_.body = prepared.body;
  if (!prepared.file) co_return;
  answer_.body.resize(prepared.size_bytes);
  const auto count = prepared.file->read_at(0, std::as_writable_bytes(std::span(answer_.body)));
  LB_ASSERT(count.has_value() && *count == prepared.size_bytes);
}

Task<void> FakeExchange::begin(sys::HttpResponse head, std::optional<uint64_t> length) {
  LB_ASSERT(answer_.status == 0 && head.body.empty());
  answer_.status = head.status;
  answer_.fields = std::move(head.fields);
  answer_.length = length;
  answer_.is_complete = is_head() || length == 0;
  co_return Status{};
}

Task<void> FakeExchange::send(ByteView bytes) {
  append(as_text(bytes));
  co_return Status{};
}

Task<void> FakeExchange::send_file(const sys::ReadableFile& file, uint64_t offset, uint64_t length) {
  std::string bytes(length, '\0');
  LB_CO_TRY(const std::size_t count, file.read_at(offset, std::as_writable_bytes(std::span(bytes))));
  if (count != length) co_return fail(ErrorCode::corrupt, "cannot send the body: the bytes end early");
  append(bytes);
  co_return Status{};
}

void FakeExchange::append(std::string_view bytes) {
  LB_ASSERT(answer_.status != 0);
  if (!is_head()) answer_.body.append(bytes);
  LB_ASSERT(!answer_.length || answer_.body.size() <= *answer_.length);
  if (answer_.length) answer_.is_complete = is_head() || answer_.body.size() == *answer_.length;
  if (on_sent) on_sent();
}

Task<void> FakeExchange::end() {
  if (!answer_.length) answer_.is_complete = true;
  co_return Status{};
}

}  // namespace lifeboat::test
