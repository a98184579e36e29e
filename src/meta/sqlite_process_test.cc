#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <functional>

#include "meta/sqlite_store.h"
#include "sys/clock.h"
#include "test/support/run.h"
#include "test/support/temporary_directory.h"

/// What a store does beside, after and without other processes: each part that opens one is a process of its own, so
/// that it can be killed or have other rights.
namespace lifeboat::meta {
namespace {

namespace fs = std::filesystem;

constexpr uid_t kNobody = 65534;

Call call() { return {SteadyTime::max(), "test"}; }
oci::RepositoryId hosted(const std::string& name) { return {std::nullopt, oci::Repository::parse(name).value()}; }
oci::Digest digest(const std::string& text) { return oci::Digest::of(HashAlgorithm::sha256, as_bytes(text)); }

Result<std::unique_ptr<SqliteStore>> open(const fs::path& path) {
  static const sys::SystemClock clock;
  return SqliteStore::open(path, clock);
}

Status add(Store& store, const std::string& name) {
  return test::run(store.blobs().add(call(), hosted("a"), {digest(name), 1}));
}

bool has(Store& store, const std::string& name) {
  return test::run(store.blobs().find(call(), hosted("a"), digest(name))).has_value();
}

/// Runs `work` in a child, which ends with its number; as waitpid(2) tells it.
int in_child(const std::function<int()>& work) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(work());
  int status = 0;
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  return status;
}

bool ended_with(int status, int code) { return WIFEXITED(status) && WEXITSTATUS(status) == code; }

}  // namespace

TEST(SqliteStore, outlives_the_kill_of_its_process) {
  const test::TemporaryDirectory directory;
  const fs::path path = directory.path() / "lifeboat.db";
  const int status = in_child([&] {
    const auto store = open(path);
    if (!store || !add(**store, "acknowledged")) return 1;
    const oci::UploadId id = oci::UploadId::of_random(std::array<std::byte, 16>{});
    (*store)->uploads().add({id, hosted("a"), WallTime{}, std::nullopt});
    // Found means committed: by now it is the kernel's to write.
    if (!test::run((*store)->uploads().find(call(), id))) return 2;
    ::kill(::getpid(), SIGKILL);
    return 3;
  });
  ASSERT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) << status;
  const auto store = open(path);
  ASSERT_TRUE(store) << store.error().message();
  EXPECT_TRUE(has(**store, "acknowledged"));
  EXPECT_EQ(test::run((*store)->uploads().started_before(call(), WallTime(Duration(1))))->size(), 1U);
}

TEST(SqliteStore, is_written_by_two_processes_in_turn) {
  const test::TemporaryDirectory directory;
  const fs::path path = directory.path() / "lifeboat.db";
  for (const char* name : {"one", "two"}) {
    const int status = in_child([&] {
      const auto store = open(path);
      return store && add(**store, name) ? 0 : 1;
    });
    EXPECT_TRUE(ended_with(status, 0)) << name;
  }
  const auto store = open(path);
  ASSERT_TRUE(store) << store.error().message();
  EXPECT_TRUE(has(**store, "one"));
  EXPECT_TRUE(has(**store, "two"));
}

TEST(SqliteStore, says_that_it_cannot_write) {
  struct Row {
    std::string name;
    bool has_database;
    mode_t file_mode;
    mode_t directory_mode;
  };
  const std::vector<Row> rows{{"no database in a read-only directory", false, 0, 0555},
                              {"a read-only database in a read-only directory", true, 0444, 0555},
                              {"a read-only database", true, 0444, 0777}};
  for (const Row& row : rows) {
    const test::TemporaryDirectory directory;
    const fs::path path = directory.path() / "lifeboat.db";
    if (row.has_database) {
      ASSERT_TRUE(open(path));
      ASSERT_EQ(::chmod(path.c_str(), row.file_mode), 0);
    }
    ASSERT_EQ(::chmod(directory.path().c_str(), row.directory_mode), 0);
    const int status = in_child([&] {
      // Root may write anywhere.
      if (::geteuid() == 0 && ::setuid(kNobody) != 0) return 1;
      const auto store = open(path);
      if (store) return 2;
      const std::string& message = store.error().message();
      if (message.find(path.string()) == std::string::npos) return 3;
      const bool is_named = message.find("can only be read") != std::string::npos ||
                            message.find("Permission denied") != std::string::npos;
      return is_named ? 0 : 4;
    });
    EXPECT_TRUE(ended_with(status, 0)) << row.name << ": " << status;
    ASSERT_EQ(::chmod(directory.path().c_str(), 0755), 0);
  }
}

}  // namespace lifeboat::meta
