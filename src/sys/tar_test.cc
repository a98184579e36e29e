#include "sys/tar.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <map>

#include "test/support/code_of.h"
#include "test/support/temporary_directory.h"

namespace lifeboat::sys {
namespace {

using test::code_of;
using Files = std::vector<std::pair<std::string, std::string>>;

const std::string kLongName = "blobs/sha512/" + std::string(128, 'a');

Result<std::string> tar_of(const Files& files, TarCompression compression) {
  std::string archive;
  const auto sink = [&](ByteView bytes) -> Status {
    archive.append(as_text(bytes));
    return {};
  };
  LB_TRY(const auto writer, TarWriter::make(sink, compression));
  for (const auto& [name, text] : files) {
    LB_CHECK(writer->begin(name, text.size()));
    LB_CHECK(writer->append(as_bytes(text).first(text.size() / 2)));
    LB_CHECK(writer->append(as_bytes(text).subspan(text.size() / 2)));
  }
  LB_CHECK(writer->finish());
  return archive;
}

class TarTest : public testing::Test {
 protected:
  std::shared_ptr<const ReadableFile> file_of(const std::string& bytes) {
    const auto path = directory_.path() / ("archive-" + std::to_string(++made_));
    std::ofstream(path, std::ios::binary) << bytes;
    return files_->open(path).value();
  }
  Result<Files> read(const std::shared_ptr<const ReadableFile>& file) {
    LB_TRY(const auto reader, TarReader::open(file, "test"));
    Files found;
    for (;;) {
      LB_TRY(const auto entry, reader->next());
      if (!entry) return found;
      found.emplace_back(entry->name, "");
      for (;;) {
        LB_TRY(const ByteView bytes, reader->read());
        if (bytes.empty()) break;
        found.back().second.append(as_text(bytes));
      }
    }
  }

  const Files content_{
      {"oci-layout", "{}"}, {"index.json", std::string(3 * kMiB + 17, 'x')}, {kLongName, "long"}, {"empty", ""}};
  test::TemporaryDirectory directory_;
  const std::unique_ptr<FileSystem> files_ = make_posix_file_system();
  int made_ = 0;
};

TEST_F(TarTest, reads_what_it_wrote_with_every_compression) {
  for (const TarCompression compression : {TarCompression::none, TarCompression::gzip, TarCompression::zstd}) {
    const auto archive = tar_of(content_, compression);
    ASSERT_TRUE(archive) << archive.error().message();
    const auto file = file_of(*archive);
    const auto read_back = read(file);
    ASSERT_TRUE(read_back) << to_string(compression) << ": " << read_back.error().message();
    EXPECT_EQ(*read_back, content_) << to_string(compression);
    EXPECT_EQ(TarReader::open(file, "test").value()->compression(), compression);
  }
}

TEST_F(TarTest, writes_the_same_bytes_for_the_same_content) {
  for (const TarCompression compression : {TarCompression::none, TarCompression::gzip, TarCompression::zstd}) {
    const std::string first = tar_of(content_, compression).value();
    EXPECT_EQ(first, tar_of(content_, compression).value()) << to_string(compression);
  }
  const std::string plain = tar_of({{"oci-layout", "{}"}}, TarCompression::none).value();
  EXPECT_EQ(plain.size(), 512U + 512U + 1024U) << "a header, the bytes, and the end, without a tape's padding";
  EXPECT_EQ(plain.substr(136, 11), "00000000000") << "it was written at no time";
  EXPECT_EQ(std::atoi(plain.substr(108, 7).c_str()), 0) << "it belongs to nobody";
  EXPECT_EQ(plain.substr(265, 1)[0], '\0') << "and nobody has no name";
}

TEST_F(TarTest, tells_where_in_the_file_the_bytes_of_an_entry_are) {
  const std::string archive = tar_of(content_, TarCompression::none).value();
  const auto reader = TarReader::open(file_of(archive), "test").value();
  for (const auto& [name, text] : content_) {
    const auto entry = reader->next().value();
    ASSERT_TRUE(entry);
    ASSERT_TRUE(entry->offset_bytes) << name;
    EXPECT_EQ(archive.substr(*entry->offset_bytes, entry->size_bytes), text) << name << ", unread before";
  }
  const auto compressed = TarReader::open(file_of(tar_of(content_, TarCompression::gzip).value()), "test").value();
  EXPECT_FALSE(compressed->next().value()->offset_bytes) << "its bytes are nowhere in the file";
}

TEST_F(TarTest, says_that_an_archive_is_cut_off) {
  for (const TarCompression compression : {TarCompression::none, TarCompression::gzip, TarCompression::zstd}) {
    const std::string archive = tar_of(content_, compression).value();
    EXPECT_EQ(code_of(read(file_of(archive.substr(0, archive.size() / 2)))), "corrupt") << to_string(compression);
  }
  EXPECT_EQ(code_of(read(file_of("this is a text and no archive, however long it may be"))), "corrupt");
}

/// A block of 512 bytes, or as many as the text needs.
std::string blocks_of(std::string text) { return text.append((512 - text.size() % 512) % 512, '\0'); }

std::string header_of(const std::string& name, char type, std::size_t size_bytes) {
  char header[512] = {};
  (void)std::snprintf(header, sizeof header, "%s", name.c_str());
  (void)std::snprintf(header + 100, 8, "0000644");
  (void)std::snprintf(header + 124, 12, "%011zo", size_bytes);
  (void)std::snprintf(header + 136, 12, "00000000000");
  header[156] = type;
  (void)std::snprintf(header + 257, 7, "ustar");
  std::memcpy(header + 263, "00", 2);
  std::memset(header + 148, ' ', 8);
  unsigned sum = 0;
  for (const char letter : header) sum += static_cast<unsigned char>(letter);
  (void)std::snprintf(header + 148, 8, "%06o", sum);
  return {header, sizeof header};
}

TEST_F(TarTest, believes_no_length_that_it_was_only_told) {
  // A sparse file of 1000 bytes, of which the last 996 are a hole.
  const std::string told = "24 GNU.sparse.size=1000\n26 GNU.sparse.numblocks=1\n22 GNU.sparse.map=0,4\n";
  const std::string archive = header_of("PaxHeaders/a", 'x', told.size()) + blocks_of(told) + header_of("a", '0', 4) +
                              blocks_of("data") + std::string(1024, '\0');
  EXPECT_EQ(code_of(read(file_of(archive))), "corrupt");
  EXPECT_EQ(TarReader::open(file_of(archive), "test").value()->next().value()->size_bytes, 1000U) << "as it says";
  const std::string plain = header_of("a", '0', 4) + blocks_of("data") + std::string(1024, '\0');
  EXPECT_EQ(read(file_of(plain)).value(), (Files{{"a", "data"}}));
}

TEST_F(TarTest, reads_no_more_entries_than_it_may) {
  const std::string archive = tar_of(content_, TarCompression::none).value();
  const auto reader = TarReader::open(file_of(archive), "test", 2).value();
  EXPECT_TRUE(reader->next());
  EXPECT_TRUE(reader->next());
  EXPECT_EQ(code_of(reader->next()), "too_many");
}

TEST_F(TarTest, refuses_an_entry_that_no_header_can_tell) {
  const auto nowhere = [](ByteView) -> Status { return {}; };
  EXPECT_EQ(code_of(TarWriter::make(nowhere, TarCompression::none).value()->begin("a", UINT64_MAX)), "invalid");
}

TEST_F(TarTest, refuses_more_or_fewer_bytes_than_announced) {
  const auto nowhere = [](ByteView) -> Status { return {}; };
  const auto writer = TarWriter::make(nowhere, TarCompression::none).value();
  ASSERT_TRUE(writer->begin("a", 2));
  EXPECT_EQ(code_of(writer->append(as_bytes("abc"))), "invalid");
  EXPECT_EQ(code_of(writer->begin("b", 1)), "invalid") << "the archive would say that 'a' has two bytes";
  EXPECT_EQ(code_of(writer->finish()), "invalid");
}

TEST_F(TarTest, fails_with_what_its_sink_failed_with) {
  const auto full = [](ByteView) -> Status { return fail(ErrorCode::no_space, "cannot write file 'a': disk full"); };
  const auto writer = TarWriter::make(full, TarCompression::none).value();
  EXPECT_EQ(code_of(writer->begin("a", 2)), "no_space");
}

TEST_F(TarTest, decompresses_a_file_and_leaves_another_as_it_is) {
  const std::string plain = tar_of(content_, TarCompression::none).value();
  for (const TarCompression compression : {TarCompression::none, TarCompression::gzip, TarCompression::zstd}) {
    std::string bytes;
    const Status done =
        decompress(file_of(tar_of(content_, compression).value()), "test", [&](ByteView some) -> Status {
          bytes.append(as_text(some));
          return {};
        });
    ASSERT_TRUE(done) << to_string(compression) << ": " << done.error().message();
    EXPECT_EQ(bytes, plain) << to_string(compression);
  }
}

TEST_F(TarTest, reads_what_tar_wrote) {
  const auto tree = directory_.path() / "tree";
  std::filesystem::create_directories(tree / "blobs");
  std::ofstream(tree / "blobs" / std::string(120, 'n')) << "named at length";
  const auto path = directory_.path() / "made.tar";
  ASSERT_EQ(std::system(("tar -C '" + tree.string() + "' -cf '" + path.string() + "' .").c_str()), 0);  // NOLINT
  const auto reader = TarReader::open(files_->open(path).value(), "test").value();
  std::map<std::string, bool> found;
  for (;;) {
    const auto entry = reader->next().value();
    if (!entry) break;
    found[entry->name] = entry->is_file;
  }
  EXPECT_TRUE(found.at("blobs/" + std::string(120, 'n'))) << "GNU's long names; and no './' before it";
  EXPECT_FALSE(found.at("blobs"));
}

}  // namespace
}  // namespace lifeboat::sys
