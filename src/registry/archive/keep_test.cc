#include "registry/archive/keep.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <set>

#include "registry/archive/shelf.h"
#include "test/support/code_of.h"
#include "test/support/image.h"
#include "test/support/scripted_inspector.h"
#include "test/support/temporary_directory.h"

namespace lifeboat::registry::archive {
namespace {

namespace fs = std::filesystem;
using test::code_of;
using test::sha256_of;

class ArchiveKeep : public testing::Test {
 protected:
  /// What the tag leads to from now on.
  oci::Digest push(const std::string& what) {
    const test::Image image = test::image_of(what, 1);
    registry_.push("org/app", image, "v1");
    return sha256_of(image.manifest);
  }
  Result<Kept> keep(KeepOptions options = {}, const std::string& name = "a.example/org/app:v1") {
    const Wanted wanted{oci::FullReference::parse(name).value(), &registry_};
    return test::run(
        keep_in(test::a_call(), {*files_, disk_, hash_}, directory(), wanted, options, [](const SaveProgress&) {}));
  }
  fs::path directory() const { return directory_.path() / "archives"; }
  std::set<std::string> names() const {
    std::set<std::string> found;
    for (const auto& entry : fs::directory_iterator(directory())) found.insert(entry.path().filename());
    return found;
  }
  static std::string file_of(const oci::Digest& digest) { return "org-app-v1-" + digest.hex().substr(0, 12) + ".tar"; }
  static void add(std::set<std::string>& files, const oci::Digest& digest) {
    files.insert(file_of(digest));
    files.insert(file_of(digest) + ".sha256");
  }

  test::ScriptedInspector registry_;
  test::TemporaryDirectory directory_;
  const std::unique_ptr<sys::FileSystem> files_ = sys::make_posix_file_system();
  sys::ThreadPool disk_{"disk", 1};
  sys::ThreadPool hash_{"hash", 1};
};

TEST_F(ArchiveKeep, keeps_the_last_ones_and_leads_the_link_to_the_newest) {
  std::vector<oci::Digest> digests;
  for (const std::string what : {"one", "two", "three"}) {
    digests.push_back(push(what));
    const auto kept = keep({.keep = 2});
    ASSERT_TRUE(kept) << kept.error().message();
    EXPECT_EQ(kept->path.filename(), file_of(digests.back()));
    EXPECT_EQ(kept->size_bytes, fs::file_size(kept->path));
    EXPECT_EQ(fs::read_symlink(directory() / "org-app-v1-latest.tar"), file_of(digests.back()));
    EXPECT_EQ(kept->removed.size(), what == "three" ? 1U : 0U);
  }
  std::set<std::string> want{"org-app-v1-latest.tar"};
  add(want, digests[1]);
  add(want, digests[2]);
  EXPECT_EQ(names(), want) << "with their checksums, and nothing else";
}

TEST_F(ArchiveKeep, does_not_write_again_what_is_there_and_whole) {
  push("one");
  ASSERT_TRUE(keep());
  registry_.asked.clear();
  const auto again = keep();
  ASSERT_TRUE(again) << again.error().message();
  EXPECT_FALSE(again->is_new);
  EXPECT_EQ(again->size_bytes, fs::file_size(again->path));
  EXPECT_EQ(registry_.asked.size(), 1U) << "the manifest tells that nothing is new";

  fs::permissions(again->path, fs::perms::owner_write, fs::perm_options::add);
  std::fstream file(again->path, std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(static_cast<std::streamoff>(fs::file_size(again->path)) - 1300);
  file.put('!');
  file.close();
  EXPECT_TRUE(keep().value().is_new) << "it has rotted meanwhile";
  EXPECT_FALSE(keep().value().is_new);
  EXPECT_TRUE(keep({.named_by = NamedBy::tag}).value().is_new) << "it was saved otherwise";
}

TEST_F(ArchiveKeep, counts_what_a_tag_came_back_to_as_the_newest) {
  const oci::Digest first = push("one");
  ASSERT_TRUE(keep());
  push("two");
  ASSERT_TRUE(keep());
  push("one");
  ASSERT_FALSE(keep({.keep = 1}).value().is_new);
  std::set<std::string> want{"org-app-v1-latest.tar"};
  add(want, first);
  EXPECT_EQ(names(), want);
  EXPECT_TRUE(fs::exists(directory() / "org-app-v1-latest.tar")) << "it leads somewhere";
}

TEST_F(ArchiveKeep, never_removes_what_it_has_just_saved_whatever_the_clock_said_before) {
  const oci::Digest first = push("one");
  ASSERT_TRUE(keep());
  fs::last_write_time(directory() / file_of(first), fs::file_time_type::clock::now() + std::chrono::hours(24));
  const oci::Digest second = push("two");
  ASSERT_TRUE(keep({.keep = 1}));
  std::set<std::string> want{"org-app-v1-latest.tar"};
  add(want, second);
  EXPECT_EQ(names(), want);
}

TEST_F(ArchiveKeep, keeps_what_was_there_when_a_save_fails) {
  const oci::Digest digest = push("one");
  ASSERT_TRUE(keep({.keep = 1}));
  const auto before = names();
  push("two");
  registry_.blob_of("org/app", test::image_of("two", 1).layers[0]).bytes.back() = '!';
  EXPECT_EQ(code_of(keep({.keep = 1})), "corrupt");
  EXPECT_EQ(names(), before);
  EXPECT_EQ(fs::read_symlink(directory() / "org-app-v1-latest.tar"), file_of(digest));
}

TEST_F(ArchiveKeep, leaves_archives_of_other_names_and_of_digests_alone) {
  const oci::Digest digest = push("one");
  const std::string by_digest = "a.example/org/app@" + digest.to_string();
  ASSERT_TRUE(keep({.keep = 1}, by_digest));
  registry_.manifests["org/app:v2"].bytes = test::image_of("one", 1).manifest;
  ASSERT_TRUE(keep({.keep = 1}, "a.example/org/app:v2"));
  ASSERT_TRUE(keep({.keep = 1}));
  push("two");
  ASSERT_TRUE(keep({.keep = 1}));
  EXPECT_TRUE(names().contains("org-app-" + digest.hex().substr(0, 12) + ".tar")) << "a digest has no newest one";
  EXPECT_TRUE(names().contains("org-app-v2-" + digest.hex().substr(0, 12) + ".tar"));
  EXPECT_FALSE(names().contains(file_of(digest)));
}

TEST_F(ArchiveKeep, removes_nothing_that_it_did_not_call) {
  const oci::Digest first = push("one");
  ASSERT_TRUE(keep());
  fs::copy_file(directory() / file_of(first), directory() / "before-the-upgrade.tar");
  fs::copy_file(directory() / file_of(first), directory() / "org-app-v1-good.tar");
  push("two");
  const auto kept = keep({.keep = 1});
  ASSERT_TRUE(kept) << kept.error().message();
  EXPECT_EQ(kept->removed, std::vector<std::string>{file_of(first)});
  EXPECT_TRUE(names().contains("before-the-upgrade.tar"));
  EXPECT_TRUE(names().contains("org-app-v1-good.tar"));
}

TEST_F(ArchiveKeep, never_replaces_an_archive_by_one_of_fewer_platforms) {
  const test::Image amd64 = test::image_of("amd64", 1);
  const test::Image arm64 = test::image_of("arm64", 1);
  registry_.push("org/app", amd64);
  registry_.push("org/app", arm64);
  const std::string index = test::index_of({{amd64.manifest, "linux/amd64"}, {arm64.manifest, "linux/arm64"}});
  registry_.manifests["org/app:v1"].bytes = index;
  const auto all = keep();
  ASSERT_TRUE(all) << all.error().message();
  const auto one = keep({.platforms = {oci::Platform::parse("linux/amd64").value()}, .keep = 1});
  ASSERT_TRUE(one) << one.error().message();
  EXPECT_EQ(all->path.filename(), file_of(sha256_of(index)));
  EXPECT_EQ(one->path.filename(), "org-app-v1+linux-amd64-" + sha256_of(index).hex().substr(0, 12) + ".tar");
  EXPECT_EQ(fs::file_size(all->path), all->size_bytes) << "the whole one is as it was";
  EXPECT_LT(one->size_bytes, all->size_bytes);
  EXPECT_EQ(fs::read_symlink(directory() / "org-app-v1-latest.tar"), all->path.filename());
  EXPECT_EQ(fs::read_symlink(directory() / "org-app-v1+linux-amd64-latest.tar"), one->path.filename());
  EXPECT_FALSE(keep().value().is_new);
}

TEST_F(ArchiveKeep, refuses_a_name_that_would_be_called_as_another) {
  push("one");
  ASSERT_TRUE(keep());
  EXPECT_EQ(code_of(keep({}, "b.example/org/app:v1")), "conflict");
}

TEST_F(ArchiveKeep, compresses_beside_the_plain_ones) {
  push("one");
  ASSERT_TRUE(keep());
  const auto kept = keep({.compression = sys::TarCompression::zstd, .keep = 1});
  ASSERT_TRUE(kept) << kept.error().message();
  EXPECT_TRUE(kept->removed.empty());
  EXPECT_EQ(archives_in(*files_, directory()).value().size(), 2U);
  EXPECT_TRUE(fs::is_symlink(directory() / "org-app-v1-latest.tar.zst"));
}

TEST_F(ArchiveKeep, saves_many_names_in_one_file) {
  push("one");
  registry_.manifests["org/app:v2"].bytes = test::image_of("one", 1).manifest;
  std::vector<Wanted> wanted;
  for (const std::string_view name : {"a.example/org/app:v1", "a.example/org/app:v2"}) {
    wanted.push_back({oci::FullReference::parse(name).value(), &registry_});
  }
  const fs::path path = directory_.path() / "all.tar";
  const auto saved =
      test::run(save_as(test::a_call(), {*files_, disk_, hash_}, path, wanted, {}, [](const SaveProgress&) {}));
  ASSERT_TRUE(saved) << saved.error().message();
  EXPECT_EQ(look_at(*files_, path).value().tags().size(), 2U);

  registry_.asked.clear();
  const fs::path pipe = directory_.path() / "pipe";
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  const fs::path link = directory_.path() / "link";
  fs::create_symlink("nowhere", link);
  for (const fs::path& taken : {directory_.path(), pipe, link}) {
    const auto into =
        test::run(save_as(test::a_call(), {*files_, disk_, hash_}, taken, wanted, {}, [](const SaveProgress&) {}));
    EXPECT_EQ(code_of(into), "conflict") << taken;
  }
  EXPECT_TRUE(fs::is_fifo(pipe) && fs::is_symlink(link)) << "they are still there";
  EXPECT_TRUE(registry_.asked.empty()) << "it is said before anything is fetched";
}

}  // namespace
}  // namespace lifeboat::registry::archive
