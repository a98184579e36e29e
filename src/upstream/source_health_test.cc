#include "upstream/source_test.h"

namespace lifeboat::upstream::source_test {
namespace {

TEST_F(RegistrySourceTest, is_left_alone_when_it_confirms_tags_and_gives_nothing) {
  const std::string digest = digest_of(kManifest).to_string();
  HttpImposter server([&](const Request& request) {
    Answer answer = json(kManifest, request.method == "HEAD" ? 200 : 503);
    if (request.method == "HEAD") answer.fields.emplace_back("Docker-Content-Digest", digest);
    return answer;
  });
  const auto asked = source(server.url());
  for (int i = 0; i < 3; ++i) {
    ASSERT_EQ(asked->health(), Health::State::closed) << i;
    const auto resolved = test::run(asked->resolve(call(), repository(), tag("latest")));
    ASSERT_TRUE(resolved) << resolved.error().message();
    ASSERT_FALSE(manifest(*asked));
  }
  EXPECT_EQ(asked->health(), Health::State::open) << "each tag that was confirmed made good for a manifest that failed";
}

}  // namespace
}  // namespace lifeboat::upstream::source_test
