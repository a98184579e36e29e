#pragma once

// Private to RegistrySource.

#include <array>
#include <atomic>
#include <optional>
#include <string>

#include "base/guarded.h"
#include "upstream/credential_check.h"
#include "upstream/rate_budget.h"
#include "upstream/retry_budget.h"
#include "upstream/source.h"

namespace lifeboat::upstream {

struct RegistrySource::Shared {
  Shared(Parts parts, const Endpoint& endpoint, uint64_t seed)
      : name(endpoint.name()),
        health({parts.clock, parts.log, parts.metrics, parts.breaker_opened}, "endpoint", name,
               endpoint.options().health, seed),
        retries(parts.clock),
        retries_made(parts.metrics.counter(kRetriesName, kRetriesHelp, {{"host", name}, {"result", "made"}})),
        retries_refused(parts.metrics.counter(kRetriesName, kRetriesHelp, {{"host", name}, {"result", "refused"}})),
        credentials({parts.clock, parts.log, parts.metrics, parts.breaker_opened}, name,
                    endpoint.options().credential_check_every, seed),
        rate({parts.clock, parts.log, parts.metrics}, name, endpoint.options().rate_floor),
        received(parts.metrics.counter("lifeboat_upstream_received_bytes_total",
                                       "Bytes of bodies that came from an endpoint.", {{"host", name}})) {
    for (std::size_t i = 0; i < outcomes.size(); ++i) {
      const std::string_view outcome = i == 0 ? "ok" : to_string(static_cast<ErrorCode>(i - 1));
      outcomes.at(i) =
          &parts.metrics.counter("lifeboat_upstream_requests_total", "Questions to an endpoint by what came of them.",
                                 {{"host", name}, {"outcome", outcome}});
    }
  }
  void count(std::optional<ErrorCode> failure) {
    outcomes.at(failure ? static_cast<std::size_t>(*failure) + 1 : 0)->add();
  }

  const std::string name;
  Health health;
  RetryBudget retries;  ///< of a question to this endpoint
  sys::Counter& retries_made;
  sys::Counter& retries_refused;
  CredentialCheck credentials;
  RateBudget rate;
  Guarded<Question> last_asked{};  ///< what a probe repeats
  std::atomic<unsigned> probes{0};
  std::atomic<uint64_t> adoptions_seen{0};  ///< of CredentialStore
  sys::Counter& received;
  std::array<sys::Counter*, static_cast<std::size_t>(ErrorCode::internal) + 2> outcomes{};  ///< "ok", then by code
};

}  // namespace lifeboat::upstream
