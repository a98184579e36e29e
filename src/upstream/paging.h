#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "blob/source.h"

namespace lifeboat::upstream {

/// The names of `{"name":…,"tags":[…]}` (null: none); what is no tag is left out. corrupt when it is no such document.
Result<std::vector<std::string>> parse_tag_list(std::string_view body);
/// The names of `{"repositories":[…]}`, whatever they are. corrupt when it is no such document.
Result<std::vector<std::string>> parse_catalog(std::string_view body);

/// One page out of what came, in its order: what stands up to and including `last` goes (an endpoint that ignored it),
/// and so does what is beyond `limit`. A page without names never says that there is more.
blob::Source::TagPage page_of(std::vector<std::string> names, std::string_view last, std::size_t limit,
                              bool is_next_named);

/// The query of the `Link: <…?query>; rel="next"` field (RFC 8288): the only part of its URL that is believed.
std::optional<std::string> next_query(std::string_view link);

}  // namespace lifeboat::upstream
