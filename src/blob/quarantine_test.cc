#include "blob/quarantine.h"

#include <gtest/gtest.h>

#include <fstream>
#include <set>

#include "test/support/blob_rig.h"
#include "test/support/temporary_directory.h"

namespace lifeboat::blob {
namespace {

using test::sha256_of;

class QuarantineTest : public testing::Test {
 protected:
  sys::Path file_of(const std::string& bytes) {
    const sys::Path path = directory_.path() / "found";
    std::ofstream(path, std::ios::binary) << bytes;
    return path;
  }
  std::set<std::string> names() {
    std::set<std::string> names;
    const auto entries = files_->list(directory_.path() / "q").value();
    for (const auto& entry : entries) names.insert(entry.name);
    return names;
  }
  Quarantine of(Quarantine::Bounds bounds) { return {directory_.path() / "q", bounds, *files_}; }

  test::TemporaryDirectory directory_;
  std::unique_ptr<sys::FileSystem> files_ = sys::make_posix_file_system();
  const WallTime now_{Duration(1'769'904'000'123)};  // 2026-02-01 00:00 UTC, and 123 ms
};

TEST_F(QuarantineTest, keeps_what_it_takes_with_the_reason) {
  Quarantine quarantine = of({});
  ASSERT_TRUE(quarantine.take(file_of("rotten"), sha256_of("good"), "got another digest", now_));
  const std::string name = sha256_of("good").hex() + ".20260201T000000.123Z";
  EXPECT_EQ(names(), (std::set<std::string>{name, name + ".reason"}));
  std::ifstream reason(directory_.path() / "q" / (name + ".reason"));
  std::string line;
  std::getline(reason, line);
  EXPECT_EQ(line, "got another digest");
  EXPECT_FALSE(std::filesystem::exists(directory_.path() / "found"));
  ASSERT_TRUE(quarantine.take(file_of("rotten too"), sha256_of("good"), "again", now_));
  EXPECT_EQ(names().size(), 4U) << "the same content at the same time is kept beside it";
}

TEST_F(QuarantineTest, removes_the_oldest_beyond_its_size) {
  Quarantine quarantine = of({.max_bytes = 10});
  ASSERT_TRUE(quarantine.take(file_of("123456"), sha256_of("z first"), "r", now_));
  ASSERT_TRUE(quarantine.take(file_of("123456"), sha256_of("a second"), "r", now_ + std::chrono::seconds(1)));
  EXPECT_EQ(names(), (std::set<std::string>{sha256_of("a second").hex() + ".20260201T000001.123Z",
                                            sha256_of("a second").hex() + ".20260201T000001.123Z.reason"}));
}

TEST_F(QuarantineTest, removes_what_is_older_than_its_age) {
  Quarantine quarantine = of({.max_age = std::chrono::hours(1)});
  ASSERT_TRUE(quarantine.take(file_of("1"), sha256_of("old"), "r", now_));
  ASSERT_TRUE(quarantine.take(file_of("2"), sha256_of("new"), "r", now_ + std::chrono::minutes(61)));
  EXPECT_EQ(names().size(), 2U);
  EXPECT_TRUE(names().contains(sha256_of("new").hex() + ".20260201T010100.123Z"));
}

}  // namespace
}  // namespace lifeboat::blob
