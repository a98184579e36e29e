#include "server/toml_text.h"

#include <cstddef>

namespace lifeboat::server {
namespace {

/// Walks over a document as far as it is well-formed; behind the first mistake it does not matter where strings are.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text) {
    constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
    if (text_.starts_with(kByteOrderMark)) at_ = kByteOrderMark.size();
  }

  std::optional<unsigned> run() {
    while (!is_end()) {
      const char letter = text_[at_];
      if (letter == '#') {
        while (!is_end() && text_[at_] != '\n') ++at_;
      } else if ((letter == '"' || letter == '\'') && may_begin_string()) {
        if (!skip_string(letter)) return line_;
      } else if (is_foreign()) {
        return line_;
      } else {
        step();
      }
    }
    return std::nullopt;
  }

 private:
  bool is_end() const { return at_ >= text_.size(); }
  bool is_foreign() const { return !is_end() && static_cast<unsigned char>(text_[at_]) >= 0x80; }

  /// `a = 1"é` has no string: the library reads on through the quote before it sees the mistake.
  bool may_begin_string() const {
    constexpr std::string_view kBefore = " \t\r\n=,.[{";
    return at_ == 0 || kBefore.find(text_[at_ - 1]) != std::string_view::npos ||
           static_cast<unsigned char>(text_[at_ - 1]) >= 0x80;  // the byte order mark
  }

  void step() {
    if (text_[at_++] == '\n') ++line_;
  }

  /// False: a misplaced letter, on `line_`.
  bool skip_string(char quote) {
    const std::string_view three = quote == '"' ? "\"\"\"" : "'''";
    const bool is_long = text_.substr(at_).starts_with(three);
    at_ += is_long ? 3 : 1;
    while (!is_end()) {
      if (quote == '"' && text_[at_] == '\\') {
        ++at_;
        if (!skip_escaped()) return false;
      } else if (!is_long && (text_[at_] == quote || text_[at_] == '\n')) {
        if (text_[at_] == quote) ++at_;
        return true;
      } else if (is_long && text_.substr(at_).starts_with(three)) {
        at_ += 3;
        for (int more = 0; more < 2 && !is_end() && text_[at_] == quote; ++more) ++at_;  // `""""` ends in a quote
        return true;
      } else {
        step();
      }
    }
    return true;
  }

  /// What follows a backslash: white space up to the next letter of the text, or one letter.
  bool skip_escaped() {
    constexpr std::string_view kWhiteSpace = " \t\r\n\v\f";
    const std::size_t start = at_;
    while (!is_end() && kWhiteSpace.find(text_[at_]) != std::string_view::npos) step();
    if (is_foreign()) return false;
    if (at_ == start && !is_end()) step();
    return true;
  }

  std::string_view text_;
  std::size_t at_ = 0;
  unsigned line_ = 1;
};

}  // namespace

std::optional<unsigned> find_misplaced_letter(std::string_view toml) { return Scanner(toml).run(); }

}  // namespace lifeboat::server
