#include "server/show.h"

#include "server/setting_value.h"
#include "server/settings.h"

namespace lifeboat::server {
namespace {

std::string origin_text(const Origins& origins, std::string_view key) {
  const auto found = origins.find(key);
  if (found == origins.end()) return "default";
  switch (found->second.kind) {
    case Origin::Kind::environment: return "environment " + found->second.where;
    case Origin::Kind::flag: return "flag " + found->second.where;
    default: return found->second.where;
  }
}

/// Calls `each(setting, literal, origin)` for the settings of one record.
template <class Record, class Each>
void for_settings(Record record, const Origins& origins, std::string_view section, const Each& each) {
  for (const Setting& setting : settings()) {
    const auto* field = std::get_if<Slot (*)(Record&)>(&setting.field);
    if (field == nullptr || setting.section != section || !is_given((*field)(record))) continue;
    const std::string key = setting.is_of_process() ? path_of(setting) : std::string(setting.key);
    each(setting, render_literal((*field)(record), setting.kind), origin_text(origins, key));
  }
}

/// Calls `each(upstream, origins)`, those that are of no single host first.
template <class Each>
void for_upstreams(const LoadedConfig& loaded, const Each& each) {
  const Config& config = loaded.config;
  if (config.default_upstream) each(*config.default_upstream, *loaded.origins.default_upstream);
  if (config.any_upstream) each(*config.any_upstream, *loaded.origins.any_upstream);
  for (std::size_t i = 0; i < config.upstreams.size(); ++i) each(config.upstreams[i], loaded.origins.upstreams[i]);
}

/// Calls `each(list, entries, their origins)` for the lists within an upstream.
template <class Each>
void for_lists(const UpstreamConfig& upstream, const UpstreamOrigins& origins, const Each& each) {
  each(*find_upstream_list(kEndpointSection), upstream.endpoints, origins.endpoints);
  each(*find_upstream_list(kRuleSection), upstream.rules, origins.rules);
}

class TomlLines {
 public:
  TomlLines(std::string& out, std::string_view indent) : out_(out), indent_(indent) {}
  void operator()(const Setting& setting, const std::string& literal, const std::string& origin) const {
    // A default host that is named is more than the built-in one, so the built-in one must not look named.
    const bool is_comment = setting.key == "default_host" && origin == "default";
    out_.append(indent_).append(is_comment ? "# " : "").append(setting.key).append(" = ").append(literal);
    out_.append("  # ").append(origin).append("\n");
  }

 private:
  std::string& out_;
  std::string_view indent_;
};

class JsonFields {
 public:
  explicit JsonFields(std::string& out) : out_(out) {}
  void operator()(const Setting& setting, const std::string& literal, const std::string& origin) const {
    if (out_.back() != '{') out_.push_back(',');
    out_.append(quoted(setting.key)).append(":{\"value\":").append(literal);
    out_.append(",\"from\":").append(quoted(origin)).append("}");
  }

 private:
  std::string& out_;
};

}  // namespace

std::string render_toml(const LoadedConfig& loaded) {
  std::string out;
  for (const Section& section : sections()) {
    if (section.name == kUpstreamSection) break;
    if (!out.empty()) out.push_back('\n');
    out.append("[").append(section.name).append("]\n");
    for_settings(loaded.config, loaded.origins.process, section.name, TomlLines(out, ""));
  }
  for_upstreams(loaded, [&](const UpstreamConfig& upstream, const UpstreamOrigins& origins) {
    out.append("\n[[upstream]]\n");
    for_settings(upstream, origins.keys, kUpstreamSection, TomlLines(out, ""));
    for_lists(upstream, origins, [&](const UpstreamList& list, const auto& entries, const auto& their_origins) {
      for (std::size_t i = 0; i < entries.size(); ++i) {
        out.append("  [[").append(list.section).append("]]\n");
        for_settings(entries[i], their_origins[i], list.section, TomlLines(out, "  "));
      }
    });
  });
  for (std::size_t i = 0; i < loaded.config.probes.size(); ++i) {
    out.append("\n[[probe]]\n");
    for_settings(loaded.config.probes[i], loaded.origins.probes[i], kProbeSection, TomlLines(out, ""));
  }
  for (std::size_t i = 0; i < loaded.config.retention.size(); ++i) {
    out.append("\n[[retention]]\n");
    for_settings(loaded.config.retention[i], loaded.origins.retention[i], kRetentionSection, TomlLines(out, ""));
  }
  return out;
}

std::string render_json(const LoadedConfig& loaded) {
  std::string out = "{";
  for (const Section& section : sections()) {
    if (section.name == kUpstreamSection) break;
    if (out.size() > 1) out.push_back(',');
    out.append(quoted(section.name)).append(":{");
    for_settings(loaded.config, loaded.origins.process, section.name, JsonFields(out));
    out.append("}");
  }
  out.append(",\"upstream\":[");
  for_upstreams(loaded, [&](const UpstreamConfig& upstream, const UpstreamOrigins& origins) {
    if (out.back() != '[') out.push_back(',');
    out.append("{");
    for_settings(upstream, origins.keys, kUpstreamSection, JsonFields(out));
    for_lists(upstream, origins, [&](const UpstreamList& list, const auto& entries, const auto& their_origins) {
      out.append(",").append(quoted(list.key)).append(":[");
      for (std::size_t i = 0; i < entries.size(); ++i) {
        out.append(i > 0 ? ",{" : "{");
        for_settings(entries[i], their_origins[i], list.section, JsonFields(out));
        out.append("}");
      }
      out.append("]");
    });
    out.append("}");
  });
  out.append("],\"probe\":[");
  for (std::size_t i = 0; i < loaded.config.probes.size(); ++i) {
    out.append(i > 0 ? ",{" : "{");
    for_settings(loaded.config.probes[i], loaded.origins.probes[i], kProbeSection, JsonFields(out));
    out.append("}");
  }
  out.append("],\"retention\":[");
  for (std::size_t i = 0; i < loaded.config.retention.size(); ++i) {
    out.append(i > 0 ? ",{" : "{");
    for_settings(loaded.config.retention[i], loaded.origins.retention[i], kRetentionSection, JsonFields(out));
    out.append("}");
  }
  return out.append("]}\n");
}

}  // namespace lifeboat::server
