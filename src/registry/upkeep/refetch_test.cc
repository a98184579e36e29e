#include "registry/upkeep/refetch.h"

#include <gtest/gtest.h>

#include <functional>

#include "test/support/image.h"
#include "test/support/scripted_source.h"

namespace lifeboat::registry {
namespace {

using test::digest_of;
using test::ScriptedSource;

TEST(Refetch, believes_an_upstream_only_while_it_gives_manifests_and_blobs) {
  const test::Image image = test::image_of("image", 1);
  const std::string index = test::index_of({{image.manifest, "linux/amd64"}});
  struct Row {
    const char* name;
    std::function<void(ScriptedSource&)> what;
    Refetch wanted = Refetch::refused;
  };
  const std::vector<Row> rows{
      {"it has all of it", [](ScriptedSource&) {}, Refetch::given},
      {"it has the index no more", [&](ScriptedSource& source) { source.manifests.erase(digest_of(index)); },
       Refetch::absent},
      {"it has the child no more", [&](ScriptedSource& source) { source.manifests.erase(digest_of(image.manifest)); },
       Refetch::absent},
      {"it has the blob no more", [&](ScriptedSource& source) { source.blobs.clear(); }, Refetch::absent},
      {"it is down", [](ScriptedSource& source) { source.fails = ErrorCode::unavailable; }},
      {"it refuses us", [](ScriptedSource& source) { source.fails = ErrorCode::denied; }},
      {"its breaker is open", [](ScriptedSource& source) { source.is_reachable = false; }},
      {"it takes few more requests", [](ScriptedSource& source) { source.is_short = true; }},
      {"its manifest is another", [&](ScriptedSource& source) { source.manifests[digest_of(index)] = image.manifest; }},
      {"its child is another", [&](ScriptedSource& source) { source.manifests[digest_of(image.manifest)] = index; }},
      {"where its blobs are nobody answers",
       [&](ScriptedSource& source) {
         for (auto& [digest, blob] : source.blobs) blob.fails_after = 0;
       }},
  };
  const oci::RepositoryId repository{oci::RegistryHost::parse("ghcr.io").value(),
                                     oci::Repository::parse("org/app").value()};
  for (const Row& row : rows) {
    ScriptedSource source;
    source.manifests[digest_of(index)] = index;
    source.manifests[digest_of(image.manifest)] = image.manifest;
    source.blobs[digest_of(image.config)] = {.bytes = image.config};
    source.blobs[digest_of(image.layers[0])] = {.bytes = image.layers[0]};
    row.what(source);
    const oci::Digest digest = test::sha256_of(index);
    EXPECT_EQ(test::run(try_refetch(test::a_call(), source, repository, digest)), row.wanted) << row.name;
  }
}

}  // namespace
}  // namespace lifeboat::registry
