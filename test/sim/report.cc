#include "test/sim/report.h"

#include <cstdio>

namespace lifeboat::sim {
namespace {

/// More say nothing new.
constexpr std::size_t kFaultsMax = 12;

}  // namespace

void Report::note(std::string_view line) {
  std::string text = to_text(now());
  text.append("  ").append(line).append("\n");
  for (const char letter : text) {
    hash_ = (hash_ ^ static_cast<unsigned char>(letter)) * 1099511628211ULL;  // FNV-1a
  }
  ++lines_;
  if (keeps_trace_) trace_ += text;
}

void Report::fault(std::string text) {
  note("BROKEN: " + text);
  if (faults_.size() < kFaultsMax) faults_.push_back("at " + to_text(now()) + ": " + std::move(text));
}

std::string to_text(Duration time) {
  std::string text(32, '\0');
  const auto ms = time.count();
  const int size = std::snprintf(text.data(), text.size(), "%4lld.%03lld s", static_cast<long long>(ms / 1000),
                                 static_cast<long long>(ms % 1000));  // NOLINT(google-runtime-int): printf's type
  text.resize(static_cast<std::size_t>(size));
  return text;
}

std::string brief(std::string_view digest) {
  const std::size_t colon = digest.find(':');
  return std::string(colon == digest.npos ? digest.substr(0, 24) : digest.substr(colon + 1, 8));
}

}  // namespace lifeboat::sim
