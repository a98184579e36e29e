#include "registry/tree/store_tree.h"

#include <gtest/gtest.h>

#include <functional>

#include "blob/fs_store.h"
#include "meta/sqlite_store.h"
#include "registry/tree/check.h"
#include "registry/tree/export.h"
#include "sys/clock.h"
#include "test/support/code_of.h"
#include "test/support/image.h"
#include "test/support/passing_file_system.h"
#include "test/support/temporary_directory.h"

namespace lifeboat::registry {
namespace {

using test::code_of;
using test::sha256_of;

/// A disk on which something happens when a file is looked at for the first time.
class WatchedFiles final : public test::PassingFileSystem {
 public:
  using PassingFileSystem::PassingFileSystem;
  std::string watched{};
  std::function<void()> happens{};
  Result<sys::FileInfo> info(const sys::Path& path) override {
    if (happens && path.native().contains(watched)) std::exchange(happens, {})();
    return PassingFileSystem::info(path);
  }
};

/// A data directory on which a server runs: this process has its lock, and its database open.
class SharedStoreTest : public testing::Test {
 protected:
  SharedStoreTest() {
    directory_ = blob::DataDirectory::open(root(), *files_).value();
    blobs_ = blob::FsStore::open(*directory_, *files_, {disk_, disk_}).value();
    names_ = meta::SqliteStore::open(directory_->meta() / "lifeboat.db", clock_).value();
    test::keep_blob(*blobs_, *names_, app_, image_.config);
    test::keep_blob(*blobs_, *names_, app_, layer_);
    test::keep_manifest(*blobs_, *names_, app_, image_.manifest, {"1"});
  }
  sys::Path root() const { return temporary_.path() / "data"; }
  std::vector<Finding> found(sys::FileSystem& files) {
    OpenTree open = open_tree(root(), std::nullopt, files, true).value();
    EXPECT_TRUE(open.store->is_shared());
    return check(open, {.now = clock_.wall()}, [](const auto&) {}).value().findings;
  }
  void lose(const std::string& bytes) { EXPECT_TRUE(test::run(blobs_->remove(test::a_call(), sha256_of(bytes)))); }

  const test::TemporaryDirectory temporary_;
  const oci::RepositoryId app_{std::nullopt, oci::Repository::parse("team/app").value()};
  const test::Image image_ = test::image_of("image", 1);
  const std::string layer_ = image_.layers[0];
  const std::unique_ptr<sys::FileSystem> files_ = sys::make_posix_file_system();
  const std::unique_ptr<sys::FileSharing> sharing_ = sys::make_posix_file_sharing();
  sys::SystemClock clock_;
  sys::ThreadPool disk_{"disk", 1};
  std::unique_ptr<blob::DataDirectory> directory_;
  std::unique_ptr<blob::Store> blobs_;
  std::unique_ptr<meta::Store> names_;
};

TEST_F(SharedStoreTest, is_read_beside_the_server_only_by_who_says_so) {
  EXPECT_EQ(code_of(open_tree(root(), std::nullopt, *files_)), "conflict");
  EXPECT_TRUE(found(*files_).empty());
}

TEST_F(SharedStoreTest, has_what_was_pushed_after_it_was_opened) {
  OpenTree open = open_tree(root(), std::nullopt, *files_, true).value();
  const test::Image newer = test::image_of("newer", 1);
  test::keep_blob(*blobs_, *names_, app_, newer.config);
  test::keep_blob(*blobs_, *names_, app_, newer.layers[0]);
  test::keep_manifest(*blobs_, *names_, app_, newer.manifest, {"2"});
  DigestTable table;
  EXPECT_EQ(open.tree->read("team/app", table).value().tags.size(), 2U);
}

TEST_F(SharedStoreTest, names_what_is_lost) {
  lose(layer_);
  const auto findings = found(*files_);
  ASSERT_EQ(findings.size(), 1U);
  EXPECT_EQ(findings[0].kind, FindingKind::row_without_bytes);
  EXPECT_EQ(findings[0].breaks, std::vector<std::string>{"team/app:1"});
}

TEST_F(SharedStoreTest, calls_nothing_lost_that_the_server_removes_with_its_names) {
  WatchedFiles files(*files_);
  files.watched = sha256_of(layer_).hex();
  files.happens = [this] {
    EXPECT_TRUE(test::run(names_->manifests().remove(test::a_call(), app_, sha256_of(image_.manifest))));
    lose(layer_);
    lose(image_.manifest);
  };
  for (const Finding& finding : found(files)) EXPECT_NE(finding.severity, Severity::broken) << finding.detail;
  EXPECT_FALSE(files.happens) << "nothing was removed meanwhile";
}

TEST_F(SharedStoreTest, is_exported_while_the_server_runs) {
  OpenTree open = open_tree(root(), std::nullopt, *files_, true).value();
  PlacedFiles placed({*files_, *sharing_});
  const auto report = export_tree(open, placed, {.to = temporary_.path() / "out"}, [](const auto&) {});
  ASSERT_TRUE(report) << report.error().message();
  EXPECT_EQ(report->tags, 1U);
  EXPECT_TRUE(report->refused.empty());
}

}  // namespace
}  // namespace lifeboat::registry
