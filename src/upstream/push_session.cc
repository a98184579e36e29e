#include "upstream/push_session.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "upstream/failure.h"
#include "upstream/scope.h"

namespace lifeboat::upstream {
namespace {

/// So much is sent once more rather than asked how much of it came.
constexpr uint64_t kPutMaxBytes = 4 * kMiB;
constexpr uint64_t kRereadBytesPerSecond = 20 * kMiB;
/// More than there are sizes of chunks to try.
constexpr int kTooLargeMax = 8;

std::optional<uint64_t> number_of(std::string_view text) {
  uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const bool is_number = error == std::errc() && end == text.data() + text.size() && !text.empty();
  return is_number ? std::optional(number) : std::nullopt;
}

std::string doing_of(const PushPlace& place) {
  return "cannot put blob '" + place.repository + "@" + place.digest.to_string() + "'";
}

Status compare_digest(const sys::HttpClientResponse& response, const PushPlace& place) {
  const auto told = oci::Digest::parse(response.fields.find("Docker-Content-Digest").value_or(""));
  // One of another algorithm is another name of the same bytes.
  if (!told || told->algorithm() != place.digest.algorithm() || *told == place.digest) return {};
  return fail(ErrorCode::corrupt, doing_of(place) + ": the registry names other bytes (got " + told->to_string() + ")");
}

}  // namespace

std::optional<uint64_t> bytes_of_range(std::string_view range) {
  if (range.starts_with("bytes=")) range.remove_prefix(6);
  if (!range.starts_with("0-")) return std::nullopt;
  const auto last = number_of(range.substr(2));
  return last && *last > 0 ? std::optional(*last + 1) : std::nullopt;
}

Duration commit_within(uint64_t size_bytes) {
  return std::chrono::minutes(1) + std::chrono::seconds(size_bytes / kRereadBytesPerSecond);
}

uint64_t chunk_minimum_of(const sys::HttpFields& fields) {
  return number_of(fields.find("OCI-Chunk-Min-Length").value_or("")).value_or(0);
}

Task<bool> is_blob_there(Call call, PushWire& wire, PushPlace place) {
  PushWire::Order order;
  order.url = wire.endpoint().url_of("/v2/" + place.repository + "/blobs/" + place.digest.to_string());
  order.scope = place.scope;
  order.doing = "cannot look for blob '" + place.repository + "@" + place.digest.to_string() + "'";
  order.is_missing_fine = true;
  const std::string doing = order.doing;
  const auto response = co_await wire.ask(std::move(call), std::move(order));
  if (!response) {
    // A registry that does not answer HEAD has to be told the bytes.
    if (response.error().code() == ErrorCode::unsupported) co_return false;
    co_return std::unexpected(response.error());
  }
  if (response->status == 404) co_return false;
  LB_CO_CHECK(compare_digest(*response, place));
  const auto length = number_of(response->fields.find("Content-Length").value_or(""));
  if (length.value_or(0) != 0 && *length != place.size_bytes) {
    co_return fail(ErrorCode::corrupt, doing + ": it is there with another length (got " + std::to_string(*length) +
                                           " bytes, want " + std::to_string(place.size_bytes) + ")");
  }
  co_return true;
}

Task<PushBegun> begin_push(Call call, PushWire& wire, PushPlace place, std::string mount_from) {
  PushWire::Order order;
  order.method = sys::HttpMethod::post;
  order.url = wire.endpoint().url_of("/v2/" + place.repository + "/blobs/uploads/");
  order.scope = place.scope;
  order.doing = doing_of(place);
  order.fields.add("Content-Type", "application/octet-stream");
  const std::string plain_url = order.url;
  if (!mount_from.empty()) {
    order.url += "?mount=" + percent_encoded(place.digest.to_string()) + "&from=" + percent_encoded(mount_from);
    order.scope = push_scope(place.repository, mount_from);
    auto mounted = co_await wire.ask(call, order);
    if (mounted && mounted->status == 201) {
      LB_CO_CHECK(compare_digest(*mounted, place));
      co_return PushBegun{};
    }
    if (mounted) {
      auto at = upload_location(wire.endpoint().url(), order.url, mounted->fields.find("Location").value_or(""));
      if (at) co_return PushBegun{std::move(*at), chunk_minimum_of(mounted->fields)};
    } else if (is_outage(mounted.error().code()) || mounted.error().code() == ErrorCode::too_many) {
      co_return std::unexpected(mounted.error());
    }
    order.url = plain_url;
    order.scope = place.scope;
  }
  LB_CO_TRY(const auto response, co_await wire.ask(std::move(call), std::move(order)));
  LB_CO_TRY(auto at, upload_location(wire.endpoint().url(), plain_url, response.fields.find("Location").value_or("")));
  co_return PushBegun{std::move(at), chunk_minimum_of(response.fields)};
}

PushSession::PushSession(PushWire& wire, PushPlace place, PushBegun begun)
    : wire_(wire), place_(std::move(place)), at_(std::move(*begun.at)), chunk_min_bytes_(begun.chunk_min_bytes) {}

PushWire::Order PushSession::order_of(sys::HttpMethod method, const std::string& url) const {
  PushWire::Order order;
  order.method = method;
  order.url = url;
  order.scope = place_.scope;
  order.doing = doing_of(place_);
  order.has_login = at_.is_ours;
  if (method != sys::HttpMethod::get) order.fields.add("Content-Type", "application/octet-stream");
  return order;
}

Status PushSession::take_location(const sys::HttpClientResponse& response) {
  const auto location = response.fields.find("Location");
  if (!location) return {};
  LB_TRY(at_, upload_location(wire_.endpoint().url(), at_.url, *location));
  return {};
}

// ---- bytes ----

uint64_t PushSession::next_request_bytes() const {
  const uint64_t left = place_.size_bytes - given_;
  const uint64_t chunk = wire_.chunk_bytes();
  return chunk == 0 ? left : std::min(left, std::max(chunk, chunk_min_bytes_));
}

Task<void> PushSession::begin_request(Call call) {
  request_begins_ = given_;
  request_ends_ = given_ + next_request_bytes();
  style_ = request_ends_ - given_ == place_.size_bytes && place_.size_bytes <= kPutMaxBytes ? Style::put : Style::patch;
  PushWire::Order order = style_ == Style::put ? order_of(sys::HttpMethod::put, commit_url(at_.url, place_.digest))
                                               : order_of(sys::HttpMethod::patch, at_.url);
  // Of a part the registry then knows where it belongs (end-5); of the whole some dislike it (W36).
  const bool is_part = request_begins_ > 0 || request_ends_ < place_.size_bytes;
  if (is_part) {
    order.fields.add("Content-Range", std::to_string(request_begins_) + "-" + std::to_string(request_ends_ - 1));
  }
  if (style_ == Style::put) order.answer_in = commit_within(place_.size_bytes);
  LB_CO_TRY(running_, co_await wire_.begin(std::move(call), std::move(order), request_ends_ - request_begins_));
  co_return Status{};
}

Task<void> PushSession::give(Call call, sys::SharedBytes bytes) {
  if (bytes.bytes.size() > place_.size_bytes - given_) {
    co_return fail(ErrorCode::corrupt,
                   doing_of(place_) + ": it is longer than its " + std::to_string(place_.size_bytes) + " bytes");
  }
  while (!bytes.bytes.empty()) {
    if (!running_.upload) LB_CO_CHECK(co_await begin_request(call));
    const auto count = static_cast<std::size_t>(std::min<uint64_t>(bytes.bytes.size(), request_ends_ - given_));
    co_await wire_.wait_for_bandwidth(count);
    sys::SharedBytes part = bytes.part(0, count);
    const bool is_taken = co_await running_.upload->give(std::move(part));
    if (!is_taken) {
      LB_CO_CHECK(co_await end_request(call));
      co_return fail(ErrorCode::unavailable, doing_of(place_) + ": it was answered before all of it was sent");
    }
    bytes = bytes.part(count, bytes.bytes.size() - count);
    given_ += count;
    if (given_ == request_ends_ && style_ == Style::patch) LB_CO_CHECK(co_await end_request(call));
  }
  co_return Status{};
}

/// Waits for the answer to what was given.
Task<void> PushSession::end_request(Call call) {
  const PushWire::Running running = std::exchange(running_, PushWire::Running{});
  auto answered = co_await running.upload->finish(call);
  if (!answered) co_return std::unexpected(std::move(answered).error().with_context("at " + wire_.endpoint().name()));
  refused_ = push_failure_of(*answered, doing_of(place_), wire_.clock().wall());
  if (!refused_) {
    if (at_.is_ours) wire_.note_accepted(running.authorization);
    co_return co_await judge(std::move(call), std::move(*answered));
  }
  if (answered->status == 401 && at_.is_ours) {
    const PushWire::Order order = order_of(sys::HttpMethod::patch, at_.url);
    LB_CO_CHECK(co_await wire_.log_in_again(std::move(call), order, *answered, running.authorization));
  }
  co_return std::unexpected(refused_->error);
}

Task<void> PushSession::judge(Call, sys::HttpClientResponse response) {
  if (style_ == Style::put) {
    is_there_ = true;
    co_return compare_digest(response, place_);
  }
  LB_CO_CHECK(take_location(response));
  const auto kept = bytes_of_range(response.fields.find("Range").value_or(""));
  if (kept && *kept != request_ends_) {
    co_return fail(ErrorCode::unavailable, doing_of(place_) + ": the registry kept another part (got " +
                                               std::to_string(*kept) + " bytes, want " + std::to_string(request_ends_) +
                                               ")");
  }
  co_return Status{};
}

Task<void> PushSession::commit(Call call) {
  if (is_there_) co_return Status{};
  if (running_.upload) {
    LB_CO_CHECK(co_await end_request(call));
    if (is_there_) co_return Status{};
  }
  PushWire::Order order = order_of(sys::HttpMethod::put, commit_url(at_.url, place_.digest));
  order.answer_in = commit_within(place_.size_bytes);
  refused_.reset();
  LB_CO_TRY(const auto response, co_await wire_.ask(std::move(call), std::move(order)));
  is_there_ = true;
  co_return compare_digest(response, place_);
}

// ---- after a failure ----

Status PushSession::shrink(const Error& failure) {
  const uint64_t sent = request_ends_ - request_begins_;
  refused_bytes_ = std::min(sent, refused_bytes_.value_or(sent));
  if (++too_large_ > kTooLargeMax || !wire_.shrink_chunks(sent)) return std::unexpected(failure);
  return {};
}

Status PushSession::check_shrunk() const {
  const uint64_t next = next_request_bytes();
  if (!refused_bytes_ || next < *refused_bytes_) return {};
  return fail(ErrorCode::invalid, doing_of(place_) + ": a body of " + std::to_string(*refused_bytes_) +
                                      " bytes is too large for it (413), and it takes no smaller one (" +
                                      "OCI-Chunk-Min-Length " + std::to_string(chunk_min_bytes_) + ")");
}

Task<uint64_t> PushSession::resume(Call call, Error failure) {
  running_ = PushWire::Running{};
  const int status = refused_ ? refused_->status : 0;
  if (status == 413) {
    LB_CO_CHECK(shrink(failure));
  } else {
    // The session is gone, or elsewhere than we thought, or the login was renewed: each is mended below.
    const bool is_about_session =
        status == 404 || status == 416 || status == 401 || failure.code() == ErrorCode::not_found;
    ++failed_;
    const Error judged = is_about_session ? Error(ErrorCode::unavailable, failure.message()) : failure;
    const auto pause = push_pause(judged, failed_, refused_ ? refused_->named_pause : std::nullopt);
    const SteadyTime again = wire_.clock().now() + pause.value_or(Duration(0));
    if (!pause || again >= call.deadline()) co_return std::unexpected(std::move(failure));
    co_await wire_.clock().sleep_until(again);
  }
  refused_.reset();
  // It may have been the answer that was lost (W40).
  LB_CO_TRY(is_there_, co_await is_blob_there(call, wire_, place_));
  if (is_there_) {
    given_ = place_.size_bytes;
    co_return given_;
  }
  LB_CO_CHECK(co_await look_how_far(std::move(call)));
  LB_CO_CHECK(check_shrunk());
  if (given_ > best_) failed_ = 0;
  best_ = std::max(best_, given_);
  co_return given_;
}

Task<void> PushSession::look_how_far(Call call) {
  PushWire::Order order = order_of(sys::HttpMethod::get, at_.url);
  order.is_missing_fine = true;
  const auto response = co_await wire_.ask(call, std::move(order));
  if (!response && is_outage(response.error().code())) co_return std::unexpected(response.error());
  const bool is_session = response && response->status != 404;
  const auto kept = is_session ? bytes_of_range(response->fields.find("Range").value_or("")) : std::nullopt;
  const bool is_usable = kept && *kept <= place_.size_bytes && take_location(*response);
  if (!is_usable) co_return co_await begin_anew(std::move(call));
  given_ = *kept;
  co_return Status{};
}

Task<void> PushSession::begin_anew(Call call) {
  LB_CO_TRY(auto begun, co_await begin_push(std::move(call), wire_, place_, ""));
  at_ = std::move(*begun.at);
  chunk_min_bytes_ = begun.chunk_min_bytes;
  given_ = 0;
  co_return Status{};
}

}  // namespace lifeboat::upstream
