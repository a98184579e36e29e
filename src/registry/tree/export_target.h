#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "oci/media_type.h"
#include "registry/tree/export.h"

namespace lifeboat::registry {

/// What an export writes to: one of the layouts, at one directory.
class ExportTarget {
 public:
  explicit ExportTarget(sys::Path root) : root_(std::move(root)) {}
  virtual ~ExportTarget() = default;

  struct Name {
    std::string repository;
    std::optional<std::string> tag{};  ///< nothing: by its digest alone
    oci::Digest digest;
    oci::MediaType media_type;
    uint64_t size_bytes = 0;
  };
  virtual sys::Path content(const oci::Digest& digest) const = 0;
  /// Lets the repository serve content that is there.
  virtual Status link(const std::string& repository, LinkKind kind, const oci::Digest& digest) = 0;
  /// All that it leads to is there.
  virtual Status name(Name name) = 0;
  virtual Status finish() = 0;

 protected:
  const sys::Path& root() const { return root_; }

 private:
  const sys::Path root_;
};

std::unique_ptr<ExportTarget> make_export_target(ExportLayout layout, sys::Path root, PlacedFiles& placed);

}  // namespace lifeboat::registry
