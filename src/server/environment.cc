#include "server/environment.h"

#include <charconv>
#include <map>
#include <optional>

#include "server/draft.h"
#include "server/suggest.h"

namespace lifeboat::server {
namespace {

constexpr std::string_view kPrefix = "LIFEBOAT_";

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& letter : out) {
    if (letter >= 'A' && letter <= 'Z') letter = static_cast<char>(letter - 'A' + 'a');
  }
  return out;
}

/// Takes "<number>_" off the front.
std::optional<std::size_t> take_index(std::string_view& text) {
  std::size_t index = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), index);
  if (parsed.ec != std::errc() || parsed.ptr == text.data() + text.size() || *parsed.ptr != '_') return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(parsed.ptr - text.data()) + 1);
  return index;
}

struct Target {
  std::string_view section;
  std::string key;
  UpstreamIndex index;
};

/// Which section and key a variable means, going by the shape of its name alone.
std::optional<Target> target_of(std::string_view name) {
  name.remove_prefix(kPrefix.size());
  constexpr std::string_view kUpstream = "UPSTREAM_";
  if (name.starts_with(kUpstream)) {
    Target target{.section = kUpstreamSection, .key = {}, .index = {}};
    name.remove_prefix(kUpstream.size());
    const auto upstream = take_index(name);
    if (!upstream) return std::nullopt;
    target.index.upstream = *upstream;
    for (const UpstreamList& list : upstream_lists()) {
      const std::string prefix = std::string(list.key) + "_";
      if (target.section != kUpstreamSection || !lower(name).starts_with(prefix)) continue;
      name.remove_prefix(prefix.size());
      const auto entry = take_index(name);
      if (!entry) return std::nullopt;
      target.section = list.section;
      target.index.entry = *entry;
    }
    target.key = lower(name);
    return target;
  }
  for (const std::string_view list : {kProbeSection, kRetentionSection}) {
    const std::string prefix = std::string(list) + "_";
    if (!lower(name).starts_with(prefix)) continue;
    name.remove_prefix(prefix.size());
    const auto entry = take_index(name);
    if (!entry) return std::nullopt;
    return Target{.section = list, .key = lower(name), .index = {.entry = *entry}};
  }
  for (const Section& section : sections()) {
    const std::string prefix = std::string(section.name) + "_";
    const std::string all = lower(name);
    if (section.name == kUpstreamSection || is_process_list(section.name) ||
        find_upstream_list(section.name) != nullptr)
      continue;
    if (all.starts_with(prefix)) {
      return Target{.section = section.name, .key = all.substr(prefix.size()), .index = {}};
    }
  }
  return std::nullopt;
}

/// `<SERVICE>_SERVICE_HOST`, `<SERVICE>_SERVICE_PORT[_<NAME>]`, `<SERVICE>_PORT` and
/// `<SERVICE>_PORT_<n>_<PROTOCOL>[_…]`.
bool is_service_link(std::string_view name) {
  const std::size_t port = name.rfind("_PORT_");
  return name.ends_with("_SERVICE_HOST") || name.find("_SERVICE_PORT") != std::string_view::npos ||
         name.ends_with("_PORT") ||
         (port != std::string_view::npos && name.size() > port + 6 && name[port + 6] >= '0' && name[port + 6] <= '9') ||
         name.find("_TCP_") != std::string_view::npos || name.find("_UDP_") != std::string_view::npos;
}

std::string suggestion_for(std::string_view name, UpstreamIndex index) {
  std::vector<std::string> names;
  names.reserve(settings().size());
  for (const Setting& setting : settings()) names.push_back(variable_of(setting, index));
  const std::vector<std::string_view> views(names.begin(), names.end());
  return did_you_mean(name, views);
}

}  // namespace

std::vector<Assignment> parse_environment(const Environment& environment, Problems& problems,
                                          std::vector<std::string>& warnings) {
  std::multimap<std::pair<std::size_t, std::size_t>, Assignment> found;  // by number, so that lists grow from the front
  for (const auto& [name, value] : environment) {
    if (!name.starts_with(kPrefix)) continue;
    const auto target = target_of(name);
    Origin origin{.kind = Origin::Kind::environment, .where = name};
    if (target &&
        (find_setting(target->section, target->key) != nullptr || is_secret_key(target->section, target->key))) {
      Assignment assignment{.section = std::string(target->section),
                            .key = target->key,
                            .index = target->index,
                            .value = {.kind = GivenValue::Kind::untyped, .text = value},
                            .origin = std::move(origin)};
      found.emplace(std::pair(target->index.upstream, target->index.entry), std::move(assignment));
      continue;
    }
    if (is_service_link(name)) continue;
    const std::string meant = suggestion_for(name, target ? target->index : UpstreamIndex{});
    if (target) {
      problems.add(origin, "there is no such setting" + meant);
    } else if (!meant.empty()) {
      warnings.push_back(spoken(origin) + " means nothing" + meant);
    }
  }
  std::vector<Assignment> in_order;
  in_order.reserve(found.size());
  for (auto& [index, assignment] : found) in_order.push_back(std::move(assignment));
  return in_order;
}

}  // namespace lifeboat::server
