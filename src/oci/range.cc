#include "oci/range.h"

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <limits>

#include "base/assert.h"
#include "oci/text.h"

namespace lifeboat::oci {
namespace {

/// The largest position we take as given: lengths and ends computed from two of them do not overflow.
constexpr uint64_t kPositionMax = static_cast<uint64_t>(std::numeric_limits<int64_t>::max());

/// Digits only. What is larger than kPositionMax becomes kPositionMax + 1.
std::optional<uint64_t> parse_number(std::string_view text) {
  uint64_t number = 0;
  const char* end = text.data() + text.size();
  const auto [stopped, error] = std::from_chars(text.data(), end, number);
  if (text.empty() || stopped != end || error == std::errc::invalid_argument) return std::nullopt;
  if (error == std::errc::result_out_of_range) return kPositionMax + 1;
  return std::min(number, kPositionMax + 1);
}

/// Cuts `bytes` and the letter after it off the front (range units are case-insensitive, RFC 9110 §14.1).
bool cut_unit(std::string_view& text, char after) {
  static constexpr std::string_view kUnit = "bytes";
  if (text.size() <= kUnit.size() || text[kUnit.size()] != after) return false;
  for (std::size_t i = 0; i < kUnit.size(); ++i) {
    if (text[i] != kUnit[i] && text[i] != kUnit[i] - 'a' + 'A') return false;
  }
  text.remove_prefix(kUnit.size() + 1);
  return true;
}

/// The one element of a list that may have empty elements (RFC 9110 §5.6.1.2); "" when there are none or several.
std::string_view only_element(std::string_view list) {
  std::string_view found;
  while (true) {
    const std::size_t comma = list.find(',');
    const std::string_view element = without_outer_space(list.substr(0, comma));
    if (!element.empty() && !found.empty()) return {};
    if (!element.empty()) found = element;
    if (comma == std::string_view::npos) return found;
    list.remove_prefix(comma + 1);
  }
}

/// `a-b` with a <= b.
std::optional<ByteRange> parse_span(std::string_view text) {
  const std::size_t dash = text.find('-');
  if (dash == std::string_view::npos) return std::nullopt;
  const auto first = parse_number(text.substr(0, dash));
  const auto last = parse_number(text.substr(dash + 1));
  if (!first || !last || *last > kPositionMax || *first > *last) return std::nullopt;
  return ByteRange{.first = *first, .length = *last - *first + 1};
}

/// `a-b/size` or `a-b/*` with a <= b < size.
std::optional<ContentRange> parse_sized_span(std::string_view text) {
  const std::size_t slash = text.find('/');
  if (slash == std::string_view::npos) return std::nullopt;
  const auto range = parse_span(text.substr(0, slash));
  if (!range) return std::nullopt;
  const std::string_view size_text = text.substr(slash + 1);
  if (size_text == "*") return ContentRange{.range = *range, .size_bytes = std::nullopt};
  const auto size_bytes = parse_number(size_text);
  if (!size_bytes || *size_bytes > kPositionMax || range->first + range->length > *size_bytes) return std::nullopt;
  return ContentRange{.range = *range, .size_bytes = *size_bytes};
}

}  // namespace

RangeRequest RangeRequest::parse(std::string_view field, uint64_t size_bytes) {
  const RangeRequest whole{.kind = Kind::whole, .range = {}};
  const RangeRequest unsatisfiable{.kind = Kind::unsatisfiable, .range = {}};
  std::string_view list = without_outer_space(field);
  if (!cut_unit(list, '=')) return whole;
  const std::string_view element = only_element(list);
  const std::size_t dash = element.find('-');
  if (dash == std::string_view::npos) return whole;
  const std::string_view first_text = element.substr(0, dash);
  const std::string_view last_text = element.substr(dash + 1);
  const auto first = parse_number(first_text);
  const auto last = parse_number(last_text);

  if (first_text.empty()) {
    if (!last) return whole;
    if (*last == 0) return unsatisfiable;
    if (size_bytes == 0) return whole;  // no 206 can say "no bytes"
    const uint64_t length = std::min(*last, size_bytes);
    return {.kind = Kind::part, .range = {.first = size_bytes - length, .length = length}};
  }
  if (!first || (!last && !last_text.empty())) return whole;
  if (last && *last < *first) return unsatisfiable;
  if (size_bytes == 0 && *first == 0) return whole;
  if (*first >= size_bytes) return unsatisfiable;
  const uint64_t end = last ? std::min(*last, size_bytes - 1) : size_bytes - 1;
  return {.kind = Kind::part, .range = {.first = *first, .length = end - *first + 1}};
}

std::string render_content_range(ByteRange range, uint64_t size_bytes) {
  LB_ASSERT(range.length > 0);
  std::string text = "bytes ";
  text.append(std::to_string(range.first)).append("-").append(std::to_string(range.first + range.length - 1));
  return text.append("/").append(std::to_string(size_bytes));
}

std::string render_unsatisfied_range(uint64_t size_bytes) { return "bytes */" + std::to_string(size_bytes); }

Result<ByteRange> parse_upload_range(std::string_view field) {
  std::string_view text = without_outer_space(field);
  cut_unit(text, ' ');
  text = without_outer_space(text);
  if (const auto range = parse_span(text)) return *range;
  if (const auto sized = parse_sized_span(text)) return sized->range;
  return fail(ErrorCode::invalid, "cannot parse upload range " + quote(field) + ": malformed (want <first>-<last>)");
}

std::string render_upload_range(uint64_t received_bytes) {
  return "0-" + std::to_string(received_bytes == 0 ? 0 : received_bytes - 1);
}

Result<ContentRange> parse_content_range(std::string_view field) {
  std::string_view text = without_outer_space(field);
  if (cut_unit(text, ' ')) {
    if (auto range = parse_sized_span(without_outer_space(text))) return *range;
  }
  return fail(ErrorCode::invalid,
              "cannot parse content range " + quote(field) + ": malformed (want bytes <first>-<last>/<size>)");
}

}  // namespace lifeboat::oci
