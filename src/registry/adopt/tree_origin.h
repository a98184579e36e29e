#pragma once

#include "registry/adopt/origin.h"
#include "registry/tree/open_tree.h"
#include "sys/thread_pool.h"

namespace lifeboat::registry::adopt {

/// The files of a registry. What has no link is not there, as for the registry itself.
class TreeOrigin final : public Origin {
 public:
  /// `disk`: blobs are read and hashed on it. `as`: what the one repository of a layout is to be called.
  TreeOrigin(OpenTree& open, std::string as, sys::ThreadPool& disk) : open_(open), as_(std::move(as)), disk_(disk) {}

  Task<std::vector<std::string>> repositories(Call call) override;
  Task<Names> names(Call call, std::string repository) override;
  Task<std::string> manifest(Call call, std::string repository, oci::Digest digest) override;
  Task<std::vector<oci::Digest>> referrers(Call call, std::string repository, oci::Digest subject) override;
  Task<Landing::Landed> bring(Call call, std::string repository, WantedBlob blob, Landing& landing) override;
  Task<std::optional<uint64_t>> look(Call call, std::string repository, oci::Digest digest) override;

 private:
  /// Which digest it is kept under; not_found: the repository has no link to it.
  Result<oci::Digest> follow_link(LinkKind kind, const std::string& repository, const oci::Digest& digest);
  std::string name_there(const std::string& repository) const { return is_layout() ? "" : repository; }
  bool is_layout() const { return open_.tree->kind() == TreeKind::oci_layout; }

  OpenTree& open_;
  const std::string as_;
  sys::ThreadPool& disk_;
  // Of the repository that was read last: links are looked up in it.
  std::string read_{};
  DigestTable table_{};
  std::optional<TreeRepository> repository_{};
};

}  // namespace lifeboat::registry::adopt
