#include "sys/file_system.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <string>
#include <vector>

#include "sys/posix_file.h"
#include "test/support/temporary_directory.h"

namespace lifeboat::sys {
namespace {

class PosixFileSystem : public testing::Test {
 protected:
  std::string read_all(const Path& path) {
    const auto file = disk_->open(path);
    EXPECT_TRUE(file);
    std::string text((*file)->size().value(), '\0');
    EXPECT_EQ((*file)->read_at(0, std::as_writable_bytes(std::span(text))).value(), text.size());
    return text;
  }
  void write_new(const Path& path, std::string_view text) {
    const auto file = disk_->create(path);
    ASSERT_TRUE(file) << file.error().message();
    ASSERT_TRUE((*file)->append(as_bytes(text)));
  }

  test::TemporaryDirectory directory_;
  Path root_ = directory_.path();
  std::unique_ptr<FileSystem> disk_ = make_posix_file_system();
};

TEST_F(PosixFileSystem, reads_what_was_appended_at_any_offset) {
  write_new(root_ / "file", "0123456789");
  const auto file = disk_->open(root_ / "file").value();
  std::vector<std::byte> out(4);
  EXPECT_EQ(file->read_at(3, out).value(), 4U);
  EXPECT_EQ(as_text(out), "3456");
  EXPECT_EQ(file->read_at(8, out).value(), 2U);
  EXPECT_EQ(file->read_at(10, out).value(), 0U);
  EXPECT_EQ(file->read_at(1000, out).value(), 0U);
  EXPECT_GE(file->native_handle(), 0);
}

TEST_F(PosixFileSystem, appends_many_bytes_in_one_call) {
  const std::string text(9 * kMiB + 7, 'x');
  write_new(root_ / "file", text);
  EXPECT_EQ(disk_->info(root_ / "file")->size_bytes, text.size());
  EXPECT_EQ(read_all(root_ / "file"), text);
}

TEST_F(PosixFileSystem, goes_on_at_the_end_after_a_truncate) {
  write_new(root_ / "file", "0123456789");
  const auto file = disk_->open_to_append(root_ / "file").value();
  ASSERT_TRUE(file->truncate(4));
  ASSERT_TRUE(file->append(as_bytes("ab")));
  ASSERT_TRUE(file->sync());
  EXPECT_EQ(read_all(root_ / "file"), "0123ab");
}

TEST_F(PosixFileSystem, a_reader_sees_the_file_grow) {
  const auto file = disk_->create(root_ / "file").value();
  const auto reader = disk_->open(root_ / "file").value();
  EXPECT_EQ(reader->size().value(), 0U);
  ASSERT_TRUE(file->append(as_bytes("abc")));
  EXPECT_EQ(reader->size().value(), 3U);
}

TEST_F(PosixFileSystem, files_are_made_without_write_permission_and_can_be_continued) {
  write_new(root_ / "file", "abc");
  const auto mode_of = [&] {
    struct stat status{};
    EXPECT_EQ(::stat((root_ / "file").c_str(), &status), 0);
    return status.st_mode & 0777U;
  };
  EXPECT_EQ(mode_of() & 0222U, 0U);
  ASSERT_TRUE(disk_->open_to_append(root_ / "file").value()->append(as_bytes("d")));
  EXPECT_EQ(mode_of() & 0222U, 0U);
}

TEST_F(PosixFileSystem, opens_files_alone_and_never_waits_for_a_pipe) {
  ASSERT_EQ(::mkfifo((root_ / "pipe").c_str(), 0600), 0);
  ASSERT_TRUE(disk_->make_directory(root_ / "directory"));
  std::filesystem::create_symlink("/dev/zero", root_ / "device");
  for (const char* name : {"pipe", "directory", "device"}) {
    const auto file = disk_->open(root_ / name);
    ASSERT_FALSE(file) << name;
    EXPECT_EQ(file.error().message(), "cannot open file '" + (root_ / name).native() + "': it is not a file");
  }
}

TEST_F(PosixFileSystem, create_refuses_a_taken_name) {
  write_new(root_ / "file", "abc");
  const auto again = disk_->create(root_ / "file");
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code(), ErrorCode::conflict);
  EXPECT_EQ(again.error().message(), "cannot create file '" + (root_ / "file").native() + "': the name is taken");
}

TEST_F(PosixFileSystem, says_not_found_with_the_path) {
  const Path path = root_ / "absent";
  EXPECT_EQ(disk_->open(path).error().code(), ErrorCode::not_found);
  EXPECT_EQ(disk_->open_to_append(path).error().code(), ErrorCode::not_found);
  EXPECT_EQ(disk_->info(path).error().code(), ErrorCode::not_found);
  EXPECT_EQ(disk_->list(path).error().code(), ErrorCode::not_found);
  EXPECT_EQ(disk_->sync_directory(path).error().code(), ErrorCode::not_found);
  EXPECT_EQ(disk_->rename(path, root_ / "other").error().code(), ErrorCode::not_found);
  const Status removed = disk_->remove(path);
  EXPECT_EQ(removed.error().code(), ErrorCode::not_found);
  EXPECT_EQ(removed.error().message(), "cannot remove file '" + path.native() + "': No such file or directory");
}

TEST_F(PosixFileSystem, rename_replaces) {
  write_new(root_ / "old", "old");
  write_new(root_ / "new", "new");
  ASSERT_TRUE(disk_->rename(root_ / "new", root_ / "old"));
  EXPECT_EQ(read_all(root_ / "old"), "new");
  EXPECT_EQ(disk_->list(root_)->size(), 1U);
}

TEST_F(PosixFileSystem, makes_directories_with_parents_and_twice) {
  ASSERT_TRUE(disk_->make_directory(root_ / "a/b/c"));
  ASSERT_TRUE(disk_->make_directory(root_ / "a/b/c"));
  ASSERT_TRUE(disk_->sync_directory(root_ / "a/b/c"));
  EXPECT_TRUE(disk_->info(root_ / "a/b/c")->is_directory);
  write_new(root_ / "a/file", "x");
  EXPECT_FALSE(disk_->make_directory(root_ / "a/file"));
  EXPECT_FALSE(disk_->make_directory(root_ / "a/file/below"));
}

TEST_F(PosixFileSystem, lists_names_and_kinds) {
  ASSERT_TRUE(disk_->make_directory(root_ / "directory"));
  write_new(root_ / "file", "x");
  auto entries = disk_->list(root_).value();
  std::ranges::sort(entries, {}, &DirectoryEntry::name);
  ASSERT_EQ(entries.size(), 2U);
  EXPECT_EQ(entries[0].name, "directory");
  EXPECT_TRUE(entries[0].is_directory);
  EXPECT_EQ(entries[1].name, "file");
  EXPECT_FALSE(entries[1].is_directory);
}

TEST_F(PosixFileSystem, leaves_no_descriptor_to_a_child) {
  const auto writer = disk_->create(root_ / "file").value();
  const auto reader = disk_->open(root_ / "file").value();
  const auto lock = disk_->lock(root_ / "lock").value();
  const auto entries = disk_->list("/proc/self/fd").value();
  for (const auto& entry : entries) {
    const Path target = "/proc/self/fd/" + entry.name;
    std::error_code gone;
    if (!std::filesystem::read_symlink(target, gone).native().starts_with(root_.native())) continue;
    EXPECT_NE(::fcntl(std::stoi(entry.name), F_GETFD) & FD_CLOEXEC, 0) << target;
  }
}

TEST_F(PosixFileSystem, lock_is_held_once_and_names_its_holder) {
  auto lock = disk_->lock(root_ / "lock");
  ASSERT_TRUE(lock);
  const auto second = disk_->lock(root_ / "lock");
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code(), ErrorCode::conflict);
  EXPECT_EQ(second.error().message(), "cannot lock file '" + (root_ / "lock").native() + "': process " +
                                          std::to_string(::getpid()) + " holds it");
  lock->reset();
  EXPECT_TRUE(disk_->lock(root_ / "lock"));
}

TEST_F(PosixFileSystem, a_lock_on_a_file_that_lost_its_name_is_none) {
  const Path path = root_ / "lock";
  const int opened_before = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  ASSERT_GE(opened_before, 0);
  ASSERT_TRUE(disk_->remove(path));
  EXPECT_EQ(take_lock(path, opened_before), LockTaken::of_a_lost_name) << "its holder removed it and let it go";
  const auto next = disk_->lock(path);
  ASSERT_TRUE(next);
  EXPECT_EQ(take_lock(path, opened_before), LockTaken::of_a_lost_name) << "another one has the name now, and the lock";
  const int opened_now = ::open(path.c_str(), O_RDWR | O_CLOEXEC);
  EXPECT_EQ(take_lock(path, opened_now), LockTaken::by_another);
  ::close(opened_before);
  ::close(opened_now);
}

TEST_F(PosixFileSystem, a_lock_is_not_taken_where_the_name_never_holds) {
  const Path path = root_ / "lock";
  const int lost = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  ASSERT_TRUE(disk_->remove(path));
  // Each time it opens the file without a name, and there is none beside it.
  const auto lock = disk_->lock("/proc/self/fd/" + std::to_string(lost));
  ASSERT_FALSE(lock);
  EXPECT_EQ(lock.error().code(), ErrorCode::conflict);
  ::close(lost);
}

TEST_F(PosixFileSystem, tells_whether_a_file_still_has_its_name) {
  write_new(root_ / "file", "one");
  const auto file = disk_->open(root_ / "file").value();
  EXPECT_TRUE(is_still_named(*file, root_ / "file"));
  ASSERT_TRUE(disk_->remove(root_ / "file"));
  EXPECT_FALSE(is_still_named(*file, root_ / "file"));
  write_new(root_ / "file", "two");
  EXPECT_FALSE(is_still_named(*file, root_ / "file")) << "another file has it";
}

TEST_F(PosixFileSystem, a_full_device_is_no_space) {
  const auto file = disk_->open_to_append("/dev/full");
  ASSERT_TRUE(file) << file.error().message();
  const Status written = (*file)->append(as_bytes("x"));
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().code(), ErrorCode::no_space);
  EXPECT_EQ(written.error().message(), "cannot write file '/dev/full': No space left on device");
}

}  // namespace
}  // namespace lifeboat::sys
