#include "cli/progress_line.h"

#include "cli/printable.h"

namespace lifeboat::cli {
namespace {

constexpr std::chrono::milliseconds kEvery{200};
constexpr std::string_view kStartOfLine = "\r\x1b[K";

}  // namespace

void ProgressLine::show(const std::function<std::string()>& text) {
  if (!process_.is_terminal) return;
  const auto now = std::chrono::steady_clock::now();
  if (now < next_) return;
  next_ = now + kEvery;
  process_.err(std::string(kStartOfLine) + printable(text()));
  is_drawn_ = true;
}

void ProgressLine::clear() {
  if (is_drawn_) process_.err(kStartOfLine);
  is_drawn_ = false;
}

}  // namespace lifeboat::cli
