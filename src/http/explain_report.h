#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/time.h"
#include "http/capture_report.h"
#include "http/status_report.h"
#include "registry/outlook.h"

namespace lifeboat::http {

/// What a pull of a reference would get now, and all that decides it: the answer of `GET /api/v1/explain`, as
/// doc/reference/openapi.yaml has it.
struct ExplainReport {
  /// Which repository is meant, and why.
  enum class Means { host, hosted, default_host, unknown };
  struct Tag {
    std::chrono::seconds confirmed_ago{};  ///< by the upstream; of a hosted tag: pushed
    std::chrono::seconds fresh_for{};      ///< yet; negative: since then it is not
    bool is_gone = false;                  ///< the upstream has it no more
    friend bool operator==(const Tag&, const Tag&) = default;
  };
  struct Child {
    std::string platform;  ///< "" for what is no program to run
    std::string digest;
    bool is_here = false;
    bool is_whole = false;
    std::size_t missing = 0;  ///< of what it names
    friend bool operator==(const Child&, const Child&) = default;
  };
  struct Policy {
    std::string rule{};  ///< its pattern; "": none fits, the upstream's own
    Duration fresh_for{};
    std::optional<Duration> max_stale{};
    Duration revalidate_within{};
    bool drops_gone = false;
    bool serves_on_credential_fault = true;
    std::string capture{};  ///< "requested", "all", "none"
    std::vector<std::string> capture_platforms{};
    bool captures_referrers = true;
    friend bool operator==(const Policy&, const Policy&) = default;
  };
  struct Past {
    std::string digest;
    std::chrono::seconds since_ago{};
    friend bool operator==(const Past&, const Past&) = default;
  };

  std::string reference;     ///< as it was read
  std::string repository{};  ///< "ghcr.io/org/app"; "" when none is meant
  std::string host{};        ///< of the upstream; "": hosted here
  Means means = Means::unknown;
  std::string why_unknown{};
  registry::Outlook outlook{};
  std::string digest{};         ///< what it means here; "": not known
  std::string served_digest{};  ///< of `earlier`: what is served instead
  std::optional<Tag> tag{};     ///< when it is held
  CaptureReport capture{};      ///< of the digest, with what is held of it
  std::vector<Child> children{};
  std::optional<Policy> policy{};  ///< of an upstream
  bool is_frozen = false;
  std::vector<EndpointStatus> endpoints{};
  std::vector<Past> history{};  ///< of the tag, the latest first
  friend bool operator==(const ExplainReport&, const ExplainReport&) = default;
};

std::string render_explain(const ExplainReport& report);
/// Members that are not known are passed over. invalid: it is none.
Result<ExplainReport> parse_explain(std::string_view json);

}  // namespace lifeboat::http
