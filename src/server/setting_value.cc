#include "server/setting_value.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "base/assert.h"
#include "oci/reference_pattern.h"
#include "oci/repository.h"
#include "server/any_upstream.h"
#include "server/units.h"

namespace lifeboat::server {
namespace {

template <class Enum>
using Words = std::span<const std::pair<std::string_view, Enum>>;

Words<LogLevel> words(const LogLevel*) {
  static constexpr std::array<std::pair<std::string_view, LogLevel>, 4> kWords{{{"debug", LogLevel::debug},
                                                                                {"info", LogLevel::info},
                                                                                {"warning", LogLevel::warning},
                                                                                {"error", LogLevel::error}}};
  return kWords;
}
Words<LogFormat> words(const LogFormat*) {
  static constexpr std::array<std::pair<std::string_view, LogFormat>, 2> kWords{
      {{"text", LogFormat::text}, {"json", LogFormat::json}}};
  return kWords;
}
Words<AccessLog> words(const AccessLog*) {
  static constexpr std::array<std::pair<std::string_view, AccessLog>, 3> kWords{
      {{"problems", AccessLog::problems}, {"all", AccessLog::all}, {"none", AccessLog::none}}};
  return kWords;
}
Words<OnGone> words(const OnGone*) {
  static constexpr std::array<std::pair<std::string_view, OnGone>, 2> kWords{
      {{"keep", OnGone::keep}, {"drop", OnGone::drop}}};
  return kWords;
}
Words<OnCredentialFault> words(const OnCredentialFault*) {
  static constexpr std::array<std::pair<std::string_view, OnCredentialFault>, 2> kWords{
      {{"serve", OnCredentialFault::serve}, {"refuse", OnCredentialFault::refuse}}};
  return kWords;
}

Words<CaptureMode> words(const CaptureMode*) {
  static constexpr std::array<std::pair<std::string_view, CaptureMode>, 3> kWords{
      {{"requested", CaptureMode::requested}, {"all", CaptureMode::all}, {"none", CaptureMode::none}}};
  return kWords;
}

/// What a place holds when it holds something: the words, the types and the rules are those of that.
template <class Value>
struct Held {
  using Type = Value;
};
template <class Value>
struct Held<Override<Value>> {
  using Type = Value;
};
template <class Value>
constexpr bool kIsOverride = !std::is_same_v<typename Held<Value>::Type, Value>;

template <class... Visitors>
struct Overloaded : Visitors... {
  using Visitors::operator()...;
};

/// Why a value does not fit: what is wrong with it. Empty: it fits.
using Reason = std::string;

Reason out_of_bounds(uint64_t value, const Bounds& bounds, std::string (*render)(uint64_t)) {
  if (value < bounds.min) return "too small, the least is " + render(bounds.min);
  if (value > bounds.max) return "too large, the most is " + render(bounds.max);
  return {};
}

std::string render_count(uint64_t value) { return std::to_string(value); }
std::string render_ms(uint64_t value) { return render_duration(Duration(static_cast<Duration::rep>(value))); }

bool is_port(std::string_view text) {
  unsigned port = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), port);
  return parsed.ec == std::errc() && parsed.ptr == text.data() + text.size() && text.size() <= 5 && port <= 65535;
}

Reason parse_address(std::string_view text, std::string& out) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos || !is_port(text.substr(colon + 1))) return "no port from 0 to 65535";
  std::string address(text.substr(0, colon));
  if (address == "localhost") address = "127.0.0.1";
  std::array<unsigned char, sizeof(in6_addr)> bytes{};
  const bool is_ipv6 = address.size() > 2 && address.front() == '[' && address.back() == ']' &&
                       inet_pton(AF_INET6, address.substr(1, address.size() - 2).c_str(), bytes.data()) == 1;
  const bool is_ipv4 = inet_pton(AF_INET, address.c_str(), bytes.data()) == 1;
  if (!address.empty() && !is_ipv4 && !is_ipv6) return "not a numeric address";
  out = address.append(text.substr(colon));
  return {};
}

bool has_control(std::string_view text) {
  return std::ranges::any_of(text,
                             [](char letter) { return static_cast<unsigned char>(letter) < 0x20 || letter == 0x7f; });
}

Reason parse_path(std::string_view text, std::string& out) {
  if (has_control(text)) return "a path without control characters is wanted";
  out = text;
  return {};
}

Reason parse_host(const Setting& setting, std::string_view text, std::string& out) {
  if (setting.is_of_upstream() && (text == kDefaultUpstream || text == kAnyUpstream)) {
    out = text;
    return {};
  }
  const auto host = oci::RegistryHost::parse(text);
  if (!host) return "not a registry's host";
  out = host->to_string();
  return {};
}

/// The text is never repeated: before it is understood, it may hold a password.
Reason parse_url(std::string_view text, std::string& out) {
  std::string_view rest = text;
  if (rest.starts_with("https://")) {
    rest.remove_prefix(8);
  } else if (rest.starts_with("http://")) {
    rest.remove_prefix(7);
  } else {
    return "no 'https://' or 'http://' in front";
  }
  if (text.find('@') != std::string_view::npos) {
    return "credentials do not belong into an address, use 'username' and 'password_file'";
  }
  if (text.find_first_of("?#") != std::string_view::npos) return "a query does not belong into it";
  const auto is_odd = [](char letter) {
    const auto code = static_cast<unsigned char>(letter);
    return code <= 0x20 || code >= 0x7f || std::string_view("\"<>\\^`{|}").find(letter) != std::string_view::npos;
  };
  const std::string example = with_host(rest, "host.invalid");
  if (std::ranges::any_of(example, is_odd)) return "it has letters that no address has";
  if (!oci::RegistryHost::parse(std::string_view(example).substr(0, example.find('/')))) return "no valid host in it";
  out = text;
  while (out.ends_with('/')) out.pop_back();
  return {};
}

Reason parse_text(std::string_view text, std::string& out) {
  if (has_control(text)) return "no control characters are wanted";
  out = text;
  return {};
}

Reason parse_pattern(std::string_view text, std::string& out) {
  const auto parsed = oci::ReferencePattern::parse(text);
  if (!parsed) return "not a pattern of repositories";
  out = parsed->to_string();
  return {};
}

Reason parse_into(const Setting& setting, std::string_view text, std::string& out) {
  switch (setting.kind) {
    case SettingKind::pattern: return parse_pattern(text, out);
    case SettingKind::address: return parse_address(text, out);
    case SettingKind::path: return parse_path(text, out);
    case SettingKind::host: return parse_host(setting, text, out);
    case SettingKind::url: return parse_url(text, out);
    default: return parse_text(text, out);
  }
}

Reason parse_into(const Setting&, std::string_view text, bool& out) {
  if (text != "true" && text != "false") return "not true or false";
  out = text == "true";
  return {};
}

Reason parse_into(const Setting& setting, std::string_view text, uint64_t& out) {
  uint64_t value = 0;
  if (setting.kind == SettingKind::size) {
    const auto size_bytes = parse_size(text);
    if (!size_bytes) return "not a size";
    value = *size_bytes;
  } else {
    const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
    if (text.empty() || parsed.ec != std::errc() || parsed.ptr != text.data() + text.size())
      return "not a whole number";
  }
  Reason reason = out_of_bounds(value, setting.bounds, setting.kind == SettingKind::size ? render_size : render_count);
  if (reason.empty()) out = value;
  return reason;
}

Reason parse_into(const Setting& setting, std::string_view text, Duration& out) {
  const auto duration = parse_duration(text);
  if (!duration) return "not a duration";
  Reason reason = out_of_bounds(static_cast<uint64_t>(duration->count()), setting.bounds, render_ms);
  if (reason.empty()) out = *duration;
  return reason;
}

Reason parse_into(const Setting& setting, std::string_view text, std::optional<Duration>& out) {
  if (text == "unlimited") {
    out.reset();
    return {};
  }
  Duration duration{};
  Reason reason = parse_into(setting, text, duration);
  if (reason.empty()) out = duration;
  return reason;
}

template <class Enum>
  requires std::is_enum_v<Enum>
Reason parse_into(const Setting&, std::string_view text, Enum& out) {
  for (const auto& [word, value] : words(&out)) {
    if (word != text) continue;
    out = value;
    return {};
  }
  return "no such choice";
}

/// "one, two" of the environment; nothing is the empty list.
std::vector<std::string> split_list(std::string_view text) {
  constexpr std::string_view kBlank = " \t";
  std::vector<std::string> entries;
  if (text.find_first_not_of(kBlank) == std::string_view::npos) return entries;
  while (true) {
    const std::size_t comma = text.find(',');
    std::string_view entry = text.substr(0, comma);
    entry.remove_prefix(std::min(entry.size(), entry.find_first_not_of(kBlank)));
    entries.emplace_back(entry.substr(0, entry.find_last_not_of(kBlank) + 1));
    if (comma == std::string_view::npos) return entries;
    text.remove_prefix(comma + 1);
  }
}

Reason parse_list(const GivenValue& given, std::vector<std::string>& out) {
  std::vector<std::string> entries = given.kind == GivenValue::Kind::untyped ? split_list(given.text) : given.entries;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const std::string number = std::to_string(i + 1);
    if (entries[i].empty()) return "entry " + number + " is empty";
    if (has_control(entries[i])) return "entry " + number + " has control characters";
    if (entries[i].find(',') != std::string::npos) return "entry " + number + " has a comma";
  }
  out = std::move(entries);
  return {};
}

template <class Value>
Reason parse_given(const Setting& setting, const GivenValue& given, Value& out) {
  if constexpr (kIsOverride<Value>) {
    typename Held<Value>::Type value{};
    Reason reason = parse_into(setting, given.text, value);
    if (reason.empty()) out.value = value;
    return reason;
  } else if constexpr (std::is_same_v<Value, std::vector<std::string>>) {
    return parse_list(given, out);
  } else {
    return parse_into(setting, given.text, out);
  }
}

GivenValue::Kind kind_wanted(SettingKind kind) {
  switch (kind) {
    case SettingKind::flag: return GivenValue::Kind::boolean;
    case SettingKind::count: return GivenValue::Kind::integer;
    case SettingKind::list: return GivenValue::Kind::list;
    default: return GivenValue::Kind::string;
  }
}

std::string list_literal(const std::vector<std::string>& entries) {
  std::string text = "[";
  for (const std::string& entry : entries) text.append(text.size() > 1 ? ", " : "").append(quoted(entry));
  return text.append("]");
}

std::string got(const Setting& setting, const GivenValue& given) {
  constexpr std::size_t kShown = 100;
  if (given.kind == GivenValue::Kind::other) return given.text;
  if (setting.kind == SettingKind::url) return {};
  const bool is_list = given.kind == GivenValue::Kind::list;
  const std::string whole = is_list ? list_literal(given.entries) : given.text;
  std::string shown = whole.substr(0, kShown);
  std::ranges::replace_if(shown, [](char letter) { return has_control({&letter, 1}); }, '?');
  if (whole.size() > kShown) shown.append("…");
  const bool is_bare = is_list || given.kind == GivenValue::Kind::integer || given.kind == GivenValue::Kind::boolean;
  return is_bare ? shown : "'" + shown + "'";
}

std::string or_list(const std::vector<std::string_view>& choices) {
  std::string text;
  for (std::size_t i = 0; i < choices.size(); ++i) {
    if (i > 0) text.append(i + 1 == choices.size() ? " or " : ", ");
    text.append("'").append(choices[i]).append("'");
  }
  return text;
}

}  // namespace

std::vector<std::string_view> choices_of(const Setting& setting) {
  std::vector<std::string_view> choices;
  const auto add_words = [&]<class Value>(Value*) {
    using Type = typename Held<Value>::Type;
    if constexpr (std::is_enum_v<Type>) {
      for (const auto& [word, meant] : words(static_cast<const Type*>(nullptr))) choices.push_back(word);
    }
  };
  std::visit(
      [&]<class Record>(Slot (*field)(Record&)) {
        Record record;
        std::visit(add_words, field(record));
      },
      setting.field);
  return choices;
}

std::string wanted(const Setting& setting) {
  switch (setting.kind) {
    case SettingKind::address: return "an address and port, for example ':5000', '127.0.0.1:5000' or '[::1]:5000'";
    case SettingKind::path: return "a path in quotes";
    case SettingKind::host: return "a host, for example 'ghcr.io' or 'registry.example:5000'";
    case SettingKind::url: return "an address, for example 'https://registry.example:5000'";
    case SettingKind::pattern: return "a pattern, for example 'org/*' or 'org/*:latest'";
    case SettingKind::text: return "a text in quotes";
    case SettingKind::list: return R"(a list of texts without commas, for example ["one", "two"] or ["one"])";
    case SettingKind::flag: return "true or false";
    case SettingKind::count: return "a whole number";
    case SettingKind::size: return "a size in quotes, for example '512B', '64KiB' or '4MiB'";
    case SettingKind::duration: return "a duration in quotes, for example '1500ms', '30s' or '10m'";
    case SettingKind::duration_or_unlimited: return "a duration in quotes, for example '24h', or 'unlimited'";
    case SettingKind::choice: return or_list(choices_of(setting));
  }
  return {};
}

Status assign(const Setting& setting, Slot slot, const GivenValue& given) {
  Reason reason;
  if (given.kind != GivenValue::Kind::untyped && given.kind != kind_wanted(setting.kind)) {
    reason = "it is of the wrong type";
  } else if (setting.is_required && given.text.empty() && given.entries.empty()) {
    reason = "it is empty";
  } else {
    reason = std::visit([&](auto* out) { return parse_given(setting, given, *out); }, slot);
  }
  if (reason.empty()) return {};
  std::string message = "cannot set '" + path_of(setting) + "': " + reason + " (";
  if (const std::string shown = got(setting, given); !shown.empty()) message.append("got ").append(shown).append(", ");
  return fail(ErrorCode::invalid, message.append("want ").append(wanted(setting)).append(")"));
}

std::string render_text(Slot slot, SettingKind kind) {
  return std::visit(
      Overloaded{[](const std::string* text) { return *text; },
                 [](const std::vector<std::string>* entries) {
                   std::string text;
                   for (const std::string& entry : *entries) text.append(text.empty() ? "" : ",").append(entry);
                   return text;
                 },
                 [](const bool* flag) { return std::string(*flag ? "true" : "false"); },
                 [&](const uint64_t* n) { return kind == SettingKind::size ? render_size(*n) : std::to_string(*n); },
                 [](const Duration* duration) { return render_duration(*duration); },
                 [](const std::optional<Duration>* duration) {
                   return *duration ? render_duration(**duration) : std::string("unlimited");
                 },
                 [&]<class Value>(Override<Value>* own) {
                   return own->value ? render_text(Slot(&*own->value), kind) : std::string();
                 },
                 [](const auto* choice) {
                   const auto known = words(choice);
                   const auto found = std::ranges::find_if(known, [&](const auto& w) { return w.second == *choice; });
                   LB_ASSERT(found != known.end());
                   return std::string(found->first);
                 }},
      slot);
}

bool is_given(Slot slot) {
  return std::visit(
      []<class Value>(const Value* value) {
        if constexpr (kIsOverride<Value>) {
          return value->value.has_value();
        } else {
          return true;
        }
      },
      slot);
}

std::string quoted(std::string_view text) {
  static constexpr char kLetters[] = "0123456789abcdef";
  std::string out = "\"";
  for (const char letter : text) {
    const auto code = static_cast<unsigned char>(letter);
    if (letter == '"' || letter == '\\') {
      out.append({'\\', letter});
    } else if (code < 0x20 || code == 0x7f) {
      out.append("\\u00").append({kLetters[code >> 4U], kLetters[code & 15U]});
    } else {
      out.push_back(letter);
    }
  }
  return out.append("\"");
}

std::string render_literal(Slot slot, SettingKind kind) {
  if (const auto* entries = std::get_if<std::vector<std::string>*>(&slot)) return list_literal(**entries);
  std::string text = render_text(slot, kind);
  return kind_wanted(kind) == GivenValue::Kind::string ? quoted(text) : text;
}

}  // namespace lifeboat::server
