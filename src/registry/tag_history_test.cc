#include "registry/tag_history.h"

#include <gtest/gtest.h>

#include "blob/memory_store.h"
#include "meta/memory_store.h"
#include "registry/content_leases.h"
#include "test/support/image.h"
#include "test/support/manual_clock.h"

namespace lifeboat::registry {
namespace {

using test::a_call;
using test::run;
using test::sha256_of;

class TagHistoryTest : public testing::Test {
 protected:
  /// An index over one image, with all its content, under the tag.
  oci::Digest push(const std::string& tag, const std::string& name) {
    const test::Image image = test::image_of(name, 2);
    test::keep_blob(blobs_, names_, app_, image.config);
    for (const std::string& layer : image.layers) test::keep_blob(blobs_, names_, app_, layer);
    test::keep_manifest(blobs_, names_, app_, image.manifest);
    test::keep_manifest(blobs_, names_, app_, index(name), {tag});
    clock_.advance(std::chrono::minutes(1));
    return sha256_of(index(name));
  }
  static std::string index(const std::string& name) {
    return test::index_of({{test::image_of(name, 2).manifest, "linux/amd64"}});
  }
  static oci::Tag tag(const char* name) { return oci::Tag::parse(name).value(); }
  /// As a client deletes it: the index, then its image.
  void remove(const std::string& name) {
    ASSERT_TRUE(run(push_.remove_manifest(a_call(), app_, oci::Reference(sha256_of(index(name))))));
    ASSERT_TRUE(
        run(push_.remove_manifest(a_call(), app_, oci::Reference(sha256_of(test::image_of(name, 2).manifest)))));
  }
  Result<RestoredTag> restore(TagRestore order) { return run(history_.restore(a_call(), std::move(order))); }
  std::vector<TagMoment> moments(std::optional<oci::Tag> of) {
    return run(history_.moments(a_call(), app_, std::move(of))).value().moments;
  }
  std::optional<oci::Digest> at(const char* name) {
    const auto found = run(names_.tags().find(a_call(), app_, tag(name)));
    return found ? std::optional(found->digest) : std::nullopt;
  }
  /// All that a pull would ask for.
  bool is_whole(const std::string& name) {
    const test::Image image = test::image_of(name, 2);
    std::vector<oci::Digest> wanted{sha256_of(image.config), sha256_of(image.layers[0]), sha256_of(image.layers[1])};
    return run(names_.manifests().missing(a_call(), app_, {sha256_of(index(name)), sha256_of(image.manifest)}))
               ->empty() &&
           run(names_.blobs().missing(a_call(), app_, wanted))->empty();
  }

  const oci::RepositoryId app_{std::nullopt, oci::Repository::parse("team/app").value()};
  test::ManualClock clock_;
  blob::MemoryStore blobs_;
  meta::MemoryStore names_{clock_};
  ContentLeases leases_{clock_};
  ChangeStamps stamps_;
  Push push_{blobs_, names_, leases_, stamps_};
  Addressing addressing_{names_, std::make_shared<UpstreamHosts>()};
  TagHistory history_{blobs_, names_, push_, addressing_, stamps_};
};

TEST_F(TagHistoryTest, lists_every_digest_a_tag_had_and_whether_it_can_be_that_again) {
  const auto first = push("v1", "first");
  const auto second = push("v1", "second");
  const auto third = push("v1", "third");
  push("v2", "other");
  remove("first");
  remove("second");
  blobs_.damage(sha256_of(test::image_of("second", 2).manifest), std::nullopt);
  const auto all = moments(tag("v1"));
  ASSERT_EQ(all.size(), 3U);
  EXPECT_EQ(all[0].past.digest, third);
  EXPECT_TRUE(all[0].is_current);
  EXPECT_EQ(all[0].restorability, Restorability::held);
  EXPECT_EQ(all[1].past.digest, second);
  EXPECT_FALSE(all[1].is_current);
  EXPECT_EQ(all[1].restorability, Restorability::lost) << "the image of the index has no bytes any more";
  EXPECT_EQ(all[1].lacking, "manifest '" + sha256_of(test::image_of("second", 2).manifest).to_string() + "'");
  EXPECT_EQ(all[2].past.digest, first);
  EXPECT_EQ(all[2].past.number, 1U);
  EXPECT_EQ(all[2].past.source, "test");
  EXPECT_EQ(all[2].restorability, Restorability::stored);
  EXPECT_EQ(moments(std::nullopt).size(), 4U);
  EXPECT_TRUE(moments(tag("v3")).empty());
}

TEST_F(TagHistoryTest, sets_a_tag_again_that_was_deleted) {
  const auto digest = push("v1", "first");
  ASSERT_TRUE(run(push_.remove_manifest(a_call(), app_, oci::Reference(tag("v1")))));
  const uint64_t before = stamps_.of(app_).load();
  const auto restored = restore({.repository = app_, .tag = tag("v1")});
  ASSERT_TRUE(restored) << restored.error().message();
  EXPECT_EQ(restored->digest, digest);
  EXPECT_EQ(restored->before, std::nullopt);
  EXPECT_EQ(restored->manifests, 0U);
  EXPECT_EQ(at("v1"), digest);
  EXPECT_NE(stamps_.of(app_).load(), before) << "prepared answers still say that there is none";
  const auto all = moments(tag("v1"));
  ASSERT_EQ(all.size(), 2U);
  EXPECT_EQ(all[0].past.source, "restore");
}

TEST_F(TagHistoryTest, puts_an_index_again_with_its_images) {
  const auto digest = push("v1", "first");
  remove("first");
  ASSERT_EQ(at("v1"), std::nullopt);
  const auto foreseen = restore({.repository = app_, .tag = tag("v1"), .is_dry_run = true});
  ASSERT_TRUE(foreseen) << foreseen.error().message();
  EXPECT_EQ(foreseen->manifests, 2U);
  EXPECT_EQ(at("v1"), std::nullopt) << "it was only asked";
  const auto restored = restore({.repository = app_, .tag = tag("v1")});
  ASSERT_TRUE(restored) << restored.error().message();
  EXPECT_EQ(restored->manifests, 2U);
  EXPECT_EQ(moments(tag("v1")).front().past.source, "restore");
  EXPECT_EQ(at("v1"), digest);
  EXPECT_TRUE(is_whole("first"));
}

TEST_F(TagHistoryTest, sets_a_tag_back_to_the_digest_or_number_that_is_said) {
  const auto first = push("v1", "first");
  const auto second = push("v1", "second");
  const auto unsaid = restore({.repository = app_, .tag = tag("v1")});
  ASSERT_FALSE(unsaid);
  EXPECT_EQ(unsaid.error().code(), ErrorCode::invalid);
  ASSERT_TRUE(restore({.repository = app_, .tag = tag("v1"), .to = first}));
  EXPECT_EQ(at("v1"), first);
  const auto all = moments(tag("v1"));
  ASSERT_EQ(all.size(), 3U);
  EXPECT_TRUE(all[0].is_current);
  EXPECT_FALSE(all[2].is_current) << "it was there once before";
  const auto back = restore({.repository = app_, .tag = tag("v1"), .number = 2});
  ASSERT_TRUE(back) << back.error().message();
  EXPECT_EQ(back->before, first);
  EXPECT_EQ(at("v1"), second);
  for (const TagRestore& order : {TagRestore{.repository = app_, .tag = tag("v1"), .number = 9},
                                  TagRestore{.repository = app_, .tag = tag("v1"), .to = first, .number = 2},
                                  TagRestore{.repository = app_, .tag = tag("v1"), .to = sha256_of("never")},
                                  TagRestore{.repository = app_, .tag = tag("v9")}}) {
    const auto never = restore(order);
    ASSERT_FALSE(never);
    EXPECT_EQ(never.error().code(), ErrorCode::not_found) << never.error().message();
  }
  EXPECT_EQ(at("v1"), second);
}

TEST_F(TagHistoryTest, names_what_is_gone_and_changes_nothing) {
  push("v1", "first");
  remove("first");
  const oci::Digest layer = sha256_of(test::image_of("first", 2).layers[0]);
  ASSERT_TRUE(run(push_.remove_blob(a_call(), app_, layer)));
  const auto refused = restore({.repository = app_, .tag = tag("v1")});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), ErrorCode::not_found);
  EXPECT_NE(refused.error().message().find("this is gone: blob '" + layer.to_string() + "'"), std::string::npos)
      << refused.error().message();
  EXPECT_EQ(at("v1"), std::nullopt);
  EXPECT_FALSE(run(names_.manifests().find(a_call(), app_, sha256_of(test::image_of("first", 2).manifest))))
      << "half of it was put";
}

TEST_F(TagHistoryTest, knows_a_repository_of_which_all_was_deleted) {
  auto hosts = std::make_shared<UpstreamHosts>();
  hosts->default_host = DefaultHost{.host = oci::RegistryHost::parse("docker.io").value()};
  addressing_.replace_hosts(std::move(hosts));
  push("v1", "first");
  remove("first");
  const test::Image image = test::image_of("first", 2);
  for (const std::string& blob : {image.config, image.layers[0], image.layers[1]}) {
    ASSERT_TRUE(run(names_.blobs().unlink(a_call(), app_, sha256_of(blob))));
  }
  const auto meaning = [&](const char* text) {
    const auto meant = run(history_.repository_of(a_call(), oci::FullReference::parse(text).value()));
    return meant ? meant->to_string() : meant.error().message();
  };
  EXPECT_EQ(meaning("team/app:v1"), "team/app");
  EXPECT_EQ(meaning("team/other:v1"), "docker.io/team/other") << "as a pull of it means";
}

}  // namespace
}  // namespace lifeboat::registry
