#include "registry/adopt/closure.h"

#include <gtest/gtest.h>

#include "test/support/image.h"

namespace lifeboat::registry::adopt {
namespace {

using test::sha256_of;
using Digests = std::vector<oci::Digest>;

class ClosureTest : public testing::Test {
 protected:
  /// Gives every manifest that is asked for, but those in `withheld`.
  void gather(const Digests& roots, const std::vector<std::string>& known, const Digests& withheld = {}) {
    for (const oci::Digest& root : roots) closure_.want(root);
    for (Digests wanted = closure_.take_wanted(); !wanted.empty(); wanted = closure_.take_wanted()) {
      for (const oci::Digest& digest : wanted) {
        const auto bytes = std::ranges::find(known, digest, [](const auto& one) { return sha256_of(one); });
        if (bytes == known.end() || std::ranges::find(withheld, digest) != withheld.end()) {
          closure_.failed(digest, "gone");
        } else {
          closure_.came(digest, *bytes);
        }
      }
    }
  }
  const test::Image amd64_ = test::image_of("amd64", 2);
  const test::Image arm64_ = test::image_of("arm64", 1);
  const std::string index_ = test::index_of({{amd64_.manifest, "linux/amd64"}, {arm64_.manifest, "linux/arm64"}});
  const std::vector<std::string> all_{amd64_.manifest, arm64_.manifest, index_};
  Closure closure_;
};

TEST_F(ClosureTest, has_what_a_manifest_names_in_an_earlier_generation) {
  gather({sha256_of(index_)}, all_);
  const auto generations = closure_.whole();
  ASSERT_EQ(generations.size(), 2U);
  EXPECT_EQ(generations[0].size(), 2U);
  EXPECT_EQ(generations[1], Digests{sha256_of(index_)});
  EXPECT_EQ(closure_.blobs().size(), 5U) << "two configs, three layers";
}

TEST_F(ClosureTest, is_not_whole_with_a_blob_that_did_not_come) {
  gather({sha256_of(index_)}, all_);
  const oci::Digest layer = sha256_of(arm64_.layers[0]);
  closure_.failed(layer, "gone");
  EXPECT_EQ(closure_.fault_of(sha256_of(index_)), "blob " + layer.to_string() + ": gone");
  EXPECT_EQ(closure_.fault_of(sha256_of(amd64_.manifest)), std::nullopt) << "the other platform does not need it";
  EXPECT_EQ(closure_.whole(), std::vector<Digests>{{sha256_of(amd64_.manifest)}});
}

TEST_F(ClosureTest, is_not_whole_with_a_child_that_did_not_come) {
  gather({sha256_of(index_)}, all_, {sha256_of(arm64_.manifest)});
  EXPECT_EQ(closure_.fault_of(sha256_of(index_)), "manifest " + sha256_of(arm64_.manifest).to_string() + ": gone");
}

TEST_F(ClosureTest, is_not_whole_with_a_blob_of_another_length_than_it_says) {
  gather({sha256_of(index_)}, all_);
  const std::string& layer = arm64_.layers[0];
  closure_.is_there(sha256_of(layer), layer.size() - 1);
  closure_.is_there(sha256_of(amd64_.layers[0]), amd64_.layers[0].size());
  EXPECT_EQ(closure_.fault_of(sha256_of(arm64_.manifest)),
            "blob " + sha256_of(layer).to_string() + ": it is not as long as what names it says (got " +
                std::to_string(layer.size() - 1) + " bytes, want " + std::to_string(layer.size()) + ")");
  EXPECT_EQ(closure_.fault_of(sha256_of(amd64_.manifest)), std::nullopt);
}

TEST_F(ClosureTest, is_not_whole_with_a_child_of_another_length_than_it_says) {
  std::string index = index_;
  const std::string said = R"("size":)" + std::to_string(arm64_.manifest.size());
  index.replace(index.find(said), said.size(), R"("size":7)");
  gather({sha256_of(index)}, {amd64_.manifest, arm64_.manifest, index});
  EXPECT_NE(closure_.fault_of(sha256_of(index)).value_or("").find("want 7)"), std::string::npos);
  EXPECT_EQ(closure_.fault_of(sha256_of(arm64_.manifest)), std::nullopt);
}

TEST_F(ClosureTest, wants_of_a_blob_the_largest_of_the_lengths_it_is_named_with) {
  std::string other = amd64_.manifest;
  const std::string said = R"("size":)" + std::to_string(amd64_.layers[0].size());
  other.replace(other.find(said), said.size(), R"("size":70000)");
  gather({sha256_of(amd64_.manifest), sha256_of(other)}, {amd64_.manifest, other});
  const auto blobs = closure_.blobs();
  const auto layer = std::ranges::find(blobs, sha256_of(amd64_.layers[0]), &WantedBlob::digest);
  ASSERT_NE(layer, blobs.end());
  EXPECT_EQ(layer->size_bytes, 70000U);
}

TEST_F(ClosureTest, believes_no_bytes_of_another_digest) {
  closure_.want(sha256_of(index_));
  closure_.came(sha256_of(index_), amd64_.manifest);
  EXPECT_NE(closure_.fault_of(sha256_of(index_)).value_or("").find("another digest"), std::string::npos);
  EXPECT_TRUE(closure_.blobs().empty());
}

TEST_F(ClosureTest, refuses_what_is_no_manifest) {
  const std::string text = "no manifest";
  closure_.want(sha256_of(text));
  closure_.came(sha256_of(text), text);
  EXPECT_TRUE(closure_.fault_of(sha256_of(text)));
}

}  // namespace
}  // namespace lifeboat::registry::adopt
