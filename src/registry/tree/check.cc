#include "registry/tree/check.h"

#include <algorithm>
#include <iterator>
#include <string>
#include <tuple>
#include <unordered_set>

#include "oci/repository.h"
#include "registry/tree/judge.h"

namespace lifeboat::registry {
namespace {

std::string age_text(Duration age) {
  const auto hours = std::chrono::duration_cast<std::chrono::hours>(age).count();
  return hours >= 48 ? std::to_string(hours / 24) + " days" : std::to_string(hours) + " hours";
}

void note_stale_uploads(const std::string& repository, const std::vector<TreeUpload>& uploads,
                        const CheckOptions& options, std::vector<Finding>& findings) {
  for (const TreeUpload& upload : uploads) {
    const Duration age = options.now - upload.modified;
    if (age <= options.uploads_stale_after) continue;
    Finding finding{.kind = FindingKind::stale_upload, .severity = Severity::untidy, .repository = repository};
    finding.detail = "upload " + upload.id + ", nobody went on with it for " + age_text(age);
    findings.push_back(std::move(finding));
  }
}

/// What could not be looked into is told as such, whatever it is called.
bool is_servable(const TreeRepository& repository, TreeKind kind) {
  return kind != TreeKind::distribution || !repository.unreadable.empty() ||
         oci::Repository::parse(repository.name).has_value();
}

Finding illegal_name_of(const TreeRepository& repository) {
  Finding finding{.kind = FindingKind::illegal_name, .severity = Severity::untidy, .repository = repository.name};
  finding.detail = "no repository may be called that";
  return finding;
}

/// One repository at one moment.
struct Judged {
  TreeRepository repository{};
  std::vector<Finding> findings{};
  std::unordered_set<DigestTable::Id> named{};
  std::unordered_set<DigestTable::Id> manifests{};
};

Status judge(const std::string& name, Contents& contents, bool is_deep, Judged& judged) {
  LB_TRY(judged.repository, contents.tree().read(name, contents.table()));
  if (is_deep) contents.hash_aliases(judged.repository.aliases);
  if (!is_servable(judged.repository, contents.tree().kind())) {
    judged.findings = {illegal_name_of(judged.repository)};
    return {};
  }
  RepositoryJudge judge(judged.repository, contents);
  judged.findings = judge.findings();
  judged.named = judge.named();
  judged.manifests = judge.manifests();
  return {};
}

/// Damage that no name suffers from.
void note_other_damage(Contents& contents, const std::unordered_set<DigestTable::Id>& reported,
                       std::vector<Finding>& findings) {
  for (const DigestTable::Id id : contents.damaged()) {
    if (reported.contains(id)) continue;
    const bool is_wrong = contents.look(id).state == Contents::State::wrong_digest;
    Finding finding{.kind = is_wrong ? FindingKind::wrong_digest : FindingKind::unreadable,
                    .severity = Severity::untidy};
    finding.digest = contents.table().digest(id);
    finding.detail = contents.damage_of(id);
    findings.push_back(std::move(finding));
  }
}

}  // namespace

void sort_findings(std::vector<Finding>& findings) {
  const auto place = [](const Finding& finding) {
    return std::tie(finding.severity, finding.repository, finding.kind, finding.digest, finding.breaks, finding.detail);
  };
  std::ranges::sort(findings, [&](const Finding& a, const Finding& b) { return place(a) < place(b); });
}

uint64_t count_broken_names(const std::vector<Finding>& findings) {
  std::unordered_set<std::string_view> names;
  for (const Finding& finding : findings) {
    if (finding.severity == Severity::broken) names.insert(finding.breaks.begin(), finding.breaks.end());
  }
  return names.size();
}

Result<CheckReport> check(OpenTree& open, const CheckOptions& options,
                          const std::function<void(const CheckProgress&)>& told) {
  Contents contents(*open.tree);
  CheckReport report;
  LB_TRY(const std::vector<std::string> repositories, contents.tree().repositories());
  if (options.is_deep) {
    LB_CHECK(contents.hash_all(options.threads, [&](const Contents::Hashed& hashed) {
      report.totals.bytes_hashed = hashed.bytes;
      told({.doing = "hashing", .done = hashed.pieces, .all = hashed.pieces_all, .of = "blobs", .bytes = hashed.bytes});
    }));
  }
  const bool is_shared = open.store != nullptr && open.store->is_shared();
  std::vector<bool> is_manifest;
  std::vector<bool> is_blob;
  std::unordered_set<DigestTable::Id> reported;
  for (const std::string& name : repositories) {
    told({.doing = "checking", .done = report.totals.repositories++, .all = repositories.size(), .of = "repositories"});
    Judged judged;
    LB_CHECK(judge(name, contents, options.is_deep, judged));
    // A server that runs may have removed what was read, with its names: what is a fault is one at the next moment too.
    if (is_shared && !judged.findings.empty()) LB_CHECK(judge(name, contents, options.is_deep, judged));
    const TreeRepository& repository = judged.repository;
    std::vector<Finding>& findings = judged.findings;
    report.totals.tags += repository.tags.size();
    is_manifest.resize(contents.table().size());
    is_blob.resize(contents.table().size());
    for (const DigestTable::Id id : judged.named) is_blob[id] = true;
    for (const DigestTable::Id id : judged.manifests) is_manifest[id] = true;
    for (const Finding& finding : findings) {
      if (finding.digest) reported.insert(contents.table().id_of(*finding.digest));
    }
    note_stale_uploads(name, repository.uploads, options, findings);
    std::ranges::move(findings, std::back_inserter(report.findings));
  }
  note_other_damage(contents, reported, report.findings);
  if (open.store != nullptr) {
    LB_TRY(std::vector<Finding> differences, open.store->differences(contents.table()));
    std::ranges::move(differences, std::back_inserter(report.findings));
    LB_TRY(const std::vector<TreeUpload> uploads, open.store->uploads());
    note_stale_uploads("", uploads, options, report.findings);
  }
  for (std::size_t i = 0; i < is_manifest.size(); ++i) {
    report.totals.manifests += is_manifest[i] ? 1U : 0U;
    report.totals.blobs += is_blob[i] && !is_manifest[i] ? 1U : 0U;
  }
  sort_findings(report.findings);
  report.totals.names_broken = count_broken_names(report.findings);
  return report;
}

}  // namespace lifeboat::registry
