#include "registry/adopt/adopt.h"

#include <gtest/gtest.h>

#include "blob/fs_store.h"
#include "meta/memory_store.h"
#include "registry/adopt/tree_origin.h"
#include "sys/clock.h"
#include "test/support/tree.h"

namespace lifeboat::registry::adopt {
namespace {

namespace fs = std::filesystem;
using test::sha256_of;

/// A disk that can share nothing.
class NoSharing final : public sys::FileSharing {
 public:
  Status hard_link(const sys::ReadableFile&, const sys::Path&) override {
    return fail(ErrorCode::unsupported, "no links");
  }
  Result<bool> is_safe_in(const sys::ReadableFile&, const sys::Path&) override { return true; }
  Result<std::unique_ptr<sys::WritableFile>> create(const sys::Path&, const sys::Path&, OwnerMay) override {
    return fail(ErrorCode::unsupported, "no gifts");
  }
  Status clone(const sys::ReadableFile&, const sys::Path&, const sys::Path&, OwnerMay) override {
    return fail(ErrorCode::unsupported, "no clones");
  }
  Status give_directory(const sys::Path&, const sys::Path&) override { return {}; }
};

Awaitable<void> run_and_stop(Adopter& adopter, std::optional<Result<AdoptReport>>& report, sys::EventLoops& loops) {
  report.emplace(co_await adopter.run([](const AdoptProgress&) {}));
  loops.stop();
}

class AdopterTest : public testing::Test {
 protected:
  AdopterTest() {
    tree_.push("a", image_, "1");
    directory_ = blob::DataDirectory::open(data_.path() / "data", *files_).value();
    blobs_ = blob::FsStore::open(*directory_, *files_, {disk_, disk_}).value();
  }

  AdoptReport adopt(AdoptOptions options = {}, sys::FileSharing* sharing = nullptr) {
    return adopt_from(tree_.root(), "", std::move(options), sharing);
  }
  AdoptReport adopt_from(const fs::path& root, const std::string& as, AdoptOptions options = {},
                         sys::FileSharing* sharing = nullptr) {
    Landing landing({*directory_, *blobs_, *files_, sharing != nullptr ? *sharing : *sharing_});
    EXPECT_TRUE(landing.open());
    OpenTree open = open_tree(root, std::nullopt, *files_).value();
    TreeOrigin origin(open, as, disk_);
    sys::EventLoops loops(1);
    Adopter adopter({origin, &landing, &names_, clock_, loops}, std::move(options));
    std::optional<Result<AdoptReport>> report;
    loops.spawn(0, run_and_stop(adopter, report, loops));
    loops.run();
    EXPECT_TRUE(*report) << report->error().message();
    return std::move(**report);
  }
  std::string digest_of_tag(const std::string& repository, const std::string& tag) {
    const auto found = test::run(names_.tags().find(test::a_call(), hosted(repository), oci::Tag::parse(tag).value()));
    return found ? found->digest.to_string() : "none";
  }
  static oci::RepositoryId hosted(const std::string& name) {
    return {std::nullopt, oci::Repository::parse(name).value()};
  }
  fs::path here(const std::string& bytes) const {
    const std::string hex = sha256_of(bytes).hex();
    return directory_->blobs() / "sha256" / hex.substr(0, 2) / hex;
  }

  const test::DistributionFiles tree_;
  const test::TemporaryDirectory data_;
  const test::Image image_ = test::image_of("image", 2);
  const std::unique_ptr<sys::FileSystem> files_ = sys::make_posix_file_system();
  const std::unique_ptr<sys::FileSharing> sharing_ = sys::make_posix_file_sharing();
  sys::SystemClock clock_;
  sys::ThreadPool disk_{"disk", 2};
  std::unique_ptr<blob::DataDirectory> directory_;
  std::unique_ptr<blob::Store> blobs_;
  meta::MemoryStore names_{clock_};
};

TEST_F(AdopterTest, makes_a_tag_with_all_that_it_leads_to) {
  const AdoptReport report = adopt();
  EXPECT_TRUE(report.refused.empty());
  EXPECT_EQ(report.totals.tags, 1U);
  EXPECT_EQ(report.totals.blobs, 3U);
  EXPECT_EQ(digest_of_tag("a", "1"), sha256_of(image_.manifest).to_string());
  for (const std::string& bytes : {image_.manifest, image_.config, image_.layers[0], image_.layers[1]}) {
    EXPECT_TRUE(fs::exists(here(bytes)));
    const bool is_manifest = bytes == image_.manifest;
    EXPECT_TRUE(is_manifest || test::run(names_.blobs().find(test::a_call(), hosted("a"), sha256_of(bytes))));
  }
  EXPECT_EQ(fs::hard_link_count(here(image_.layers[0])), 2U) << "it takes no room a second time";
}

TEST_F(AdopterTest, takes_a_blob_that_was_pushed_by_its_sha512_by_that_name) {
  const test::Image image = tree_.push_by_sha512("b", "512");
  const oci::Digest named = test::DistributionFiles::sha512_of(image.layers[0]);
  EXPECT_TRUE(adopt().refused.empty());
  EXPECT_NE(digest_of_tag("b", "512"), "none");
  EXPECT_TRUE(fs::exists(directory_->blobs() / "sha512" / named.hex().substr(0, 2) / named.hex()));
}

TEST_F(AdopterTest, makes_no_tag_of_a_link_that_leads_to_other_bytes) {
  const test::Image image = tree_.push_by_sha512("b", "512");
  tree_.write(tree_.layer("b", test::DistributionFiles::sha512_of(image.layers[0])),
              sha256_of(image.config).to_string());
  EXPECT_EQ(adopt().refused.size(), 1U);
  EXPECT_EQ(digest_of_tag("b", "512"), "none");
}

TEST_F(AdopterTest, shares_no_file_that_somebody_else_may_write_to) {
  const fs::path open = tree_.blob(sha256_of(image_.layers[0]));
  fs::permissions(open, fs::perms::group_write, fs::perm_options::add);
  EXPECT_TRUE(adopt().refused.empty());
  EXPECT_EQ(fs::hard_link_count(open), 1U) << "its writer could change what is held";
  EXPECT_TRUE(fs::exists(here(image_.layers[0])));
}

TEST_F(AdopterTest, takes_the_bytes_and_not_the_symbolic_link_to_them) {
  const fs::path place = tree_.blob(sha256_of(image_.layers[0]));
  const fs::path elsewhere = data_.path() / "elsewhere";
  fs::rename(place, elsewhere);
  fs::create_symlink(elsewhere, place);
  EXPECT_TRUE(adopt().refused.empty());
  EXPECT_FALSE(fs::is_symlink(here(image_.layers[0]))) << "the store would lose its bytes with the tree";
}

TEST_F(AdopterTest, makes_no_tag_of_what_is_not_whole) {
  tree_.push("a", test::image_of("other", 1), "2");
  fs::remove(tree_.layer("a", sha256_of(image_.layers[1])));
  const AdoptReport report = adopt();
  EXPECT_EQ(digest_of_tag("a", "1"), "none");
  EXPECT_NE(digest_of_tag("a", "2"), "none");
  ASSERT_EQ(report.refused.size(), 1U);
  EXPECT_EQ(report.refused[0].name, "a:1");
  EXPECT_NE(report.refused[0].reason.find("it has no link to it"), std::string::npos) << report.refused[0].reason;
}

TEST_F(AdopterTest, sees_a_wrong_length_also_when_it_only_looks) {
  tree_.write(tree_.blob(sha256_of(image_.layers[1])), "cut");
  for (const bool is_dry_run : {true, false}) {
    const AdoptReport report = adopt({.is_dry_run = is_dry_run});
    ASSERT_EQ(report.refused.size(), 1U) << (is_dry_run ? "looked at only" : "taken over");
    EXPECT_EQ(report.refused[0].name, "a:1");
  }
}

TEST_F(AdopterTest, makes_no_tag_of_one_that_a_layout_gives_to_two_manifests) {
  const fs::path layout = data_.path() / "layout";
  const test::Image other = test::image_of("other", 1);
  std::string entries;
  for (const test::Image& image : {image_, other}) {
    std::vector<std::string> contents = image.layers;
    contents.insert(contents.end(), {image.config, image.manifest});
    for (const std::string& bytes : contents) tree_.write(layout / "blobs/sha256" / sha256_of(bytes).hex(), bytes);
    entries += (entries.empty() ? "" : ",") +
               test::descriptor_of(image.manifest, oci::kOciManifest,
                                   R"(,"annotations":{"org.opencontainers.image.ref.name":"1"})");
  }
  tree_.write(layout / "oci-layout", "{}");
  tree_.write(layout / "index.json", R"({"schemaVersion":2,"manifests":[)" + entries + "]}");
  const AdoptReport report = adopt_from(layout, "named");
  EXPECT_EQ(digest_of_tag("named", "1"), "none");
  ASSERT_EQ(report.refused.size(), 1U);
  EXPECT_EQ(report.refused[0].name, "named:1");
  EXPECT_TRUE(report.refused[0].reason.contains("which containerd takes")) << report.refused[0].reason;
}

TEST_F(AdopterTest, copies_where_the_disk_cannot_share_and_believes_no_byte) {
  NoSharing none;
  const test::Image other = test::image_of("other", 1);
  tree_.push("b", other, "1");
  std::string damaged = other.layers[0];
  damaged.back() ^= 1;
  tree_.write(tree_.blob(sha256_of(other.layers[0])), damaged);
  const AdoptReport report = adopt({}, &none);
  EXPECT_EQ(report.totals.how.at(Landing::How::copied), 4U);
  EXPECT_NE(digest_of_tag("a", "1"), "none");
  EXPECT_EQ(digest_of_tag("b", "1"), "none");
  EXPECT_EQ(fs::hard_link_count(here(image_.layers[0])), 1U);
  EXPECT_FALSE(fs::exists(here(other.layers[0])));
  EXPECT_TRUE(fs::is_empty(directory_->uploads())) << "nothing half-made stays";
}

TEST_F(AdopterTest, brings_nothing_twice) {
  (void)adopt();
  const AdoptReport again = adopt();
  EXPECT_EQ(again.totals.how, (std::map<Landing::How, uint64_t>{{Landing::How::held, 3}}));
  EXPECT_TRUE(again.refused.empty());
}

TEST_F(AdopterTest, leaves_a_tag_that_is_here_with_another_digest_unless_it_is_told_to_move_it) {
  (void)adopt();
  const test::Image newer = test::image_of("newer", 1);
  tree_.push("a", newer, "1");
  const AdoptReport report = adopt();
  EXPECT_EQ(digest_of_tag("a", "1"), sha256_of(image_.manifest).to_string());
  ASSERT_EQ(report.refused.size(), 1U);
  EXPECT_TRUE(adopt({.replaces_tags = true}).refused.empty());
  EXPECT_EQ(digest_of_tag("a", "1"), sha256_of(newer.manifest).to_string());
}

TEST_F(AdopterTest, takes_only_what_is_named) {
  tree_.push("b", image_, "1");
  tree_.push("b", test::image_of("other", 1), "2");
  const AdoptReport report = adopt({.patterns = {oci::ReferencePattern::parse("b:1").value()}});
  EXPECT_EQ(report.totals.tags, 1U);
  EXPECT_EQ(digest_of_tag("a", "1"), "none");
  EXPECT_EQ(digest_of_tag("b", "2"), "none");
  EXPECT_NE(digest_of_tag("b", "1"), "none");
}

}  // namespace
}  // namespace lifeboat::registry::adopt
