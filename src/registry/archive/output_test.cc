#include "registry/archive/output.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>

#include "test/support/code_of.h"
#include "test/support/faulty_file_system.h"
#include "test/support/temporary_directory.h"

namespace lifeboat::registry::archive {
namespace {

namespace fs = std::filesystem;
using test::code_of;

class ArchiveOutput : public testing::Test {
 protected:
  fs::path path(const std::string& name) const { return directory_.path() / name; }
  std::set<std::string> names() const {
    std::set<std::string> found;
    for (const auto& entry : fs::directory_iterator(directory_.path())) found.insert(entry.path().filename());
    return found;
  }
  static std::string text_of(const fs::path& file) {
    std::ifstream stream(file);
    return {std::istreambuf_iterator<char>(stream), {}};
  }
  void write(const std::string& name, const std::string& text) {
    const auto output = Output::begin(*files_, directory_.path(), "app").value();
    ASSERT_TRUE(output->append(as_bytes(text)));
    ASSERT_TRUE(output->commit(name));
  }
  test::TemporaryDirectory directory_;
  const std::unique_ptr<sys::FileSystem> files_ = sys::make_posix_file_system();
};

TEST_F(ArchiveOutput, is_seen_by_nobody_before_it_is_whole) {
  const auto output = Output::begin(*files_, directory_.path(), "app").value();
  ASSERT_TRUE(output->append(as_bytes("half")));
  for (const std::string& name : names()) EXPECT_TRUE(name.starts_with(".")) << name;
  ASSERT_TRUE(output->append(as_bytes(" and half")));
  ASSERT_TRUE(output->commit("app.tar"));
  EXPECT_EQ(text_of(path("app.tar")), "half and half");
}

TEST_F(ArchiveOutput, leaves_the_file_and_a_checksum_that_sha256sum_takes_and_nothing_else) {
  write("app.tar", "bytes");
  EXPECT_EQ(names(), (std::set<std::string>{"app.tar", "app.tar.sha256"}));
  const std::string check = "cd '" + directory_.path().string() + "' && sha256sum -c --quiet app.tar.sha256";
  EXPECT_EQ(std::system(check.c_str()), 0);  // NOLINT(concurrency-mt-unsafe)
  write("app.tar", "other bytes");
  EXPECT_EQ(std::system(check.c_str()), 0) << "of the file that replaced it";  // NOLINT(concurrency-mt-unsafe)
}

TEST_F(ArchiveOutput, removes_what_was_not_committed) {
  write("app.tar", "old");
  {
    const auto output = Output::begin(*files_, directory_.path(), "app").value();
    ASSERT_TRUE(output->append(as_bytes("new")));
  }
  EXPECT_EQ(names(), (std::set<std::string>{"app.tar", "app.tar.sha256"}));
  EXPECT_EQ(text_of(path("app.tar")), "old");
}

TEST_F(ArchiveOutput, cleans_up_behind_a_killed_run_of_the_same_family) {
  std::ofstream(path(".lifeboat-app.partial")) << "half";
  std::ofstream(path(".lifeboat-app.lock")) << "4711";
  std::ofstream(path(".lifeboat-other.partial")) << "half";
  write("app.tar", "bytes");
  EXPECT_EQ(names(), (std::set<std::string>{"app.tar", "app.tar.sha256", ".lifeboat-other.partial"}));
  EXPECT_EQ(remove_leftovers(*files_, directory_.path()).value(), 1U);
  EXPECT_EQ(names(), (std::set<std::string>{"app.tar", "app.tar.sha256"}));
}

TEST_F(ArchiveOutput, lets_only_one_write_a_family) {
  const auto first = Output::begin(*files_, directory_.path(), "app").value();
  ASSERT_TRUE(first->append(as_bytes("bytes")));
  EXPECT_EQ(code_of(Output::begin(*files_, directory_.path(), "app")), "conflict");
  EXPECT_TRUE(Output::begin(*files_, directory_.path(), "other"));
  EXPECT_EQ(remove_leftovers(*files_, directory_.path()).value(), 0U) << "what is being written is not left over";
  EXPECT_TRUE(first->commit("app.tar")) << "the second one took nothing away";
}

TEST_F(ArchiveOutput, names_nothing_but_what_it_wrote_itself) {
  write("app.tar", "old");
  const auto output = Output::begin(*files_, directory_.path(), "app").value();
  ASSERT_TRUE(output->append(as_bytes("whole")));
  fs::remove(path(".lifeboat-app.partial"));
  std::ofstream(path(".lifeboat-app.partial")) << "ha";
  EXPECT_EQ(code_of(output->commit("app.tar")), "conflict") << "another run is writing under the same name";
  EXPECT_EQ(text_of(path("app.tar")), "old");
  EXPECT_TRUE(fs::exists(path("app.tar.sha256"))) << "which is still of the old one";
}

TEST_F(ArchiveOutput, leads_the_link_to_the_newest) {
  const auto output = Output::begin(*files_, directory_.path(), "app").value();
  ASSERT_TRUE(output->append(as_bytes("bytes")));
  ASSERT_TRUE(output->commit("app-1.tar"));
  ASSERT_TRUE(output->link("app-latest.tar", "app-1.tar"));
  EXPECT_EQ(text_of(path("app-latest.tar")), "bytes");
  EXPECT_EQ(fs::read_symlink(path("app-latest.tar")), "app-1.tar") << "the directory may be mounted elsewhere";
}

std::optional<std::string> text_in(sys::FileSystem& files, const sys::Path& path) {
  const auto file = files.open(path);
  if (!file) return std::nullopt;
  std::string text((*file)->size().value(), ' ');
  EXPECT_EQ((*file)->read_at(0, std::as_writable_bytes(std::span(text))).value(), text.size());
  return text;
}

Status write_to(sys::FileSystem& files, const std::string& text) {
  LB_TRY(const auto output, Output::begin(files, "/archives", "app"));
  LB_CHECK(output->append(as_bytes(text)));
  return output->commit("app.tar");
}

std::string checksum_of(const std::string& text) {
  return to_hex(hash_of(HashAlgorithm::sha256, as_bytes(text))) + "  app.tar\n";
}

TEST(ArchiveOutputAtPowerLoss, is_the_old_file_or_the_new_one_and_never_has_another_ones_checksum) {
  const std::string old_text(700, 'o');
  const std::string new_text(900, 'n');
  bool has_ended_before = true;
  for (uint64_t at = 0; has_ended_before; ++at) {
    for (uint64_t seed = 0; seed < 8; ++seed) {
      test::FaultyFileSystem files;
      ASSERT_TRUE(files.make_directory("/archives"));
      ASSERT_TRUE(write_to(files, old_text));
      files.inject({.fault = test::DiskFault::power_loss, .at = at});
      const bool is_told_written = write_to(files, new_text).has_value();
      has_ended_before = !is_told_written;
      files.crash(seed);
      const std::string where = "at call " + std::to_string(at) + ", seed " + std::to_string(seed);
      const auto found = text_in(files, "/archives/app.tar");
      ASSERT_TRUE(found) << where << ": there is none any more";
      EXPECT_TRUE(*found == old_text || *found == new_text) << where << ": it is a half one";
      if (is_told_written) {
        EXPECT_EQ(*found, new_text) << where;
      }
      const auto checksum = text_in(files, "/archives/app.tar.sha256");
      if (checksum) {
        EXPECT_EQ(*checksum, checksum_of(*found)) << where;
      }
      ASSERT_TRUE(write_to(files, new_text)) << where << ": the next run is in the way of what was left";
      EXPECT_EQ(files.list("/archives").value().size(), 2U) << where << ": something stays";
    }
  }
}

TEST(ArchiveOutputOnAFullDisk, says_so_and_leaves_what_was_there) {
  for (uint64_t at = 0; at < 4; ++at) {
    test::FaultyFileSystem files;
    ASSERT_TRUE(files.make_directory("/archives"));
    ASSERT_TRUE(write_to(files, "old"));
    files.inject({.fault = test::DiskFault::short_write, .at = at, .only = test::DiskCall::write, .lasts = true});
    const Status written = write_to(files, "new and longer");
    if (written) break;
    EXPECT_EQ(code_of(written), "no_space");
    files.heal();
    EXPECT_EQ(text_in(files, "/archives/app.tar"), "old");
    EXPECT_EQ(files.list("/archives").value().size(), 2U);
  }
}

}  // namespace
}  // namespace lifeboat::registry::archive
