#include "registry/tree/export_target.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "registry/tree/distribution_tree.h"

namespace lifeboat::registry {
namespace {

class DistributionTarget final : public ExportTarget {
 public:
  DistributionTarget(const sys::Path& root, PlacedFiles& placed)
      : ExportTarget(root / "docker" / "registry" / "v2"),
        placed_(placed),
        tree_(root / "docker" / "registry" / "v2", placed.files()) {}

  sys::Path content(const oci::Digest& digest) const override { return tree_.content(digest); }

  Status link(const std::string& repository, LinkKind kind, const oci::Digest& digest) override {
    if (tree_.link(repository, kind, digest).fault == LinkState::Fault::none) return {};
    return placed_.write(tree_.link_path(repository, kind, digest), as_bytes(digest.to_string()));
  }

  Status name(Name name) override {
    LB_CHECK(link(name.repository, LinkKind::manifest, name.digest));
    if (!name.tag) return {};
    const sys::Path tag = root() / "repositories" / name.repository / "_manifests" / "tags" / *name.tag;
    const std::string digest = name.digest.to_string();
    const sys::Path index = tag / "index" / name.digest.algorithm_name() / name.digest.hex() / "link";
    LB_CHECK(placed_.write(index, as_bytes(digest)));
    return placed_.write(tag / "current" / "link", as_bytes(digest));
  }

  Status finish() override { return placed_.make_directory(root() / "repositories"); }

 private:
  PlacedFiles& placed_;
  DistributionTree tree_;
};

class LayoutTarget final : public ExportTarget {
 public:
  LayoutTarget(sys::Path root, PlacedFiles& placed) : ExportTarget(std::move(root)), placed_(placed) {}

  sys::Path content(const oci::Digest& digest) const override {
    return root() / "blobs" / digest.algorithm_name() / digest.hex();
  }
  Status link(const std::string& /*repository*/, LinkKind /*kind*/, const oci::Digest& /*digest*/) override {
    return {};
  }
  Status name(Name name) override {
    names_.push_back(std::move(name));
    return {};
  }

  /// index.json comes last: without it a layout is none.
  Status finish() override {
    LB_CHECK(placed_.write(root() / "oci-layout", as_bytes(R"({"imageLayoutVersion":"1.0.0"})")));
    return placed_.write(root() / "index.json", as_bytes(index()));
  }

 private:
  std::string index() const {
    std::set<std::string> repositories;
    for (const Name& name : names_) repositories.insert(name.repository);
    nlohmann::ordered_json manifests = nlohmann::ordered_json::array();
    for (const Name& name : names_) {
      nlohmann::ordered_json entry{
          {"mediaType", name.media_type.to_string()}, {"digest", name.digest.to_string()}, {"size", name.size_bytes}};
      if (name.tag) {
        const std::string text = repositories.size() == 1 ? *name.tag : name.repository + ":" + *name.tag;
        entry["annotations"] = {{"org.opencontainers.image.ref.name", text}};
      }
      manifests.push_back(std::move(entry));
    }
    const nlohmann::ordered_json document{
        {"schemaVersion", 2}, {"mediaType", oci::kOciIndex}, {"manifests", manifests}};
    return document.dump();
  }

  PlacedFiles& placed_;
  std::vector<Name> names_;
};

}  // namespace

std::unique_ptr<ExportTarget> make_export_target(ExportLayout layout, sys::Path root, PlacedFiles& placed) {
  if (layout == ExportLayout::oci) return std::make_unique<LayoutTarget>(std::move(root), placed);
  return std::make_unique<DistributionTarget>(root, placed);
}

}  // namespace lifeboat::registry
