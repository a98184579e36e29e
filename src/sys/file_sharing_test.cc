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

class FileSharingTest : public testing::Test {
 protected:
  FileSharingTest() { std::ofstream(from()) << "bytes"; }
  fs::path from() const { return directory_.path() / "from"; }
  fs::path to() const { return directory_.path() / "to"; }
  static std::string text_of(const fs::path& path) {
    std::ifstream file(path);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  test::TemporaryDirectory directory_;
  const std::unique_ptr<FileSharing> sharing_ = make_posix_file_sharing();
};

TEST_F(FileSharingTest, links_a_file_under_a_second_name) {
  ASSERT_TRUE(sharing_->hard_link(from(), to()));
  EXPECT_EQ(fs::hard_link_count(from()), 2U);
  EXPECT_EQ(code_of(sharing_->hard_link(from(), to())), "conflict") << "the name is taken";
  EXPECT_EQ(code_of(sharing_->hard_link(directory_.path() / "nowhere", to())), "not_found");
}

TEST_F(FileSharingTest, says_that_another_file_system_must_be_copied_to) {
  if (!fs::is_directory("/dev/shm")) return;
  const fs::path elsewhere = "/dev/shm/lifeboat-test-" + std::to_string(::getpid());
  struct stat here{};
  struct stat there{};
  ASSERT_EQ(::stat(from().c_str(), &here), 0);
  ASSERT_EQ(::stat("/dev/shm", &there), 0);
  ASSERT_NE(here.st_dev, there.st_dev) << "the test needs a temporary directory on a disk";
  EXPECT_EQ(code_of(sharing_->hard_link(from(), elsewhere)), "unsupported");
  EXPECT_EQ(code_of(sharing_->clone(from(), elsewhere)), "unsupported");
  EXPECT_FALSE(fs::exists(elsewhere)) << "a clone that failed leaves nothing";
}

TEST_F(FileSharingTest, clones_a_file_or_says_that_it_cannot) {
  const Status cloned = sharing_->clone(from(), to());
  if (cloned) {
    EXPECT_EQ(text_of(to()), "bytes");
    EXPECT_EQ(fs::hard_link_count(from()), 1U) << "a clone is a file of its own";
  } else {
    EXPECT_EQ(code_of(cloned), "unsupported") << cloned.error().message();
    EXPECT_FALSE(fs::exists(to()));
  }
}

TEST_F(FileSharingTest, gives_a_file_to_the_owner_of_its_neighbours) {
  fs::permissions(from(), fs::perms::owner_read);
  ASSERT_TRUE(sharing_->give_like(from(), directory_.path()));
  struct stat file{};
  struct stat directory{};
  ASSERT_EQ(::stat(from().c_str(), &file), 0);
  ASSERT_EQ(::stat(directory_.path().c_str(), &directory), 0);
  EXPECT_EQ(file.st_uid, directory.st_uid);
  EXPECT_NE(file.st_mode & S_IWUSR, 0U);
}

TEST_F(FileSharingTest, gives_it_away_when_it_may) {
  if (::geteuid() != 0) return;
  ASSERT_EQ(::chown(directory_.path().c_str(), 4711, 4712), 0);
  ASSERT_TRUE(sharing_->give_like(from(), directory_.path()));
  struct stat file{};
  ASSERT_EQ(::stat(from().c_str(), &file), 0);
  EXPECT_EQ(file.st_uid, 4711U);
  EXPECT_EQ(file.st_gid, 4712U);
}

}  // namespace
}  // namespace lifeboat::sys
