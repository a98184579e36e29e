#include "registry/verify/finding.h"

#include <algorithm>

namespace lifeboat::registry::verify {
namespace {

/// "cannot get blob 'x': 404 Not Found" → "404 Not Found": the subject has a place of its own.
std::string reason_of(const std::string& message) {
  const std::size_t end = message.find("': ");
  return end == message.npos ? message : message.substr(end + 3);
}

FaultKind kind_of(const Error& error) {
  switch (error.code()) {
    case ErrorCode::not_found: return FaultKind::missing;
    case ErrorCode::unauthorized: return FaultKind::unauthorized;
    case ErrorCode::denied: return FaultKind::denied;
    case ErrorCode::too_many: return FaultKind::limited;
    case ErrorCode::internal: return FaultKind::server_error;
    case ErrorCode::corrupt: return error.step() == NetworkStep::body ? FaultKind::cut_short : FaultKind::unreachable;
    case ErrorCode::invalid:
    case ErrorCode::conflict:
    case ErrorCode::unavailable:
    case ErrorCode::timed_out:
    case ErrorCode::no_space:
    case ErrorCode::unsupported:
    case ErrorCode::cancelled: return FaultKind::unreachable;
  }
  return FaultKind::unreachable;
}

}  // namespace

std::string_view to_string(FaultKind kind) {
  switch (kind) {
    case FaultKind::missing: return "missing";
    case FaultKind::missing_to_get: return "missing_to_get";
    case FaultKind::missing_to_head: return "missing_to_head";
    case FaultKind::empty_body: return "empty_body";
    case FaultKind::cut_short: return "cut_short";
    case FaultKind::wrong_size: return "wrong_size";
    case FaultKind::wrong_digest: return "wrong_digest";
    case FaultKind::wrong_media_type: return "wrong_media_type";
    case FaultKind::malformed: return "malformed";
    case FaultKind::no_platform: return "no_platform";
    case FaultKind::server_error: return "server_error";
    case FaultKind::unreachable: return "unreachable";
    case FaultKind::unauthorized: return "unauthorized";
    case FaultKind::denied: return "denied";
    case FaultKind::limited: return "limited";
  }
  return "unreachable";
}

bool is_wrong(FaultKind kind) { return kind < FaultKind::unreachable; }

Fault fault_of(const Error& error) { return {kind_of(error), reason_of(error.message())}; }

Fault fault_of_list(const Error& error) {
  Fault fault = fault_of(error);
  if (fault.kind == FaultKind::cut_short) fault.kind = FaultKind::unreachable;
  return fault;
}

std::string_view to_string(Part part) {
  switch (part) {
    case Part::tag: return "tag";
    case Part::index: return "index";
    case Part::manifest: return "manifest";
    case Part::config: return "config";
    case Part::layer: return "layer";
    case Part::referrer: return "referrer";
    case Part::blob: return "blob";
  }
  return "blob";
}

std::string Name::to_string() const {
  return repository.to_string() + (reference.digest() != nullptr ? "@" : ":") + reference.to_string();
}

Verdict::Outcome Verdict::outcome() const {
  if (std::ranges::any_of(findings, [](const Finding& one) { return is_wrong(one.fault.kind); }))
    return Outcome::broken;
  return findings.empty() && is_looked_at_whole ? Outcome::whole : Outcome::unknown;
}

std::string_view to_string(Verdict::Outcome outcome) {
  switch (outcome) {
    case Verdict::Outcome::whole: return "whole";
    case Verdict::Outcome::broken: return "broken";
    case Verdict::Outcome::unknown: return "unknown";
  }
  return "unknown";
}

Verdict::Outcome outcome_of(const Report& report) {
  auto worst = report.given_up.empty() ? Verdict::Outcome::whole : Verdict::Outcome::unknown;
  for (const Verdict& verdict : report.verdicts) {
    const auto outcome = verdict.outcome();
    if (outcome == Verdict::Outcome::broken) return outcome;
    if (outcome == Verdict::Outcome::unknown) worst = outcome;
  }
  return worst;
}

}  // namespace lifeboat::registry::verify
