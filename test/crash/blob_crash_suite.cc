#include <gtest/gtest.h>

#include "test/crash/blob_story.h"
#include "test/support/run.h"

/// Promise 5 of the house: nothing acknowledged is lost, and after a failure nothing half-made is visible. A story is
/// drawn from each seed, and the disk fails at each of its calls in turn.
namespace lifeboat::test {
namespace {

constexpr uint64_t kSeeds = 40;
constexpr int kSteps = 10;
const sys::Path kRoot = "/data";

std::string told(const std::vector<std::string>& faults) {
  std::string text;
  for (const std::string& fault : faults) text.append(fault).append("\n");
  return text;
}

/// Calls on the disk that the story of a seed makes when all goes well.
uint64_t calls_of(uint64_t seed) {
  FaultyFileSystem disk;
  FsStoreRig rig(disk);
  LB_ASSERT(rig.open(kRoot));
  BlobStory story(rig, seed);
  story.play(kSteps);
  EXPECT_TRUE(find_faults(rig, story.acknowledged()).empty());
  return disk.calls();
}

/// Is all well after the machine came up again?
void expect_all_well_after_crash(FaultyFileSystem& disk, const std::map<oci::Digest, std::string>& acknowledged,
                                 uint64_t crash_seed) {
  disk.crash(crash_seed);
  FsStoreRig rig(disk);
  const Status opened = rig.open(kRoot);
  ASSERT_TRUE(opened) << opened.error().message();
  EXPECT_EQ(told(find_faults(rig, acknowledged)), "");
  EXPECT_TRUE(run(rig.store->put(a_call(), sha256_of("a new day"), "a new day")));
}

class SeededStory : public testing::TestWithParam<uint64_t> {};

TEST_P(SeededStory, survives_a_power_loss_at_every_call) {
  const uint64_t seed = GetParam();
  const uint64_t calls = calls_of(seed);
  for (uint64_t at = 0; at < calls && !HasFailure(); ++at) {
    SCOPED_TRACE("seed " + std::to_string(seed) + ", power loss at call " + std::to_string(at));
    FaultyFileSystem disk;
    disk.inject({.fault = DiskFault::power_loss, .at = at});
    std::map<oci::Digest, std::string> acknowledged;
    {
      FsStoreRig rig(disk);
      BlobStory story(rig, seed);
      if (rig.open(kRoot)) story.play(kSteps);
      acknowledged = story.acknowledged();
    }
    // Every third time the disk keeps nothing but what was synced.
    expect_all_well_after_crash(disk, acknowledged, at % 3 == 0 ? 0 : seed * 1000 + at);
  }
}

void expect_clear_errors(const BlobStory& story, ErrorCode code) {
  for (const Error& error : story.errors()) {
    EXPECT_TRUE(error.code() == code || error.code() == ErrorCode::corrupt)
        << to_string(error.code()) << error.message();
    EXPECT_TRUE(error.message().starts_with("cannot ")) << error.message();
    EXPECT_NE(error.message().find('\''), std::string::npos) << error.message();
  }
}

struct FaultRow {
  const char* name;
  DiskFault fault;
  bool lasts;
  ErrorCode code;
};

const FaultRow kFaults[] = {
    {"disk is full once", DiskFault::no_space, false, ErrorCode::no_space},
    {"disk stays full", DiskFault::no_space, true, ErrorCode::no_space},
    {"disk fails once", DiskFault::io_error, false, ErrorCode::internal},
    {"disk stays read-only", DiskFault::read_only, true, ErrorCode::no_space},
    {"a write is short once", DiskFault::short_write, false, ErrorCode::no_space},
};

TEST_P(SeededStory, a_failing_call_leaves_nothing_half_made) {
  const uint64_t seed = GetParam();
  const uint64_t calls = calls_of(seed);
  for (uint64_t at = 0; at < calls && !HasFailure(); ++at) {
    const FaultRow& row = kFaults[(seed + at) % std::size(kFaults)];
    SCOPED_TRACE("seed " + std::to_string(seed) + ", call " + std::to_string(at) + ": " + row.name);
    FaultyFileSystem disk;
    std::map<oci::Digest, std::string> acknowledged;
    {
      FsStoreRig rig(disk);
      ASSERT_TRUE(rig.open(kRoot));
      disk.inject({.fault = row.fault, .at = at, .lasts = row.lasts});
      BlobStory story(rig, seed);
      story.play(kSteps);
      expect_clear_errors(story, row.code);
      acknowledged = story.acknowledged();
      disk.heal();
      // A disk that cannot remove keeps what it was given until the next start; else nothing is left.
      if (row.fault != DiskFault::read_only) {
        const std::set<oci::Digest> refused = story.refused();
        for (const oci::Digest& digest : refused)
          EXPECT_FALSE(run(rig.store->open(a_call(), digest))) << "refused and still there: " << digest.to_string();
        EXPECT_EQ(told(find_faults(rig, acknowledged)), "");
      }
    }
    expect_all_well_after_crash(disk, acknowledged, seed * 1000 + at);
  }
}

INSTANTIATE_TEST_SUITE_P(Blob, SeededStory, testing::Range<uint64_t>(1, kSeeds + 1),
                         [](const auto& row) { return "seed_" + std::to_string(row.param); });

struct SyncRow {
  const char* name;
  DiskCall call;
};

class EveryKindOfCall : public testing::TestWithParam<SyncRow> {};

TEST_P(EveryKindOfCall, failing_once_fails_the_put_and_not_the_next) {
  FaultyFileSystem disk;
  FsStoreRig rig(disk);
  ASSERT_TRUE(rig.open(kRoot));
  disk.inject({.fault = DiskFault::io_error, .only = GetParam().call});
  const Status failed = run(rig.store->put(a_call(), sha256_of("hello"), "hello"));
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().code(), ErrorCode::internal);
  EXPECT_FALSE(run(rig.store->open(a_call(), sha256_of("hello"))));
  EXPECT_TRUE(disk.list(rig.directory->uploads())->empty());
  EXPECT_TRUE(run(rig.store->put(a_call(), sha256_of("hello"), "hello")));
  EXPECT_TRUE(run(rig.store->open(a_call(), sha256_of("hello"))));
}

INSTANTIATE_TEST_SUITE_P(Blob, EveryKindOfCall,
                         testing::Values(SyncRow{"create", DiskCall::create}, SyncRow{"write", DiskCall::write},
                                         SyncRow{"sync", DiskCall::sync}, SyncRow{"rename", DiskCall::rename},
                                         SyncRow{"make_directory", DiskCall::make_directory},
                                         SyncRow{"sync_directory", DiskCall::sync_directory}),
                         [](const auto& row) { return row.param.name; });

TEST(FsStore, replaces_content_of_a_wrong_length) {
  FaultyFileSystem disk;
  FsStoreRig rig(disk);
  ASSERT_TRUE(rig.open(kRoot));
  const oci::Digest digest = sha256_of("hello");
  ASSERT_TRUE(run(rig.store->put(a_call(), digest, "hello")));
  const sys::Path path = rig.directory->blobs() / "sha256" / digest.hex().substr(0, 2) / digest.hex();
  ASSERT_TRUE(disk.open_to_append(path).value()->truncate(3));
  ASSERT_TRUE(run(rig.store->put(a_call(), digest, "hello")));
  EXPECT_EQ(read_all(*run(rig.store->open(a_call(), digest))->bytes), "hello");
}

TEST(FsStore, makes_no_directory_and_no_file_for_content_it_has) {
  FaultyFileSystem disk;
  FsStoreRig rig(disk);
  ASSERT_TRUE(rig.open(kRoot));
  ASSERT_TRUE(run(rig.store->put(a_call(), sha256_of("hello"), "hello")));
  const uint64_t before = disk.calls();
  ASSERT_TRUE(run(rig.store->put(a_call(), sha256_of("hello"), "hello")));
  EXPECT_EQ(disk.calls(), before);
}

TEST(FsStore, does_not_acknowledge_what_an_earlier_process_left_unsynced) {
  FaultyFileSystem disk;
  const oci::Digest digest = sha256_of("hello");
  {
    FsStoreRig rig(disk);
    ASSERT_TRUE(rig.open(kRoot));
    // Killed between the rename and the sync of the directory: the name is seen, and would not survive a power loss.
    ASSERT_TRUE(disk.make_directory(rig.directory->blobs() / "sha256" / digest.hex().substr(0, 2)));
    const auto file = disk.create(rig.directory->uploads() / "put-0").value();
    ASSERT_TRUE(file->append(as_bytes("hello")));
    ASSERT_TRUE(file->sync());
    ASSERT_TRUE(disk.rename(rig.directory->uploads() / "put-0",
                            rig.directory->blobs() / "sha256" / digest.hex().substr(0, 2) / digest.hex()));
  }
  {
    FsStoreRig rig(disk);
    ASSERT_TRUE(rig.open(kRoot));
    ASSERT_TRUE(run(rig.store->put(a_call(), digest, "hello")));
  }
  expect_all_well_after_crash(disk, {{digest, "hello"}}, 0);
}

TEST(FsStore, a_session_whose_sync_failed_is_never_content) {
  FaultyFileSystem disk;
  FsStoreRig rig(disk);
  ASSERT_TRUE(rig.open(kRoot));
  {
    auto writer = run(rig.store->begin(a_call(), session_id(1), HashAlgorithm::sha256)).value();
    ASSERT_TRUE(run(writer->append(block_of(rig.blocks, "hello"))));
    ASSERT_TRUE(run(writer->flush()));
    // Neither can it be removed: it is still there when the disk has recovered, and its bytes are not on it.
    disk.inject({.fault = DiskFault::io_error, .lasts = true});
    EXPECT_FALSE(run(writer->commit(sha256_of("hello"))));
    disk.heal();
  }
  const auto resumed = run(rig.store->resume(a_call(), session_id(1), HashAlgorithm::sha256));
  ASSERT_FALSE(resumed);
  EXPECT_EQ(resumed.error().code(), ErrorCode::not_found);
  EXPECT_TRUE(run(rig.store->sessions(a_call()))->empty());
  EXPECT_TRUE(run(rig.store->discard(a_call(), session_id(1))));
  EXPECT_TRUE(disk.list(rig.directory->uploads())->empty());
}

TEST(FsStore, clears_away_what_put_left_and_keeps_sessions) {
  FaultyFileSystem disk;
  {
    FsStoreRig rig(disk);
    ASSERT_TRUE(rig.open(kRoot));
    ASSERT_TRUE(disk.create(rig.directory->uploads() / "put-17"));
    ASSERT_TRUE(run(rig.store->begin(a_call(), session_id(3), HashAlgorithm::sha256)));
  }
  FsStoreRig rig(disk);
  ASSERT_TRUE(rig.open(kRoot));
  const auto left = disk.list(rig.directory->uploads()).value();
  ASSERT_EQ(left.size(), 1U);
  EXPECT_EQ(left[0].name, session_id(3).to_string());
}

}  // namespace
}  // namespace lifeboat::test
