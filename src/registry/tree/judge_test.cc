#include "registry/tree/judge.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>

#include "registry/tree/check.h"
#include "registry/tree/distribution_tree.h"
#include "sys/file_system.h"
#include "test/support/passing_file_system.h"
#include "test/support/tree.h"

namespace lifeboat::registry {
namespace {

namespace fs = std::filesystem;
using test::DistributionFiles;
using test::sha256_of;

/// a:1 and a:latest are an index over two platforms, b:1 one of them alone, b has an artifact that speaks of it.
struct Pushed {
  test::Image amd64 = test::image_of("amd64", 2);
  test::Image arm64 = test::image_of("arm64", 1);
  test::Image artifact = test::image_of("artifact", 1, amd64.manifest);
  std::string index = test::index_of({{amd64.manifest, "linux/amd64"}, {arm64.manifest, "linux/arm64"}});
  std::string stray = "nothing names it";

  void into(const DistributionFiles& files) const {
    files.push("a", amd64);
    files.push("a", arm64);
    files.push_manifest("a", index, "1");
    files.push_manifest("a", index, "latest");
    files.push("b", amd64, "1");
    files.push("b", artifact);
    files.push_blob("b", stray);
  }
};

/// "broken missing-layer a lacks link breaks a:1 a:latest"
std::string text_of(const Finding& finding) {
  std::string text(to_string(finding.severity));
  text.append(" ").append(to_string(finding.kind)).append(" ").append(finding.repository);
  if (finding.lacks != Lacks::nothing) text.append(" lacks ").append(to_string(finding.lacks));
  if (!finding.breaks.empty()) text.append(" breaks");
  for (const std::string& name : finding.breaks) text.append(" ").append(name);
  return text;
}

std::vector<std::string> found_in(const sys::Path& root, bool is_deep) {
  const auto files = sys::make_posix_file_system();
  auto open = open_tree(root, std::nullopt, *files);
  EXPECT_TRUE(open) << open.error().message();
  const CheckOptions options{.is_deep = is_deep, .now = WallTime(std::chrono::hours(24 * 365 * 60))};
  const auto report = check(*open, options, [](const auto&) {});
  EXPECT_TRUE(report) << report.error().message();
  std::vector<std::string> texts;
  for (const Finding& finding : report->findings) texts.push_back(text_of(finding));
  return texts;
}

using Texts = std::vector<std::string>;

TEST(RepositoryJudge, finds_nothing_in_a_sound_tree) {
  const DistributionFiles files;
  Pushed().into(files);
  EXPECT_EQ(found_in(files.root(), true), Texts{});
}

TEST(RepositoryJudge, tells_each_damage_and_the_names_it_breaks) {
  const Pushed p;
  const oci::Digest layer = sha256_of(p.amd64.layers[0]);
  const oci::Digest config = sha256_of(p.arm64.config);
  const oci::Digest child = sha256_of(p.amd64.manifest);
  const oci::Digest other = sha256_of(p.arm64.manifest);
  const oci::Digest artifact = sha256_of(p.artifact.manifest);
  const std::string at_artifact = "b@" + artifact.to_string();
  const std::string schema1 = R"({"schemaVersion":1,"name":"a","fsLayers":[],"history":[]})";
  const std::string no_manifest = R"({"some":"json"})";
  struct {
    const char* name;
    std::function<void(const DistributionFiles&)> damage;
    Texts want;
  } const rows[] = {
      {"a child's link",
       [&](auto& f) { fs::remove(f.revision("a", child)); },
       {"broken missing-child a lacks link breaks a:1 a:latest"}},
      {"a child's bytes, in every repository",
       [&](auto& f) { fs::remove(f.blob(child)); },
       {"broken missing-child a lacks bytes breaks a:1 a:latest",
        "broken tag-without-manifest b lacks bytes breaks b:1"}},
      {"a child's link and bytes",
       [&](auto& f) {
         fs::remove(f.revision("a", other));
         fs::remove(f.blob(other));
       },
       {"broken missing-child a lacks link and bytes breaks a:1 a:latest"}},
      {"a layer's link, in one repository",
       [&](auto& f) { fs::remove(f.layer("a", layer)); },
       {"broken missing-layer a lacks link breaks a:1 a:latest"}},
      {"a layer's bytes, in both",
       [&](auto& f) { fs::remove(f.blob(layer)); },
       {"broken missing-layer a lacks bytes breaks a:1 a:latest", "broken missing-layer b lacks bytes breaks b:1"}},
      {"a config's link",
       [&](auto& f) { fs::remove(f.layer("a", config)); },
       {"broken missing-config a lacks link breaks a:1 a:latest"}},
      {"a tag's directory alone",
       [&](auto& f) { fs::remove(f.tag("b", "1")); },
       {"broken tag-without-link b breaks b:1"}},
      {"a tag's link of no bytes", [&](auto& f) { f.write(f.tag("b", "1"), ""); }, {"broken bad-link b breaks b:1"}},
      {"a tag's link that says nonsense",
       [&](auto& f) { f.write(f.tag("b", "1"), child.to_string() + "\n"); },
       {"broken bad-link b breaks b:1"}},
      {"a tag's manifest without link",
       [&](auto& f) { fs::remove(f.revision("b", child)); },
       {"broken tag-without-manifest b lacks link breaks b:1"}},
      {"the bytes of a manifest that nothing names",
       [&](auto& f) { fs::remove(f.blob(artifact)); },
       {"broken missing-manifest b lacks bytes breaks " + at_artifact}},
      {"a layer of a manifest that nothing names",
       [&](auto& f) { fs::remove(f.layer("b", sha256_of(p.artifact.layers[0]))); },
       {"broken missing-layer b lacks link breaks " + at_artifact}},
      {"an empty link",
       [&](auto& f) { f.write(f.layer("a", layer), ""); },
       {"broken bad-link a lacks link breaks a:1 a:latest"}},
      {"an empty link that nothing needs",
       [&](auto& f) { f.write(f.layer("b", sha256_of(p.stray)), ""); },
       {"untidy bad-link b lacks link"}},
      {"a link that names other content",
       [&](auto& f) { f.write(f.layer("a", layer), config.to_string()); },
       {"broken bad-link a lacks link breaks a:1 a:latest"}},
      {"a blob that only a link names",
       [&](auto& f) { fs::remove(f.blob(sha256_of(p.stray))); },
       {"untidy orphan-link b lacks bytes"}},
      {"a file that is too short",
       [&](auto& f) { f.write(f.blob(config), "x"); },
       {"broken wrong-size a breaks a:1 a:latest"}},
      {"a manifest with other bytes of the same length",
       [&](auto& f) {
         std::string bytes = p.arm64.manifest;
         bytes.back() = ' ';
         f.write(f.blob(other), bytes);
       },
       {"broken wrong-digest a breaks a:1 a:latest"}},
      {"a directory where bytes should be",
       [&](auto& f) {
         fs::remove(f.blob(config));
         fs::create_directory(f.blob(config));
       },
       {"broken unreadable a breaks a:1 a:latest"}},
      {"a tag of what is no manifest",
       [&](auto& f) { f.push_manifest("c", no_manifest, "1"); },
       {"broken malformed-manifest c breaks c:1"}},
      {"a tag of schema 1",
       [&](auto& f) { f.push_manifest("c", schema1, "1"); },
       {"note unsupported-manifest c breaks c:1"}},
      {"a folder that no tag may be called",
       [&](auto& f) { f.write(f.tag("b", ".hidden"), child.to_string()); },
       {"untidy illegal-name b"}},
      {"a folder that no repository may be called, with a lost layer",
       [&](auto& f) {
         f.push("Upper/Case", p.amd64, "1");
         fs::remove(f.layer("Upper/Case", layer));
       },
       {"untidy illegal-name Upper/Case"}},
      {"a repository of uploads alone",
       [&](auto& f) { f.write(f.root() / "repositories/c/_uploads/u1/data", "started and left"); },
       {"untidy stale-upload c"}},
      {"what is below a manifest that is gone is not known",
       [&](auto& f) {
         fs::remove(f.revision("a", child));
         fs::remove(f.layer("a", layer));
       },
       {"broken missing-child a lacks link breaks a:1 a:latest"}},
  };
  for (const auto& row : rows) {
    const DistributionFiles files;
    p.into(files);
    row.damage(files);
    EXPECT_EQ(found_in(files.root(), false), row.want) << row.name;
  }
}

/// The disk as it is for somebody who may not look into some folders.
class LockedFolders final : public test::PassingFileSystem {
 public:
  using PassingFileSystem::PassingFileSystem;
  std::string locked{};  ///< a part of their paths
  Result<std::shared_ptr<const sys::ReadableFile>> open(const sys::Path& path) override {
    if (!locked.empty() && path.native().contains(locked))
      return fail(ErrorCode::internal, "cannot open: permission denied");
    return PassingFileSystem::open(path);
  }
  Result<std::vector<sys::DirectoryEntry>> list(const sys::Path& path) override {
    if (!locked.empty() && path.native().contains(locked))
      return fail(ErrorCode::internal, "cannot list: permission denied");
    return PassingFileSystem::list(path);
  }
};

TEST(RepositoryJudge, does_not_say_broken_of_what_it_may_not_look_at) {
  const DistributionFiles files;
  Pushed().into(files);
  struct {
    const char* locked;
    Texts want;
  } const rows[] = {
      {"/b/_layers/", {"unknown unreadable b breaks b:1"}},
      {"/b/_manifests/revisions/", {"unknown unreadable b breaks b:1"}},
      {"/b/_manifests/tags", {"unknown unreadable b"}},
      {"/repositories/b", {"unknown unreadable b"}},
  };
  for (const auto& row : rows) {
    const auto system = sys::make_posix_file_system();
    LockedFolders locked(*system);
    auto open = open_tree(files.root(), std::nullopt, locked).value();
    locked.locked = row.locked;
    const auto report = check(open, {.now = WallTime::max()}, [](const auto&) {});
    ASSERT_TRUE(report) << report.error().message();
    std::vector<std::string> texts;
    for (const Finding& finding : report->findings) {
      if (finding.kind != FindingKind::stale_upload) texts.push_back(text_of(finding));
    }
    EXPECT_EQ(std::ranges::count_if(texts, [](const auto& text) { return !text.starts_with("unknown unreadable b"); }),
              0)
        << row.locked << ": " << testing::PrintToString(texts);
    for (const std::string& text : row.want) EXPECT_TRUE(std::ranges::count(texts, text) > 0) << row.locked << text;
    EXPECT_EQ(report->totals.names_broken, 0U) << row.locked;
  }
}

TEST(RepositoryJudge, reads_every_byte_when_it_is_asked_to) {
  const DistributionFiles files;
  const Pushed p;
  p.into(files);
  std::string bytes = p.arm64.layers[0];
  bytes.front() ^= 1;
  files.write(files.blob(sha256_of(p.arm64.layers[0])), bytes);
  files.write(files.blob(sha256_of("no link")), "other bytes");
  EXPECT_EQ(found_in(files.root(), false), Texts{});
  EXPECT_EQ(found_in(files.root(), true), (Texts{"broken wrong-digest a breaks a:1 a:latest", "untidy wrong-digest "}));
}

/// Seen of docker-registry 2.8 and of 3.1 alike; 2.8's own collector takes the bytes of such a blob away.
TEST(RepositoryJudge, follows_the_link_of_a_blob_that_was_pushed_by_its_sha512) {
  const auto found_after = [](const std::function<void(const DistributionFiles&, const test::Image&)>& damage) {
    const DistributionFiles files;
    Pushed().into(files);
    damage(files, files.push_by_sha512("a", "512"));
    Texts found = found_in(files.root(), false);
    if (found.empty()) found = found_in(files.root(), true);
    return found;
  };
  const auto its_link = [](const DistributionFiles& files, const test::Image& image) {
    return files.layer("a", DistributionFiles::sha512_of(image.layers[0]));
  };
  EXPECT_EQ(found_after([](const auto&, const auto&) {}), Texts{});
  EXPECT_EQ(
      found_after([](const auto& files, const auto& image) { fs::remove(files.blob(sha256_of(image.layers[0]))); }),
      (Texts{"broken missing-layer a lacks link and bytes breaks a:512", "untidy orphan-link a lacks bytes"}));
  EXPECT_EQ(found_after([&](const auto& files, const auto& image) { fs::remove(its_link(files, image)); }),
            Texts{"broken missing-layer a lacks link and bytes breaks a:512"});
  EXPECT_EQ(found_after([&](const auto& files, const auto& image) {
              files.write(its_link(files, image), sha256_of(image.config).to_string());
            }),
            Texts{"broken wrong-size a lacks link and bytes breaks a:512"});
  EXPECT_EQ(found_after([&](const auto& files, const auto& image) {
              const std::string other(image.layers[0].size(), 'o');
              files.push_blob("a", other);
              files.write(its_link(files, image), sha256_of(other).to_string());
            }),
            Texts{"broken wrong-digest a lacks link and bytes breaks a:512"})
      << "bytes of the right length are other bytes all the same";
}

/// distribution v3.1, registry/storage: PutContent of driver/filesystem/driver.go writes `<name>.<uuid>.tmp` beside the
/// place, and a crash leaves it there; RemoveLayer of vacuum.go takes a link away and leaves its directory.
TEST(RepositoryJudge, takes_no_offence_at_what_registry_3_leaves_behind) {
  const DistributionFiles files;
  const Pushed p;
  p.into(files);
  const std::string leftover = ".0b9c4bd1-6f0e-4a53-9a8e-0b1d5f5e2c11.tmp";
  for (const fs::path& place : {files.blob(sha256_of("cut")), files.blob(sha256_of(p.index)), files.tag("a", "1"),
                                files.layer("a", sha256_of("cut")), files.revision("a", sha256_of("cut"))}) {
    files.write(place.native() + leftover, "sha256:0");
  }
  fs::create_directories(files.layer("b", sha256_of("collected")).parent_path());
  EXPECT_EQ(found_in(files.root(), true), Texts{});
  for (const std::string& taken : {p.amd64.layers[0], p.amd64.layers[1]}) {
    fs::remove(files.layer("b", sha256_of(taken)));
    fs::remove(files.blob(sha256_of(taken)));
  }
  const std::string a_layer = " lacks bytes breaks a:1 a:latest";
  const std::string b_layer = " lacks link and bytes breaks b:1";
  EXPECT_EQ(found_in(files.root(), false),
            (Texts{"broken missing-layer a" + a_layer, "broken missing-layer a" + a_layer,
                   "broken missing-layer b" + b_layer, "broken missing-layer b" + b_layer}))
      << "what its collector took of content that an index of another repository lacks in part";
  files.write(files.tag("c", "cut").native() + leftover, "sha256:0");
  EXPECT_EQ(found_in(files.root(), false).back(), "broken tag-without-link c breaks c:cut") << "it is listed";
}

TEST(RepositoryJudge, follows_an_index_within_an_index) {
  const DistributionFiles files;
  const Pushed p;
  p.into(files);
  const std::string outer = test::index_of({{p.index, ""}, {p.amd64.manifest, ""}});
  files.push_manifest("a", outer, "outer");
  fs::remove(files.layer("a", sha256_of(p.arm64.layers[0])));
  EXPECT_EQ(found_in(files.root(), false), Texts{"broken missing-layer a lacks link breaks a:1 a:latest a:outer"});
}

/// A push that ends between the reading of names and the judgement.
TEST(RepositoryJudge, looks_again_before_it_says_that_something_is_gone) {
  const DistributionFiles files;
  const Pushed p;
  p.into(files);
  const auto system = sys::make_posix_file_system();
  DistributionTree tree(files.root(), *system);
  Contents contents(tree);
  fs::rename(files.layer("b", sha256_of(p.amd64.config)), files.root() / "aside");
  const TreeRepository repository = tree.read("b", contents.table()).value();
  fs::rename(files.root() / "aside", files.layer("b", sha256_of(p.amd64.config)));
  EXPECT_TRUE(RepositoryJudge(repository, contents).findings().empty());
}

TEST(OpenTree, tells_what_lies_at_a_path) {
  const auto system = sys::make_posix_file_system();
  const test::TemporaryDirectory directory;
  const fs::path root = directory.path();
  DistributionFiles::write(root / "registry/docker/registry/v2/repositories/a/_manifests/tags/x", "");
  DistributionFiles::write(root / "layout/oci-layout", "{}");
  DistributionFiles::write(root / "layout/index.json", R"({"schemaVersion":2,"manifests":[]})");
  DistributionFiles::write(root / "other/file", "");
  const auto kind_at = [&](const char* path) {
    const auto open = open_tree(root / path, std::nullopt, *system);
    return std::string(open ? to_string(open->tree->kind()) : to_string(open.error().code()));
  };
  EXPECT_EQ(kind_at("registry"), "distribution");
  EXPECT_EQ(kind_at("registry/docker/registry/v2"), "distribution");
  EXPECT_EQ(kind_at("layout"), "oci-layout");
  EXPECT_EQ(kind_at("other"), "invalid");
  EXPECT_EQ(kind_at("other/file"), "invalid");
  EXPECT_EQ(kind_at("nowhere"), "not_found");
  EXPECT_FALSE(open_tree(root / "layout", TreeKind::distribution, *system)) << "it was said to be another kind";
}

TEST(Judge, follows_no_symbolic_link_among_the_repositories_and_says_so) {
  const DistributionFiles files;
  Pushed().into(files);
  fs::create_directory_symlink("..", files.root() / "repositories/a/circle");
  fs::create_directory_symlink(".", files.root() / "repositories/a/self");
  const Texts found = found_in(files.root(), false);
  EXPECT_EQ(std::ranges::count(found, "unknown unreadable a/circle"), 1) << "what is below is not known";
  EXPECT_EQ(std::ranges::count(found, "unknown unreadable a/self"), 1);
  EXPECT_TRUE(std::ranges::none_of(found, [](const auto& text) { return text.contains("circle/"); }));
}

}  // namespace
}  // namespace lifeboat::registry
