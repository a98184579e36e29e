#pragma once

#include <string>
#include <vector>

#include "registry/verify/finding.h"

/// What `lifeboat verify` says of what was found. Pure. Names, types and reasons are what a registry sent: each form
/// lets nothing through that a terminal obeys or a reader of the form refuses.
namespace lifeboat::cli {

/// One reference that was looked at, as people write it.
struct Verified {
  std::string reference;  ///< "ghcr.io/org/app:1.0"; of tags that could not be listed "ghcr.io/org/app:*"
  std::string digest{};   ///< of its manifest; "" when it is not known
  registry::verify::Verdict::Outcome outcome = registry::verify::Verdict::Outcome::unknown;
  std::vector<registry::verify::Finding> findings{};
};

struct VerifySummary {
  std::vector<Verified> references{};
  registry::verify::Totals totals{};
  std::vector<std::string> given_up{};  ///< "ghcr.io: connect: refused"
};

/// The worst of all: whole, broken or unknown. Of nothing: whole.
registry::verify::Verdict::Outcome outcome_of(const VerifySummary& summary);

/// "layer 2 of 7 sha256:… of linux/amd64": what it is and where, with its notes as they came.
std::string place_of(const registry::verify::Finding& finding);
/// A table of what is not as it should be, and a line about all of it.
std::string verify_text(const VerifySummary& summary);
std::string verify_json(const VerifySummary& summary);
/// A test case for each reference: failed when it is broken, an error when it could not be found out.
std::string verify_junit(const VerifySummary& summary);

}  // namespace lifeboat::cli
