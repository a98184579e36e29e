#include "upstream/challenge.h"

#include <algorithm>

namespace lifeboat::upstream {
namespace {

constexpr std::size_t kFieldMaxBytes = 8192;
constexpr std::size_t kChallengesMax = 8;
constexpr std::size_t kParametersMax = 16;

bool is_token_letter(char letter) {
  return (letter >= '0' && letter <= '9') || (letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z') ||
         std::string_view("!#$%&'*+-.^_`|~").contains(letter);
}

bool is_token68_letter(char letter) { return is_token_letter(letter) || letter == '/'; }

class Reader {
 public:
  explicit Reader(std::string_view text) : rest_(text) {}

  bool is_at_end() const { return rest_.empty(); }
  bool is_at(char letter) const { return !rest_.empty() && rest_.front() == letter; }
  bool take(char letter) {
    if (!is_at(letter)) return false;
    rest_.remove_prefix(1);
    return true;
  }
  bool skip_space() {
    const std::size_t count = std::min(rest_.find_first_not_of(" \t"), rest_.size());
    rest_.remove_prefix(count);
    return count > 0;
  }
  void skip_space_and_commas() { rest_.remove_prefix(std::min(rest_.find_first_not_of(" \t,"), rest_.size())); }

  std::string token() {
    std::string text;
    while (!rest_.empty() && is_token_letter(rest_.front())) take_into(text);
    return text;
  }
  std::string lower_token() {
    std::string text = token();
    std::ranges::transform(text, text.begin(),
                           [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
    return text;
  }
  /// A token or a quoted string; nothing when it is neither, is not closed, or has control letters.
  std::optional<std::string> value() {
    std::string text;
    if (!take('"')) {
      text = token();
      // Realms are met unquoted as well, though no token may hold a URL.
      while (!rest_.empty() && (is_token68_letter(rest_.front()) || is_at(':') || is_at('?'))) take_into(text);
      return text.empty() ? std::nullopt : std::optional(text);
    }
    while (!rest_.empty()) {
      if (take('"')) return text;
      if (is_at('\\')) rest_.remove_prefix(1);
      if (rest_.empty() || (static_cast<unsigned char>(rest_.front()) < 0x20 && rest_.front() != '\t'))
        return std::nullopt;
      take_into(text);
    }
    return std::nullopt;
  }
  void skip_token68() {
    while (!rest_.empty() && is_token68_letter(rest_.front())) rest_.remove_prefix(1);
    while (take('=')) {
    }
  }

 private:
  void take_into(std::string& text) {
    text.push_back(rest_.front());
    rest_.remove_prefix(1);
  }
  std::string_view rest_;
};

enum class Read { parameter, no_parameter, malformed };

/// Reads `name = value`. A name without '=' is the scheme of the next challenge, and is given back.
Read read_parameter(Reader& reader, Challenge& challenge) {
  Reader ahead = reader;
  std::string name = ahead.lower_token();
  ahead.skip_space();
  if (name.empty() || !ahead.take('=')) return Read::no_parameter;
  if (ahead.is_at('=') || ahead.is_at(',') || ahead.is_at_end()) return Read::no_parameter;  // the end of a token68
  ahead.skip_space();
  auto value = ahead.value();
  if (!value) return Read::malformed;
  // The first of a name counts; a second one is somebody's attempt to be read differently.
  if (challenge.parameters.size() < kParametersMax && !challenge.find(name)) {
    challenge.parameters.emplace_back(std::move(name), std::move(*value));
  }
  reader = ahead;
  return Read::parameter;
}

}  // namespace

std::optional<std::string_view> Challenge::find(std::string_view name) const {
  for (const auto& [key, value] : parameters) {
    if (key == name) return value;
  }
  return std::nullopt;
}

std::vector<Challenge> parse_challenges(std::string_view field) {
  std::vector<Challenge> result;
  Reader reader(field.substr(0, kFieldMaxBytes));
  while (result.size() < kChallengesMax) {
    reader.skip_space_and_commas();
    Challenge challenge{.scheme = reader.lower_token(), .parameters = {}};
    if (challenge.scheme.empty()) break;
    const bool has_space = reader.skip_space();
    if (!has_space && !reader.is_at_end() && !reader.is_at(',')) break;
    Read read = read_parameter(reader, challenge);
    if (read == Read::no_parameter && has_space) reader.skip_token68();  // "Negotiate YII=="
    while (read == Read::parameter) {
      Reader ahead = reader;
      ahead.skip_space();
      if (!ahead.is_at_end() && !ahead.is_at(',')) read = Read::malformed;
      if (read == Read::malformed) break;
      ahead.skip_space_and_commas();
      read = read_parameter(ahead, challenge);
      if (read == Read::parameter) reader = ahead;
    }
    if (read == Read::malformed) break;
    result.push_back(std::move(challenge));
  }
  return result;
}

}  // namespace lifeboat::upstream
