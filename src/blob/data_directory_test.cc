#include "blob/data_directory.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <string>

#include "test/support/faulty_file_system.h"
#include "test/support/temporary_directory.h"

namespace lifeboat::blob {
namespace {

class DataDirectoryTest : public testing::Test {
 protected:
  void write(const sys::Path& path, std::string_view text) {
    ASSERT_TRUE(files_->create(path).value()->append(as_bytes(text)));
  }

  test::TemporaryDirectory parent_;
  sys::Path root_ = parent_.path() / "data";
  std::unique_ptr<sys::FileSystem> files_ = sys::make_posix_file_system();
};

TEST_F(DataDirectoryTest, makes_what_is_missing_and_opens_it_again) {
  const sys::Path deep = root_ / "with" / "parents";
  for (int i = 0; i < 2; ++i) {
    const auto directory = DataDirectory::open(deep, *files_);
    ASSERT_TRUE(directory) << directory.error().message();
    EXPECT_TRUE(files_->info((*directory)->blobs())->is_directory);
    EXPECT_TRUE(files_->info((*directory)->uploads())->is_directory);
    EXPECT_TRUE(files_->info((*directory)->meta())->is_directory);
  }
}

TEST_F(DataDirectoryTest, takes_an_empty_directory_with_lost_and_found) {
  ASSERT_TRUE(files_->make_directory(root_ / "lost+found"));
  EXPECT_TRUE(DataDirectory::open(root_, *files_));
}

TEST_F(DataDirectoryTest, goes_on_where_a_first_start_was_cut_off) {
  ASSERT_TRUE(files_->make_directory(root_));
  write(root_ / "lock", "");
  write(root_ / "lifeboat-data.new", "lifeb");
  EXPECT_TRUE(DataDirectory::open(root_, *files_));
}

TEST_F(DataDirectoryTest, is_for_one_process_and_names_it) {
  const auto first = DataDirectory::open(root_, *files_);
  ASSERT_TRUE(first);
  const auto second = DataDirectory::open(root_, *files_);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code(), ErrorCode::conflict);
  EXPECT_NE(second.error().message().find("process " + std::to_string(::getpid())), std::string::npos)
      << second.error().message();
}

TEST_F(DataDirectoryTest, refuses_a_foreign_directory_and_touches_nothing) {
  ASSERT_TRUE(files_->make_directory(root_));
  write(root_ / "holiday.jpg", "x");
  const auto opened = DataDirectory::open(root_, *files_);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code(), ErrorCode::invalid);
  EXPECT_NE(opened.error().message().find("got 'holiday.jpg'"), std::string::npos) << opened.error().message();
  EXPECT_EQ(files_->list(root_)->size(), 1U);
}

TEST_F(DataDirectoryTest, refuses_a_newer_format) {
  ASSERT_TRUE(files_->make_directory(root_));
  write(root_ / "lifeboat-data", "lifeboat data directory, format 2\n");
  const auto opened = DataDirectory::open(root_, *files_);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code(), ErrorCode::invalid);
  EXPECT_NE(opened.error().message().find("format 2"), std::string::npos) << opened.error().message();
  EXPECT_EQ(files_->list(root_)->size(), 1U);
}

TEST_F(DataDirectoryTest, refuses_a_file) {
  write(root_, "x");
  const auto opened = DataDirectory::open(root_, *files_);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code(), ErrorCode::invalid);
  EXPECT_EQ(opened.error().message(), "cannot use data directory '" + root_.native() + "': it is not a directory");
}

TEST(DataDirectory, says_that_the_disk_is_read_only) {
  test::FaultyFileSystem files;
  files.inject({.fault = test::DiskFault::read_only, .lasts = true});
  const auto opened = DataDirectory::open("/data", files);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code(), ErrorCode::no_space);
  EXPECT_NE(opened.error().message().find("Read-only file system"), std::string::npos) << opened.error().message();
}

TEST(DataDirectory, survives_a_power_loss_at_every_call_of_its_first_start) {
  for (uint64_t at = 0; at < 12; ++at) {
    SCOPED_TRACE("power loss at call " + std::to_string(at));
    test::FaultyFileSystem files;
    files.inject({.fault = test::DiskFault::power_loss, .at = at});
    (void)DataDirectory::open("/data", files);
    files.crash(at);
    const auto opened = DataDirectory::open("/data", files);
    EXPECT_TRUE(opened) << opened.error().message();
  }
}

}  // namespace
}  // namespace lifeboat::blob
