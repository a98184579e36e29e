#include "registry/tree/repair.h"

#include <algorithm>
#include <utility>

#include "oci/manifest.h"
#include "registry/tree/contents.h"
#include "registry/tree/distribution_tree.h"

namespace lifeboat::registry {
namespace {

using Kind = RepairStep::Kind;

/// An index in an index, its manifests, their layers; and whoever nests deeper repairs again.
constexpr int kRoundsMax = 8;

bool wants_bytes(const Finding& finding) {
  return finding.lacks == Lacks::bytes || finding.lacks == Lacks::both || finding.kind == FindingKind::wrong_size ||
         finding.kind == FindingKind::wrong_digest;
}

std::unexpected<Error> too_long(const RepairStep& step, uint64_t bytes_max) {
  return fail(ErrorCode::corrupt, "cannot use what was fetched for '" + step.digest->to_string() +
                                      "': it is too long (want at most " + std::to_string(bytes_max) + " bytes)");
}

bool wants_link(const Finding& finding) { return finding.lacks == Lacks::link || finding.lacks == Lacks::both; }

}  // namespace

std::string to_string(const RepairStep& step) {
  std::string text = step.kind == Kind::fetch ? "fetch " : "restore the link of ";
  text.append(step.link == LinkKind::manifest ? "manifest '" : "blob '");
  text.append(step.digest ? step.digest->to_string() : "").append("'");
  if (!step.repository.empty()) text.append(" in repository '").append(step.repository).append("'");
  return text;
}

std::vector<RepairStep> plan_repair(TreeKind kind, const std::vector<Finding>& findings, bool can_fetch) {
  std::vector<RepairStep> fetches;
  std::vector<RepairStep> links;
  for (const Finding& finding : findings) {
    if (finding.severity != Severity::broken || !finding.digest || !finding.link) continue;
    const bool is_wanted = wants_bytes(finding);
    if (is_wanted && !can_fetch) continue;
    RepairStep step{.repository = finding.repository,
                    .link = *finding.link,
                    .digest = finding.digest,
                    .size_bytes = finding.size_bytes.value_or(0)};
    if (wants_link(finding)) {
      // A row of ours has more to it than a link: what it misses is for a push to bring.
      if (kind != TreeKind::distribution) continue;
      links.push_back(step);
    }
    if (!is_wanted) continue;
    const auto known = std::ranges::find(fetches, finding.digest, &RepairStep::digest);
    if (known != fetches.end()) {
      known->size_bytes = std::max(known->size_bytes, step.size_bytes);
      continue;
    }
    step.kind = Kind::fetch;
    fetches.push_back(std::move(step));
  }
  fetches.insert(fetches.end(), links.begin(), links.end());
  return fetches;
}

Status TreeRepair::restore_link(const RepairStep& step) {
  LB_TRY(const auto file, open_.tree->open(*step.digest));
  LB_CHECK(compare_digest(*file, *step.digest));
  const DistributionTree tree(open_.root, placed_.files());
  return placed_.write(tree.link_path(step.repository, step.link, *step.digest), as_bytes(step.digest->to_string()));
}

TreeRepair::Filling::Filling(TreeRepair& owner, oci::Digest digest)
    : owner_(owner), digest_(digest), hasher_(digest.algorithm()) {}

TreeRepair::Filling::~Filling() {
  if (file_) (void)owner_.placed_.files().remove(fresh_);
}

Result<std::unique_ptr<TreeRepair::Filling>> TreeRepair::fill(const oci::Digest& digest) {
  std::unique_ptr<Filling> filling(new Filling(*this, digest));
  LB_TRY(filling->fresh_, placed_.beside(open_.tree->content(digest)));
  LB_TRY(filling->file_, placed_.create(filling->fresh_));
  return filling;
}

Status TreeRepair::Filling::append(ByteView bytes) {
  hasher_.update(bytes);
  return file_->append(bytes);
}

Status TreeRepair::Filling::finish() {
  const oci::Digest got = oci::Digest::of_raw(digest_.algorithm(), hasher_.current());
  if (got != digest_) {
    return fail(ErrorCode::corrupt, "cannot use what was fetched for '" + digest_.to_string() +
                                        "': it has another digest (got " + got.to_string() + ")");
  }
  LB_CHECK(file_->sync());
  LB_CHECK(owner_.placed_.settle(owner_.open_.tree->content(digest_)));
  file_.reset();  // it has its name: not to be removed
  return {};
}

Task<void> fetch_into(Call call, blob::Inspector& from, oci::Repository there, RepairStep step, TreeRepair& repairer) {
  if (step.link == LinkKind::manifest) {
    LB_CO_TRY(const auto manifest, co_await from.manifest(call, std::move(there), oci::Reference(*step.digest)));
    if (manifest.is_too_long) co_return too_long(step, oci::kManifestMaxBytes);
    LB_CO_TRY(const auto filling, repairer.fill(*step.digest));
    LB_CO_CHECK(filling->append(as_bytes(manifest.bytes)));
    co_return filling->finish();
  }
  LB_CO_TRY(const auto stream, co_await from.open(call, std::move(there), *step.digest, blob::Inspector::Extent::all));
  if (stream->size_bytes().value_or(0) > step.size_bytes) co_return too_long(step, step.size_bytes);
  LB_CO_TRY(const auto filling, repairer.fill(*step.digest));
  uint64_t received = 0;
  for (;;) {
    LB_CO_TRY(const sys::Block block, co_await stream->next());
    if (block.bytes().empty()) break;
    received += block.size();
    // An endless body would fill the disk before its digest could be compared.
    if (received > step.size_bytes) co_return too_long(step, step.size_bytes);
    LB_CO_CHECK(filling->append(block.bytes()));
  }
  co_return filling->finish();
}

Result<RepairOutcome> repair(TreeRepair& repairer, OpenTree& open, CheckReport before, const CheckOptions& options,
                             const FetchStep& fetch, const std::function<void(const CheckProgress&)>& told) {
  RepairOutcome outcome{.after = std::move(before)};
  for (int round = 0; round < kRoundsMax; ++round) {
    std::vector<RepairStep> steps = plan_repair(open.tree->kind(), outcome.after.findings, static_cast<bool>(fetch));
    std::erase_if(steps, [&](const RepairStep& step) {
      return std::ranges::find(outcome.done, step) != outcome.done.end() ||
             std::ranges::find(outcome.failed, step, &RepairOutcome::Failed::step) != outcome.failed.end();
    });
    if (steps.empty()) break;
    for (RepairStep& step : steps) {
      told({.doing = "repairing",
            .done = outcome.done.size(),
            .all = outcome.done.size() + steps.size(),
            .of = "faults"});
      Status taken = step.kind == Kind::fetch ? fetch(step, repairer) : repairer.restore_link(step);
      if (taken) {
        outcome.done.push_back(std::move(step));
      } else {
        outcome.failed.push_back({std::move(step), std::move(taken).error()});
      }
    }
    LB_TRY(outcome.after, check(open, options, told));
  }
  return outcome;
}

}  // namespace lifeboat::registry
