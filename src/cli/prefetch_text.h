#pragma once

#include <optional>
#include <string>
#include <vector>

#include "http/capture_report.h"

/// What `lifeboat prefetch` makes of a server's answers. Pure.
namespace lifeboat::cli {

/// One of the references that were asked for.
struct Prefetching {
  std::string reference;             ///< as it was given
  std::vector<std::string> named{};  ///< platforms that were given, in their normal form, or "all"
  std::string error{};               ///< why it could not even begin; "" when it did
  http::PrefetchReport begun{};
  std::optional<http::CaptureReport> state{};  ///< the latest
};

struct PrefetchVerdict {
  enum class Kind {
    under_way,
    whole,   ///< all that was asked for is here
    failed,  ///< it cannot be completed now, and waiting a little does not help
  };
  Kind kind = Kind::under_way;
  std::string text{};  ///< for people: for which platforms it is whole, or why it is not
};
PrefetchVerdict judge(const Prefetching& one);

/// "3 of 12 blobs, 10.0 MiB of 81.3 MiB (12%)", or what it waits for.
std::string progress_text(const Prefetching& one);
/// A line per reference; `is_waited_for` false: they were only begun.
std::string prefetch_text(const std::vector<Prefetching>& all, bool is_waited_for);
std::string prefetch_json(const std::vector<Prefetching>& all, bool is_waited_for);

}  // namespace lifeboat::cli
