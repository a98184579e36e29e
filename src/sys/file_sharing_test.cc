#include "sys/file_sharing.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>

#include "test/support/code_of.h"
#include "test/support/temporary_directory.h"

namespace lifeboat::sys {
namespace {

namespace fs = std::filesystem;
using test::code_of;

constexpr auto kWrite = FileSharing::OwnerMay::write;

class FileSharingTest : public testing::Test {
 protected:
  FileSharingTest() { std::ofstream(from()) << "bytes"; }
  fs::path from() const { return directory_.path() / "from"; }
  fs::path to() const { return directory_.path() / "to"; }
  static std::string text_of(const fs::path& path) {
    std::ifstream file(path);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  std::shared_ptr<const ReadableFile> opened() { return files_->open(from()).value(); }
  void own_directory_by_another() { ASSERT_EQ(::chown(directory_.path().c_str(), 4711, 4712), 0); }
  static struct stat status_of(const fs::path& path) {
    struct stat status{};
    EXPECT_EQ(::lstat(path.c_str(), &status), 0);
    return status;
  }
  test::TemporaryDirectory directory_;
  const std::unique_ptr<FileSystem> files_ = make_posix_file_system();
  const std::unique_ptr<FileSharing> sharing_ = make_posix_file_sharing();
};

TEST_F(FileSharingTest, links_a_file_under_a_second_name) {
  ASSERT_TRUE(sharing_->hard_link(*opened(), to()));
  EXPECT_EQ(fs::hard_link_count(from()), 2U);
  EXPECT_EQ(code_of(sharing_->hard_link(*opened(), to())), "conflict") << "the name is taken";
}

TEST_F(FileSharingTest, says_that_another_file_system_must_be_copied_to) {
  if (!fs::is_directory("/dev/shm")) return;
  const fs::path elsewhere = "/dev/shm/lifeboat-test-" + std::to_string(::getpid());
  struct stat here{};
  struct stat there{};
  ASSERT_EQ(::stat(from().c_str(), &here), 0);
  ASSERT_EQ(::stat("/dev/shm", &there), 0);
  ASSERT_NE(here.st_dev, there.st_dev) << "the test needs a temporary directory on a disk";
  EXPECT_EQ(code_of(sharing_->hard_link(*opened(), elsewhere)), "unsupported");
  EXPECT_EQ(code_of(sharing_->clone(*opened(), elsewhere, directory_.path(), kWrite)), "unsupported");
  EXPECT_FALSE(fs::exists(elsewhere)) << "a clone that failed leaves nothing";
}

TEST_F(FileSharingTest, clones_a_file_or_says_that_it_cannot) {
  const Status cloned = sharing_->clone(*opened(), to(), directory_.path(), kWrite);
  if (cloned) {
    EXPECT_EQ(text_of(to()), "bytes");
    EXPECT_EQ(fs::hard_link_count(from()), 1U) << "a clone is a file of its own";
  } else {
    EXPECT_EQ(code_of(cloned), "unsupported") << cloned.error().message();
    EXPECT_FALSE(fs::exists(to()));
  }
}

TEST_F(FileSharingTest, links_the_file_that_was_read_and_never_a_symbolic_link) {
  fs::create_symlink(from(), directory_.path() / "symbolic");
  const auto file = files_->open(directory_.path() / "symbolic").value();
  ASSERT_TRUE(sharing_->hard_link(*file, to()));
  EXPECT_FALSE(fs::is_symlink(to())) << "it would have the bytes of whatever it leads to later";
  EXPECT_TRUE(fs::equivalent(from(), to()));
  fs::rename(from(), directory_.path() / "elsewhere");
  std::ofstream(from()) << "other bytes";
  fs::remove(to());
  ASSERT_TRUE(sharing_->hard_link(*file, to()));
  EXPECT_EQ(text_of(to()), "bytes") << "another file under the name was not the one that was read";
}

TEST_F(FileSharingTest, makes_a_file_of_the_owner_of_its_neighbours) {
  if (::geteuid() == 0) own_directory_by_another();
  const auto made = sharing_->create(to(), directory_.path(), kWrite).value();
  EXPECT_EQ(status_of(to()).st_uid, status_of(directory_.path()).st_uid);
  EXPECT_EQ(status_of(to()).st_gid, status_of(directory_.path()).st_gid);
  EXPECT_EQ(status_of(to()).st_mode & 0777U, 0644U);
  ASSERT_TRUE(made->append(as_bytes("bytes")));
  EXPECT_EQ(text_of(to()), "bytes");
  EXPECT_EQ(code_of(sharing_->create(to(), directory_.path(), kWrite)), "conflict") << "the name is taken";
  const fs::path ours = directory_.path() / "ours";
  ASSERT_TRUE(sharing_->create(ours, directory_.path(), FileSharing::OwnerMay::read));
  EXPECT_EQ(status_of(ours).st_mode & 0777U, 0444U);
}

TEST_F(FileSharingTest, makes_no_file_through_a_symbolic_link) {
  fs::create_symlink(from(), to());
  const struct stat before = status_of(from());
  if (::geteuid() == 0) own_directory_by_another();
  EXPECT_EQ(code_of(sharing_->create(to(), directory_.path(), kWrite)), "conflict");
  EXPECT_EQ(code_of(sharing_->clone(*opened(), to(), directory_.path(), kWrite)), "conflict");
  EXPECT_EQ(status_of(from()).st_uid, before.st_uid);
  EXPECT_EQ(status_of(from()).st_mode, before.st_mode);
}

TEST_F(FileSharingTest, gives_a_directory_to_the_owner_of_its_neighbours) {
  if (::geteuid() == 0) own_directory_by_another();
  fs::create_directory(to());
  ASSERT_TRUE(sharing_->give_directory(to(), directory_.path()));
  EXPECT_EQ(status_of(to()).st_uid, status_of(directory_.path()).st_uid);
  EXPECT_EQ(status_of(to()).st_gid, status_of(directory_.path()).st_gid);
}

TEST_F(FileSharingTest, gives_away_no_directory_that_was_put_in_the_place_of_the_one_it_made) {
  const fs::path victim = directory_.path() / "victim";
  fs::create_directory(victim);
  fs::permissions(victim, fs::perms::owner_read);
  const struct stat before = status_of(victim);
  if (::geteuid() == 0) own_directory_by_another();
  fs::create_directory_symlink(victim, to());
  EXPECT_EQ(code_of(sharing_->give_directory(to(), directory_.path())), "conflict");
  EXPECT_EQ(status_of(victim).st_uid, before.st_uid);
  EXPECT_EQ(status_of(victim).st_mode, before.st_mode);
  fs::remove(to());
  fs::create_directory(to());
  std::ofstream(to() / "file") << "of somebody's";
  EXPECT_EQ(code_of(sharing_->give_directory(to(), directory_.path())), "conflict");
}

}  // namespace
}  // namespace lifeboat::sys
