#include "server/load.h"

#include <algorithm>
#include <utility>

#include "oci/full_reference.h"
#include "oci/host_pattern.h"
#include "oci/platform.h"
#include "oci/reference_pattern.h"
#include "server/any_upstream.h"
#include "server/config_file.h"
#include "server/draft.h"
#include "server/repair_from.h"
#include "server/watermark.h"
#include "upstream/rewrite.h"
#include "upstream/url.h"

namespace lifeboat::server {
namespace {

Assignment from_flag(std::string_view flag, std::string_view path, std::string_view value) {
  const std::size_t dot = path.rfind('.');
  return {.section = std::string(path.substr(0, dot)),
          .key = std::string(path.substr(dot + 1)),
          .index = {},
          .value = {.kind = GivenValue::Kind::untyped, .text = std::string(value)},
          .origin = {.kind = Origin::Kind::flag, .where = std::string(flag)}};
}

/// `[HOST=]URL`; a '=' inside of the URL does not count.
std::pair<std::string, std::string> split_upstream_flag(std::string_view text) {
  const std::size_t equals = text.find('=');
  if (equals == std::string_view::npos || text.substr(0, equals).find('/') != std::string_view::npos) {
    return {std::string(kDefaultUpstream), std::string(text)};
  }
  return {std::string(text.substr(0, equals)), std::string(text.substr(equals + 1))};
}

/// The endpoints that flags name for a host replace those of the file; its other settings stay.
void apply_upstream_flags(const std::vector<std::string>& flags, Draft& draft, Problems& problems) {
  std::vector<std::string> named;
  for (const std::string& flag : flags) {
    const auto [host_text, url] = split_upstream_flag(flag);
    Assignment host = from_flag("--upstream", "upstream.host", host_text);
    UpstreamConfig parsed;
    if (auto done = assign(*find_setting(kUpstreamSection, "host"), &parsed.host, host.value); !done) {
      problems.add(host.origin, done.error().message());
      continue;
    }
    const auto found = std::ranges::find_if(
        draft.upstreams, [&](const Draft::Upstream& upstream) { return upstream.config.host == parsed.host; });
    host.index.upstream = static_cast<std::size_t>(found - draft.upstreams.begin());
    if (found == draft.upstreams.end()) {
      draft.apply(host);
    } else if (std::ranges::find(named, parsed.host) == named.end()) {
      found->endpoints.clear();
    }
    named.push_back(parsed.host);
    Assignment endpoint = from_flag("--upstream", "upstream.endpoints.url", url);
    endpoint.index = {.upstream = host.index.upstream, .entry = draft.upstreams[host.index.upstream].endpoints.size()};
    draft.apply(endpoint);
  }
}

/// The rules that concern more than one setting, and the defaults that depend on others.
class Finish {
 public:
  Finish(const ConfigSources& sources, Draft draft, Problems& problems)
      : sources_(sources), draft_(std::move(draft)), problems_(problems) {
    loaded_.config = std::move(draft_.config);
    loaded_.origins.process = std::move(draft_.origins);
  }

  LoadedConfig run() {
    ServerConfig& server = loaded_.config.server;
    both_or_none({"server.tls_certificate", server.tls_certificate}, {"server.tls_key", server.tls_key},
                 loaded_.origins.process, {});
    choose_root();
    for (Draft::Upstream& upstream : draft_.upstreams) add_upstream(upstream);
    if (server.builtin_upstreams) add_builtin_upstreams();
    check_default_host();
    check_prefetch();
    for (Draft::Probe& probe : draft_.probes) add_probe(probe);
    check_comparisons();
    for (Draft::Retention& retention : draft_.retention) add_retention(retention);
    check_repair_from();
    check_eviction();
    return std::move(loaded_);
  }

 private:
  struct Text {
    std::string_view key;
    const std::string& value;
  };

  void both_or_none(Text one, Text other, const Origins& origins, const Origin& fallback) {
    if (one.value.empty() == other.value.empty()) return;
    const Text& given = one.value.empty() ? other : one;
    const Text& missing = one.value.empty() ? one : other;
    // A value that was refused has been spoken of.
    if (origins.contains(missing.key) && !problems_.empty()) return;
    const auto found = origins.find(given.key);
    problems_.add(found == origins.end() ? fallback : found->second, "cannot set '" + std::string(given.key) +
                                                                         "': it needs '" + std::string(missing.key) +
                                                                         "' too (want both or none)");
  }

  template <class Record>
  void at_most_one(std::initializer_list<Text> texts, const Draft::Entry<Record>& endpoint) {
    std::string_view first;
    for (const Text& text : texts) {
      if (text.value.empty()) continue;
      if (first.empty()) {
        first = text.key;
        continue;
      }
      const auto found = endpoint.origins.find(text.key);
      problems_.add(
          found == endpoint.origins.end() ? endpoint.declared : found->second,
          "cannot set '" + std::string(text.key) + "': '" + std::string(first) + "' is set too (want one of them)");
    }
  }

  void choose_root() {
    std::string& root = loaded_.config.storage.root;
    if (!root.empty()) return;
    if (sources_.is_root) {
      root = "/var/lib/lifeboat";
      return;
    }
    for (const auto& [name, value] : sources_.environment) {
      if (name == "HOME" && !value.empty()) root = value + "/.local/share/lifeboat";
    }
    if (root.empty()) problems_.add({}, "cannot choose 'storage.root': HOME is not set (want storage.root or --data)");
  }

  void add_upstream(Draft::Upstream& upstream) {
    const std::string& host = upstream.config.host;
    const bool is_default = host == kDefaultUpstream;
    const bool is_any = host == kAnyUpstream;
    if (host.empty()) {
      if (!upstream.origins.contains("host")) {
        problems_.add(upstream.declared, "cannot use an upstream: it has no 'host' (want for example 'ghcr.io')");
      }
      return;
    }
    if (std::ranges::find(hosts_, host) != hosts_.end()) {
      problems_.add(upstream.declared, "cannot use upstream '" + host + "': there is one of this host already");
      return;
    }
    hosts_.push_back(host);
    check_allow(upstream, is_any);
    check_platforms(upstream);
    if (upstream.endpoints.empty() && is_default) {
      problems_.add(upstream.declared, "cannot use upstream 'default': it has no 'endpoints' (want at least one)");
    } else if (upstream.endpoints.empty()) {
      upstream.endpoints.push_back(Draft::make_endpoint(upstream.declared));
      upstream.endpoints.back().config.url = usual_url(is_any ? kHostPlaceholder : host);
    }
    UpstreamOrigins origins{.keys = std::move(upstream.origins), .endpoints = {}, .rules = {}};
    for (Draft::Endpoint& endpoint : upstream.endpoints) {
      check_endpoint(endpoint);
      check_placeholder(endpoint, is_any);
      upstream.config.endpoints.push_back(std::move(endpoint.config));
      origins.endpoints.push_back(std::move(endpoint.origins));
    }
    for (Draft::Rule& rule : upstream.rules) {
      if (rule.config.match.empty() && !rule.origins.contains("match")) {
        problems_.add(rule.declared, "cannot use a rule: it has no 'match' (want for example 'org/*:latest')");
      }
      upstream.config.rules.push_back(std::move(rule.config));
      origins.rules.push_back(std::move(rule.origins));
    }
    if (is_default) {
      loaded_.config.default_upstream = std::move(upstream.config);
      loaded_.origins.default_upstream = std::move(origins);
    } else if (is_any) {
      loaded_.config.any_upstream = std::move(upstream.config);
      loaded_.origins.any_upstream = std::move(origins);
    } else {
      loaded_.config.upstreams.push_back(std::move(upstream.config));
      loaded_.origins.upstreams.push_back(std::move(origins));
    }
  }

  void check_allow(const Draft::Upstream& upstream, bool is_any) {
    const auto found = upstream.origins.find("allow");
    const Origin& origin = found == upstream.origins.end() ? upstream.declared : found->second;
    const std::vector<std::string>& allow = upstream.config.allow;
    if (!is_any && !allow.empty()) {
      problems_.add(origin, "cannot set 'upstream.allow': upstream '" + upstream.config.host +
                                "' is for one host (want it with host = \"*\" only)");
      return;
    }
    // A list that was refused has been spoken of.
    if (is_any && allow.empty() && (found == upstream.origins.end() || problems_.empty())) {
      problems_.add(origin,
                    "cannot use upstream '*': its 'allow' names no host (want for example [\"*.example.com\", "
                    "\"quay.io\"])");
    }
    for (const std::string& entry : allow) {
      const auto pattern = oci::HostPattern::parse(entry);
      if (!pattern) problems_.add(origin, "cannot set 'upstream.allow': " + pattern.error().message());
    }
  }

  template <class Entry>
  static const Origin& origin_of(const Entry& entry, std::string_view key) {
    const auto found = entry.origins.find(key);
    return found == entry.origins.end() ? entry.declared : found->second;
  }

  /// In their normal form from here on.
  void check_platforms(std::vector<std::string>& platforms, std::string_view setting, const Origin& origin) {
    for (std::string& entry : platforms) {
      const auto platform = oci::Platform::parse(entry);
      if (platform) {
        entry = platform->to_string();
      } else {
        problems_.add(origin, "cannot set '" + std::string(setting) + "': " + platform.error().message());
      }
    }
  }
  void check_platforms(Draft::Upstream& upstream) {
    const Origin& origin = origin_of(upstream, "capture_platforms");
    check_platforms(upstream.config.capture_platforms, "upstream.capture_platforms", origin);
    if (upstream.config.capture == CaptureMode::none && !upstream.config.capture_platforms.empty()) {
      problems_.add(origin,
                    "cannot set 'upstream.capture_platforms': 'upstream.capture' is 'none' (want 'requested' with it)");
    }
  }

  /// `{host}` only where there is something that it stands for, and no password for whoever that is.
  void check_placeholder(const Draft::Endpoint& endpoint, bool is_any) {
    const EndpointConfig& config = endpoint.config;
    const auto origin_of = [&](std::string_view key) {
      const auto found = endpoint.origins.find(key);
      return found == endpoint.origins.end() ? endpoint.declared : found->second;
    };
    for (const Text& text : {Text{"url", config.url}, Text{"rewrite", config.rewrite}}) {
      if (is_any || text.value.find(kHostPlaceholder) == std::string::npos) continue;
      problems_.add(origin_of(text.key), "cannot set '" + std::string(text.key) +
                                             "': '{host}' stands for nothing here (want it in the upstream of the host "
                                             "'*' only)");
    }
    if (is_any && !config.username.empty() && is_of_each_host(config.url)) {
      problems_.add(origin_of("username"),
                    "cannot set 'username': every host that 'allow' permits would be told its password (want "
                    "'docker_config' or 'credential_helper', which know whose it is)");
    }
  }

  void check_endpoint(const Draft::Endpoint& endpoint) {
    if (endpoint.config.url.empty() && !endpoint.origins.contains("url")) {
      problems_.add(endpoint.declared,
                    "cannot use an endpoint: it has no 'url' (want for example 'https://registry.example')");
    }
    const EndpointConfig& config = endpoint.config;
    const bool by_variable = !config.password_env.empty();
    both_or_none(
        {"username", config.username},
        {by_variable ? "password_env" : "password_file", by_variable ? config.password_env : config.password_file},
        endpoint.origins, endpoint.declared);
    both_or_none({"client_certificate", config.client_certificate}, {"client_key", config.client_key}, endpoint.origins,
                 endpoint.declared);
    if (const auto rewrite = upstream::Rewrite::parse(config.match, config.rewrite); !rewrite) {
      const auto found = endpoint.origins.find(config.rewrite.empty() ? "match" : "rewrite");
      problems_.add(found == endpoint.origins.end() ? endpoint.declared : found->second, rewrite.error().message());
    }
    at_most_one({{"password_file", config.password_file}, {"password_env", config.password_env}}, endpoint);
    at_most_one({{"username", config.username},
                 {"docker_config", config.docker_config},
                 {"credential_helper", config.credential_helper}},
                endpoint);
  }

  void add_builtin_upstreams() {
    for (const BuiltinUpstream& builtin : builtin_upstreams()) {
      if (std::ranges::find(hosts_, builtin.host) != hosts_.end()) continue;
      Draft::Upstream upstream = Draft::make_upstream({});
      upstream.config.host = builtin.host;
      add_upstream(upstream);
    }
  }

  void check_default_host() {
    ServerConfig& server = loaded_.config.server;
    const auto named = loaded_.origins.process.find("server.default_host");
    server.is_default_host_explicit = named != loaded_.origins.process.end();
    const auto& any = loaded_.config.any_upstream;
    const auto host = oci::RegistryHost::parse(server.default_host);
    const bool is_allowed = any && host && allows(*any, *host);
    const bool is_known = is_allowed || std::ranges::find(hosts_, server.default_host) != hosts_.end();
    if (!server.is_default_host_explicit || is_known) return;
    problems_.add(named->second,
                  "cannot set 'server.default_host': no upstream has this host (got '" + server.default_host + "')");
  }

  void add_probe(Draft::Probe& probe) {
    ProbeConfig& config = probe.config;
    const auto origin_of = [&](std::string_view key) {
      const auto found = probe.origins.find(key);
      return found == probe.origins.end() ? probe.declared : found->second;
    };
    std::string host(kProbeSelf);
    if (config.target.empty()) {
      return problems_.add(probe.declared, "cannot use a probe: it has no 'target' (want a URL, or 'self')");
    }
    if (config.target != kProbeSelf) {
      const auto url = upstream::Url::parse(config.target);
      if (!url) return problems_.add(origin_of("target"), "cannot set 'probe.target': " + url.error().message());
      host = url->authority() + url->path.substr(0, url->path.find_last_not_of('/') + 1);
    }
    if (config.name.empty()) config.name = host;
    const bool is_taken =
        std::ranges::any_of(loaded_.config.probes, [&](const ProbeConfig& other) { return other.name == config.name; });
    if (is_taken) {
      problems_.add(origin_of("name"), "cannot use probe '" + config.name + "': there is one of this name already");
    }
    const bool by_variable = !config.password_env.empty();
    both_or_none(
        {"username", config.username},
        {by_variable ? "password_env" : "password_file", by_variable ? config.password_env : config.password_file},
        probe.origins, probe.declared);
    at_most_one({{"password_file", config.password_file}, {"password_env", config.password_env}}, probe);
    at_most_one({{"username", config.username},
                 {"docker_config", config.docker_config},
                 {"credential_helper", config.credential_helper}},
                probe);
    check_patterns(config.repositories, "repositories", "", origin_of("repositories"));
    check_patterns(config.tags, "tags", "*:", origin_of("tags"));
    loaded_.origins.probes.push_back(probe.origins);
    loaded_.config.probes.push_back(config);
  }

  void check_patterns(const std::vector<std::string>& patterns, std::string_view key, const std::string& before,
                      const Origin& origin) {
    for (const std::string& pattern : patterns) {
      const bool is_one = pattern.find(':') == std::string::npos && oci::ReferencePattern::parse(before + pattern);
      if (is_one) continue;
      problems_.add(origin, "cannot set 'probe." + std::string(key) + "': it is no such pattern (got '" + pattern +
                                "', want for example '" + (key == "tags" ? "v*" : "team/*") + "')");
    }
  }

  void add_retention(Draft::Retention& retention) {
    if (retention.config.match.empty()) {
      problems_.add(retention.declared, "cannot use a retention: it has no 'match' (want for example [\"team/*\"])");
    }
    check_platforms(retention.config.keep_platforms, "retention.keep_platforms",
                    origin_of(retention, "keep_platforms"));
    loaded_.origins.retention.push_back(retention.origins);
    loaded_.config.retention.push_back(retention.config);
  }

  void check_comparisons() {
    for (const Draft::Probe& probe : draft_.probes) {
      const std::string& other = probe.config.compare_with;
      const bool is_known =
          std::ranges::any_of(loaded_.config.probes, [&](const ProbeConfig& one) { return one.name == other; });
      if (other.empty() || (is_known && other != probe.config.name)) continue;
      problems_.add(probe.origins.at("compare_with"),
                    "cannot set 'probe.compare_with': there is no other probe of "
                    "this name (got '" +
                        other + "')");
    }
  }

  void check_prefetch() {
    for (const std::string& entry : loaded_.config.capture.prefetch) {
      const auto reference = oci::FullReference::parse(entry);
      if (reference) continue;
      problems_.add(loaded_.origins.process["capture.prefetch"],
                    "cannot set 'capture.prefetch': " + reference.error().message());
    }
  }

  void check_repair_from() {
    const Origin& origin = loaded_.origins.process["scrub.repair_from"];
    for (const std::string& entry : loaded_.config.scrub.repair_from) {
      const auto from = RepairFrom::parse(entry);
      if (!from) problems_.add(origin, "cannot set 'scrub.repair_from': " + from.error().message());
      if (!from || !from->host) continue;
      const std::string host = from->host->to_string();
      const bool is_known =
          std::ranges::any_of(loaded_.config.upstreams, [&](const auto& one) { return one.host == host; });
      if (is_known) continue;
      problems_.add(origin, "cannot set 'scrub.repair_from': no upstream has this host (got '" + host + "')");
    }
  }

  void check_eviction() {
    const StorageConfig& storage = loaded_.config.storage;
    Origins& origins = loaded_.origins.process;
    both_or_none({"storage.evict_above", storage.evict_above}, {"storage.evict_below", storage.evict_below}, origins,
                 {});
    if (storage.evict_above.empty() || storage.evict_below.empty()) return;
    const auto above = Watermark::parse(storage.evict_above);
    const auto below = Watermark::parse(storage.evict_below);
    if (!above) {
      problems_.add(origins["storage.evict_above"], "cannot set 'storage.evict_above': " + above.error().message());
    }
    if (!below) {
      problems_.add(origins["storage.evict_below"], "cannot set 'storage.evict_below': " + below.error().message());
    }
    if (!above || !below) return;
    if (const Status checked = check_marks(*above, *below); !checked) {
      problems_.add(origins["storage.evict_below"], "cannot set 'storage.evict_below': " + checked.error().message() +
                                                        " (got '" + storage.evict_below + "', and '" +
                                                        storage.evict_above + "')");
    }
  }

  const ConfigSources& sources_;
  Draft draft_;
  Problems& problems_;
  LoadedConfig loaded_;
  std::vector<std::string> hosts_;
};

}  // namespace

Result<LoadedConfig> load_config(const ConfigSources& sources) {
  Problems problems;
  std::vector<std::string> warnings;
  Draft draft(problems);
  if (sources.file_text) {
    const auto found = parse_config_file(sources.file_name, *sources.file_text, problems);
    // What is not TOML has no settings, and what the other rules would say about their absence misleads.
    if (found.empty() && !problems.empty()) return std::unexpected(problems.to_error());
    for (const Assignment& assignment : found) draft.apply(assignment);
  }
  for (const Assignment& found : parse_environment(sources.environment, problems, warnings)) draft.apply(found);
  if (sources.flags.listen) draft.apply(from_flag("--listen", "server.listen", *sources.flags.listen));
  if (sources.flags.data) draft.apply(from_flag("--data", "storage.root", *sources.flags.data));
  apply_upstream_flags(sources.flags.upstreams, draft, problems);
  LoadedConfig loaded = Finish(sources, std::move(draft), problems).run();
  if (!problems.empty()) return std::unexpected(problems.to_error());
  loaded.warnings = std::move(warnings);
  return loaded;
}

std::vector<std::string> restart_needed(const Config& old, const Config& fresh) {
  std::vector<std::string> keys;
  Config one = old;
  Config other = fresh;
  for (const Setting& setting : settings()) {
    // What belongs to an upstream is all applied by a reload.
    if (!setting.is_of_process() || setting.takes_effect == TakesEffect::on_reload) continue;
    const auto field = std::get<Slot (*)(Config&)>(setting.field);
    if (render_text(field(one), setting.kind) != render_text(field(other), setting.kind)) {
      keys.push_back(path_of(setting));
    }
  }
  if (old.retention != fresh.retention) keys.emplace_back(kRetentionSection);
  return keys;
}

}  // namespace lifeboat::server
