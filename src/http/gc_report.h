#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "registry/upkeep/collector.h"

/// What the API says of the collector, as doc/reference/openapi.yaml has it. Members that are not known are passed
/// over.
namespace lifeboat::http {

/// The body of `POST /api/v1/gc`: `{"dry_run": true}`, or nothing.
Result<registry::Sweep::DryRun> parse_gc_order(std::string_view json);
std::string render_gc_order(registry::Sweep::DryRun dry_run);

/// The answer of `GET` and `POST /api/v1/gc`.
struct GcReport {
  struct Item {
    std::string reason;
    std::string repository{};  ///< of a link; else ""
    std::string digest;
    uint64_t size_bytes = 0;
    friend bool operator==(const Item&, const Item&) = default;
  };
  uint64_t number = 0;  ///< of the pass since the server started; 0: there was none
  bool is_running = false;
  bool is_dry_run = false;
  std::string started{};  ///< RFC 3339; "": never
  std::string ended{};
  std::string error{};      ///< why it did not come to its end; "" when it did
  bool is_refused = false;  ///< the error is a fault of the store
  uint64_t links = 0;
  uint64_t contents = 0;
  uint64_t bytes = 0;
  uint64_t in_use = 0;
  uint64_t failures = 0;
  uint64_t lost = 0;      ///< contents that tags need and that are not on disk
  uint64_t restored = 0;  ///< manifests of which a record was lost, and is here again
  std::vector<Item> items{};
  uint64_t items_left_out = 0;
  friend bool operator==(const GcReport&, const GcReport&) = default;
};
GcReport report_of(const registry::CollectState& state);
std::string render_gc(const GcReport& report);
Result<GcReport> parse_gc(std::string_view json);

}  // namespace lifeboat::http
