#include "registry/upkeep/probe_book.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

namespace lifeboat::registry {
namespace {

/// More would be one mistake, or many megabytes of it; the number shown stays there then.
constexpr std::size_t kFaultsMax = 10'000;
constexpr std::size_t kFaultsKept = 1000;
constexpr std::size_t kTextKept = 300;

/// One line, one field.
std::string clean(std::string_view text) {
  std::string out(text.substr(0, kTextKept));
  std::ranges::replace_if(out, [](char c) { return static_cast<unsigned char>(c) < 0x20; }, ' ');
  return out;
}

std::vector<std::string_view> split(std::string_view text, char at) {
  std::vector<std::string_view> parts;
  for (;;) {
    const std::size_t end = text.find(at);
    parts.push_back(text.substr(0, end));
    if (end == text.npos) return parts;
    text.remove_prefix(end + 1);
  }
}

uint64_t number_in(std::string_view text) {
  uint64_t number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

std::string text_of(const ProbeCounts& counts) {
  std::string text;
  for (const uint64_t number : {counts.repositories, counts.tags, counts.indexes, counts.unknown}) {
    text.append("\t").append(std::to_string(number));
  }
  return text;
}

ProbeCounts counts_in(const std::vector<std::string_view>& fields) {
  if (fields.size() != 5) return {};
  return {number_in(fields[1]), number_in(fields[2]), number_in(fields[3]), number_in(fields[4])};
}

}  // namespace

FaultBook::Change FaultBook::note(const std::string& name, std::string_view given) {
  const std::string text = clean(given);
  const auto found = entries_.find(name);
  if (text.empty()) {
    if (found == entries_.end()) return Change::none;
    entries_.erase(found);
    return Change::cleared;
  }
  if (found == entries_.end()) {
    if (entries_.size() < kFaultsMax) entries_.emplace(name, Entry{text, true});
    return Change::appeared;
  }
  found->second.is_seen = true;
  return std::exchange(found->second.text, text) == text ? Change::none : Change::changed;
}

void FaultBook::keep(const std::string& name) {
  if (const auto found = entries_.find(name); found != entries_.end()) found->second.is_seen = true;
}

void FaultBook::keep_all_of(const std::string& repository) {
  const std::string prefix = repository + ":";
  for (auto one = entries_.lower_bound(prefix); one != entries_.end() && one->first.starts_with(prefix); ++one) {
    one->second.is_seen = true;
  }
}

std::vector<std::string> FaultBook::end_tour() {
  std::vector<std::string> gone;
  for (auto& [name, entry] : entries_) {
    if (!std::exchange(entry.is_seen, false)) gone.push_back(name);
  }
  for (const std::string& name : gone) entries_.erase(name);
  return gone;
}

std::vector<std::string> FaultBook::first(std::size_t count) const {
  std::vector<std::string> texts;
  for (const auto& [name, entry] : entries_) {
    if (texts.size() == count) break;
    texts.push_back(name + ": " + entry.text);
  }
  return texts;
}

std::string ProbeBook::encode() const {
  std::string text = "done\t" + done + "\nunder_way" + text_of(under_way) + "\nlast" + text_of(last) +
                     "\naccessible\t" + (is_accessible ? "1" : "0") + "\n";
  for (const auto& [kind, book] : {std::pair("broken", &broken), std::pair("diverging", &diverging)}) {
    std::size_t kept = 0;
    for (const auto& [name, entry] : book->entries_) {
      if (kept++ == kFaultsKept) break;
      text.append(kind).append(entry.is_seen ? "\t1\t" : "\t0\t").append(name).append("\t");
      text.append(entry.text).append("\n");
    }
  }
  return text;
}

ProbeBook ProbeBook::decode(std::string_view text) {
  ProbeBook book;
  for (const std::string_view line : split(text, '\n')) {
    const auto fields = split(line, '\t');
    if (fields[0] == "done" && fields.size() == 2) book.done = fields[1];
    if (fields[0] == "under_way") book.under_way = counts_in(fields);
    if (fields[0] == "last") book.last = counts_in(fields);
    if (fields[0] == "accessible" && fields.size() == 2) book.is_accessible = fields[1] == "1";
    FaultBook* faults = fields[0] == "broken" ? &book.broken : fields[0] == "diverging" ? &book.diverging : nullptr;
    if (faults == nullptr || fields.size() != 4) continue;
    faults->entries_.emplace(std::string(fields[2]), FaultBook::Entry{std::string(fields[3]), fields[1] == "1"});
  }
  return book;
}

}  // namespace lifeboat::registry
