#include "sys/disk_beneath.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

namespace lifeboat::sys {
namespace {

namespace fs = std::filesystem;

/// A tree with links in it, and what they lead to beside it.
class DiskBeneathTest : public testing::TestWithParam<Resolving> {
 protected:
  DiskBeneathTest() {
    std::string name = (fs::temp_directory_path() / "beneath-XXXXXX").string();
    directory_ = ::mkdtemp(name.data());
    fs::create_directories(root() / "folder/inner");
    fs::create_directories(outside());
    write(root() / "folder/file", "inside");
    write(outside() / "file", "secret");
    fs::create_directory_symlink(outside(), root() / "out");
    fs::create_directory_symlink("../outside", root() / "relative");
    fs::create_directory_symlink("folder", root() / "in");
    fs::create_symlink(outside() / "file", root() / "folder/link");
    disk_ = make_disk_beneath(root(), GetParam());
  }
  ~DiskBeneathTest() override { fs::remove_all(directory_); }

  fs::path root() const { return directory_ / "root"; }
  fs::path outside() const { return directory_ / "outside"; }
  static void write(const fs::path& path, const std::string& bytes) { std::ofstream(path) << bytes; }
  std::string read(const fs::path& path) {
    const auto file = disk_.files->open(path);
    if (!file) return std::string(to_string(file.error().code()));
    std::array<std::byte, 64> bytes{};
    return std::string(as_text(ByteView(bytes).first((*file)->read_at(0, bytes).value())));
  }
  template <class T>
  static std::string code(const Result<T>& result) {
    return result ? "fine" : std::string(to_string(result.error().code()));
  }

  fs::path directory_;
  DiskBeneath disk_;
};

TEST_P(DiskBeneathTest, reads_what_is_below) {
  EXPECT_EQ(read(root() / "folder/file"), "inside");
  EXPECT_EQ(read(root() / "folder//file"), "inside");
  EXPECT_EQ(read(root() / "folder/absent"), "not_found");
  EXPECT_EQ(read(root() / "absent/file"), "not_found");
  EXPECT_EQ(disk_.files->info(root() / "folder/file").value().size_bytes, 6U);
  EXPECT_TRUE(disk_.files->info(root()).value().is_directory);
  EXPECT_EQ(disk_.files->list(root() / "folder").value().size(), 3U);
  EXPECT_EQ(disk_.files->list(root()).value().size(), 4U);
  EXPECT_EQ(disk_.files->list(root() / "folder/").value().size(), 3U) << "with a slash at its end";
}

TEST_P(DiskBeneathTest, goes_through_no_link_to_read) {
  for (const char* path : {"out/file", "relative/file", "in/file", "folder/link", "out", "folder/../../outside/file"}) {
    EXPECT_EQ(read(root() / path), "invalid") << path;
    EXPECT_EQ(code(disk_.files->info(root() / path)), "invalid") << path;
  }
  EXPECT_EQ(code(disk_.files->list(root() / "out")), "invalid");
  EXPECT_EQ(code(disk_.files->list(root() / "relative/")), "invalid");
  EXPECT_EQ(read(outside() / "file"), "invalid") << "it is not below";
  const auto refused = disk_.files->open(root() / "out/file");
  EXPECT_EQ(refused.error().message(), "cannot use path '" + (root() / "out/file").string() +
                                           "': a folder on the way is a symbolic link, and none is followed below '" +
                                           root().string() + "'");
}

TEST_P(DiskBeneathTest, tells_a_link_as_a_directory_so_that_who_looks_into_it_hears_why_not) {
  const auto entries = disk_.files->list(root()).value();
  const auto out = std::ranges::find(entries, "out", &DirectoryEntry::name);
  ASSERT_NE(out, entries.end());
  EXPECT_TRUE(out->is_directory);
}

TEST_P(DiskBeneathTest, writes_through_no_link) {
  EXPECT_EQ(code(disk_.files->create(root() / "out/new")), "invalid");
  EXPECT_EQ(code(disk_.files->make_directory(root() / "out")), "invalid") << "a link to a directory is none";
  EXPECT_EQ(code(disk_.files->make_directory(root() / "out/new")), "invalid");
  EXPECT_EQ(code(disk_.files->make_directory(root() / "out/deep/new")), "invalid");
  EXPECT_EQ(code(disk_.files->remove(root() / "out/file")), "invalid");
  EXPECT_EQ(code(disk_.files->rename(root() / "folder/file", root() / "out/moved")), "invalid");
  EXPECT_EQ(code(disk_.files->rename(root() / "out/file", root() / "moved")), "invalid");
  EXPECT_EQ(code(disk_.files->open_to_append(root() / "folder/link")), "invalid");
  EXPECT_EQ(code(disk_.files->sync_directory(root() / "out")), "invalid");
  const auto may = FileSharing::OwnerMay::write;
  const auto source = disk_.files->open(root() / "folder/file").value();
  EXPECT_EQ(code(disk_.sharing->create(root() / "out/new", root() / "folder", may)), "invalid");
  EXPECT_EQ(code(disk_.sharing->hard_link(*source, root() / "out/new")), "invalid");
  EXPECT_EQ(code(disk_.sharing->clone(*source, root() / "out/new", root() / "folder", may)), "invalid");
  EXPECT_EQ(code(disk_.sharing->give_directory(root() / "out/", root())), "invalid");
  EXPECT_EQ(std::distance(fs::directory_iterator(outside()), {}), 1) << "something came to be outside";
}

TEST_P(DiskBeneathTest, makes_what_is_to_be_below) {
  ASSERT_TRUE(disk_.files->make_directory(root() / "a/b/c"));
  ASSERT_TRUE(disk_.files->make_directory(root() / "a/b/c")) << "it is there already";
  ASSERT_TRUE(disk_.files->create(root() / "a/b/c/file").value()->append(as_bytes("bytes")));
  ASSERT_TRUE(disk_.files->rename(root() / "a/b/c/file", root() / "a/moved"));
  EXPECT_EQ(read(root() / "a/moved"), "bytes");
  ASSERT_TRUE(disk_.sharing->create(root() / "a/given", root() / "a", FileSharing::OwnerMay::read));
  const auto source = disk_.files->open(root() / "a/moved").value();
  ASSERT_TRUE(disk_.sharing->hard_link(*source, root() / "a/linked"));
  EXPECT_EQ(read(root() / "a/linked"), "bytes");
  ASSERT_TRUE(disk_.files->remove(root() / "a/linked"));
  EXPECT_EQ(read(root() / "a/linked"), "not_found");
}

TEST_P(DiskBeneathTest, follows_the_path_of_the_root_itself_wherever_it_leads) {
  fs::create_directory_symlink(root(), directory_ / "alias");
  const DiskBeneath by_alias = make_disk_beneath(directory_ / "alias/", GetParam());
  EXPECT_TRUE(by_alias.files->open(directory_ / "alias/folder/file"));
  EXPECT_FALSE(by_alias.files->open(directory_ / "alias/out/file"));
}

TEST_P(DiskBeneathTest, has_a_root_that_is_yet_to_be_made) {
  const fs::path later = directory_ / "above/later";
  const DiskBeneath disk = make_disk_beneath(later, GetParam());
  EXPECT_EQ(code(disk.files->info(later / "x")), "not_found");
  ASSERT_TRUE(disk.files->make_directory(later / "x"));
  EXPECT_TRUE(fs::is_directory(later / "x"));
}

INSTANTIATE_TEST_SUITE_P(Either, DiskBeneathTest, testing::Values(Resolving::by_kernel, Resolving::by_walking),
                         [](const auto& row) { return row.param == Resolving::by_kernel ? "kernel" : "walking"; });

}  // namespace
}  // namespace lifeboat::sys
