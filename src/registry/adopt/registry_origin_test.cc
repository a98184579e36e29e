#include "registry/adopt/registry_origin.h"

#include <gtest/gtest.h>

#include "blob/fs_store.h"
#include "test/support/code_of.h"
#include "test/support/scripted_inspector.h"
#include "test/support/temporary_directory.h"

namespace lifeboat::registry::adopt {
namespace {

namespace fs = std::filesystem;
using test::code_of;
using test::sha256_of;

class RegistryOriginTest : public testing::Test {
 protected:
  RegistryOriginTest() {
    asked_.push("a", image_, "1");
    directory_ = blob::DataDirectory::open(data_.path() / "data", *files_).value();
    blobs_ = blob::FsStore::open(*directory_, *files_, {disk_, disk_}).value();
    landing_.emplace(Landing::Parts{*directory_, *blobs_, *files_, *sharing_});
  }
  Result<Landing::Landed> bring(const std::string& bytes) {
    const WantedBlob blob{sha256_of(bytes), bytes.size()};
    return test::run(origin_.bring(test::a_call(), "a", blob, *landing_));
  }
  /// Bytes of sessions and content alike.
  bool is_anything_kept() const {
    const auto is_file = [](const fs::directory_entry& entry) { return entry.is_regular_file(); };
    return std::ranges::any_of(fs::recursive_directory_iterator(directory_->blobs()), is_file) ||
           std::ranges::any_of(fs::recursive_directory_iterator(directory_->uploads()), is_file);
  }

  const test::Image image_ = test::image_of("image", 1);
  const std::string layer_ = image_.layers[0];
  test::ScriptedInspector asked_;
  const test::TemporaryDirectory data_;
  const std::unique_ptr<sys::FileSystem> files_ = sys::make_posix_file_system();
  const std::unique_ptr<sys::FileSharing> sharing_ = sys::make_posix_file_sharing();
  sys::ThreadPool disk_{"disk", 1};
  std::unique_ptr<blob::DataDirectory> directory_;
  std::unique_ptr<blob::Store> blobs_;
  std::optional<Landing> landing_;
  RegistryOrigin origin_{asked_, std::nullopt};
};

TEST_F(RegistryOriginTest, brings_a_blob) {
  const auto landed = bring(layer_);
  ASSERT_TRUE(landed) << landed.error().message();
  EXPECT_EQ(landed->size_bytes, layer_.size());
  EXPECT_EQ(landed->how, Landing::How::fetched);
}

TEST_F(RegistryOriginTest, takes_no_more_of_a_body_than_the_manifest_says) {
  auto& thing = asked_.blob_of("a", layer_);
  thing.bytes += std::string(100'000, 'x');
  thing.is_length_told = false;
  int blocks = 0;
  thing.on_block = [&blocks] { ++blocks; };
  EXPECT_EQ(code_of(bring(layer_)), "corrupt");
  EXPECT_LT(blocks, 10) << "it was read on";
  EXPECT_FALSE(is_anything_kept()) << "nothing half-made stays";
}

TEST_F(RegistryOriginTest, does_not_begin_to_read_what_announces_more_than_the_manifest_says) {
  auto& thing = asked_.blob_of("a", layer_);
  thing.announced = layer_.size() + 1;
  int blocks = 0;
  thing.on_block = [&blocks] { ++blocks; };
  EXPECT_EQ(code_of(bring(layer_)), "corrupt");
  EXPECT_EQ(blocks, 0);
  EXPECT_FALSE(is_anything_kept());
}

TEST_F(RegistryOriginTest, says_of_a_manifest_that_is_too_long_that_it_is) {
  asked_.manifests["a:1"].is_too_long = true;
  asked_.manifest_of("a", image_.manifest).is_too_long = true;
  const auto names = test::run(origin_.names(test::a_call(), "a"));
  ASSERT_TRUE(names) << names.error().message();
  EXPECT_TRUE(names->tags.empty());
  ASSERT_EQ(names->refused.size(), 1U);
  EXPECT_TRUE(names->refused[0].reason.contains("too long")) << names->refused[0].reason;
  const auto got = test::run(origin_.manifest(test::a_call(), "a", sha256_of(image_.manifest)));
  EXPECT_EQ(code_of(got), "corrupt");
}

}  // namespace
}  // namespace lifeboat::registry::adopt
