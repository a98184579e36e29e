#include "registry/verify/graph.h"

#include <gtest/gtest.h>

#include "test/support/image.h"

namespace lifeboat::registry::verify {
namespace {

using oci::Platform;
using test::image_of;
using test::index_of;
using test::sha256_of;

std::string kinds_of(const std::vector<Fault>& faults) {
  std::string text;
  for (const Fault& fault : faults) text.append(text.empty() ? "" : " ").append(to_string(fault.kind));
  return text;
}

oci::Manifest parsed(const std::string& bytes) { return *oci::Manifest::parse(as_bytes(bytes), ""); }

std::string notes_of(const std::vector<Edge>& edges) {
  std::string text;
  for (const Edge& edge : edges) {
    text.append(text.empty() ? "" : ", ").append(to_string(edge.part));
    if (!edge.note.empty()) text.append(" ").append(edge.note);
  }
  return text;
}

TEST(VerifyPlan, names_what_has_to_be_there) {
  const auto amd = image_of("amd", 1);
  const auto arm = image_of("arm", 1);
  const std::string index =
      index_of({{amd.manifest, "linux/amd64"}, {arm.manifest, "linux/arm64"}, {"{}", "unknown/unknown"}});
  const auto amd64 = *Platform::parse("linux/amd64");
  const auto s390x = *Platform::parse("linux/s390x");
  struct Row {
    const char* name;
    std::string bytes;
    std::vector<Platform> platforms;
    const char* edges;
    const char* faults;
  };
  const std::vector<Row> rows{
      {"a manifest", image_of("a", 2).manifest, {}, "config, layer 1 of 2, layer 2 of 2", ""},
      {"of a manifest no platform is told", image_of("a", 0).manifest, {amd64}, "config", ""},
      {"an index", index, {}, "manifest linux/amd64, manifest linux/arm64, manifest", ""},
      {"one platform", index, {amd64}, "manifest linux/amd64", ""},
      {"a platform that is not there", index, {amd64, s390x}, "manifest linux/amd64", "no_platform"},
  };
  for (const Row& row : rows) {
    const Plan plan = plan_of(parsed(row.bytes), row.platforms);
    EXPECT_EQ(notes_of(plan.edges), row.edges) << row.name;
    EXPECT_EQ(kinds_of(plan.faults), row.faults) << row.name;
  }
}

TEST(VerifyPlan, leaves_out_what_may_stay_elsewhere) {
  const std::string bytes =
      R"({"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":)" +
      test::descriptor_of("{}", "application/vnd.oci.image.config.v1+json") + R"(,"layers":[)" +
      test::descriptor_of("a", "application/vnd.oci.image.layer.nondistributable.v1.tar") + "," +
      test::descriptor_of("b", "application/vnd.oci.image.layer.v1.tar", R"(,"urls":["https://x.example/b"])") + "," +
      test::descriptor_of("c", "application/vnd.oci.image.layer.v1.tar") + "]}";
  EXPECT_EQ(notes_of(plan_of(parsed(bytes), {}).edges), "config, layer 3 of 3");
}

TEST(VerifyPlan, knows_that_an_index_may_list_blobs) {
  const std::string cache =
      R"({"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[)" +
      test::descriptor_of("layer", "application/vnd.oci.image.layer.v1.tar+gzip") + "]}";
  EXPECT_EQ(notes_of(plan_of(parsed(cache), {}).edges), "blob");
}

TEST(VerifyManifest, names_each_way_it_is_wrong) {
  const std::string good = image_of("a", 1).manifest;
  const auto digest = sha256_of(good);
  struct Row {
    const char* name;
    blob::Inspector::Answered answered;
    std::optional<oci::Digest> wanted;
    const char* faults;
    std::size_t edges;
  };
  const std::string manifest_type(oci::kOciManifest);
  const std::vector<Row> rows{
      {"right", {good, manifest_type, digest}, digest, "", 2},
      {"right, by a tag", {good, manifest_type, digest}, {}, "", 2},
      {"a header that says nothing", {good, "application/octet-stream", {}}, digest, "", 2},
      {"no bytes", {"", manifest_type, {}}, digest, "empty_body", 0},
      {"other bytes", {good + " ", manifest_type, {}}, digest, "wrong_digest", 0},
      {"bytes that are not its header's", {good, manifest_type, sha256_of("x")}, {}, "wrong_digest", 0},
      {"another type in the header", {good, std::string(oci::kOciIndex), {}}, digest, "wrong_media_type", 2},
      {"no manifest", {"[]", manifest_type, {}}, {}, "malformed", 0},
      {"schema 1", {R"({"schemaVersion":1,"fsLayers":[]})", "", {}}, {}, "malformed", 0},
  };
  for (const Row& row : rows) {
    const Node node = judge_manifest(row.answered, row.wanted, {});
    EXPECT_EQ(kinds_of(node.faults), row.faults) << row.name;
    EXPECT_EQ(node.edges.size(), row.edges) << row.name;
  }
}

TEST(VerifyEdge, compares_what_is_named_with_what_is_there) {
  const auto digest = sha256_of("x");
  const std::string type(oci::kOciManifest);
  const std::string index(oci::kOciIndex);
  const Fault other_bytes{FaultKind::wrong_digest, ""};
  const Fault gone{FaultKind::missing, ""};
  struct Row {
    const char* name;
    Edge edge;
    Node node;
    const char* faults;
  };
  const std::vector<Row> rows{
      {"as named", {Part::layer, digest, 7}, {.size_bytes = 7}, ""},
      {"nobody says how long", {Part::layer, digest, 7}, {}, ""},
      {"shorter", {Part::layer, digest, 7}, {.size_bytes = 6}, "wrong_size"},
      {"shorter, and hashed", {Part::layer, digest, 7}, {.faults = {other_bytes}, .size_bytes = 6}, "wrong_size"},
      {"other bytes", {Part::layer, digest, 7}, {.faults = {other_bytes}, .size_bytes = 7}, "wrong_digest"},
      {"no bytes", {Part::layer, digest, 7}, {.size_bytes = 0}, "empty_body"},
      {"no bytes, as named", {Part::layer, digest, 0}, {.size_bytes = 0}, ""},
      {"gone", {Part::layer, digest, 7}, {.faults = {gone}}, "missing"},
      {"a manifest", {Part::manifest, digest, 7, type}, {.size_bytes = 7, .media_type = type}, ""},
      {"an index for a manifest",
       {Part::manifest, digest, 7, type},
       {.size_bytes = 7, .media_type = index},
       "wrong_media_type"},
  };
  for (const Row& row : rows) EXPECT_EQ(kinds_of(judge_edge(row.edge, row.node)), row.faults) << row.name;
}

TEST(VerifyTrace, gives_the_way_from_the_name_to_each_fault_once) {
  const auto index = sha256_of("index");
  const auto amd = sha256_of("amd");
  const auto arm = sha256_of("arm");
  const auto layer = sha256_of("layer");
  Graph graph;
  graph[index] = {.is_index = true,
                  .edges = {{Part::manifest, amd, 3, "", "linux/amd64"}, {Part::manifest, arm, 3, "", "linux/arm64"}}};
  graph[amd] = {.size_bytes = 3, .edges = {{Part::layer, layer, 5, "", "1 of 1"}}};
  graph[arm] = graph[amd];
  graph[layer].faults = {{FaultKind::missing, "404"}};
  const Name name{*oci::Repository::parse("team/app"), *oci::Reference::parse("1.0")};

  const Verdict verdict = trace(graph, name, {.digest = index});
  ASSERT_EQ(verdict.findings.size(), 1U) << "both platforms have the same layer";
  const std::vector<Step> path{
      {Part::index, index, ""}, {Part::manifest, amd, "linux/amd64"}, {Part::layer, layer, "1 of 1"}};
  EXPECT_EQ(verdict.findings[0], (Finding{path, {FaultKind::missing, "404"}}));
  EXPECT_EQ(verdict.outcome(), Verdict::Outcome::broken);

  graph[layer].faults = {{FaultKind::unreachable, "503"}};
  EXPECT_EQ(trace(graph, name, {.digest = index}).outcome(), Verdict::Outcome::unknown);
  graph[layer].faults.clear();
  EXPECT_EQ(trace(graph, name, {.digest = index}).outcome(), Verdict::Outcome::whole);
  graph.erase(layer);
  EXPECT_EQ(trace(graph, name, {.digest = index}).outcome(), Verdict::Outcome::unknown) << "not looked at";
  EXPECT_EQ(trace(graph, name, {}).outcome(), Verdict::Outcome::unknown) << "not resolved";
  EXPECT_EQ(trace(graph, name, {.faults = {{FaultKind::missing, ""}}}).outcome(), Verdict::Outcome::broken);
}

TEST(VerifyTrace, judges_each_way_in_which_a_thing_is_named) {
  const auto index = sha256_of("index");
  const auto amd = sha256_of("amd");
  Graph graph;
  graph[index] = {.edges = {{Part::manifest, amd, 3, "", "first"},
                            {Part::manifest, amd, 3, "", "the same"},
                            {Part::manifest, amd, 4, "", "longer"}}};
  graph[amd] = {.faults = {{FaultKind::no_platform, ""}}, .size_bytes = 3};
  const Name name{*oci::Repository::parse("a"), *oci::Reference::parse("1")};
  const Verdict verdict = trace(graph, name, {.digest = index});
  ASSERT_EQ(verdict.findings.size(), 2U);
  EXPECT_EQ(verdict.findings[0].fault.kind, FaultKind::no_platform);
  EXPECT_EQ(verdict.findings[0].path.back().note, "first");
  EXPECT_EQ(verdict.findings[1].fault, (Fault{FaultKind::wrong_size, "got 3 bytes, want 4"}));
  EXPECT_EQ(verdict.findings[1].path.back().note, "longer");
}

TEST(VerifyTrace, ends_in_a_tower_of_indexes) {
  Graph graph;
  for (int i = 0; i < 100; ++i) {
    graph[sha256_of(std::to_string(i))] = {.edges = {{Part::index, sha256_of(std::to_string(i + 1))}}};
  }
  const Name name{*oci::Repository::parse("a"), *oci::Reference::parse("1")};
  const Verdict verdict = trace(graph, name, {.digest = sha256_of("0")});
  ASSERT_EQ(verdict.findings.size(), 1U);
  EXPECT_EQ(verdict.findings[0].fault.kind, FaultKind::malformed);
  EXPECT_EQ(verdict.findings[0].path.size(), kDepthMax + 1);
}

TEST(VerifyReport, is_as_bad_as_the_worst_of_it) {
  const Name name{*oci::Repository::parse("a"), *oci::Reference::parse("1")};
  const Verdict whole{.name = name};
  const Verdict unknown{.name = name, .findings = {{{}, {FaultKind::denied, ""}}}};
  const Verdict broken{.name = name, .findings = {{{}, {FaultKind::malformed, ""}}, {{}, {FaultKind::limited, ""}}}};
  EXPECT_EQ(outcome_of({}), Verdict::Outcome::whole);
  EXPECT_EQ(outcome_of({.verdicts = {whole, whole}}), Verdict::Outcome::whole);
  EXPECT_EQ(outcome_of({.verdicts = {whole, unknown}}), Verdict::Outcome::unknown);
  EXPECT_EQ(outcome_of({.verdicts = {whole, unknown, broken}}), Verdict::Outcome::broken);
  EXPECT_EQ(outcome_of({.verdicts = {whole}, .given_up = "x"}), Verdict::Outcome::unknown);
}

}  // namespace
}  // namespace lifeboat::registry::verify
