#include "registry/adopt/archive_origin.h"

#include <gtest/gtest.h>

#include <fstream>

#include "blob/fs_store.h"
#include "meta/memory_store.h"
#include "registry/adopt/adopt.h"
#include "registry/archive/format.h"
#include "sys/clock.h"
#include "sys/tar.h"
#include "test/support/code_of.h"
#include "test/support/image.h"
#include "test/support/temporary_directory.h"

namespace lifeboat::registry::adopt {
namespace {

using test::code_of;
using test::sha256_of;

Awaitable<void> run_and_stop(Adopter& adopter, std::optional<Result<AdoptReport>>& report, sys::EventLoops& loops) {
  report.emplace(co_await adopter.run([](const AdoptProgress&) {}));
  loops.stop();
}

class ArchiveOriginTest : public testing::Test {
 protected:
  ArchiveOriginTest() {
    directory_ = blob::DataDirectory::open(scratch_.path() / "data", *files_).value();
    blobs_ = blob::FsStore::open(*directory_, *files_, {disk_, disk_}).value();
  }
  /// The image under these names; `without`: content that is left out.
  void write(const std::vector<std::string>& names, const std::string& without = "") {
    archive::Contents contents({});
    for (const std::string& name : names) {
      contents.add(oci::FullReference::parse(name).value(), sha256_of(image_.manifest));
    }
    ASSERT_TRUE(contents.came(sha256_of(image_.manifest), image_.manifest, ""));
    std::map<oci::Digest, std::string> blobs{{sha256_of(image_.config), image_.config}};
    for (const std::string& layer : image_.layers) blobs[sha256_of(layer)] = layer;
    std::ofstream stream(path_, std::ios::binary);
    const auto sink = [&](ByteView bytes) -> Status {
      stream << as_text(bytes);
      return {};
    };
    const auto tar = sys::TarWriter::make(sink, sys::TarCompression::none).value();
    for (const archive::Member& member : members_of(contents, archive::NamedBy::tag_and_digest)) {
      const std::string& bytes = member.blob ? blobs.at(*member.blob) : member.bytes;
      if (bytes == without) continue;
      ASSERT_TRUE(tar->begin(member.path, bytes.size()));
      ASSERT_TRUE(tar->append(as_bytes(bytes)));
    }
    ASSERT_TRUE(tar->finish());
  }
  Result<std::unique_ptr<ArchiveOrigin>> open() { return ArchiveOrigin::open(*files_, path_, {disk_, blocks_}); }
  AdoptReport adopt() {
    Landing landing({*directory_, *blobs_, *files_, *sharing_});
    EXPECT_TRUE(landing.open());
    const auto origin = open().value();
    sys::EventLoops loops(1);
    Adopter adopter({*origin, &landing, &names_, clock_, loops}, {});
    std::optional<Result<AdoptReport>> report;
    loops.spawn(0, run_and_stop(adopter, report, loops));
    loops.run();
    EXPECT_TRUE(*report) << report->error().message();
    return std::move(**report);
  }
  std::string digest_of_tag(const std::string& repository, const std::string& tag) {
    const oci::RepositoryId id{std::nullopt, oci::Repository::parse(repository).value()};
    const auto found = test::run(names_.tags().find(test::a_call(), id, oci::Tag::parse(tag).value()));
    return found ? found->digest.to_string() : "none";
  }

  test::TemporaryDirectory scratch_;
  const sys::Path path_ = scratch_.path() / "app.tar";
  const test::Image image_ = test::image_of("image", 2);
  const std::unique_ptr<sys::FileSystem> files_ = sys::make_posix_file_system();
  const std::unique_ptr<sys::FileSharing> sharing_ = sys::make_posix_file_sharing();
  sys::SystemClock clock_;
  sys::BlockPool blocks_;
  sys::ThreadPool disk_{"disk", 2};
  std::unique_ptr<blob::DataDirectory> directory_;
  std::unique_ptr<blob::Store> blobs_;
  meta::MemoryStore names_{clock_};
};

TEST_F(ArchiveOriginTest, becomes_hosted_repositories_without_the_hosts_of_its_names) {
  write({"ghcr.io/org/app:v1", "ghcr.io/org/tool:v2"});
  const AdoptReport report = adopt();
  EXPECT_TRUE(report.refused.empty());
  EXPECT_EQ(report.totals.tags, 2U);
  EXPECT_EQ(digest_of_tag("org/app", "v1"), sha256_of(image_.manifest).to_string());
  EXPECT_EQ(digest_of_tag("org/tool", "v2"), sha256_of(image_.manifest).to_string());
  const auto layer = test::run(blobs_->open(test::a_call(), sha256_of(image_.layers[1])));
  ASSERT_TRUE(layer);
  EXPECT_EQ(layer->size_bytes, image_.layers[1].size());
}

TEST_F(ArchiveOriginTest, makes_no_name_of_what_is_not_whole) {
  write({"ghcr.io/org/app:v1"}, image_.layers[0]);
  const AdoptReport report = adopt();
  ASSERT_EQ(report.refused.size(), 1U);
  EXPECT_NE(report.refused[0].reason.find(sha256_of(image_.layers[0]).to_string()), std::string::npos);
  EXPECT_EQ(digest_of_tag("org/app", "v1"), "none");
}

TEST_F(ArchiveOriginTest, brings_what_is_here_already_not_again) {
  write({"ghcr.io/org/app:v1"});
  adopt();
  const AdoptReport again = adopt();
  EXPECT_EQ(again.totals.how.at(Landing::How::held), 3U);
}

TEST_F(ArchiveOriginTest, refuses_what_has_no_names_to_make) {
  std::ofstream(path_) << std::string(2000, 'x');
  EXPECT_EQ(code_of(open()), "corrupt");
  EXPECT_EQ(code_of(ArchiveOrigin::open(*files_, scratch_.path() / "none.tar", {disk_, blocks_})), "not_found");
}

}  // namespace
}  // namespace lifeboat::registry::adopt
