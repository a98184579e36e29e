#include "oci/manifest.h"

#include <gtest/gtest.h>

#include <string>

namespace lifeboat::oci {
namespace {

const std::string kDigestA = Digest::of(HashAlgorithm::sha256, as_bytes("a")).to_string();
const std::string kDigestB = Digest::of(HashAlgorithm::sha512, as_bytes("b")).to_string();
const std::string kConfigType = "application/vnd.oci.image.config.v1+json";
const std::string kLayerType = "application/vnd.oci.image.layer.v1.tar+gzip";

/// A descriptor; `more` is appended to its fields.
std::string descriptor(const std::string& type, const std::string& digest, const std::string& more = "") {
  std::string text = R"({"mediaType":")";
  return text.append(type).append(R"(","digest":")").append(digest).append(R"(","size":7)").append(more).append("}");
}

/// An object with `schemaVersion` 2 and these fields.
std::string document(const std::string& fields) {
  std::string text = R"({"schemaVersion":2,)";
  return text.append(fields).append("}");
}

std::string media_type(std::string_view type) {
  std::string text = R"("mediaType":")";
  return text.append(type).append(R"(",)");
}

const std::string kConfig = R"("config":)" + descriptor(kConfigType, kDigestA);
const std::string kManifestFields = kConfig + R"(,"layers":[)" + descriptor(kLayerType, kDigestB) + "]";
const std::string kIndexFields = R"("manifests":[)" + descriptor(std::string(kOciManifest), kDigestA) + "]";

Result<Manifest> parse(std::string_view text, std::string_view content_type = "") {
  return Manifest::parse(as_bytes(text), content_type);
}

TEST(Manifest, reads_a_manifest) {
  const auto manifest = parse(document(media_type(kOciManifest) + kManifestFields), kOciManifest);
  ASSERT_TRUE(manifest.has_value()) << manifest.error().message();
  EXPECT_FALSE(manifest->is_index());
  EXPECT_EQ(manifest->media_type.to_string(), kOciManifest);
  ASSERT_TRUE(manifest->config.has_value());
  EXPECT_EQ(manifest->config->digest.to_string(), kDigestA);
  EXPECT_EQ(manifest->config->media_type.to_string(), kConfigType);
  ASSERT_EQ(manifest->layers.size(), 1U);
  EXPECT_EQ(manifest->layers[0].digest.to_string(), kDigestB);
  EXPECT_EQ(manifest->layers[0].size_bytes, 7U);
  EXPECT_FALSE(manifest->layers[0].is_optional);
  EXPECT_TRUE(manifest->manifests.empty());
  EXPECT_FALSE(manifest->subject.has_value());
  EXPECT_EQ(manifest->artifact_type, kConfigType);
  EXPECT_EQ(manifest->annotations_json, "");
}

TEST(Manifest, reads_an_index) {
  const auto index = parse(document(media_type(kOciIndex) + R"("manifests":[)" +
                                    descriptor(std::string(kOciManifest), kDigestA, R"(,"platform":{"os":"linux"})") +
                                    "," + descriptor(std::string(kOciIndex), kDigestB) + "]"));
  ASSERT_TRUE(index.has_value()) << index.error().message();
  EXPECT_TRUE(index->is_index());
  EXPECT_FALSE(index->config.has_value());
  ASSERT_EQ(index->manifests.size(), 2U);
  EXPECT_EQ(index->manifests[0].digest.to_string(), kDigestA);
  EXPECT_TRUE(index->manifests[1].media_type.is_index());
  EXPECT_EQ(index->artifact_type, "");
}

TEST(Manifest, takes_its_media_type_from_field_header_or_shape) {
  const struct {
    std::string name, text, content_type;
    std::string_view want;
  } rows[] = {
      {"field and header", document(media_type(kOciManifest) + kManifestFields), std::string(kOciManifest),
       kOciManifest},
      {"field alone", document(media_type(kDockerManifest) + kManifestFields), "", kDockerManifest},
      {"header alone", document(kManifestFields), std::string(kDockerManifest), kDockerManifest},
      {"header with parameters", document(media_type(kOciIndex) + kIndexFields),
       std::string(kOciIndex) + "; charset=utf-8", kOciIndex},
      {"Docker list", document(media_type(kDockerManifestList) + kIndexFields), std::string(kDockerManifestList),
       kDockerManifestList},
      {"generic JSON header", document(media_type(kDockerManifest) + kManifestFields), "application/json",
       kDockerManifest},
      {"generic bytes header", document(media_type(kOciIndex) + kIndexFields), "application/octet-stream", kOciIndex},
      {"generic text header", document(kManifestFields), "text/plain; charset=utf-8", kOciManifest},
      {"blank header", document(kIndexFields), "  ", kOciIndex},
      {"shape of an index", document(kIndexFields), "", kOciIndex},
      {"shape of an empty index", document(R"("manifests":[])"), "", kOciIndex},
      {"shape of a manifest", document(kManifestFields), "", kOciManifest},
      {"shape of a manifest with config alone", document(kConfig), "", kOciManifest},
      {"empty field", document(media_type("") + kManifestFields), "", kOciManifest},
      {"null field", document(R"("mediaType":null,)" + kManifestFields), "", kOciManifest},
  };
  for (const auto& row : rows) {
    const auto manifest = parse(row.text, row.content_type);
    ASSERT_TRUE(manifest.has_value()) << row.name << ": " << manifest.error().message();
    EXPECT_EQ(manifest->media_type.to_string(), row.want) << row.name;
  }
}

TEST(Manifest, accepts_what_the_specification_leaves_open) {
  const struct {
    std::string name, fields;
  } rows[] = {
      {"empty layers", kConfig + R"(,"layers":[])"},
      {"null layers", kConfig + R"(,"layers":null)"},
      {"no layers", kConfig},
      {"empty index", R"("manifests":[])"},
      {"null manifests in a manifest", kManifestFields + R"(,"manifests":null)"},
      {"unknown fields of every kind",
       kManifestFields +
           R"(,"a":null,"b":true,"c":-1,"d":1.5,"e":"x","f":[[{}],{"layers":[5]}],"g":{"config":[]},"h":1e9)"},
      {"unknown fields twice", kManifestFields + R"(,"x":1,"x":2)"},
      {"numbers beyond 64 bits in unknown fields", kManifestFields + R"(,"x":99999999999999999999999999)"},
      {"unknown fields of a descriptor",
       R"("config":)" + descriptor(kConfigType, kDigestA, R"(,"platform":{"os":["x"]},"x":[{"digest":1}],"y":1.5)")},
      {"any config and layer type", R"("config":)" + descriptor("a/b", kDigestA) + R"(,"layers":[)" +
                                        descriptor("x-custom/thing+zip", kDigestB) + "]"},
      {"empty config", R"("config":)" + descriptor("application/vnd.oci.empty.v1+json", kDigestA, R"(,"data":"e30=")")},
      {"the same layer twice",
       kConfig + R"(,"layers":[)" + descriptor(kLayerType, kDigestA) + "," + descriptor(kLayerType, kDigestA) + "]"},
      {"null subject", kManifestFields + R"(,"subject":null)"},
      {"null annotations", kManifestFields + R"(,"annotations":null)"},
      {"null urls", R"("config":)" + descriptor(kConfigType, kDigestA, R"(,"urls":null,"data":null)")},
      {"size zero", R"("config":{"mediaType":"a/b","size":0,"digest":")" + kDigestA + R"("})"},
      {"largest size", R"("config":{"mediaType":"a/b","size":9223372036854775807,"digest":")" + kDigestA + R"("})"},
  };
  for (const auto& row : rows) {
    const auto manifest = parse(document(row.fields));
    EXPECT_TRUE(manifest.has_value()) << row.name << ": " << manifest.error().message();
  }
  EXPECT_TRUE(parse(" \n" + document(kManifestFields) + "\r\n\t ").has_value());
}

TEST(Manifest, says_what_need_not_be_here) {
  const struct {
    std::string name, type, more;
    bool want;
  } rows[] = {
      {"plain", kLayerType, "", false},
      {"urls", kLayerType, R"(,"urls":["https://elsewhere.example/x"])", true},
      {"empty urls", kLayerType, R"(,"urls":[])", false},
      {"data", kLayerType, R"(,"data":"e30=")", true},
      {"empty data", kLayerType, R"(,"data":"")", false},
      {"non-distributable", "application/vnd.oci.image.layer.nondistributable.v1.tar", "", true},
      {"foreign", "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", "", true},
      {"urls inside an unknown field", kLayerType, R"(,"x":{"urls":["y"],"data":"z"})", false},
  };
  for (const auto& row : rows) {
    const auto manifest = parse(document(kConfig + R"(,"layers":[)" + descriptor(row.type, kDigestA, row.more) + "," +
                                         descriptor(kLayerType, kDigestB) + "]"));
    ASSERT_TRUE(manifest.has_value()) << row.name << ": " << manifest.error().message();
    EXPECT_EQ(manifest->layers[0].is_optional, row.want) << row.name;
    EXPECT_FALSE(manifest->layers[1].is_optional) << row.name;
  }
}

TEST(Manifest, tells_subject_artifact_type_and_annotations) {
  const std::string subject = R"(,"subject":)" + descriptor(std::string(kOciManifest), kDigestB);
  const std::string annotations = R"(, "annotations": { "b" : "1 \n \u20ac" , "a":"", "n" : null } )";
  const auto manifest = parse(document(kManifestFields + subject + annotations + R"(,"artifactType":"x/y")"));
  ASSERT_TRUE(manifest.has_value()) << manifest.error().message();
  ASSERT_TRUE(manifest->subject.has_value());
  EXPECT_EQ(manifest->subject->to_string(), kDigestB);
  EXPECT_EQ(manifest->artifact_type, "x/y");
  EXPECT_EQ(manifest->annotations_json, "{\"b\":\"1 \\n \xe2\x82\xac\",\"a\":\"\",\"n\":\"\"}");

  const auto index = parse(document(kIndexFields + subject + R"(,"artifactType":"x/z","annotations":{})"));
  ASSERT_TRUE(index.has_value()) << index.error().message();
  EXPECT_EQ(index->subject->to_string(), kDigestB);
  EXPECT_EQ(index->artifact_type, "x/z");
  EXPECT_EQ(index->annotations_json, "{}");
}

TEST(Manifest, refuses_what_two_readers_could_read_differently) {
  const std::string one = descriptor(kConfigType, kDigestA);
  const std::string index_type = media_type(kOciIndex);
  const std::string manifest_type = media_type(kOciManifest);
  const struct {
    std::string name, text, content_type;
  } rows[] = {
      {"field and header differ", document(media_type(kOciManifest) + kManifestFields), std::string(kDockerManifest)},
      {"field and header differ in kind", document(media_type(kOciManifest) + kManifestFields), std::string(kOciIndex)},
      {"manifests and layers", document(kIndexFields + R"(,"layers":[])"), ""},
      {"manifests and config", document(kIndexFields + "," + kConfig), ""},
      {"all of them, as index", document(index_type + kIndexFields + "," + kManifestFields), std::string(kOciIndex)},
      {"all of them, as manifest", document(manifest_type + kIndexFields + "," + kManifestFields), ""},
      {"empty manifests in a manifest", document(manifest_type + kManifestFields + R"(,"manifests":[])"), ""},
      {"an index of the shape of a manifest", document(index_type + kManifestFields), ""},
      {"a manifest of the shape of an index", document(manifest_type + kIndexFields), ""},
      {"mediaType twice", document(index_type + manifest_type + kIndexFields), ""},
      {"config twice", document(kConfig + "," + kManifestFields), ""},
      {"layers twice", document(kManifestFields + R"(,"layers":[])"), ""},
      {"digest twice", document(R"("config":)" + descriptor("a/b", kDigestA, R"(,"digest":")" + kDigestB + "\"")), ""},
      {"size twice", document(R"("config":)" + descriptor("a/b", kDigestA, R"(,"size":8)")), ""},
      {"escaped name twice", document(kConfig + R"(,"\u0063onfig":)" + one), ""},
  };
  for (const auto& row : rows) {
    const auto manifest = parse(row.text, row.content_type);
    ASSERT_FALSE(manifest.has_value()) << row.name;
    EXPECT_EQ(manifest.error().code(), ErrorCode::invalid) << row.name;
  }
}

TEST(Manifest, refuses_versions_and_types_not_kept) {
  const struct {
    std::string name, text, content_type;
  } rows[] = {
      {"schema 1", R"({"schemaVersion":1,"name":"x","tag":"y","fsLayers":[{"blobSum":"z"}],"history":[]})", ""},
      {"schema 1 by field", document(media_type("application/vnd.docker.distribution.manifest.v1+json") + kConfig), ""},
      {"schema 1 by header", document(kConfig), "application/vnd.docker.distribution.manifest.v1+prettyjws"},
      {"layers of schema 1", document(kManifestFields + R"(,"fsLayers":[])"), ""},
      {"no schemaVersion", "{" + kManifestFields + "}", ""},
      {"null schemaVersion", R"({"schemaVersion":null,)" + kManifestFields + "}", ""},
      {"schemaVersion 3", R"({"schemaVersion":3,)" + kManifestFields + "}", ""},
      {"schemaVersion 2.0", R"({"schemaVersion":2.0,)" + kManifestFields + "}", ""},
      {"schemaVersion as text", R"({"schemaVersion":"2",)" + kManifestFields + "}", ""},
      {"negative schemaVersion", R"({"schemaVersion":-2,)" + kManifestFields + "}", ""},
      {"nothing to tell the type", R"({"schemaVersion":2})", ""},
      {"unknown field type", document(media_type("application/vnd.example+json") + kConfig), ""},
      {"unknown header type", document(kConfig), "application/vnd.example+json"},
      {"generic field type", document(media_type("application/json") + kConfig), ""},
      {"parameters in the field", document(media_type(std::string(kOciManifest) + ";a=b") + kConfig), ""},
      {"a header that is no type", document(kConfig), "nonsense"},
      {"a field that is no type", document(media_type("nonsense") + kConfig), ""},
      {"artifact manifest", document(media_type("application/vnd.oci.artifact.manifest.v1+json") + R"("blobs":[])"),
       ""},
      {"no config", document(R"("layers":[])"), ""},
  };
  for (const auto& row : rows) {
    const auto manifest = parse(row.text, row.content_type);
    ASSERT_FALSE(manifest.has_value()) << row.name;
    EXPECT_EQ(manifest.error().code(), ErrorCode::invalid) << row.name;
    EXPECT_LT(manifest.error().message().size(), 400U) << row.name;
  }
}

TEST(Manifest, refuses_malformed_descriptors) {
  const auto with = [](const std::string& type, const std::string& digest, const std::string& size) {
    std::string text = R"({"mediaType":)";
    return text.append(type).append(R"(,"digest":)").append(digest).append(R"(,"size":)").append(size).append("}");
  };
  const std::string good_digest = "\"" + kDigestA + "\"";
  const struct {
    std::string name, text;
  } rows[] = {
      {"no object", "5"},
      {"null", "null"},
      {"text", R"("x")"},
      {"array", "[]"},
      {"empty", "{}"},
      {"no digest", R"({"mediaType":"a/b","size":1})"},
      {"no size", R"({"mediaType":"a/b","digest":)" + good_digest + "}"},
      {"no media type", R"({"size":1,"digest":)" + good_digest + "}"},
      {"empty media type", with("\"\"", good_digest, "1")},
      {"number as media type", with("5", good_digest, "1")},
      {"number as digest", with("\"a/b\"", "5", "1")},
      {"object as digest", with("\"a/b\"", "{}", "1")},
      {"null digest", with("\"a/b\"", "null", "1")},
      {"malformed digest", with("\"a/b\"", "\"sha256:abc\"", "1")},
      {"path as digest", with("\"a/b\"", R"("sha256:../../../etc/passwd")", "1")},
      {"negative size", with("\"a/b\"", good_digest, "-1")},
      {"fraction as size", with("\"a/b\"", good_digest, "1.5")},
      {"exponent as size", with("\"a/b\"", good_digest, "1e3")},
      {"size over 63 bits", with("\"a/b\"", good_digest, "9223372036854775808")},
      {"size over 64 bits", with("\"a/b\"", good_digest, "99999999999999999999999")},
      {"text as size", with("\"a/b\"", good_digest, R"("1")")},
      {"boolean as size", with("\"a/b\"", good_digest, "true")},
      {"text as urls", descriptor("a/b", kDigestA, R"(,"urls":"x")")},
      {"numbers as urls", descriptor("a/b", kDigestA, R"(,"urls":[1])")},
      {"arrays as urls", descriptor("a/b", kDigestA, R"(,"urls":[[]])")},
      {"number as data", descriptor("a/b", kDigestA, R"(,"data":1)")},
  };
  for (const auto& row : rows) {
    const auto in_layers = parse(document(kConfig + R"(,"layers":[)" + row.text + "]"));
    ASSERT_FALSE(in_layers.has_value()) << row.name;
    EXPECT_EQ(in_layers.error().code(), ErrorCode::invalid) << row.name;
    EXPECT_NE(in_layers.error().message().find("layers[0]"), std::string::npos) << in_layers.error().message();
    EXPECT_FALSE(parse(document(R"("manifests":[)" + row.text + "]")).has_value()) << row.name;
    EXPECT_FALSE(parse(document(R"("config":)" + row.text)).has_value()) << row.name;
    if (row.name == "null") continue;  // no subject
    EXPECT_FALSE(parse(document(kConfig + R"(,"subject":)" + row.text)).has_value()) << row.name;
  }
}

TEST(Manifest, refuses_what_is_not_json) {
  const std::string good = document(kManifestFields);
  const struct {
    std::string name, text;
  } rows[] = {
      {"nothing", ""},
      {"space", " \n"},
      {"text", "hello"},
      {"null", "null"},
      {"number", "2"},
      {"JSON text", R"("x")"},
      {"array", "[" + good + "]"},
      {"cut off", good.substr(0, good.size() - 1)},
      {"two documents", good + good},
      {"rubbish behind", good + "x"},
      {"zero byte behind", good + std::string(1, '\0')},
      {"document behind a zero byte", good + std::string(1, '\0') + good},
      {"byte order mark", "\xEF\xBB\xBF" + good},
      {"trailing comma", R"({"schemaVersion":2,)" + kManifestFields + ",}"},
      {"comment", "/* x */" + good},
      {"single quotes", "{'schemaVersion':2}"},
      {"not UTF-8", document(kManifestFields + ",\"x\":\"\xff\"")},
      {"overlong UTF-8", document(kManifestFields + ",\"x\":\"\xc0\xaf\"")},
      {"surrogate in UTF-8", document(kManifestFields + ",\"x\":\"\xed\xa0\x80\"")},
      {"lone surrogate", document(kManifestFields + R"(,"x":"\ud800")")},
      {"control letter in a text", document(kManifestFields + ",\"x\":\"\n\"")},
      {"number beyond every number", document(kManifestFields + R"(,"x":1e99999)")},
      {"NaN", document(kManifestFields + R"(,"x":NaN)")},
  };
  for (const auto& row : rows) {
    const auto manifest = parse(row.text);
    ASSERT_FALSE(manifest.has_value()) << row.name;
    EXPECT_EQ(manifest.error().code(), ErrorCode::invalid) << row.name;
    EXPECT_LT(manifest.error().message().size(), 400U) << row.name;
  }
}

TEST(Manifest, refuses_annotations_that_clients_cannot_read) {
  for (const std::string_view annotations :
       {"5", "[]", "\"x\"", R"({"a":1})", R"({"a":{}})", R"({"a":["b"]})", R"({"a":true})"}) {
    const auto manifest = parse(document(kConfig + R"(,"annotations":)" + std::string(annotations)));
    EXPECT_FALSE(manifest.has_value()) << annotations;
  }
}

TEST(Manifest, bounds_the_depth) {
  const auto nested = [](int levels, const char* open, const char* middle, const char* close) {
    std::string text;
    for (int i = 0; i < levels; ++i) text.append(open);
    text.append(middle);
    for (int i = 0; i < levels; ++i) text.append(close);
    return document(kConfig + R"(,"x":)" + text);
  };
  EXPECT_TRUE(parse(nested(kManifestDepthMax - 1, "[", "", "]")).has_value());
  EXPECT_TRUE(parse(nested(kManifestDepthMax - 1, R"({"a":)", "1", "}")).has_value());
  EXPECT_FALSE(parse(nested(kManifestDepthMax, "[", "", "]")).has_value());
  EXPECT_FALSE(parse(nested(kManifestDepthMax, R"({"a":)", "1", "}")).has_value());
  EXPECT_FALSE(parse(nested(1000000, "[", "", "]")).has_value());
  EXPECT_FALSE(parse(std::string(kManifestMaxBytes, '[')).has_value());
  EXPECT_FALSE(parse(std::string(kManifestMaxBytes, '{')).has_value());
}

TEST(Manifest, of_the_largest_size_is_read) {
  std::string layers;
  while (layers.size() < kManifestMaxBytes - 1000) layers.append(descriptor(kLayerType, kDigestA)).append(",");
  layers.append(descriptor(kLayerType, kDigestB));
  const auto manifest = parse(document(kConfig + R"(,"layers":[)" + layers + "]"));
  ASSERT_TRUE(manifest.has_value()) << manifest.error().message();
  EXPECT_GT(manifest->layers.size(), 20000U);
  EXPECT_EQ(manifest->layers.back().digest.to_string(), kDigestB);
}

}  // namespace
}  // namespace lifeboat::oci
