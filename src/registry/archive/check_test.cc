#include "registry/archive/check.h"

#include <gtest/gtest.h>

#include <fstream>

#include "registry/archive/format.h"
#include "test/support/code_of.h"
#include "test/support/image.h"
#include "test/support/temporary_directory.h"

namespace lifeboat::registry::archive {
namespace {

using test::sha256_of;
using verify::FaultKind;

/// An archive of an index over two platforms, and what is done to it before it is looked at.
class ArchiveCheck : public testing::Test {
 protected:
  ArchiveCheck() {
    Contents contents({});
    contents.add(oci::FullReference::parse("a.example/org/app:v1").value(), sha256_of(index_));
    EXPECT_TRUE(contents.came(sha256_of(index_), index_, ""));
    EXPECT_TRUE(contents.came(sha256_of(amd64_.manifest), amd64_.manifest, ""));
    EXPECT_TRUE(contents.came(sha256_of(arm64_.manifest), arm64_.manifest, ""));
    std::map<oci::Digest, std::string> blobs;
    for (const test::Image* image : {&amd64_, &arm64_}) {
      blobs[sha256_of(image->config)] = image->config;
      for (const std::string& layer : image->layers) blobs[sha256_of(layer)] = layer;
    }
    for (const Member& member : members_of(contents, NamedBy::tag)) {
      files_.emplace_back(member.path, member.blob ? blobs.at(*member.blob) : member.bytes);
    }
  }
  std::string& file(std::string_view path) {
    return std::ranges::find(files_, path, [](const auto& one) { return std::string_view(one.first); })->second;
  }
  void remove(std::string_view path) {
    std::erase_if(files_, [&](const auto& one) { return one.first == path; });
  }
  std::string tar(sys::TarCompression compression = sys::TarCompression::none) {
    std::string archive;
    const auto sink = [&](ByteView bytes) -> Status {
      archive.append(as_text(bytes));
      return {};
    };
    const auto writer = sys::TarWriter::make(sink, compression).value();
    for (const auto& [path, bytes] : files_) {
      EXPECT_TRUE(writer->begin(path, bytes.size()));
      EXPECT_TRUE(writer->append(as_bytes(bytes)));
    }
    EXPECT_TRUE(writer->finish());
    return archive;
  }
  CheckReport look(const std::string& archive, CheckOptions options = {}) {
    std::ofstream(path_, std::ios::binary) << archive;
    read_ = 0;
    auto report = check(*system_, path_, options, [this](uint64_t bytes) { read_ += bytes; });
    EXPECT_TRUE(report) << report.error().message();
    return std::move(*report);
  }
  CheckReport look() { return look(tar()); }
  static CheckOptions wanting(std::string_view platform) {
    return {.platforms = {oci::Platform::parse(platform).value()}};
  }
  /// "<kind> of <part> <digest>", of the only finding.
  static std::string finding_in(const CheckReport& report) {
    if (report.names.size() != 1 || report.names[0].verdict.findings.size() != 1) return "not one finding";
    const verify::Finding& found = report.names[0].verdict.findings[0];
    return std::string(to_string(found.fault.kind)) + " of " + std::string(to_string(found.path.back().part)) + " " +
           found.path.back().digest->to_string();
  }

  const test::Image amd64_ = test::image_of("amd64", 2);
  const test::Image arm64_ = test::image_of("arm64", 1);
  const std::string index_ = test::index_of({{amd64_.manifest, "linux/amd64"}, {arm64_.manifest, "linux/arm64"}});
  std::vector<std::pair<std::string, std::string>> files_;
  test::TemporaryDirectory directory_;
  const sys::Path path_ = directory_.path() / "app.tar";
  const std::unique_ptr<sys::FileSystem> system_ = sys::make_posix_file_system();
  uint64_t read_ = 0;
};

TEST_F(ArchiveCheck, finds_a_whole_archive_whole_however_it_is_compressed) {
  for (const auto compression : {sys::TarCompression::none, sys::TarCompression::gzip, sys::TarCompression::zstd}) {
    const CheckReport report = look(tar(compression));
    EXPECT_TRUE(report.is_whole()) << to_string(compression) << (report.faults.empty() ? "" : report.faults[0]);
    ASSERT_EQ(report.names.size(), 1U);
    EXPECT_EQ(report.names[0].name, "a.example/org/app:v1");
    EXPECT_EQ(report.names[0].verdict.digest, sha256_of(index_));
    EXPECT_EQ(report.totals.indexes, 1U);
    EXPECT_EQ(report.totals.manifests, 2U);
    EXPECT_EQ(report.totals.blobs, 5U);
    EXPECT_EQ(report.compression, compression);
  }
  EXPECT_GT(read_, 0U) << "whoever watches is told";
}

TEST_F(ArchiveCheck, names_what_is_missing_and_what_is_another) {
  const oci::Digest layer = sha256_of(amd64_.layers[1]);
  remove(path_of(layer));
  const CheckReport missing = look();
  EXPECT_FALSE(missing.is_whole());
  EXPECT_EQ(finding_in(missing), "missing of layer " + layer.to_string());
  ASSERT_EQ(missing.docker_faults.size(), 1U) << "docker would miss it as well";
  EXPECT_NE(missing.docker_faults[0].find(path_of(layer)), std::string::npos);

  files_.emplace_back(path_of(layer), std::string(amd64_.layers[1].size(), '!'));
  EXPECT_EQ(finding_in(look()), "wrong_digest of layer " + layer.to_string());
}

TEST_F(ArchiveCheck, finds_a_manifest_that_rotted) {
  std::string& manifest = file(path_of(sha256_of(arm64_.manifest)));
  manifest.back() = ' ';
  EXPECT_EQ(finding_in(look()), "wrong_digest of manifest " + sha256_of(arm64_.manifest).to_string());
}

TEST_F(ArchiveCheck, passes_over_platforms_that_were_left_out_whole_unless_they_are_wanted) {
  remove(path_of(sha256_of(arm64_.manifest)));
  remove(path_of(sha256_of(arm64_.config)));
  remove(path_of(sha256_of(arm64_.layers[0])));
  const CheckReport report = look();
  EXPECT_TRUE(report.is_whole());
  ASSERT_EQ(report.names[0].left_out.size(), 1U);
  EXPECT_EQ(report.names[0].left_out[0], "linux/arm64");
  EXPECT_TRUE(look(tar(), wanting("linux/amd64")).is_whole());
  EXPECT_EQ(finding_in(look(tar(), wanting("linux/arm64"))),
            "missing of manifest " + sha256_of(arm64_.manifest).to_string());
  EXPECT_EQ(finding_in(look(tar(), wanting("linux/s390x"))), "no_platform of index " + sha256_of(index_).to_string());
}

TEST_F(ArchiveCheck, finds_an_index_without_any_of_its_manifests_broken) {
  for (const test::Image* image : {&amd64_, &arm64_}) remove(path_of(sha256_of(image->manifest)));
  EXPECT_FALSE(look().is_whole());
}

TEST_F(ArchiveCheck, misses_what_importers_look_for) {
  for (const std::string_view path : {kLayoutPath, kIndexPath, kDockerPath}) {
    const auto before = files_;
    remove(path);
    const CheckReport report = look();
    EXPECT_FALSE(report.is_whole()) << path;
    EXPECT_EQ(report.is_loadable(), path == kDockerPath) << path << ": only docker looks for its list";
    const auto& faults = path == kDockerPath ? report.docker_faults : report.faults;
    ASSERT_FALSE(faults.empty()) << path;
    EXPECT_NE(faults[0].find(path), std::string::npos);
    files_ = before;
  }
}

TEST_F(ArchiveCheck, finds_an_entry_that_is_not_as_long_as_it_says) {
  std::string& index = file(kIndexPath);
  const std::string size = "\"size\":" + std::to_string(index_.size());
  index.replace(index.find(size), size.size(), "\"size\":7");
  EXPECT_EQ(finding_in(look()), "wrong_size of manifest " + sha256_of(index_).to_string());
}

TEST_F(ArchiveCheck, finds_an_archive_that_is_cut_off_or_none_at_all) {
  const std::string archive = tar();
  EXPECT_FALSE(look(archive.substr(0, archive.size() / 2)).is_whole());
  EXPECT_FALSE(look("this is no archive").is_whole());
  EXPECT_EQ(test::code_of(check(*system_, directory_.path() / "none.tar", {}, [](uint64_t) {})), "not_found");
}

TEST_F(ArchiveCheck, compares_the_checksum_file_beside_it) {
  const std::string archive = tar();
  const std::string right = to_hex(hash_of(HashAlgorithm::sha256, as_bytes(archive))) + "  app.tar\n";
  EXPECT_FALSE(look(archive).has_checksum);
  std::ofstream(path_.string() + ".sha256") << right;
  EXPECT_TRUE(look(archive).has_checksum);
  std::ofstream(path_.string() + ".sha256") << std::string(64, '0') << "  app.tar\n";
  EXPECT_FALSE(look(archive).is_whole());
}

TEST_F(ArchiveCheck, takes_a_manifest_that_begins_with_white_space) {
  test::Image image = test::image_of("spaced", 1);
  image.manifest.insert(0, "\r\n\t ");
  Contents contents({});
  contents.add(oci::FullReference::parse("a.example/org/app:v1").value(), sha256_of(image.manifest));
  ASSERT_TRUE(contents.came(sha256_of(image.manifest), image.manifest, ""));
  const std::map<oci::Digest, std::string> blobs{{sha256_of(image.config), image.config},
                                                 {sha256_of(image.layers[0]), image.layers[0]}};
  files_.clear();
  for (const Member& member : members_of(contents, NamedBy::tag)) {
    files_.emplace_back(member.path, member.blob ? blobs.at(*member.blob) : member.bytes);
  }
  EXPECT_TRUE(look().is_whole());
}

}  // namespace
}  // namespace lifeboat::registry::archive
