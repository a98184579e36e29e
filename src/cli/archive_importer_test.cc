#include "cli/archive_importer.h"

#include <gtest/gtest.h>

#include <map>

#include "test/support/code_of.h"
#include "test/support/image.h"

namespace lifeboat::cli {
namespace {

using registry::archive::Entry;
using test::code_of;

const oci::Digest kDigest = test::sha256_of("manifest");

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text.append(text.empty() ? "" : " ").append(word);
  return text;
}

Entry entry(const std::string& name) {
  return {.name = name,
          .descriptor = {.media_type = oci::MediaType::parse(oci::kOciManifest).value(), .digest = kDigest}};
}

/// An engine that has what is imported, tagged, or said to be there.
class FakeEngine {
 public:
  RunProgram program() {
    return [this](const sys::ProcessRequest& request) -> Result<sys::ProcessResult> {
      const std::string line = joined(request.arguments);
      asked.push_back(line);
      if (is_missing) return fail(ErrorCode::not_found, "cannot run 'ctr': there is no such program");
      if (line.contains(" import ")) {
        has.insert(imports.begin(), imports.end());
        return sys::ProcessResult{.exit_status = import_status, .output = "unpacking\nctr: no such socket\n"};
      }
      if (line.contains(" tag ")) has[request.arguments.back()] = has[request.arguments[request.arguments.size() - 2]];
      if (line.contains(" ls ")) return sys::ProcessResult{.output = table(request.arguments.back().substr(6))};
      if (line.contains("image inspect")) return sys::ProcessResult{.output = "sha256:1234\n"};
      return sys::ProcessResult{};
    };
  }
  std::size_t asked_for(std::string_view text) const {
    return static_cast<std::size_t>(std::ranges::count_if(asked, [&](const auto& one) { return one.contains(text); }));
  }
  std::map<std::string, std::string> imports{};  ///< what an import brings
  std::map<std::string, std::string> has{};
  std::vector<std::string> asked{};
  bool is_missing = false;
  int import_status = 0;

 private:
  std::string table(const std::string& name) const {
    std::string text = "REF TYPE DIGEST SIZE PLATFORMS LABELS \n";
    const auto found = has.find(name);
    if (found != has.end())
      text += name + "  application/vnd.oci.image.manifest.v1+json " + found->second + " 1 KiB - -\n";
    return text;
  }
};

TEST(ArchiveImporter, imports_into_the_namespace_of_the_kubelet_and_asks_for_each_name) {
  FakeEngine engine;
  const std::string by_digest = "a.example/app@" + kDigest.to_string();
  engine.imports = {{"a.example/app:v1", kDigest.to_string()}, {by_digest, kDigest.to_string()}};
  const auto imported = import_archive("/x.tar", {entry("a.example/app:v1"), entry(by_digest)},
                                       {.address = "/run/c.sock"}, engine.program());
  ASSERT_TRUE(imported) << imported.error().message();
  EXPECT_EQ(engine.asked.front(), "ctr --address /run/c.sock --namespace k8s.io images import /x.tar");
  ASSERT_EQ(imported->size(), 2U);
  EXPECT_EQ((*imported)[1].name, by_digest);
  EXPECT_EQ((*imported)[1].digest, kDigest.to_string());
  EXPECT_EQ(engine.asked_for(" tag "), 0U);
  EXPECT_EQ(engine.asked_for(" label "), 0U);
}

TEST(ArchiveImporter, gives_containerd_the_name_by_digest_that_the_archive_lacks) {
  FakeEngine engine;
  engine.imports = {{"a.example/app:v1", kDigest.to_string()}};
  const auto imported = import_archive("/x.tar", {entry("a.example/app:v1")}, {.is_pinned = true}, engine.program());
  ASSERT_TRUE(imported) << imported.error().message();
  EXPECT_EQ(engine.asked_for("images tag a.example/app:v1 a.example/app@" + kDigest.to_string()), 1U);
  EXPECT_EQ(engine.asked_for("io.cri-containerd.pinned=pinned"), 2U) << "each name";
}

TEST(ArchiveImporter, finds_a_name_that_leads_elsewhere_afterwards) {
  FakeEngine engine;
  engine.imports = {{"a.example/app:v1", test::sha256_of("another").to_string()}};
  EXPECT_EQ(code_of(import_archive("/x.tar", {entry("a.example/app:v1")}, {}, engine.program())), "corrupt");
}

TEST(ArchiveImporter, tells_what_the_engine_said) {
  FakeEngine engine;
  engine.import_status = 1;
  const auto imported = import_archive("/x.tar", {entry("a.example/app:v1")}, {}, engine.program());
  EXPECT_EQ(code_of(imported), "unavailable");
  EXPECT_NE(imported.error().message().find("ctr: no such socket"), std::string::npos);
  engine.is_missing = true;
  EXPECT_EQ(code_of(import_archive("/x.tar", {}, {}, engine.program())), "unavailable");
}

TEST(ArchiveImporter, loads_into_docker_and_podman_by_tag) {
  for (const Engine engine : {Engine::docker, Engine::podman}) {
    FakeEngine fake;
    const auto imported =
        import_archive("/x.tar", {entry("a.example/app:v1"), entry("a.example/app@" + kDigest.to_string())},
                       {.engine = engine}, fake.program());
    ASSERT_TRUE(imported) << imported.error().message();
    ASSERT_EQ(imported->size(), 1U) << "they know no name by digest";
    EXPECT_EQ((*imported)[0].digest, "sha256:1234");
    EXPECT_EQ(fake.asked_for("load --input /x.tar"), 1U);
  }
}

TEST(ArchiveImporter, gives_no_engine_a_text_of_the_archive_that_is_no_name) {
  for (const Engine engine : {Engine::containerd, Engine::docker, Engine::podman}) {
    FakeEngine fake;
    const auto imported = import_archive("/x.tar", {entry("--privileged"), entry("-"), entry(""), entry("A B")},
                                         {.engine = engine}, fake.program());
    ASSERT_TRUE(imported) << imported.error().message();
    EXPECT_TRUE(imported->empty());
    EXPECT_EQ(fake.asked.size(), 1U) << "the import itself, and no question";
  }
  FakeEngine docker;
  ASSERT_TRUE(import_archive("/x.tar", {entry("a.example/app:v1")}, {.engine = Engine::docker}, docker.program()));
  EXPECT_EQ(docker.asked_for("{{.Id}} -- a.example/app:v1"), 1U);
}

}  // namespace
}  // namespace lifeboat::cli
