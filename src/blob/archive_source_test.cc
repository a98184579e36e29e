#include "blob/archive_source.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>

#include "sys/tar.h"
#include "test/support/blob_rig.h"
#include "test/support/code_of.h"
#include "test/support/run.h"
#include "test/support/temporary_directory.h"

namespace lifeboat::blob {
namespace {

using test::a_call;
using test::code_of;
using test::sha256_of;

class ArchiveSourceTest : public testing::Test {
 protected:
  /// An archive with these contents; `instead`: what stands under the digest of the first of them.
  void put(const std::string& file, const std::vector<std::string>& contents,
           sys::TarCompression compression = sys::TarCompression::none, const std::string& instead = "") {
    std::ofstream stream(directory_.path() / file, std::ios::binary);
    const auto sink = [&](ByteView bytes) -> Status {
      stream << as_text(bytes);
      return {};
    };
    const auto writer = sys::TarWriter::make(sink, compression).value();
    for (const std::string& bytes : contents) {
      const bool is_other = !instead.empty() && &bytes == &contents.front();
      ASSERT_TRUE(writer->begin("blobs/sha256/" + sha256_of(bytes).hex(), bytes.size()));
      ASSERT_TRUE(writer->append(as_bytes(is_other ? instead : bytes)));
    }
    ASSERT_TRUE(writer->finish());
  }
  Result<std::unique_ptr<Stream>> open(const std::string& bytes, uint64_t from = 0) {
    return test::run(source_.open(a_call(), repository_, sha256_of(bytes), from));
  }
  static std::string text_of(Stream& stream) {
    std::string text;
    for (;;) {
      const auto block = test::run(stream.next());
      EXPECT_TRUE(block) << block.error().message();
      if (!block || block->bytes().empty()) return text;
      text.append(as_text(block->bytes()));
    }
  }
  std::string read(const std::string& bytes, uint64_t from = 0) {
    const auto stream = open(bytes, from);
    return stream ? text_of(**stream) : stream.error().message();
  }

  test::TemporaryDirectory directory_;
  const std::unique_ptr<sys::FileSystem> files_ = sys::make_posix_file_system();
  sys::ThreadPool disk_{"disk", 1};
  sys::BlockPool blocks_;
  const oci::RepositoryId repository_{.host = std::nullopt, .name = oci::Repository::parse("any").value()};
  ArchiveSource source_{directory_.path(), {*files_, disk_, blocks_}};
  const std::string long_ = std::string(2 * kMiB + 100, 'l');
};

TEST_F(ArchiveSourceTest, gives_content_of_any_archive_by_its_digest) {
  put("a.tar", {"one", long_});
  put("b.tar", {"two"});
  EXPECT_EQ(read("one"), "one");
  EXPECT_EQ(read("two"), "two");
  EXPECT_EQ(read(long_), long_);
  EXPECT_EQ(read(long_, 2 * kMiB), std::string(100, 'l')) << "from the middle on";
  EXPECT_EQ(open(long_, 10).value()->size_bytes(), long_.size()) << "of the whole";
  EXPECT_EQ(code_of(open("three")), "not_found");
}

TEST_F(ArchiveSourceTest, gives_manifests_by_digest_and_knows_no_tags) {
  put("a.tar", {"{}"});
  const auto manifest = test::run(source_.manifest(a_call(), repository_, oci::Reference(sha256_of("{}"))));
  ASSERT_TRUE(manifest) << manifest.error().message();
  EXPECT_EQ(manifest->bytes, "{}");
  const auto tag = oci::Tag::parse("v1").value();
  EXPECT_EQ(code_of(test::run(source_.manifest(a_call(), repository_, oci::Reference(tag)))), "unsupported");
  EXPECT_EQ(code_of(test::run(source_.resolve(a_call(), repository_, tag))), "unsupported");
}

TEST_F(ArchiveSourceTest, sees_archives_come_change_and_go) {
  EXPECT_EQ(code_of(open("one")), "not_found");
  put("a.tar", {"one"});
  EXPECT_EQ(read("one"), "one");
  put("a.tar", {"some bytes before", "one"});
  EXPECT_EQ(read("one"), "one") << "it lies elsewhere in the file now";
  std::filesystem::remove(directory_.path() / "a.tar");
  EXPECT_EQ(code_of(open("one")), "not_found");
}

/// How many files of this directory the process has open.
std::size_t open_files_in(const std::filesystem::path& directory) {
  std::size_t open = 0;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
    std::error_code gone;
    const auto target = std::filesystem::read_symlink(entry.path(), gone);
    if (target.native().starts_with(directory.native())) ++open;
  }
  return open;
}

TEST_F(ArchiveSourceTest, keeps_no_archive_open) {
  put("a.tar", {"one"});
  const auto stream = open("one").value();
  EXPECT_EQ(text_of(*stream), "one");
  EXPECT_EQ(open_files_in(directory_.path()), 0U) << "its disk could not be unmounted";
}

TEST_F(ArchiveSourceTest, takes_the_link_to_the_newest_for_no_archive) {
  put("app-1.tar", {"one"}, sys::TarCompression::none, "uno");
  std::filesystem::create_symlink("app-1.tar", directory_.path() / "app-latest.tar");
  open("one").value()->reject();
  EXPECT_EQ(code_of(open("one")), "corrupt") << "the link has no other copy";
}

TEST_F(ArchiveSourceTest, passes_over_compressed_and_half_written_archives) {
  put("a.tar", {"one"}, sys::TarCompression::zstd);
  put(".lifeboat-b.tar", {"one"});
  EXPECT_EQ(code_of(open("one")), "not_found");
}

TEST_F(ArchiveSourceTest, is_no_witness_that_content_is_nowhere_while_it_cannot_look) {
  put("a.tar", {"one"});
  std::ofstream(directory_.path() / "broken.tar") << std::string(2000, 'b');
  EXPECT_EQ(read("one"), "one") << "what another archive is like changes nothing";
  EXPECT_EQ(code_of(open("two")), "unavailable");
  std::filesystem::remove_all(directory_.path());
  EXPECT_EQ(code_of(open("one")), "unavailable") << "a disk that is not mounted has lost nothing";
  std::filesystem::create_directory(directory_.path());
}

TEST_F(ArchiveSourceTest, gives_another_copy_when_one_was_rejected) {
  put("a.tar", {"one"}, sys::TarCompression::none, "uno");
  put("b.tar", {"one"});
  const auto stream = open("one").value();
  EXPECT_EQ(text_of(*stream), "uno");
  stream->reject();
  EXPECT_EQ(read("one"), "one");
  open("one").value()->reject();
  EXPECT_EQ(code_of(open("one")), "corrupt");
}

}  // namespace
}  // namespace lifeboat::blob
