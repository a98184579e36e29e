#include "registry/archive/format.h"

#include <gtest/gtest.h>

#include <limits>
#include <nlohmann/json.hpp>

#include "sys/tar.h"
#include "test/support/code_of.h"
#include "test/support/image.h"

namespace lifeboat::registry::archive {
namespace {

using test::code_of;
using test::sha256_of;
using Json = nlohmann::json;

/// Contents of which every manifest comes that is asked for.
class ArchiveFormat : public testing::Test {
 protected:
  ArchiveFormat() {
    for (const auto* image : {&amd64_, &arm64_}) manifests_[sha256_of(image->manifest)] = image->manifest;
    manifests_[sha256_of(index_)] = index_;
  }
  static oci::FullReference name(std::string_view text) { return oci::FullReference::parse(text).value(); }
  Status gather(Contents& contents) {
    for (auto wanted = contents.take_wanted(); !wanted.empty(); wanted = contents.take_wanted()) {
      for (const oci::Digest& digest : wanted) LB_CHECK(contents.came(digest, manifests_.at(digest), ""));
    }
    return {};
  }
  Contents contents_of(std::string_view reference, const std::string& manifest,
                       std::vector<std::string> platforms = {}) {
    std::vector<oci::Platform> wanted;
    for (const std::string& text : platforms) wanted.push_back(oci::Platform::parse(text).value());
    Contents contents(wanted);
    contents.add(name(reference), sha256_of(manifest));
    const Status gathered = gather(contents);
    EXPECT_TRUE(gathered) << gathered.error().message();
    return contents;
  }
  static Json json_of(const Contents& contents, std::string_view path, NamedBy named_by = NamedBy::tag_and_digest) {
    for (const Member& member : members_of(contents, named_by)) {
      if (member.path == path) return Json::parse(member.bytes);
    }
    return {};
  }
  static std::vector<std::string> names_in(const Json& index, std::string_view annotation) {
    std::vector<std::string> names;
    for (const Json& one : index["manifests"]) names.push_back(one["annotations"][annotation].get<std::string>());
    return names;
  }

  const test::Image amd64_ = test::image_of("amd64", 2);
  const test::Image arm64_ = test::image_of("arm64", 1);
  const std::string index_ = test::index_of({{arm64_.manifest, "linux/arm64"}, {amd64_.manifest, "linux/amd64"}});
  std::map<oci::Digest, std::string> manifests_;
};

TEST_F(ArchiveFormat, has_the_whole_name_in_both_annotations) {
  const Contents contents = contents_of("ghcr.io/org/app:v1", amd64_.manifest);
  const Json index = json_of(contents, kIndexPath);
  const std::vector<std::string> both{"ghcr.io/org/app:v1",
                                      "ghcr.io/org/app@" + sha256_of(amd64_.manifest).to_string()};
  EXPECT_EQ(names_in(index, kRefName), both) << "what podman and skopeo read";
  EXPECT_EQ(names_in(index, kContainerdName), both) << "what ctr reads; pods ask for it by digest, too";
  EXPECT_EQ(index["manifests"][0]["digest"], sha256_of(amd64_.manifest).to_string());
  EXPECT_EQ(index["manifests"][0]["size"], amd64_.manifest.size());
  EXPECT_EQ(index["manifests"][0]["mediaType"], oci::kOciManifest);
}

TEST_F(ArchiveFormat, names_one_image_once_when_only_tags_are_wanted) {
  const Contents contents = contents_of("ghcr.io/org/app:v1", amd64_.manifest);
  EXPECT_EQ(names_in(json_of(contents, kIndexPath, NamedBy::tag), kRefName),
            std::vector<std::string>{"ghcr.io/org/app:v1"})
      << "with a second entry podman would make digests of its own";
}

TEST_F(ArchiveFormat, lists_the_image_for_docker_with_its_layers_from_the_bottom) {
  const Json list = json_of(contents_of("ghcr.io/org/app:v1", amd64_.manifest), kDockerPath);
  const Json want{{{"Config", path_of(sha256_of(amd64_.config))},
                   {"RepoTags", {"ghcr.io/org/app:v1"}},
                   {"Layers", {path_of(sha256_of(amd64_.layers[0])), path_of(sha256_of(amd64_.layers[1]))}}}};
  EXPECT_EQ(list, want);
}

TEST_F(ArchiveFormat, gives_docker_the_amd64_image_of_an_index_or_else_the_first) {
  EXPECT_EQ(json_of(contents_of("a.example/app:v1", index_), kDockerPath)[0]["Config"],
            path_of(sha256_of(amd64_.config)));
  EXPECT_EQ(json_of(contents_of("a.example/app:v1", index_, {"linux/arm64"}), kDockerPath)[0]["Config"],
            path_of(sha256_of(arm64_.config)));
}

TEST_F(ArchiveFormat, has_no_tag_for_what_was_asked_for_by_digest) {
  const std::string by_digest = "a.example/app@" + sha256_of(amd64_.manifest).to_string();
  const Contents contents = contents_of(by_digest, amd64_.manifest);
  EXPECT_EQ(names_in(json_of(contents, kIndexPath), kRefName), std::vector<std::string>{by_digest}) << "once";
  EXPECT_EQ(json_of(contents, kDockerPath)[0]["RepoTags"], Json::array());
}

TEST_F(ArchiveFormat, has_each_content_once_and_who_names_it_first) {
  Contents contents({});
  contents.add(name("a.example/app:v1"), sha256_of(index_));
  contents.add(name("a.example/app:amd64"), sha256_of(amd64_.manifest));
  contents.add(name("a.example/app:amd64"), sha256_of(amd64_.manifest));
  ASSERT_TRUE(gather(contents));
  std::vector<std::string> paths;
  for (const Member& member : members_of(contents, NamedBy::tag)) paths.push_back(member.path);
  EXPECT_EQ(paths[0], "oci-layout");
  EXPECT_EQ(paths[1], "index.json");
  EXPECT_EQ(paths[2], "manifest.json");
  EXPECT_EQ(paths[3], path_of(sha256_of(index_)));
  EXPECT_EQ(paths.size(), 3U + 3U + 2U + 3U) << "three manifests, two configs, three layers";
  std::ranges::sort(paths);
  EXPECT_EQ(std::ranges::adjacent_find(paths), paths.end());
  EXPECT_EQ(names_in(json_of(contents, kIndexPath, NamedBy::tag), kRefName),
            (std::vector<std::string>{"a.example/app:v1", "a.example/app:amd64"}));
}

TEST_F(ArchiveFormat, leaves_out_what_is_for_other_platforms_and_keeps_the_index_as_it_is) {
  const Contents contents = contents_of("a.example/app:v1", index_, {"linux/amd64"});
  EXPECT_EQ(contents.manifests().size(), 2U);
  EXPECT_NE(contents.find(sha256_of(index_)), nullptr);
  EXPECT_EQ(contents.find(sha256_of(arm64_.manifest)), nullptr);
  EXPECT_EQ(contents.blobs().size(), 3U);
}

TEST_F(ArchiveFormat, refuses_what_is_not_what_it_is_named) {
  Contents contents({});
  contents.add(name("a.example/app:v1"), sha256_of(index_));
  EXPECT_EQ(code_of(contents.came(sha256_of(index_), amd64_.manifest, "")), "corrupt");
  EXPECT_EQ(code_of(contents.came(sha256_of("text"), "text", "")), "invalid");

  Contents other(std::vector{oci::Platform::parse("linux/s390x").value()});
  other.add(name("a.example/app:v1"), sha256_of(index_));
  EXPECT_EQ(code_of(other.came(sha256_of(index_), index_, "")), "invalid") << "it has nothing for that platform";
}

TEST_F(ArchiveFormat, tells_how_long_the_tar_will_be) {
  const Contents contents = contents_of("a.example/app:v1", amd64_.manifest);
  uint64_t want = 1024;
  for (const Member& member : members_of(contents, NamedBy::tag)) want += 512 + (member.size_bytes + 511) / 512 * 512;
  EXPECT_EQ(tar_size_of(members_of(contents, NamedBy::tag)), want);
}

TEST_F(ArchiveFormat, looks_at_each_manifest_once_however_often_it_is_listed) {
  std::vector<std::string> nested{amd64_.manifest};
  for (int level = 0; level < 30; ++level) {
    const std::string below = nested.back();
    nested.push_back(test::index_of({{below, "linux/arm64"}, {below, "linux/amd64"}}));
    manifests_[sha256_of(nested.back())] = nested.back();
  }
  const Contents contents = contents_of("a.example/app:v1", nested.back());
  const Contents::Held* image = contents.image_of(sha256_of(nested[8]));
  ASSERT_NE(image, nullptr);
  EXPECT_EQ(image->digest, sha256_of(amd64_.manifest));
  EXPECT_EQ(contents.image_of(sha256_of(nested.back())), nullptr) << "deeper than anybody verifies";
}

TEST(ArchiveSize, is_what_the_writer_makes_of_it_and_never_wraps_around) {
  constexpr uint64_t kEightGiB = 8 * 1024 * kMiB;
  for (const uint64_t size : {kEightGiB - 1, kEightGiB}) {
    uint64_t headers = 0;
    const auto count = [&](ByteView bytes) -> Status {
      headers += bytes.size();
      return {};
    };
    const auto writer = sys::TarWriter::make(count, sys::TarCompression::none).value();
    ASSERT_TRUE(writer->begin("blobs/sha256/a", size));
    EXPECT_EQ(tar_size_of({{.path = "blobs/sha256/a", .size_bytes = size}}), headers + kEightGiB + 1024) << size;
  }
  const uint64_t most = std::numeric_limits<uint64_t>::max();
  EXPECT_EQ(tar_size_of({{.path = "a", .size_bytes = most}}), most);
  EXPECT_EQ(tar_size_of({{.path = "a", .size_bytes = most / 2}, {.path = "b", .size_bytes = most / 2 + 2}}), most);
}

}  // namespace
}  // namespace lifeboat::registry::archive
