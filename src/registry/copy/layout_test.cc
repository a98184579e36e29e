#include "registry/copy/layout.h"

#include <gtest/gtest.h>

#include <cstring>

#include "test/support/code_of.h"
#include "test/support/image.h"
#include "test/support/temporary_directory.h"

namespace lifeboat::registry::copy {
namespace {

using test::code_of;
using test::image_of;
using test::sha256_of;

oci::Repository any() { return *oci::Repository::parse("any"); }
oci::Tag tag(const char* text) { return *oci::Tag::parse(text); }
Call call() { return {SteadyTime::max(), "test"}; }

LayoutEntry entry(std::string_view bytes, std::string name) {
  return {.media_type = *oci::MediaType::parse(oci::kOciManifest),
          .digest = sha256_of(bytes),
          .size_bytes = bytes.size(),
          .name = std::move(name)};
}

TEST(LayoutIndex, keeps_what_others_wrote_and_replaces_a_name) {
  const std::string before =
      R"({"schemaVersion":2,"annotations":{"x":"y"},"manifests":[{"mediaType":"a/b","digest":")" +
      sha256_of("old").to_string() +
      R"(","size":3,"platform":{"os":"linux"},"annotations":{"org.opencontainers.image.ref.name":"other","z":"1"}}]})";
  const auto first = with_entry(before, entry("one", "v1"));
  ASSERT_TRUE(first) << first.error().message();
  EXPECT_TRUE(first->contains(R"("platform":{"os":"linux"})")) << *first;
  EXPECT_TRUE(first->contains(R"("annotations":{"x":"y"})")) << *first;
  const auto moved = with_entry(*first, entry("two", "v1"));
  ASSERT_TRUE(moved);
  const auto entries = layout_entries(*moved);
  ASSERT_TRUE(entries);
  ASSERT_EQ(entries->size(), 2U);
  EXPECT_EQ(entries->at(0).name, "other");
  EXPECT_EQ(entries->at(1), entry("two", "v1"));
  EXPECT_EQ(layout_entries(*without_name(*moved, "v1"))->size(), 1U);
  EXPECT_EQ(layout_entries(*without_digest(*moved, sha256_of("old")))->size(), 1U);
}

TEST(LayoutIndex, lists_what_has_no_name_once) {
  auto index = with_entry("", entry("one", ""));
  ASSERT_TRUE(index);
  index = with_entry(*index, entry("one", ""));
  EXPECT_EQ(layout_entries(*index)->size(), 1U);
}

TEST(LayoutIndex, refuses_what_is_none) {
  for (const char* text : {"[]", "{}", "x", R"({"manifests":{}})"}) {
    EXPECT_FALSE(with_entry(text, entry("one", "v1"))) << text;
    EXPECT_FALSE(layout_entries(text)) << text;
  }
  EXPECT_TRUE(layout_entries(R"({"manifests":[{},3,{"digest":"x"}]})")->empty()) << "what is no entry is left out";
}

TEST(LayoutIndex, refuses_what_is_nested_without_end) {
  const auto nested = [](std::size_t levels) {
    return R"({"manifests":[],"x":)" + std::string(levels, '[') + std::string(levels, ']') + "}";
  };
  EXPECT_TRUE(with_entry(nested(40), entry("one", "v1")));
  for (const std::size_t levels : {100U, 1'000'000U}) {
    EXPECT_EQ(code_of(with_entry(nested(levels), entry("one", "v1"))), "invalid") << levels;
  }
}

class LayoutTest : public ::testing::Test {
 protected:
  LayoutPlace place() { return {directory_.path() / "layout", {*files_, placed_, disk_, blocks_}}; }

  Result<void> put(blob::Destination& to, const std::string& content, std::string given) {
    return test::run(put_now(to, {sha256_of(content), content.size()}, std::move(given), blocks_));
  }
  static Task<void> put_now(blob::Destination& to, blob::BlobName name, std::string given, sys::BlockPool& blocks) {
    LB_CO_TRY(const auto upload, co_await to.begin(call(), any(), name, std::nullopt));
    if (!given.empty()) {
      sys::Block block = blocks.take();
      std::memcpy(block.free_space().data(), given.data(), given.size());
      block.grow(given.size());
      LB_CO_CHECK(co_await upload->give(call(), sys::SharedBytes::of(std::move(block))));
    }
    co_return co_await upload->commit(call());
  }
  static blob::ManifestToPut manifest(const std::string& bytes) {
    return {.bytes = bytes, .media_type = *oci::MediaType::parse(oci::kOciManifest), .digest = sha256_of(bytes)};
  }

  test::TemporaryDirectory directory_;
  std::unique_ptr<sys::FileSystem> files_ = sys::make_posix_file_system();
  std::unique_ptr<sys::FileSharing> sharing_ = sys::make_posix_file_sharing();
  PlacedFiles placed_{{*files_, *sharing_}};
  sys::ThreadPool disk_{"disk", 1};
  sys::BlockPool blocks_;
};

TEST_F(LayoutTest, keeps_what_it_is_given_and_finds_it_by_name_and_digest) {
  LayoutDestination to(place());
  LayoutInspector check(place());
  const test::Image image = image_of("a", 1);
  for (const std::string& blob : {image.config, image.layers[0], std::string()}) {
    const blob::BlobName name{sha256_of(blob), blob.size()};
    EXPECT_EQ(test::run(to.has_blob(call(), any(), name)), false);
    const auto kept = put(to, blob, blob);
    EXPECT_TRUE(kept) << kept.error().message();
    EXPECT_EQ(test::run(to.has_blob(call(), any(), name)), true);
  }
  const oci::Reference v1(tag("v1"));
  EXPECT_EQ(test::run(to.has_manifest(call(), any(), v1, sha256_of(image.manifest))), false);
  ASSERT_TRUE(test::run(to.put_manifest(call(), any(), v1, manifest(image.manifest))));
  EXPECT_EQ(test::run(to.has_manifest(call(), any(), v1, sha256_of(image.manifest))), true);
  EXPECT_EQ(place().find("v1"), sha256_of(image.manifest));
  EXPECT_EQ(place().find(""), sha256_of(image.manifest)) << "its only one";
  EXPECT_EQ(code_of(place().find("v2")), "not_found");
  EXPECT_EQ(test::run(check.manifest(call(), any(), v1))->bytes, image.manifest);
  EXPECT_TRUE(files_->info(place().directory / "oci-layout"));

  ASSERT_TRUE(test::run(to.remove_manifest(call(), any(), v1)));
  EXPECT_EQ(code_of(place().find("v1")), "not_found");
}

TEST_F(LayoutTest, gives_no_name_to_other_bytes_and_leaves_nothing_of_them) {
  LayoutDestination to(place());
  EXPECT_EQ(code_of(put(to, "want", "got!")), "corrupt");
  EXPECT_TRUE(place().check()) << "what was cut off goes on";
  const auto left = files_->list(place().content(sha256_of("want")).parent_path());
  ASSERT_TRUE(left);
  EXPECT_TRUE(left->empty());
}

TEST_F(LayoutTest, lists_what_refers_to_something_so_that_it_is_found) {
  LayoutDestination to(place());
  LayoutInspector check(place());
  const test::Image image = image_of("a", 1);
  const test::Image signature = image_of("s", 1, image.manifest);
  for (const std::string& one : {image.manifest, signature.manifest}) {
    ASSERT_TRUE(test::run(to.put_manifest(call(), any(), oci::Reference(sha256_of(one)), manifest(one))));
  }
  const auto referrers = test::run(check.referrers(call(), any(), sha256_of(image.manifest)));
  ASSERT_TRUE(referrers) << referrers.error().message();
  ASSERT_EQ(referrers->size(), 1U);
  EXPECT_EQ(referrers->at(0).digest, sha256_of(signature.manifest));
}

TEST_F(LayoutTest, believes_no_file_with_other_bytes_and_writes_it_anew) {
  LayoutDestination to(place());
  const std::string content = "right";
  const blob::BlobName name{sha256_of(content), content.size()};
  ASSERT_TRUE(placed_.write(place().content(name.digest), as_bytes("wrong")));
  EXPECT_EQ(test::run(to.has_blob(call(), any(), name)), false) << "its length says nothing about its bytes";
  const auto kept = put(to, content, content);
  ASSERT_TRUE(kept) << kept.error().message();
  EXPECT_EQ(test::run(to.has_blob(call(), any(), name)), true);
}

TEST_F(LayoutTest, is_copied_to_by_one_at_a_time) {
  auto first = place().lock();
  ASSERT_TRUE(first) << first.error().message();
  EXPECT_TRUE(place().check()) << "a lock alone is nobody's directory";
  const auto second = place().lock();
  EXPECT_EQ(code_of(second), "conflict") << "two would lose each other's tags";
  EXPECT_TRUE(second.error().message().contains("another copy")) << second.error().message();
  first->reset();
  EXPECT_TRUE(place().lock()) << "the first is done";
}

TEST_F(LayoutTest, touches_no_directory_of_somebody_else) {
  EXPECT_TRUE(place().check()) << "it is not there yet";
  ASSERT_TRUE(files_->make_directory(place().directory));
  EXPECT_TRUE(place().check()) << "it is empty";
  ASSERT_TRUE(placed_.write(place().directory / "thesis.txt", as_bytes("x")));
  EXPECT_EQ(code_of(place().check()), "invalid");
  ASSERT_TRUE(placed_.write(place().directory / "oci-layout", as_bytes(kLayoutVersion)));
  EXPECT_TRUE(place().check()) << "a layout";
}

}  // namespace
}  // namespace lifeboat::registry::copy
