#include "server/draft.h"

#include <array>

#include "base/assert.h"
#include "server/suggest.h"

namespace lifeboat::server {
namespace {

template <class Record>
using FieldOf = Slot (*)(Record&);

template <class Record>
Slot slot_in(const Setting& setting, Record& record) {
  return std::get<FieldOf<Record>>(setting.field)(record);
}

/// The default of every setting that a record of this kind has. A default that its own setting refuses is a bug.
template <class Record>
Record with_defaults() {
  Record record;
  for (const Setting& setting : settings()) {
    if (!std::holds_alternative<FieldOf<Record>>(setting.field) || setting.default_text.empty()) continue;
    const GivenValue value{.kind = GivenValue::Kind::untyped, .text = std::string(setting.default_text)};
    LB_ASSERT(assign(setting, slot_in(setting, record), value).has_value());
  }
  return record;
}

template <class Record>
Draft::Entry<Record> make_entry(Origin declared) {
  return {.config = with_defaults<Record>(), .origins = {}, .declared = std::move(declared)};
}

/// What could stand where `section` is: its keys, and at the top the sections.
std::vector<std::string_view> known_names(std::string_view section) {
  std::vector<std::string_view> names;
  for (const Section& known : sections()) {
    if (section.empty() && find_upstream_list(known.name) == nullptr) names.push_back(known.name);
  }
  for (const Setting& setting : settings()) {
    if (setting.section == section) names.push_back(setting.key);
  }
  if (section == kUpstreamSection) {
    for (const UpstreamList& list : upstream_lists()) names.push_back(list.key);
  }
  return names;
}

/// Whether a file may have a section of this name.
bool is_section(std::string_view name) {
  for (const Section& section : sections()) {
    if (section.name == name) return find_upstream_list(name) == nullptr;
  }
  return false;
}

std::string kind_name(const GivenValue& value) {
  switch (value.kind) {
    case GivenValue::Kind::integer: return "a number";
    case GivenValue::Kind::boolean: return "true or false";
    case GivenValue::Kind::list: return "a list";
    case GivenValue::Kind::other: return value.text;
    default: return "a text";
  }
}

/// " (did you mean '…'?)": a name for the same place, else the place where this very key belongs.
std::string suggestion(std::string_view section, std::string_view key) {
  std::string meant = did_you_mean(key, known_names(section));
  if (!meant.empty()) return meant;
  for (const Setting& setting : settings()) {
    if (setting.key != key) continue;
    const UpstreamList* list = find_upstream_list(setting.section);
    return list == nullptr ? " (did you mean '" + path_of(setting) + "'?)"
                           : " (it belongs to " + std::string(list->entry) + " of an upstream)";
  }
  return {};
}

}  // namespace

bool is_secret_key(std::string_view section, std::string_view key) {
  constexpr std::array<std::string_view, 5> kSecret{"password", "token", "secret", "pass", "passwd"};
  if (section != kUpstreamSection && section != kProbeSection && find_upstream_list(section) == nullptr) return false;
  for (const std::string_view secret : kSecret) {
    if (key == secret) return true;
  }
  return false;
}

Draft::Draft(Problems& problems) : config(with_defaults<Config>()), problems_(problems) {}

Draft::Upstream Draft::make_upstream(Origin declared) {
  return {.config = with_defaults<UpstreamConfig>(),
          .endpoints = {},
          .rules = {},
          .origins = {},
          .declared = std::move(declared)};
}
Draft::Endpoint Draft::make_endpoint(Origin declared) { return make_entry<EndpointConfig>(std::move(declared)); }

void Draft::set(const Setting& setting, Slot slot, Origin& origin, const Assignment& assignment) {
  // Also when the value does not fit: that problem is then the only one about this key.
  origin = assignment.origin;
  if (auto done = assign(setting, slot, assignment.value); !done) {
    problems_.add(assignment.origin, done.error().message());
  }
}

void Draft::apply(const Assignment& assignment) {
  const bool is_of_process =
      assignment.section != kUpstreamSection && find_upstream_list(assignment.section) == nullptr;
  if (is_of_process && assignment.key.empty() && !is_section(assignment.section)) {
    problems_.add(assignment.origin, "unknown key '" + assignment.section + "'" + suggestion("", assignment.section));
    return;
  }
  const Setting* setting = find_setting(assignment.section, assignment.key);
  if (assignment.section == kProbeSection) return apply_to_list(probes, assignment, setting);
  if (assignment.section == kRetentionSection) return apply_to_list(retention, assignment, setting);
  if (!is_of_process) {
    apply_to_upstream(assignment, setting);
  } else if (setting != nullptr) {
    set(*setting, slot_in(*setting, config), origins[path_of(*setting)], assignment);
  } else if (!assignment.key.empty()) {
    refuse_unknown(assignment);
  }
}

bool Draft::is_gap(const Assignment& assignment, std::size_t index, std::size_t size) {
  if (index <= size) return false;
  problems_.add(assignment.origin, "cannot set number " + std::to_string(index) + " of a list: number " +
                                       std::to_string(size) + " is not there (want numbers without a gap, from 0)");
  return true;
}

void Draft::apply_to_upstream(const Assignment& assignment, const Setting* setting) {
  if (is_gap(assignment, assignment.index.upstream, upstreams.size())) return;
  if (assignment.index.upstream == upstreams.size()) upstreams.push_back(make_upstream(assignment.origin));
  Upstream& upstream = upstreams[assignment.index.upstream];
  if (assignment.section == kEndpointSection) return apply_to_list(upstream.endpoints, assignment, setting);
  if (assignment.section == kRuleSection) return apply_to_list(upstream.rules, assignment, setting);
  if (setting != nullptr) {
    set(*setting, slot_in(*setting, upstream.config), upstream.origins[assignment.key], assignment);
  } else if (!assignment.key.empty()) {
    refuse_unknown(assignment);
  }
}

template <class Record>
void Draft::apply_to_list(std::vector<Entry<Record>>& list, const Assignment& assignment, const Setting* setting) {
  if (is_gap(assignment, assignment.index.entry, list.size())) return;
  if (assignment.index.entry == list.size()) list.push_back(make_entry<Record>(assignment.origin));
  Entry<Record>& entry = list[assignment.index.entry];
  if (setting != nullptr) {
    set(*setting, slot_in(*setting, entry.config), entry.origins[assignment.key], assignment);
  } else if (!assignment.key.empty()) {
    refuse_unknown(assignment);
  }
}

void Draft::refuse_unknown(const Assignment& assignment) {
  if (is_secret_key(assignment.section, assignment.key)) {
    problems_.add(assignment.origin, "cannot set '" + assignment.section + "." + assignment.key +
                                         "': a secret does not belong here (want 'password_file', the path of a file "
                                         "that holds it)");
    return;
  }
  if (assignment.section.empty() && is_section(assignment.key)) {
    problems_.add(assignment.origin, "cannot set '" + assignment.key + "': it is of the wrong type (got " +
                                         kind_name(assignment.value) + ", want a section [" + assignment.key + "])");
    return;
  }
  // An unknown section is one mistake, not one for each of its keys.
  const UpstreamList* list = find_upstream_list(assignment.section);
  if (!assignment.section.empty() && list == nullptr && !is_section(assignment.section)) return;
  const std::string where = list != nullptr                           ? " of " + std::string(list->entry)
                            : assignment.section == kUpstreamSection  ? " of an upstream"
                            : assignment.section == kProbeSection     ? " of a probe"
                            : assignment.section == kRetentionSection ? " of a retention"
                                                                      : "";
  std::string text = "unknown key '" + assignment.key + "'" + where;
  if (where.empty() && !assignment.section.empty()) text.append(" in [").append(assignment.section).append("]");
  problems_.add(assignment.origin, text + suggestion(assignment.section, assignment.key));
}

}  // namespace lifeboat::server
