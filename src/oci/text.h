#pragma once

#include <string>
#include <string_view>

namespace lifeboat::oci {

/// Foreign text as an error message shows it: in single quotes, at most 80 letters, and only printable ASCII, so that
/// no input can break a line of the log or fill it.
std::string quote(std::string_view text);

/// Without the spaces and tabs at both ends (`OWS`, RFC 9110 §5.6.3).
std::string_view without_outer_space(std::string_view text);

/// Appends `text` as a JSON string with its double quotes. Never fails: what is not UTF-8 becomes U+FFFD.
void append_json_text(std::string& out, std::string_view text);

}  // namespace lifeboat::oci
