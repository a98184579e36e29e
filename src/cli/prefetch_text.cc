#include "cli/prefetch_text.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "cli/human.h"

namespace lifeboat::cli {
namespace {

using Kind = PrefetchVerdict::Kind;
using Phase = http::CaptureReport::Phase;

/// A next try that is further away is not waited for.
constexpr std::chrono::seconds kPatience{10};

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text.append(text.empty() ? "" : ", ").append(word);
  return text;
}

bool is_in(const std::vector<std::string>& words, const std::string& word) {
  return std::ranges::find(words, word) != words.end();
}

/// How what is held compares with what was asked for.
struct Comparison {
  bool is_whole = false;
  std::vector<std::string> absent{};  ///< named, and the index has no such platform
  std::vector<std::string> lacking{};
  std::vector<std::string> whole{};
  std::vector<std::string> known{};  ///< of the index
};

Comparison compare(const Prefetching& one) {
  const http::CaptureReport& state = *one.state;
  Comparison found;
  if (state.platforms.empty()) {
    found.is_whole = state.is_whole;
    return found;
  }
  const bool has_all = is_in(one.begun.platforms, "all");
  for (const auto& child : state.platforms) {
    if (child.platform.empty()) continue;
    if (!is_in(found.known, child.platform)) found.known.push_back(child.platform);
    if (!has_all && !is_in(one.begun.platforms, child.platform)) continue;
    auto& place = child.is_whole ? found.whole : found.lacking;
    if (!is_in(place, child.platform)) place.push_back(child.platform);
  }
  for (const std::string& name : one.named) {
    if (name != "all" && !is_in(found.known, name)) found.absent.push_back(name);
  }
  found.is_whole = has_all ? state.is_whole : found.lacking.empty() && found.absent.empty() && !found.whole.empty();
  return found;
}

std::string whole_text(const Prefetching& one, const Comparison& found) {
  std::string text = found.whole.empty() ? "whole" : "whole for " + joined(found.whole);
  if (!one.begun.stale.empty()) text += "; whether the tag has moved could not be asked (" + one.begun.stale + ")";
  return text;
}

std::string failure_text(const Prefetching& one, const Comparison& found) {
  const std::string& error = one.state->last_error;
  if (!found.lacking.empty()) {
    return "not whole for " + joined(found.lacking) + ": " + (error.empty() ? "the upstream lacks some of it" : error);
  }
  if (!found.known.empty() && found.whole.empty()) {
    return "there is nothing of it for " + joined(one.begun.platforms) + " (it has " + joined(found.known) + ")";
  }
  return "not whole: " + (error.empty() ? "the upstream lacks some of it" : error);
}

std::string_view name_of(Kind kind) {
  switch (kind) {
    case Kind::under_way: return "under_way";
    case Kind::whole: return "whole";
    case Kind::failed: return "failed";
  }
  return "failed";
}

}  // namespace

PrefetchVerdict judge(const Prefetching& one) {
  if (!one.error.empty()) return {Kind::failed, one.error};
  if (!one.state) return {};
  const Comparison found = compare(one);
  if (!found.absent.empty()) {
    return {Kind::failed, "it has nothing for " + joined(found.absent) + " (it has " + joined(found.known) + ")"};
  }
  if (one.state->phase == Phase::running) return {};
  if (one.state->phase == Phase::waiting && one.state->retry_in.value_or(std::chrono::seconds(0)) <= kPatience)
    return {};
  if (!found.is_whole) return {Kind::failed, failure_text(one, found)};
  std::string text = whole_text(one, found);
  if (one.state->phase == Phase::waiting && !one.state->last_error.empty()) {
    text += "; signatures may be missing: " + one.state->last_error;
  }
  return {Kind::whole, std::move(text)};
}

std::string progress_text(const Prefetching& one) {
  const PrefetchVerdict verdict = judge(one);
  if (verdict.kind != Kind::under_way) return verdict.text;
  if (!one.state || one.state->phase == Phase::waiting) return "waits for its turn";
  const http::CaptureReport& state = *one.state;
  if (state.blobs_wanted == 0) return "looks for what is missing";
  const uint64_t percent = state.bytes_wanted == 0 ? 0 : state.bytes_done * 100 / state.bytes_wanted;
  return std::to_string(state.blobs_done) + " of " + human_count(state.blobs_wanted, "blob") + ", " +
         human_size(state.bytes_done) + " of " + human_size(state.bytes_wanted) + " (" + std::to_string(percent) + "%)";
}

std::string prefetch_text(const std::vector<Prefetching>& all, bool is_waited_for) {
  std::size_t width = 0;
  for (const Prefetching& one : all) width = std::max(width, one.reference.size());
  std::string text;
  for (const Prefetching& one : all) {
    text.append(one.reference).append(width - one.reference.size() + 2, ' ');
    if (!is_waited_for && one.error.empty()) {
      text.append("on its way for ").append(joined(one.begun.platforms)).append("\n");
      continue;
    }
    const PrefetchVerdict verdict = judge(one);
    text.append(verdict.kind == Kind::failed ? "failed: " : "").append(verdict.text).append("\n");
  }
  return text;
}

std::string prefetch_json(const std::vector<Prefetching>& all, bool is_waited_for) {
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (const Prefetching& one : all) {
    const PrefetchVerdict verdict = judge(one);
    const bool is_only_begun = !is_waited_for && one.error.empty();
    nlohmann::ordered_json entry{{"reference", one.reference},
                                 {"repository", one.begun.repository},
                                 {"digest", one.begun.digest},
                                 {"platforms", one.begun.platforms},
                                 {"result", is_only_begun ? "under_way" : name_of(verdict.kind)}};
    if (verdict.kind == Kind::failed) entry["error"] = verdict.text;
    list.push_back(std::move(entry));
  }
  return list.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

}  // namespace lifeboat::cli
