#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "oci/manifest.h"

namespace lifeboat::oci {
namespace {

const Digest kDigest = Digest::of(HashAlgorithm::sha256, as_bytes("a"));

TEST(Referrers, are_rendered_as_an_index) {
  EXPECT_EQ(render_referrers({}),
            R"({"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[]})");
  const Referrer full{.digest = kDigest,
                      .media_type = std::string(kOciManifest),
                      .size_bytes = 12,
                      .artifact_type = "x/y",
                      .annotations_json = R"({"a":"b"})"};
  const Referrer bare{.digest = kDigest,
                      .media_type = std::string(kOciIndex),
                      .size_bytes = 0,
                      .artifact_type = "",
                      .annotations_json = ""};
  const std::string digest = kDigest.to_string();
  EXPECT_EQ(render_referrers({full, bare}),
            R"({"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[)"
            R"({"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":")" +
                digest + R"(","size":12,"artifactType":"x/y","annotations":{"a":"b"}},)" +
                R"({"mediaType":"application/vnd.oci.image.index.v1+json","digest":")" + digest + R"(","size":0}]})");
}

TEST(Referrers, survive_rendering_and_parsing) {
  const std::vector<Referrer> referrers{{.digest = kDigest,
                                         .media_type = std::string(kOciManifest),
                                         .size_bytes = 12,
                                         .artifact_type = "strange \" \\ \n type",
                                         .annotations_json = "{\"\\\"}\":\"line\\nbreak \xe2\x82\xac\",\"z\":\"\"}"},
                                        {.digest = Digest::of(HashAlgorithm::sha512, {}),
                                         .media_type = std::string(kOciIndex),
                                         .size_bytes = 1,
                                         .artifact_type = "",
                                         .annotations_json = "{}"}};
  const std::string text = render_referrers(referrers);
  const auto parsed = parse_referrers(as_bytes(text));
  ASSERT_TRUE(parsed.has_value()) << parsed.error().message();
  ASSERT_EQ(parsed->size(), 2U);
  for (std::size_t i = 0; i < parsed->size(); ++i) {
    EXPECT_EQ((*parsed)[i].digest, referrers[i].digest);
    EXPECT_EQ((*parsed)[i].media_type, referrers[i].media_type);
    EXPECT_EQ((*parsed)[i].size_bytes, referrers[i].size_bytes);
    EXPECT_EQ((*parsed)[i].artifact_type, referrers[i].artifact_type);
    EXPECT_EQ((*parsed)[i].annotations_json, referrers[i].annotations_json);
  }
  EXPECT_EQ(render_referrers(*parsed), text);
}

TEST(Referrers, render_no_annotations_that_are_malformed) {
  for (const std::string_view annotations :
       {"x", "5", "[]", R"({"a":1})", R"({"a":"b")", R"({"a":"b"}})", "{\"a\":\"\xff\"}", R"({},"layers":5)"}) {
    const std::string text = render_referrers({{.digest = kDigest,
                                                .media_type = "a/b\xff",
                                                .size_bytes = 1,
                                                .artifact_type = "\xfe",
                                                .annotations_json = std::string(annotations)}});
    EXPECT_EQ(text.find("annotations"), std::string::npos) << annotations;
    EXPECT_NE(text.find("\xef\xbf\xbd"), std::string::npos) << annotations;
  }
}

TEST(Referrers, are_read_from_upstreams) {
  const std::string item = R"({"mediaType":"a/b","size":3,"digest":")" + kDigest.to_string() + R"("})";
  const struct {
    std::string name, text;
    std::size_t count;
  } rows[] = {
      {"without media type", R"({"schemaVersion":2,"manifests":[)" + item + "]}", 1},
      {"without schema version", R"({"manifests":[)" + item + "," + item + "]}", 2},
      {"null list", R"({"mediaType":"application/vnd.oci.image.index.v1+json","manifests":null})", 0},
  };
  for (const auto& row : rows) {
    const auto referrers = parse_referrers(as_bytes(row.text));
    ASSERT_TRUE(referrers.has_value()) << row.name << ": " << referrers.error().message();
    EXPECT_EQ(referrers->size(), row.count) << row.name;
  }
}

TEST(Referrers, are_refused_when_malformed) {
  const struct {
    std::string name, text;
  } rows[] = {
      {"empty", ""},
      {"HTML", "<html></html>"},
      {"empty object", "{}"},
      {"null list without type", R"({"manifests":null})"},
      {"manifest", R"({"schemaVersion":2,"layers":[]})"},
      {"both", R"({"schemaVersion":2,"manifests":[],"layers":[]})"},
      {"another type", R"({"mediaType":"application/vnd.oci.image.manifest.v1+json","manifests":[]})"},
      {"malformed descriptor", R"({"manifests":[{"digest":"sha256:abc"}]})"},
      {"annotations of another kind", R"({"manifests":[{"mediaType":"a/b","size":1,"annotations":{"a":1},"digest":")" +
                                          kDigest.to_string() + R"("}]})"},
      {"deep", R"({"manifests":)" + std::string(100000, '[')},
  };
  for (const auto& row : rows) {
    const auto referrers = parse_referrers(as_bytes(row.text));
    ASSERT_FALSE(referrers.has_value()) << row.name;
    EXPECT_EQ(referrers.error().code(), ErrorCode::invalid) << row.name;
  }
}

}  // namespace
}  // namespace lifeboat::oci
