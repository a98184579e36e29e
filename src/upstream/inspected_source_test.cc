#include "upstream/inspected_source.h"

#include "test/support/code_of.h"
#include "upstream/source_test.h"

namespace lifeboat::upstream {
namespace {

using source_test::Answer;
using source_test::call;
using source_test::digest_of;
using source_test::json;
using source_test::kManifest;
using source_test::read_all;
using source_test::repository;
using source_test::Request;
using source_test::tag;
using source_test::unknown;
using test::code_of;
using test::HttpImposter;

const std::string kContent = "0123456789";

class InspectedSourceTest : public source_test::RegistrySourceTest {
 protected:
  std::unique_ptr<RegistryInspector> inspector(const std::string& url) {
    EndpointOptions options;
    options.url = url;
    return std::make_unique<RegistryInspector>(RegistryInspector::Parts{*client_, clock_, *files_, disk_, log_},
                                               *Endpoint::make(std::move(options)));
  }
};

TEST_F(InspectedSourceTest, gives_a_blob_from_any_byte_on) {
  struct Row {
    const char* name;
    Answer answer;
    uint64_t from;
    std::string want;  ///< "": corrupt
  };
  const auto part = [](const char* range, std::string body) {
    return Answer{.status = 206, .fields = {{"Content-Range", range}}, .body = std::move(body)};
  };
  const std::vector<Row> rows{
      {"all of it", {.body = kContent}, 0, kContent},
      {"the rest", part("bytes 4-9/10", "456789"), 4, "456789"},
      {"a registry that knows no ranges", {.body = kContent}, 4, "456789"},
      {"another part", part("bytes 0-9/10", kContent), 4, ""},
      {"no range said", {.status = 206, .body = "456789"}, 4, ""},
  };
  for (const Row& row : rows) {
    HttpImposter server([&](const Request&) { return row.answer; });
    const auto asked = inspector(server.url());
    InspectedSource source(*asked);
    const auto got = test::run(read_all(source, repository(), digest_of(kContent), row.from));
    if (row.want.empty()) {
      EXPECT_EQ(code_of(got), "corrupt") << row.name;
    } else {
      EXPECT_EQ(got, row.want) << row.name;
    }
    const std::string range = server.requests().at(0).fields.joined("Range");
    EXPECT_EQ(range, row.from == 0 ? "" : "bytes=4-") << row.name;
  }
}

TEST_F(InspectedSourceTest, gives_manifests_and_what_a_tag_means) {
  bool has_digest = true;
  HttpImposter server([&](const Request& request) {
    if (request.target.ends_with("/none")) return unknown();
    Answer answer = json(kManifest);
    if (has_digest) answer.fields.emplace_back("Docker-Content-Digest", digest_of(kManifest).to_string());
    return answer;
  });
  const auto asked = inspector(server.url());
  InspectedSource source(*asked);
  EXPECT_EQ(test::run(source.manifest(call(), repository(), oci::Reference(tag("v1"))))->bytes, kManifest);
  for (const bool told : {true, false}) {
    has_digest = told;
    EXPECT_EQ(test::run(source.resolve(call(), repository(), tag("v1")))->digest, digest_of(kManifest)) << told;
  }
  EXPECT_EQ(code_of(test::run(source.manifest(call(), repository(), oci::Reference(tag("none"))))), "not_found");
}

}  // namespace
}  // namespace lifeboat::upstream
