#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "server/settings.h"

namespace lifeboat::server {

/// A value as it was given, before its setting is known.
struct GivenValue {
  enum class Kind {
    untyped,  ///< from the environment or a flag: the setting decides
    string,
    integer,
    boolean,
    list,   ///< of texts, in `entries`
    other,  ///< what no setting takes; `text` names it: "a list"
  };
  Kind kind = Kind::untyped;
  std::string text;
  std::vector<std::string> entries{};
};

/// Checks the value and stores it. invalid: `cannot set '<path>': <reason> (got …, want …)`; a text that may hold a
/// credential is not repeated.
Status assign(const Setting& setting, Slot slot, const GivenValue& given);

/// The value in its normal form, as the environment would say it; assigning that again gives the same value.
std::string render_text(Slot slot, SettingKind kind);
/// The same as TOML, and as JSON: both agree on strings, lists, numbers and booleans as we write them.
std::string render_literal(Slot slot, SettingKind kind);
/// False: it is left to the upstream, and there is nothing to render.
bool is_given(Slot slot);
/// A quoted string, escaped for TOML and JSON alike.
std::string quoted(std::string_view text);

/// What the value must look like, for error messages and the reference page: "a duration, for example '30s'".
std::string wanted(const Setting& setting);
/// The words of a choice: "debug", "info" …; of any other kind, none.
std::vector<std::string_view> choices_of(const Setting& setting);

}  // namespace lifeboat::server
