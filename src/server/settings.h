#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "server/config.h"

/// The one place that knows every setting. The parser, the environment, `config show`, the reference page and the
/// reload all read this table, so a setting that is in it is complete, and one that is not does not exist.
namespace lifeboat::server {

/// Where a setting's value lives in a Config.
using Slot =
    std::variant<std::string*, std::vector<std::string>*, bool*, uint64_t*, Duration*, std::optional<Duration>*,
                 LogLevel*, LogFormat*, AccessLog*, OnGone*, OnCredentialFault*, CaptureMode*, Override<Duration>*,
                 Override<std::optional<Duration>>*, Override<OnGone>*, Override<OnCredentialFault>*>;
/// Which record has it: the process, one upstream, one record of a list within an upstream, or one of a list of the
/// process.
using Field = std::variant<Slot (*)(Config&), Slot (*)(UpstreamConfig&), Slot (*)(EndpointConfig&),
                           Slot (*)(RuleConfig&), Slot (*)(ProbeConfig&), Slot (*)(RetentionConfig&)>;

enum class SettingKind {
  address,                ///< "ADDR:PORT"
  path,                   ///< of a file or folder; "" for none
  host,                   ///< of a registry
  url,                    ///< of an endpoint
  pattern,                ///< of repositories and tags
  text,                   ///< any
  list,                   ///< of texts, none of them empty or with a comma
  flag,                   ///< true or false
  count,                  ///< a whole number
  size,                   ///< bytes with unit
  duration,               ///< with unit
  duration_or_unlimited,  ///< the same, or "unlimited"
  choice,                 ///< one of a few words
};

enum class TakesEffect { on_reload, on_restart };

/// What a number may be: a count, bytes, or milliseconds.
struct Bounds {
  uint64_t min = 0;
  uint64_t max = UINT64_MAX;
};

struct Setting {
  std::string_view section;  ///< "server" …, "upstream", "upstream.endpoints"
  std::string_view key;
  SettingKind kind{};
  std::string_view default_text{};  ///< as the environment would say it; "" for none
  std::string_view default_note{};  ///< for people, when the default depends on where it runs
  std::string_view meaning;         ///< whole sentences
  TakesEffect takes_effect{};
  Field field;
  Bounds bounds{};
  bool is_required = false;

  bool is_of_process() const { return field.index() == 0; }
  bool is_of_upstream() const { return field.index() == 1; }
};

inline constexpr std::string_view kUpstreamSection = "upstream";
inline constexpr std::string_view kEndpointSection = "upstream.endpoints";
inline constexpr std::string_view kRuleSection = "upstream.rules";
/// Lists of records of the process, as in `[[probe]]`.
inline constexpr std::string_view kProbeSection = "probe";
inline constexpr std::string_view kRetentionSection = "retention";
constexpr bool is_process_list(std::string_view section) {
  return section == kProbeSection || section == kRetentionSection;
}

/// A list of records within an upstream, as in `endpoints = [{ … }, …]`.
struct UpstreamList {
  std::string_view section;  ///< "upstream.endpoints"
  std::string_view key;      ///< "endpoints"
  std::string_view entry;    ///< "an endpoint"
  std::string_view example;  ///< how one is written
};
std::span<const UpstreamList> upstream_lists();
/// Null when the section is not that of such a list.
const UpstreamList* find_upstream_list(std::string_view section);

/// All of them, in the order people should read them; those of a section are together.
std::span<const Setting> settings();
/// Null when there is none.
const Setting* find_setting(std::string_view section, std::string_view key);

/// The sections, each once, in the table's order, with what they are about.
struct Section {
  std::string_view name;
  std::string_view meaning;
};
std::span<const Section> sections();

/// "server.listen", "upstream.fresh_for"
std::string path_of(const Setting& setting);
/// "LIFEBOAT_SERVER_LISTEN", "LIFEBOAT_UPSTREAM_0_FRESH_FOR", "LIFEBOAT_UPSTREAM_0_ENDPOINTS_0_URL",
/// "LIFEBOAT_PROBE_0_TARGET"
struct UpstreamIndex {
  std::size_t upstream = 0;
  std::size_t entry = 0;  ///< of one of its lists, or of a list of the process
};
std::string variable_of(const Setting& setting, UpstreamIndex index = {});

/// An upstream that needs no configuration.
struct BuiltinUpstream {
  std::string_view host;
  std::string_view url;
};
std::span<const BuiltinUpstream> builtin_upstreams();
/// The address of a host when nobody gives one: the built-in one, or https://<host>.
std::string usual_url(std::string_view host);

}  // namespace lifeboat::server
