#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "meta/usage.h"
#include "registry/tag_history.h"

/// What the API says of tags that were and of pins, as doc/reference/openapi.yaml has it. Members that are not known
/// are passed over.
namespace lifeboat::http {

/// The answer of `GET /api/v1/history`.
struct HistoryReport {
  struct Moment {
    std::string tag;
    uint64_t number = 0;
    std::string digest;
    std::string since;  ///< RFC 3339
    std::string source;
    bool is_current = false;
    std::string restorable;  ///< "held", "stored", "lost"
    std::string lacking{};   ///< of what is lost: what is gone
    friend bool operator==(const Moment&, const Moment&) = default;
  };
  std::string repository;
  std::vector<Moment> moments{};
  bool has_more = false;
  friend bool operator==(const HistoryReport&, const HistoryReport&) = default;
};
HistoryReport report_of(const oci::RepositoryId& repository, const registry::TagHistory::Page& page);
std::string render_history(const HistoryReport& report);
Result<HistoryReport> parse_history(std::string_view json);

/// The body of `POST /api/v1/restore`.
struct RestoreOrder {
  std::string reference;             ///< with its tag
  std::string digest{};              ///< "": not said
  std::optional<uint64_t> number{};  ///< as in the history
  bool is_dry_run = false;
  friend bool operator==(const RestoreOrder&, const RestoreOrder&) = default;
};
std::string render_restore_order(const RestoreOrder& order);
Result<RestoreOrder> parse_restore_order(std::string_view json);

/// Its answer.
struct RestoreReport {
  std::string repository;
  std::string tag;
  std::string digest;
  std::string before{};    ///< where the tag was; "": it was gone
  uint64_t manifests = 0;  ///< that were put again
  friend bool operator==(const RestoreReport&, const RestoreReport&) = default;
};
std::string render_restore(const RestoreReport& report);
Result<RestoreReport> parse_restore(std::string_view json);

/// The body of `POST /api/v1/pins`.
struct PinOrder {
  std::string reference;
  std::string reason{};
  friend bool operator==(const PinOrder&, const PinOrder&) = default;
};
std::string render_pin_order(const PinOrder& order);
Result<PinOrder> parse_pin_order(std::string_view json);

/// The answer of `GET`, `POST` and `DELETE /api/v1/pins`.
struct PinsReport {
  struct Pin {
    std::string repository;
    std::string reference;  ///< a tag or a digest
    std::string since;      ///< RFC 3339
    std::string reason{};
    friend bool operator==(const Pin&, const Pin&) = default;
  };
  std::string repository{};  ///< of a change: which was meant
  std::string reference{};
  std::vector<Pin> pins{};  ///< all there are now
  friend bool operator==(const PinsReport&, const PinsReport&) = default;
};
PinsReport report_of(const std::vector<meta::Pin>& pins);
std::string render_pins(const PinsReport& report);
Result<PinsReport> parse_pins(std::string_view json);

}  // namespace lifeboat::http
