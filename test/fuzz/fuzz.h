#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/assert.h"
#include "base/bytes.h"
#include "base/error.h"

/// What every fuzz target has in common: the input as text, and a property that holds for it or ends the process.
namespace lifeboat::fuzz {

inline std::string_view text_of(const uint8_t* data, std::size_t size) {
  return as_text(std::as_bytes(std::span(data, size)));
}

/// What parses renders back to itself.
template <class T>
void check_identity(std::string_view text) {
  const auto parsed = T::parse(text);
  if (!parsed) {
    LB_ASSERT(parsed.error().code() == ErrorCode::invalid);
    LB_ASSERT(parsed.error().message().size() < 400);
    return;
  }
  LB_ASSERT(parsed->to_string() == text);
}

/// What parses renders to a normal form that parses to the same.
template <class T>
void check_normal_form(std::string_view text) {
  const auto parsed = T::parse(text);
  if (!parsed) return;
  const auto again = T::parse(parsed->to_string());
  LB_ASSERT(again.has_value());
  LB_ASSERT(*again == *parsed);
  LB_ASSERT(again->to_string() == parsed->to_string());
}

}  // namespace lifeboat::fuzz

#define LB_FUZZ(text)                                                            \
  static void run(std::string_view text);                                        \
  extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, std::size_t size) { \
    run(lifeboat::fuzz::text_of(data, size));                                    \
    return 0;                                                                    \
  }                                                                              \
  static void run(std::string_view text)
