#include "registry/archive/check.h"

#include <algorithm>
#include <array>
#include <map>
#include <utility>

#include "blob/inspector.h"
#include "oci/full_reference.h"
#include "registry/archive/format.h"
#include "registry/archive/index.h"
#include "registry/archive/output.h"
#include "registry/archive/scan.h"
#include "registry/verify/graph.h"

namespace lifeboat::registry::archive {
namespace {

using verify::Edge;
using verify::Fault;
using verify::FaultKind;
using verify::Graph;
using verify::Node;

/// Judges what was scanned. Pure.
class Judge {
 public:
  Judge(const Scan& found, const CheckOptions& options) : found_(found), options_(options) {}

  CheckReport run() && {
    report_.compression = found_.compression;
    if (!found_.layout) blame("'oci-layout' is not in it: podman and skopeo take it for no layout");
    judge_index();
    judge_docker_list();
    return std::move(report_);
  }

 private:
  void blame(std::string what) { report_.faults.push_back(std::move(what)); }

  void judge_index() {
    if (!found_.index) return blame("'index.json' is not in it: nobody can tell its names");
    const auto entries = read_index(as_bytes(*found_.index));
    if (!entries) return blame(entries.error().message());
    if (entries->empty()) blame("'index.json' has no entries");
    for (const Entry& entry : *entries) {
      walk(entry.descriptor);
      const oci::Digest& digest = entry.descriptor.digest;
      verify::Name name = name_of(entry);
      Checked checked{.name = entry.name.empty() ? digest.to_string() : entry.name,
                      .verdict = verify::trace(graph_, std::move(name), {.digest = digest})};
      for (Fault& fault : verify::judge_edge(edge_to(entry.descriptor), sized_alone(digest))) {
        checked.verdict.findings.push_back({{{verify::Part::manifest, digest, ""}}, std::move(fault)});
      }
      checked.left_out = left_out_[digest];
      report_.names.push_back(std::move(checked));
    }
    for (const auto& [digest, node] : graph_) count(digest, node);
  }

  /// Only for messages: an importer may be told any text.
  static verify::Name name_of(const Entry& entry) {
    auto full = oci::FullReference::parse(entry.name);
    if (full) return {std::move(full->repository), std::move(full->reference)};
    return {*oci::Repository::parse("unnamed"), oci::Reference(entry.descriptor.digest)};
  }
  static Edge edge_to(const oci::Descriptor& descriptor) {
    return {.part = verify::Part::manifest,
            .digest = descriptor.digest,
            .size_bytes = descriptor.size_bytes,
            .media_type = descriptor.media_type.to_string()};
  }
  /// The node without faults of its own: what is left is what the entry says otherwise.
  Node sized_alone(const oci::Digest& digest) const {
    Node node = graph_.at(digest);
    node.faults.clear();
    return node;
  }

  void walk(const oci::Descriptor& root) {
    std::vector<Edge> ahead{edge_to(root)};
    while (!ahead.empty()) {
      const Edge edge = std::move(ahead.back());
      ahead.pop_back();
      if (graph_.contains(edge.digest)) continue;
      const Node& node = graph_.emplace(edge.digest, judge(edge)).first->second;
      ahead.insert(ahead.end(), node.edges.begin(), node.edges.end());
    }
  }

  Node judge(const Edge& edge) {
    const auto blob = found_.blobs.find(edge.digest);
    if (blob == found_.blobs.end()) return {.faults = {{FaultKind::missing, "not in the archive"}}};
    Node node{.size_bytes = blob->second.size_bytes};
    if (blob->second.actual != edge.digest) {
      node.faults.push_back({FaultKind::wrong_digest, "got bytes of " + blob->second.actual.to_string()});
      return node;
    }
    if (!edge.is_manifest()) return node;
    const auto document = found_.documents.find(edge.digest);
    const blob::Inspector::Answered answered{.bytes = document == found_.documents.end() ? "no JSON" : document->second,
                                             .digest = std::nullopt};
    if (document == found_.documents.end()) {
      node.faults.push_back({FaultKind::malformed, "no manifest"});
      return node;
    }
    node = verify::judge_manifest(answered, edge.digest, options_.platforms);
    if (node.is_index && options_.platforms.empty()) leave_out(edge.digest, node);
    return node;
  }

  /// Of an index that was saved for some platforms the others are not there, and importers pass them over.
  void leave_out(const oci::Digest& index, Node& node) {
    const auto is_absent = [&](const Edge& edge) { return edge.is_manifest() && !found_.blobs.contains(edge.digest); };
    if (std::ranges::all_of(node.edges, is_absent)) return;
    for (const Edge& edge : node.edges) {
      if (is_absent(edge) && !edge.note.empty()) left_out_[index].push_back(edge.note);
    }
    std::erase_if(node.edges, is_absent);
  }

  void count(const oci::Digest& digest, const Node& node) {
    const auto blob = found_.blobs.find(digest);
    if (blob == found_.blobs.end()) return;
    if (node.media_type.empty()) {
      ++report_.totals.blobs;
      report_.totals.hashed_bytes += blob->second.size_bytes;
    } else {
      ++(node.is_index ? report_.totals.indexes : report_.totals.manifests);
    }
  }

  void judge_docker_list() {
    const auto blame_for_docker = [this](std::string what) { report_.docker_faults.push_back(std::move(what)); };
    if (!found_.docker_list) return blame_for_docker("'manifest.json' is not in it: docker load does not take it");
    const auto entries = read_docker_list(as_bytes(*found_.docker_list));
    if (!entries) return blame_for_docker(entries.error().message());
    for (const DockerEntry& entry : *entries) {
      std::vector<std::string> paths = entry.layers;
      paths.push_back(entry.config);
      for (const std::string& path : paths) {
        if (found_.paths.contains(path)) continue;
        blame_for_docker("'manifest.json' names '" + path + "', which is not in the archive");
      }
    }
  }

  const Scan& found_;
  const CheckOptions& options_;
  Graph graph_;
  std::map<oci::Digest, std::vector<std::string>> left_out_;
  CheckReport report_;
};

Result<std::string> hex_of(const sys::ReadableFile& file) {
  Hasher hasher(HashAlgorithm::sha256);
  std::vector<std::byte> buffer(kMiB);
  for (uint64_t offset = 0;;) {
    LB_TRY(const std::size_t count, file.read_at(offset, buffer));
    if (count == 0) return to_hex(hasher.current());
    hasher.update(ByteView(buffer).first(count));
    offset += count;
  }
}

/// False: there is no checksum file.
Result<bool> check_checksum(sys::FileSystem& files, const sys::Path& path, const sys::ReadableFile& file,
                            std::vector<std::string>& faults) {
  const auto checksum = files.open(path.native() + std::string(kChecksumEnding));
  if (!checksum) return false;
  std::array<std::byte, 64> named{};
  LB_TRY(const std::size_t count, (*checksum)->read_at(0, named));
  LB_TRY(const std::string actual, hex_of(file));
  if (as_text(ByteView(named).first(count)) == actual) return true;
  faults.push_back("its checksum file is not of these bytes (got " + actual + ")");
  return false;
}

}  // namespace

bool CheckReport::is_loadable() const {
  return faults.empty() && std::ranges::all_of(names, [](const Checked& one) {
           return one.verdict.outcome() == verify::Verdict::Outcome::whole;
         });
}

Result<CheckReport> check(sys::FileSystem& files, const sys::Path& path, const CheckOptions& options,
                          const std::function<void(uint64_t)>& told) {
  LB_TRY(const auto file, files.open(path));
  const auto found = scan(file, path.native(), told);
  CheckReport report;
  if (found) {
    report = Judge(*found, options).run();
  } else if (found.error().code() == ErrorCode::corrupt || found.error().code() == ErrorCode::too_many) {
    report.faults.push_back(found.error().message());
  } else {
    return std::unexpected(found.error());
  }
  LB_TRY(report.has_checksum, check_checksum(files, path, *file, report.faults));
  return report;
}

}  // namespace lifeboat::registry::archive
