#include "registry/archive/save.h"

#include <gtest/gtest.h>

#include <fstream>

#include "test/support/code_of.h"
#include "test/support/image.h"
#include "test/support/scripted_inspector.h"
#include "test/support/temporary_directory.h"

namespace lifeboat::registry::archive {
namespace {

using test::code_of;
using test::sha256_of;

class ArchiveSaver : public testing::Test {
 protected:
  ArchiveSaver() {
    registry_.push("org/app", amd64_);
    registry_.push("org/app", arm64_);
    registry_.push_index("org/app", index_, "v1");
  }
  Result<std::string> save(const std::vector<std::string>& names, std::vector<oci::Platform> platforms = {}) {
    Saver saver({disk_, hash_}, std::move(platforms));
    std::vector<Wanted> wanted;
    for (const std::string& name : names) wanted.push_back({oci::FullReference::parse(name).value(), &registry_});
    LB_CHECK(test::run(saver.gather(test::a_call(), wanted)));
    const auto members = members_of(saver.contents(), NamedBy::tag_and_digest);
    const std::string file = "archive-" + std::to_string(++made_);
    LB_TRY(const auto output, Output::begin(*files_, directory_.path(), file));
    const auto told = [this](const SaveProgress& progress) { progress_ = progress; };
    LB_CHECK(test::run(saver.write(test::a_call(), members, sys::TarCompression::none, *output, told)));
    EXPECT_EQ(output->size_bytes(), tar_size_of(members)) << "the room it takes is known before";
    LB_CHECK(output->commit(file));
    std::ifstream stream(directory_.path() / file, std::ios::binary);
    return std::string{std::istreambuf_iterator<char>(stream), {}};
  }
  std::map<std::string, std::string> files_in(const std::string& archive) {
    const auto path = directory_.path() / "read.tar";
    std::ofstream(path, std::ios::binary) << archive;
    const auto reader = sys::TarReader::open(files_->open(path).value(), "test").value();
    std::map<std::string, std::string> found;
    for (;;) {
      const auto entry = reader->next().value();
      if (!entry) return found;
      for (;;) {
        const ByteView bytes = reader->read().value();
        if (bytes.empty()) break;
        found[entry->name].append(as_text(bytes));
      }
    }
  }

  const test::Image amd64_ = test::image_of("amd64", 2);
  const test::Image arm64_ = test::image_of("arm64", 1);
  const std::string index_ = test::index_of({{amd64_.manifest, "linux/amd64"}, {arm64_.manifest, "linux/arm64"}});
  test::ScriptedInspector registry_;
  test::TemporaryDirectory directory_;
  const std::unique_ptr<sys::FileSystem> files_ = sys::make_posix_file_system();
  sys::ThreadPool disk_{"disk", 1};
  sys::ThreadPool hash_{"hash", 1};
  SaveProgress progress_;
  int made_ = 0;
};

TEST_F(ArchiveSaver, has_everything_the_name_leads_to_byte_for_byte) {
  const auto archive = save({"a.example/org/app:v1"});
  ASSERT_TRUE(archive) << archive.error().message();
  const auto found = files_in(*archive);
  for (const test::Image* image : {&amd64_, &arm64_}) {
    EXPECT_EQ(found.at(path_of(sha256_of(image->manifest))), image->manifest);
    EXPECT_EQ(found.at(path_of(sha256_of(image->config))), image->config);
    for (const std::string& layer : image->layers) EXPECT_EQ(found.at(path_of(sha256_of(layer))), layer);
  }
  EXPECT_EQ(found.at(path_of(sha256_of(index_))), index_);
  EXPECT_EQ(progress_.bytes, progress_.bytes_all);
}

TEST_F(ArchiveSaver, writes_the_same_bytes_for_the_same_content) {
  const auto first = save({"a.example/org/app:v1"});
  ASSERT_TRUE(first) << first.error().message();
  EXPECT_EQ(*first, save({"a.example/org/app:v1"}).value());
}

TEST_F(ArchiveSaver, asks_for_each_content_once) {
  registry_.manifests["org/app:same"].bytes = amd64_.manifest;
  ASSERT_TRUE(save({"a.example/org/app:v1", "a.example/org/app:same"}));
  for (const std::string& layer : amd64_.layers) EXPECT_EQ(registry_.asked_for(sha256_of(layer).to_string()), 1U);
  EXPECT_EQ(registry_.asked_for(sha256_of(amd64_.manifest).to_string()), 1U);
}

TEST_F(ArchiveSaver, takes_only_the_platforms_that_are_wanted) {
  const auto archive = save({"a.example/org/app:v1"}, {oci::Platform::parse("linux/arm64").value()});
  ASSERT_TRUE(archive) << archive.error().message();
  EXPECT_EQ(registry_.asked_for(sha256_of(amd64_.manifest).to_string()), 0U);
  EXPECT_FALSE(files_in(*archive).contains(path_of(sha256_of(amd64_.layers[0]))));
  EXPECT_EQ(code_of(save({"a.example/org/app:v1"}, {oci::Platform::parse("linux/s390x").value()})), "invalid");
}

TEST_F(ArchiveSaver, refuses_a_blob_that_is_another_one) {
  auto& layer = registry_.blob_of("org/app", amd64_.layers[0]);
  layer.bytes.back() = '!';
  EXPECT_EQ(code_of(save({"a.example/org/app:v1"})), "corrupt");
  layer.bytes = amd64_.layers[0] + "more";
  EXPECT_EQ(code_of(save({"a.example/org/app:v1"})), "corrupt");
  layer.bytes = amd64_.layers[0].substr(1);
  EXPECT_EQ(code_of(save({"a.example/org/app:v1"})), "corrupt");
  std::size_t left = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator(directory_.path())) ++left;
  EXPECT_EQ(left, 0U) << "of what failed nothing stays";
}

TEST_F(ArchiveSaver, refuses_a_tag_whose_bytes_are_not_those_its_header_names) {
  auto& tag = registry_.manifests["org/app:v1"];
  tag.bytes = index_ + " ";
  registry_.manifests["org/app@" + sha256_of(index_).to_string()].bytes = index_ + " ";
  EXPECT_EQ(code_of(save({"a.example/org/app@" + sha256_of(index_).to_string()})), "corrupt");
}

TEST_F(ArchiveSaver, goes_on_where_a_body_broke_off) {
  auto& layer = registry_.blob_of("org/app", amd64_.layers[1]);
  const std::string whole = layer.bytes;
  layer.bytes = whole.substr(0, 150);  // in the middle of the second block
  layer.announced = whole.size();
  layer.body_fails = Error(ErrorCode::unavailable, "the connection ended").at(NetworkStep::body);
  const std::string question = "GET org/app@" + sha256_of(whole).to_string();
  int asked = 0;
  registry_.on_question = [&](const std::string& text) {
    if (!text.contains(sha256_of(whole).to_string()) || ++asked < 2) return;
    layer.bytes = whole;
    layer.body_fails.reset();
  };
  const auto archive = save({"a.example/org/app:v1"});
  ASSERT_TRUE(archive) << archive.error().message();
  EXPECT_EQ(asked, 2);
  EXPECT_EQ(files_in(*archive).at(path_of(sha256_of(whole))), whole);
}

TEST_F(ArchiveSaver, gives_up_on_a_body_that_always_breaks_off) {
  auto& layer = registry_.blob_of("org/app", amd64_.layers[1]);
  layer.announced = layer.bytes.size();
  layer.bytes.resize(50);
  layer.body_fails = Error(ErrorCode::unavailable, "the connection ended").at(NetworkStep::body);
  EXPECT_EQ(code_of(save({"a.example/org/app:v1"})), "unavailable");
}

}  // namespace
}  // namespace lifeboat::registry::archive
