#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "registry/upkeep/retainer.h"

/// What the API says of retention, as doc/reference/openapi.yaml has it. Members that are not known are passed over.
namespace lifeboat::http {

/// The body of `POST /api/v1/prune`: `{"dry_run": true}`, or nothing.
Result<registry::Retainer::DryRun> parse_prune_order(std::string_view json);
std::string render_prune_order(registry::Retainer::DryRun dry_run);

/// The answer of `POST /api/v1/prune`.
struct PruneAnswer {
  struct Item {
    std::string repository;
    std::string tag{};  ///< "": a manifest without one
    std::string digest;
    bool is_kept = false;
    std::string reason;
    friend bool operator==(const Item&, const Item&) = default;
  };
  struct Unreadable {
    std::string repository;
    std::string reason;
    friend bool operator==(const Unreadable&, const Unreadable&) = default;
  };
  bool is_dry_run = false;
  uint64_t repositories = 0;
  uint64_t tags = 0;
  uint64_t manifests = 0;
  uint64_t changed = 0;
  std::vector<std::string> frozen{};     ///< repositories whose host cannot be asked
  std::vector<Unreadable> unreadable{};  ///< repositories of which a manifest cannot be read, so that all stay
  std::vector<Item> items{};
  uint64_t items_left_out = 0;
  friend bool operator==(const PruneAnswer&, const PruneAnswer&) = default;
};
PruneAnswer answer_of(const registry::PruneReport& report, registry::Retainer::DryRun dry_run);
std::string render_prune(const PruneAnswer& answer);
Result<PruneAnswer> parse_prune(std::string_view json);

}  // namespace lifeboat::http
