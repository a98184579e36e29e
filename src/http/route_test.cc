#include "http/route.h"

#include <gtest/gtest.h>

#include <string>

namespace lifeboat::http {
namespace {

using oci::OciErrorCode;
using sys::HttpMethod;

const std::string kDigest = "sha256:" + std::string(64, 'a');
const std::string kSha512 = "sha512:" + std::string(128, 'b');
const std::string kUpload = "0f8fad5b-d9cb-469f-a165-70867728950e";

/// "manifest a/b latest": what a route says, as text.
std::string text_of(const Route& route) {
  std::string text(to_string(kind_of(route)));
  if (const auto* tags = std::get_if<TagsRoute>(&route)) text += " " + tags->name;
  if (const auto* manifest = std::get_if<ManifestRoute>(&route)) {
    text += " " + manifest->name + " " + manifest->reference.to_string();
  }
  if (const auto* blob = std::get_if<BlobRoute>(&route)) text += " " + blob->name + " " + blob->digest.to_string();
  if (const auto* uploads = std::get_if<UploadsRoute>(&route)) text += " " + uploads->name;
  if (const auto* upload = std::get_if<UploadRoute>(&route)) text += " " + upload->name + " " + upload->id.to_string();
  if (const auto* list = std::get_if<ReferrersRoute>(&route))
    text += " " + list->name + " " + list->subject.to_string();
  return text;
}

TEST(Route, is_read_from_the_right) {
  const struct {
    std::string name, target, want;
  } rows[] = {
      {"base", "/v2/", "base"},
      {"base without slash", "/v2", "base"},
      {"base with query", "/v2/?ns=ghcr.io", "base"},
      {"base without slash, with query", "/v2?x", "base"},
      {"catalog", "/v2/_catalog", "catalog"},
      {"catalog with query", "/v2/_catalog?n=5", "catalog"},
      {"tags", "/v2/app/tags/list", "tags app"},
      {"tags of a long name", "/v2/a/b/c/d/tags/list?n=1", "tags a/b/c/d"},
      {"manifest by tag", "/v2/app/manifests/latest", "manifest app latest"},
      {"manifest by digest", "/v2/a/b/manifests/" + kDigest, "manifest a/b " + kDigest},
      {"manifest by sha512", "/v2/a/manifests/" + kSha512, "manifest a " + kSha512},
      {"escaped colon of a digest", "/v2/a/manifests/sha256%3A" + std::string(64, 'a'), "manifest a " + kDigest},
      {"escaped colon, lower case", "/v2/a/blobs/sha256%3a" + std::string(64, 'a'), "blob a " + kDigest},
      {"escaped slash of a name", "/v2/a%2Fb/manifests/v1", "manifest a/b v1"},
      {"host in the path", "/v2/ghcr.io/org/app/manifests/v1", "manifest ghcr.io/org/app v1"},
      {"host with port", "/v2/registry.example:5000/app/tags/list", "tags registry.example:5000/app"},
      {"blob", "/v2/app/blobs/" + kDigest, "blob app " + kDigest},
      {"uploads", "/v2/app/blobs/uploads/", "uploads app"},
      {"uploads without slash", "/v2/app/blobs/uploads", "uploads app"},
      {"uploads with query", "/v2/app/blobs/uploads/?digest=" + kDigest, "uploads app"},
      {"upload", "/v2/app/blobs/uploads/" + kUpload, "upload app " + kUpload},
      {"upload with a foreign query", "/v2/app/blobs/uploads/" + kUpload + "?_state=x", "upload app " + kUpload},
      {"referrers", "/v2/app/referrers/" + kDigest, "referrers app " + kDigest},
      {"a repository called manifests", "/v2/manifests/manifests/latest", "manifest manifests latest"},
      {"a repository called blobs", "/v2/blobs/blobs/" + kDigest, "blob blobs " + kDigest},
      {"a repository called blobs/uploads", "/v2/blobs/uploads/manifests/v1", "manifest blobs/uploads v1"},
      {"a repository called tags", "/v2/tags/tags/list", "tags tags"},
      {"a repository called tags/list", "/v2/tags/list/manifests/v1", "manifest tags/list v1"},
      {"a repository under uploads", "/v2/a/blobs/uploads/b/blobs/uploads/", "uploads a/blobs/uploads/b"},
      {"a repository ending in manifests", "/v2/a/manifests/blobs/uploads/", "uploads a/manifests"},
      {"a tag called list", "/v2/a/manifests/list", "manifest a list"},
      {"a tag called uploads", "/v2/a/manifests/uploads", "manifest a uploads"},
      {"absolute form", "http://host:5000/v2/a/manifests/v1?ns=x", "manifest a v1"},
      {"absolute form, upper case", "HTTPS://HOST/v2/", "base"},
      {"healthz", "/healthz", "probe"},
      {"livez", "/livez", "probe"},
      {"readyz", "/readyz?verbose", "probe"},
      {"metrics", "/metrics", "probe"},
  };
  for (const auto& row : rows) {
    const auto routed = parse_route(HttpMethod::get, row.target);
    ASSERT_TRUE(routed.has_value()) << row.name << ": " << routed.error().message;
    EXPECT_EQ(text_of(routed->route), row.want) << row.name;
  }
}

TEST(Route, refuses_what_is_none) {
  const struct {
    std::string name;
    HttpMethod method;
    std::string target;
    int status;
    OciErrorCode code;
  } rows[] = {
      {"root", HttpMethod::get, "/", 404, OciErrorCode::name_unknown},
      {"empty", HttpMethod::get, "", 404, OciErrorCode::name_unknown},
      {"star", HttpMethod::other, "*", 404, OciErrorCode::name_unknown},
      {"v1", HttpMethod::get, "/v1/search", 404, OciErrorCode::name_unknown},
      {"v2 with more letters", HttpMethod::get, "/v2x/", 404, OciErrorCode::name_unknown},
      {"absolute form without path", HttpMethod::get, "http://host", 404, OciErrorCode::name_unknown},
      {"name alone", HttpMethod::get, "/v2/app", 404, OciErrorCode::name_unknown},
      {"name with slash", HttpMethod::get, "/v2/app/", 404, OciErrorCode::name_unknown},
      {"no name before manifests", HttpMethod::get, "/v2/manifests/latest", 404, OciErrorCode::name_unknown},
      {"no name before blobs", HttpMethod::get, "/v2/blobs/" + kDigest, 404, OciErrorCode::name_unknown},
      {"no name before uploads", HttpMethod::post, "/v2/blobs/uploads/", 404, OciErrorCode::name_unknown},
      {"no name before tags", HttpMethod::get, "/v2/tags/list", 404, OciErrorCode::name_unknown},
      {"no reference", HttpMethod::get, "/v2/a/manifests/", 404, OciErrorCode::name_unknown},
      {"slash behind a reference", HttpMethod::get, "/v2/a/manifests/v1/", 404, OciErrorCode::name_unknown},
      {"slash behind tags", HttpMethod::get, "/v2/a/tags/list/", 404, OciErrorCode::name_unknown},
      {"double slash at the start", HttpMethod::get, "//v2/", 404, OciErrorCode::name_unknown},
      {"double slash behind v2", HttpMethod::get, "/v2//a/manifests/v1", 404, OciErrorCode::name_unknown},
      {"double slash in the name", HttpMethod::get, "/v2/a//b/manifests/v1", 404, OciErrorCode::name_unknown},
      {"double slash before the reference", HttpMethod::get, "/v2/a/manifests//v1", 404, OciErrorCode::name_unknown},
      {"double slash, escaped", HttpMethod::get, "/v2/a/%2Fb/manifests/v1", 404, OciErrorCode::name_unknown},
      {"double slash behind uploads", HttpMethod::post, "/v2/a/blobs/uploads//", 404, OciErrorCode::name_unknown},
      {"escape without digits", HttpMethod::get, "/v2/a%/manifests/v1", 400, OciErrorCode::name_invalid},
      {"escape with one digit", HttpMethod::get, "/v2/a/manifests/v%2", 400, OciErrorCode::name_invalid},
      {"escape with other letters", HttpMethod::get, "/v2/a%zz/manifests/v1", 400, OciErrorCode::name_invalid},
      {"escaped escape in a tag", HttpMethod::get, "/v2/a/manifests/v%252F", 404, OciErrorCode::manifest_unknown},
      {"zero byte in a tag, put", HttpMethod::put, "/v2/a/manifests/v%00", 400, OciErrorCode::manifest_invalid},
      {"dots as a tag, put", HttpMethod::put, "/v2/a/manifests/%2e%2e", 400, OciErrorCode::manifest_invalid},
      {"bad tag, get", HttpMethod::get, "/v2/a/manifests/.INVALID", 404, OciErrorCode::manifest_unknown},
      {"bad tag, head", HttpMethod::head, "/v2/a/manifests/.INVALID", 404, OciErrorCode::manifest_unknown},
      {"bad tag, delete", HttpMethod::delete_, "/v2/a/manifests/.INVALID", 404, OciErrorCode::manifest_unknown},
      {"bad tag, put", HttpMethod::put, "/v2/a/manifests/.INVALID", 400, OciErrorCode::manifest_invalid},
      {"tag too long, put", HttpMethod::put, "/v2/a/manifests/" + std::string(129, 'a'), 400,
       OciErrorCode::manifest_invalid},
      {"bad digest of a manifest, get", HttpMethod::get, "/v2/a/manifests/sha256:abc", 400,
       OciErrorCode::digest_invalid},
      {"bad digest of a manifest, put", HttpMethod::put, "/v2/a/manifests/sha256:totallywrong", 400,
       OciErrorCode::digest_invalid},
      {"upper-case digest", HttpMethod::get, "/v2/a/blobs/sha256:" + std::string(64, 'A'), 400,
       OciErrorCode::digest_invalid},
      {"unknown algorithm", HttpMethod::get, "/v2/a/blobs/md5:" + std::string(32, 'a'), 400,
       OciErrorCode::digest_invalid},
      {"bad digest of a blob", HttpMethod::get, "/v2/a/blobs/latest", 400, OciErrorCode::digest_invalid},
      {"bad digest of a subject", HttpMethod::get, "/v2/a/referrers/sha256:1", 400, OciErrorCode::digest_invalid},
      {"bad upload id", HttpMethod::patch, "/v2/a/blobs/uploads/..", 404, OciErrorCode::blob_upload_unknown},
      {"metrics with slash", HttpMethod::get, "/metrics/", 404, OciErrorCode::name_unknown},
  };
  for (const auto& row : rows) {
    const auto routed = parse_route(row.method, row.target);
    ASSERT_FALSE(routed.has_value()) << row.name << ": " << text_of(routed->route);
    EXPECT_EQ(routed.error().status, row.status) << row.name;
    EXPECT_EQ(routed.error().code, row.code) << row.name;
  }
}

TEST(Route, has_the_api_on_the_local_door_alone) {
  const struct {
    std::string name, target, want;  ///< nothing wanted: no route
  } rows[] = {
      {"call", "/api/v1/status", "status"},
      {"call with query", "/api/v1/explain?ref=a", "explain"},
      {"call that may not exist", "/api/v1/zebra", "zebra"},
      {"escaped letters", "/api/v1/st%61tus", "status"},
      {"absolute form", "http://localhost/api/v1/status", "status"},
      {"no call", "/api/v1/", ""},
      {"no call, no slash", "/api/v1", ""},
      {"slash behind a call", "/api/v1/status/", ""},
      {"a call below a call", "/api/v1/status/all", ""},
      {"escaped slash", "/api/v1/status%2Fall", ""},
      {"another version", "/api/v2/status", ""},
  };
  for (const auto& row : rows) {
    const auto routed = parse_route(HttpMethod::get, row.target, sys::HttpDoor::local);
    const auto* api = routed ? std::get_if<ApiRoute>(&routed->route) : nullptr;
    EXPECT_EQ(api != nullptr ? api->name : "", row.want) << row.name;
    const auto outside = parse_route(HttpMethod::get, row.target, sys::HttpDoor::network);
    ASSERT_FALSE(outside.has_value()) << row.name;
    EXPECT_EQ(outside.error().status, 404) << row.name;
  }
  const auto unknown = parse_route(HttpMethod::get, "/zebra");
  const auto closed = parse_route(HttpMethod::get, "/api/v1/status");
  EXPECT_EQ(closed.error().message, "cannot find '/api/v1/status': no such endpoint") << "like any unknown path";
  EXPECT_EQ(unknown.error().code, closed.error().code);
  EXPECT_TRUE(parse_route(HttpMethod::get, "/v2/", sys::HttpDoor::local).has_value());
}

TEST(Route, leaves_names_to_the_grammar_of_names) {
  // The name may begin with a host, so what it must look like is not known here: only that it was decoded once.
  const struct {
    std::string name, target, want;
  } rows[] = {
      {"dots", "/v2/%2e%2e/manifests/v1", ".."},
      {"zero byte", "/v2/a%00/manifests/v1", std::string("a\0", 2)},
      {"escaped escape", "/v2/a%252Fb/manifests/v1", "a%2Fb"},
      {"upper case", "/v2/App/manifests/v1", "App"},
  };
  for (const auto& row : rows) {
    const auto routed = parse_route(HttpMethod::get, row.target);
    ASSERT_TRUE(routed.has_value()) << row.name;
    EXPECT_EQ(std::get<ManifestRoute>(routed->route).name, row.want) << row.name;
  }
}

TEST(Query, keeps_what_was_asked) {
  const Query query = Query::parse("tag=a&tag=b%2Fc&empty=&flag&&sp=a+b%20c&bad=%zz%4&digest=sha256%3Aab&x=1=2");
  EXPECT_EQ(query.every("tag"), (std::vector<std::string_view>{"a", "b/c"}));
  EXPECT_EQ(query.first("tag"), "a");
  EXPECT_EQ(query.first("empty"), "");
  EXPECT_EQ(query.first("flag"), "");
  EXPECT_EQ(query.first("sp"), "a b c");
  EXPECT_EQ(query.first("bad"), "%zz%4");
  EXPECT_EQ(query.first("digest"), "sha256:ab");
  EXPECT_EQ(query.first("x"), "1=2");
  EXPECT_FALSE(query.has("y"));
  EXPECT_TRUE(Query::parse("").every("a").empty());
}

TEST(Query, maps_a_decoded_space_back_to_plus) {
  const Query query = Query::parse("artifactType=application/vnd.x+json");
  EXPECT_EQ(with_plus(*query.first("artifactType")), "application/vnd.x+json");
}

TEST(Query, encodes_what_it_decodes) {
  std::string all;
  for (int byte = 0; byte < 256; ++byte) all.push_back(static_cast<char>(byte));
  EXPECT_EQ(percent_decoded(percent_encoded(all)), all);
  EXPECT_EQ(percent_encoded("aZ0-._~ /+"), "aZ0-._~%20%2F%2B");
}

TEST(Route, path_has_neither_query_nor_host) {
  EXPECT_EQ(path_of("/v2/a/tags/list?n=1"), "/v2/a/tags/list");
  EXPECT_EQ(path_of("http://h/v2/?secret=1"), "/v2/");
  EXPECT_EQ(path_of("/v2/%2e"), "/v2/%2e");
}

}  // namespace
}  // namespace lifeboat::http
