#pragma once

#include <optional>
#include <string_view>

#include "base/error.h"
#include "meta/store.h"

/// Conditions of a request (RFC 9110 §13). Everything here has its digest as its entity tag: `ETag: "sha256:…"`. Pure;
/// the readers of GET conditions allocate nothing.
namespace lifeboat::http {

/// True when `If-None-Match` says the client has it already: 304. Quoted or not, `W/`, a list, or `*` (W25, W32).
bool is_known_to_client(std::string_view if_none_match, std::string_view digest);

/// True when a Range counts: no `If-Range`, or this very digest in it. A weak tag and a date never match (RFC 9110
/// §13.1.5).
bool range_applies(std::string_view if_range, std::string_view digest);

/// What `If-Match` and `If-None-Match` ask of the tag a manifest is pushed to (W58): `If-Match: "<digest>"`, or
/// `If-None-Match: *`. conflict (412) for any other condition: one that cannot be kept must not be taken for none.
Result<std::optional<meta::TagCondition>> push_condition(std::string_view if_match, std::string_view if_none_match);

}  // namespace lifeboat::http
