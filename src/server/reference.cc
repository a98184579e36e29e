#include "server/setting_value.h"
#include "server/settings.h"
#include "server/show.h"
#include "server/units.h"

namespace lifeboat::server {
namespace {

constexpr std::string_view kIntroduction = R"(# Settings

<!-- Written by `lifeboat config reference` from the table in src/server/settings.cc; a test compares them. -->

One file, `lifeboat.toml`, given by `lifeboat serve --config FILE` or the variable `LIFEBOAT_CONFIG`. None is needed to
start. A flag wins over an environment variable, which wins over the file, which wins over the default. Every setting has
a variable; `lifeboat config show` prints what is in force and where each value came from, `lifeboat config check` finds
mistakes. A key that does not exist is an error.

```toml
[server]
listen = ":5000"

[[upstream]]
host = "ghcr.io"
fresh_for = "10m"
endpoints = [
  { url = "https://ghcr.io", username = "robot", password_file = "/etc/lifeboat/ghcr.password" },
  { url = "https://mirror.example:5000" },
]
```

Durations have a unit: `1500ms`, `30s`, `10m`, `24h`, `7d`, `1h30m`. So have sizes: `512B`, `64KiB`, `4MiB`, `2GiB`. In the
environment, a list of texts has commas, and records are numbered from 0: `LIFEBOAT_UPSTREAM_0_HOST` is the host of the
first upstream, and the number after the last one of the file adds one. Secrets are never settings, only the paths of
files that hold them.

On SIGHUP the file and the environment are read again and applied, all or nothing; what says "at a restart" below waits
for that.
)";

std::string limit(uint64_t value, SettingKind kind) {
  switch (kind) {
    case SettingKind::size: return render_size(value);
    case SettingKind::count: return std::to_string(value);
    default: return render_duration(Duration(static_cast<Duration::rep>(value)));
  }
}

std::string limits(const Setting& setting) {
  const bool has_max = setting.bounds.max != UINT64_MAX;
  if (setting.bounds.min == 0 && !has_max) return {};
  std::string text = setting.bounds.min == 0 ? "; at most " : "; at least ";
  text.append(limit(setting.bounds.min == 0 ? setting.bounds.max : setting.bounds.min, setting.kind));
  if (setting.bounds.min != 0 && has_max) text.append(", at most ").append(limit(setting.bounds.max, setting.kind));
  return text;
}

std::string default_of(const Setting& setting) {
  if (setting.is_required) return "none, it is required";
  if (!setting.default_note.empty()) return std::string(setting.default_note);
  if (setting.default_text.empty()) return "none";
  return std::string("`").append(setting.default_text).append("`");
}

void append_setting(std::string& out, const Setting& setting) {
  out.append("\n### `").append(path_of(setting)).append("`\n\n").append(setting.meaning).append("\n\n");
  out.append("- Value: ").append(wanted(setting)).append(limits(setting)).append("\n");
  out.append("- Default: ").append(default_of(setting)).append("\n");
  out.append("- Environment: `").append(variable_of(setting)).append("`\n");
  out.append("- A change takes effect: ");
  out.append(setting.takes_effect == TakesEffect::on_reload ? "at a reload\n" : "at a restart\n");
}

}  // namespace

std::string render_reference() {
  std::string out(kIntroduction);
  for (const Section& section : sections()) {
    const UpstreamList* list = find_upstream_list(section.name);
    out.append("\n## `");
    out.append(list != nullptr                    ? std::string(list->key)
               : section.name == kUpstreamSection ? std::string("[[upstream]]")
               : is_process_list(section.name)    ? std::string("[[").append(section.name).append("]]")
                                                  : std::string("[").append(section.name).append("]"));
    out.append("`\n\n").append(section.meaning).append("\n");
    for (const Setting& setting : settings()) {
      if (setting.section == section.name) append_setting(out, setting);
    }
  }
  out.append(
      "\n## Built-in upstreams\n\nThese need no configuration; `server.builtin_upstreams = false` drops them.\n\n");
  out.append("| Host | Endpoint |\n|---|---|\n");
  for (const BuiltinUpstream& builtin : builtin_upstreams()) {
    out.append("| `").append(builtin.host).append("` | `").append(builtin.url).append("` |\n");
  }
  return out;
}

}  // namespace lifeboat::server
