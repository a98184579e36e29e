#include "oci/media_type.h"

#include <gtest/gtest.h>

#include <string>

namespace lifeboat::oci {
namespace {

TEST(MediaType, cuts_parameters_and_space) {
  const struct {
    std::string name, text, want;
  } rows[] = {
      {"plain", std::string(kOciManifest), std::string(kOciManifest)},
      {"parameter", "application/json; charset=utf-8", "application/json"},
      {"parameter without space", "application/json;charset=utf-8", "application/json"},
      {"empty parameter", "application/json;", "application/json"},
      {"space around", "\t application/json ", "application/json"},
      {"all letters", "a/b!#$&-^_.+1", "a/b!#$&-^_.+1"},
      {"case is kept", "Application/JSON", "Application/JSON"},
      {"longest", std::string(127, 'a') + "/" + std::string(127, 'b'),
       std::string(127, 'a') + "/" + std::string(127, 'b')},
  };
  for (const auto& row : rows) {
    const auto type = MediaType::parse(row.text);
    ASSERT_TRUE(type.has_value()) << row.name;
    EXPECT_EQ(type->to_string(), row.want) << row.name;
    EXPECT_EQ(MediaType::parse(type->to_string()), *type) << row.name;
  }
}

TEST(MediaType, refuses_what_is_malformed) {
  const struct {
    std::string name, text;
  } rows[] = {
      {"empty", ""},
      {"only space", "  "},
      {"only a parameter", "; charset=utf-8"},
      {"no slash", "application"},
      {"no type", "/json"},
      {"no subtype", "application/"},
      {"two slashes", "a/b/c"},
      {"wildcard", "*/*"},
      {"leading dot", "a/.b"},
      {"space inside", "a/b c"},
      {"list", "a/b,c/d"},
      {"zero byte", std::string("a/b\0", 4)},
      {"line break", "a/b\r\nX: y"},
      {"not ASCII", "a/\xc3\xa9"},
      {"long type", std::string(128, 'a') + "/b"},
      {"huge", "a/" + std::string(1 << 20, 'b')},
  };
  for (const auto& row : rows) {
    const auto type = MediaType::parse(row.text);
    ASSERT_FALSE(type.has_value()) << row.name;
    EXPECT_EQ(type.error().code(), ErrorCode::invalid) << row.name;
    EXPECT_EQ(type.error().message().find('\n'), std::string::npos) << row.name;
  }
}

TEST(MediaType, knows_its_kind) {
  const struct {
    std::string name, text;
    bool is_manifest, is_index, is_schema1, is_non_distributable;
  } rows[] = {
      {"OCI manifest", std::string(kOciManifest), true, false, false, false},
      {"OCI index", std::string(kOciIndex), false, true, false, false},
      {"Docker manifest", std::string(kDockerManifest), true, false, false, false},
      {"Docker list", std::string(kDockerManifestList), false, true, false, false},
      {"schema 1", "application/vnd.docker.distribution.manifest.v1+json", false, false, true, false},
      {"signed schema 1", "application/vnd.docker.distribution.manifest.v1+prettyjws", false, false, true, false},
      {"layer", "application/vnd.oci.image.layer.v1.tar+gzip", false, false, false, false},
      {"foreign OCI layer", "application/vnd.oci.image.layer.nondistributable.v1.tar+zstd", false, false, false, true},
      {"foreign Docker layer", "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", false, false, false, true},
      {"bytes", std::string(kOctetStream), false, false, false, false},
  };
  for (const auto& row : rows) {
    const auto type = MediaType::parse(row.text);
    ASSERT_TRUE(type.has_value()) << row.name;
    EXPECT_EQ(type->is_manifest(), row.is_manifest) << row.name;
    EXPECT_EQ(type->is_index(), row.is_index) << row.name;
    EXPECT_EQ(type->is_schema1(), row.is_schema1) << row.name;
    EXPECT_EQ(type->is_non_distributable(), row.is_non_distributable) << row.name;
  }
}

}  // namespace
}  // namespace lifeboat::oci
