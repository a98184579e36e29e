#include "registry/archive/shelf.h"

#include <gtest/gtest.h>

#include <fstream>
#include <set>

#include "test/support/code_of.h"
#include "test/support/image.h"
#include "test/support/temporary_directory.h"

namespace lifeboat::registry::archive {
namespace {

using test::code_of;

oci::FullReference name(std::string_view text) { return oci::FullReference::parse(text).value(); }

TEST(ArchiveNames, say_repository_tag_and_digest) {
  const oci::Digest digest = test::sha256_of("bytes");
  const std::string hex = digest.hex().substr(0, 12);
  EXPECT_EQ(family_of(name("ghcr.io/org/app:v1.2")), "org-app-v1.2");
  EXPECT_EQ(family_of(name("ghcr.io/app@" + digest.to_string())), "app") << "a digest has no newest";
  const std::vector<oci::Platform> some{oci::Platform::parse("linux/arm/v6").value(),
                                        oci::Platform::parse("linux/amd64").value()};
  EXPECT_EQ(family_of(name("ghcr.io/org/app:v1"), some), "org-app-v1+linux-amd64+linux-arm-v6") << "in one order";
  EXPECT_EQ(file_name("org-app-v1", digest, sys::TarCompression::none), "org-app-v1-" + hex + ".tar");
  EXPECT_EQ(file_name("org-app-v1", digest, sys::TarCompression::zstd), "org-app-v1-" + hex + ".tar.zst");
  EXPECT_EQ(latest_name("org-app-v1", sys::TarCompression::gzip), "org-app-v1-latest.tar.gz");
}

class Shelf : public testing::Test {
 protected:
  void put(const std::string& file, const std::string& reference,
           sys::TarCompression compression = sys::TarCompression::none) {
    const std::string index = R"({"schemaVersion":2,"manifests":[)" +
                              test::descriptor_of("manifest", oci::kOciManifest,
                                                  R"(,"annotations":{"io.containerd.image.name":")" + reference +
                                                      R"(","org.opencontainers.image.ref.name":"v1"})") +
                              "]}";
    std::ofstream stream(directory_.path() / file, std::ios::binary);
    const auto sink = [&](ByteView bytes) -> Status {
      stream << as_text(bytes);
      return {};
    };
    const auto writer = sys::TarWriter::make(sink, compression).value();
    ASSERT_TRUE(writer->begin("index.json", index.size()));
    ASSERT_TRUE(writer->append(as_bytes(index)));
    ASSERT_TRUE(writer->finish());
    stream.close();
    // Each a second later than the one before.
    const auto when = std::filesystem::file_time_type(std::chrono::seconds(1'700'000'000 + ++made_));
    std::filesystem::last_write_time(directory_.path() / file, when);
  }
  std::vector<std::string> files() {
    std::vector<std::string> names;
    const auto archives = archives_in(*files_, directory_.path()).value();
    for (const Standing& one : archives) names.push_back(one.file);
    return names;
  }
  test::TemporaryDirectory directory_;
  const std::unique_ptr<sys::FileSystem> files_ = sys::make_posix_file_system();
  int made_ = 0;
};

TEST_F(Shelf, lists_archives_the_newest_first_with_their_names) {
  put("old.tar", "a.example/app:v1");
  put("new.tar.gz", "a.example/app:v2", sys::TarCompression::gzip);
  std::filesystem::create_symlink("new.tar.gz", directory_.path() / "app-latest.tar.gz");
  std::ofstream(directory_.path() / ".lifeboat-app.partial") << "half";
  std::ofstream(directory_.path() / "notes.txt") << "text";
  const std::vector<std::string> newest_first{"new.tar.gz", "old.tar"};
  EXPECT_EQ(files(), newest_first);
  const auto archives = archives_in(*files_, directory_.path()).value();
  ASSERT_EQ(archives[0].tags().size(), 1U);
  EXPECT_EQ(archives[0].tags()[0], "a.example/app:v2");
  EXPECT_EQ(archives[0].compression, sys::TarCompression::gzip);
  EXPECT_EQ(archives[0].entries[0].descriptor.digest, test::sha256_of("manifest"));
}

TEST_F(Shelf, says_what_is_wrong_with_an_archive_and_lists_it) {
  std::ofstream(directory_.path() / "broken.tar") << "this is no archive at all";
  const auto archives = archives_in(*files_, directory_.path()).value();
  ASSERT_EQ(archives.size(), 1U);
  EXPECT_NE(archives[0].fault, "");
  EXPECT_EQ(code_of(look_at(*files_, directory_.path() / "none.tar")), "not_found");
}

TEST_F(Shelf, refuses_to_mix_two_names_that_are_called_the_same) {
  put("org-app-v1-0123456789ab.tar", "ghcr.io/org/app:v1");
  const auto checked = [&](std::string_view text) {
    return check_family(*files_, directory_.path(), name(text), family_of(name(text)));
  };
  EXPECT_TRUE(checked("ghcr.io/org/app:v1"));
  EXPECT_TRUE(checked("ghcr.io/org/app:v2")) << "another family";
  EXPECT_EQ(code_of(checked("backup.example/org/app:v1")), "conflict");
  EXPECT_EQ(code_of(checked("ghcr.io/org-app:v1")), "conflict");
}

/// As it is called here: a letter of hex stands for its digest.
std::string called(const std::string& family, char letter) { return family + "-" + std::string(12, letter) + ".tar"; }

Standing standing(const std::string& file, const std::string& tag, bool is_readable = true) {
  Standing one{.file = file, .fault = is_readable ? "" : "it is broken"};
  one.entries.push_back({.name = tag,
                         .descriptor = {.media_type = oci::MediaType::parse(oci::kOciManifest).value(),
                                        .digest = test::sha256_of(file)}});
  return one;
}

struct PruneRow {
  std::string_view name;
  std::vector<Standing> archives;
  std::size_t keep;
  std::set<std::string> good;
  std::vector<std::string> gone;
};

TEST(Beyond, keeps_the_newest_of_each_name_and_a_good_one_always) {
  const std::string fc = called("app-v1", 'c');
  const std::string fb = called("app-v1", 'b');
  const std::string fa = called("app-v1", 'a');
  const Standing c = standing(fc, "app:v1");
  const Standing b = standing(fb, "app:v1");
  const Standing a = standing(fa, "app:v1");
  const Standing other = standing(called("app-v2", 'd'), "app:v2");
  const Standing broken = standing(called("app-v1", 'e'), "app:v1", false);
  const Standing by_digest = standing(called("app", 'f'), "app@sha256:1");
  const Standing trimmed = standing(called("app-v1+linux-amd64", 'a'), "app:v1");
  const Standing foreign = standing("offsite.tar", "app:v1");
  const Standing called_otherwise = standing("app-v1-release.tar", "app:v1");
  const Standing of_another = standing(called("app-v1.0", 'a'), "app:v1");
  Standing of_two = standing(called("app-v1", 'd'), "app:v1");
  of_two.entries.push_back(other.entries.front());
  const PruneRow rows[] = {
      {"fewer than are kept", {c, b}, 2, {fc, fb}, {}},
      {"the oldest goes", {c, b, a}, 2, {fc, fb, fa}, {fa}},
      {"each name by itself", {c, other, b}, 1, {fc, fb, other.file}, {fb}},
      {"what has no tag stays", {by_digest, by_digest, by_digest}, 1, {by_digest.file}, {}},
      {"what cannot be read is not counted", {broken, c, b}, 1, {fc, fb}, {fb}},
      {"the last good one stays", {c, b, a}, 2, {fa}, {}},
      {"the newest good one of the old stays", {c, b, a}, 1, {fb, fa}, {fa}},
      {"nothing is good", {c, b, a}, 1, {}, {fb, fa}},
      {"what others called otherwise stays", {c, b, foreign, called_otherwise, of_another, of_two}, 1, {fc}, {fb}},
      {"and is none of those that are kept", {foreign, called_otherwise, c, b}, 2, {fc}, {}},
      {"what has fewer platforms counts for itself", {c, trimmed, b}, 1, {fc, trimmed.file}, {fb}},
  };
  for (const PruneRow& row : rows) {
    std::vector<std::string> gone;
    const auto is_good = [&](const Standing& one) { return row.good.contains(one.file); };
    for (const std::size_t i : beyond(row.archives, row.keep, is_good)) gone.push_back(row.archives[i].file);
    EXPECT_EQ(gone, row.gone) << row.name;
  }
}

TEST(Beyond, reads_no_more_archives_than_it_must) {
  const std::vector<Standing> archives{standing(called("app-v1", 'c'), "app:v1"),
                                       standing(called("app-v1", 'b'), "app:v1"),
                                       standing(called("app-v1", 'a'), "app:v1")};
  int looked_at = 0;
  const auto is_good = [&](const Standing&) { return ++looked_at > 0; };
  EXPECT_EQ(beyond(archives, 3, is_good).size() + static_cast<std::size_t>(looked_at), 0U) << "nothing is to go";
  EXPECT_EQ(beyond(archives, 2, is_good).size(), 1U);
  EXPECT_EQ(looked_at, 1);
}

}  // namespace
}  // namespace lifeboat::registry::archive
