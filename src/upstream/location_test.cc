#include "upstream/location.h"

#include <gtest/gtest.h>

#include <vector>

namespace lifeboat::upstream {
namespace {

TEST(UploadLocation, is_what_every_form_of_it_means) {
  struct Row {
    const char* name;
    const char* endpoint;
    const char* asked;
    const char* location;
    const char* url;  ///< "": refused
    bool is_ours;
  };
  const char* const tls = "https://r.example";
  const char* const plain = "http://10.0.0.5:5000";
  const char* const post = "https://r.example/v2/a/b/blobs/uploads/?mount=x";
  const std::vector<Row> rows{
      {"path", tls, post, "/v2/a/b/blobs/uploads/1", "https://r.example/v2/a/b/blobs/uploads/1", true},
      {"query is kept", tls, post, "/v2/u/1?_state=a%2Fb%3D&x=1", "https://r.example/v2/u/1?_state=a%2Fb%3D&x=1", true},
      {"absolute", tls, post, "https://r.example/u/1?s=2", "https://r.example/u/1?s=2", true},
      {"absolute with its port", tls, post, "https://r.example:443/u/1", "https://r.example:443/u/1", true},
      {"other case", tls, post, "https://R.Example/u/1", "https://R.Example/u/1", true},
      {"relative", tls, post, "abc?s=1", "https://r.example/v2/a/b/blobs/uploads/abc?s=1", true},
      {"query alone", tls, post, "?s=1", "https://r.example/v2/a/b/blobs/uploads/?s=1", true},
      {"fragment goes", tls, post, "/u/1#x", "https://r.example/u/1", true},
      {"without scheme", tls, post, "//r.example/u/1", "https://r.example/u/1", true},
      {"proxy that ends TLS", tls, post, "http://r.example/u/1?s=2", "https://r.example/u/1?s=2", true},
      {"the same with a port", "https://r.example:8443", "https://r.example:8443/v2/", "http://r.example:8443/u/1",
       "https://r.example:8443/u/1", true},
      {"another host", tls, post, "https://storage.example/u?sig=1", "https://storage.example/u?sig=1", false},
      {"another port", tls, post, "https://r.example:8443/u/1", "https://r.example:8443/u/1", false},
      {"another host without TLS", tls, post, "http://storage.example/u", "", false},
      {"another port without TLS", tls, post, "http://r.example:5000/u/1", "", false},
      {"private address", tls, post, "https://169.254.169.254/latest", "", false},
      {"private name", tls, post, "https://localhost/u", "", false},
      {"private from private", plain, "http://10.0.0.5:5000/v2/", "http://10.0.0.6/u", "http://10.0.0.6/u", false},
      {"plain path", plain, "http://10.0.0.5:5000/v2/a/blobs/uploads/", "/u/1", "http://10.0.0.5:5000/u/1", true},
      {"none", tls, post, "", "", false},
      {"credentials in it", tls, post, "https://r.example@evil.example/u", "", false},
      {"line break", tls, post, "/u\r\nX: y", "", false},
      {"another scheme", tls, post, "ftp://r.example/u", "", false},
  };
  for (const Row& row : rows) {
    const auto endpoint = Url::parse(row.endpoint);
    ASSERT_TRUE(endpoint) << row.name;
    const auto found = upload_location(*endpoint, row.asked, row.location);
    if (*row.url == '\0') {
      ASSERT_FALSE(found) << row.name << ": " << found->url;
      EXPECT_EQ(found.error().code(), ErrorCode::corrupt) << row.name;
      continue;
    }
    ASSERT_TRUE(found) << row.name << ": " << found.error().message();
    EXPECT_EQ(found->url, row.url) << row.name;
    EXPECT_EQ(found->is_ours, row.is_ours) << row.name;
  }
}

TEST(UploadLocation, tells_no_secret_of_one_that_it_refuses) {
  const auto refused = upload_location(*Url::parse("https://r.example"), "https://r.example/v2/",
                                       "http://storage.example/u?signature=hidden");
  ASSERT_FALSE(refused);
  EXPECT_FALSE(refused.error().message().contains("hidden")) << refused.error().message();
}

TEST(CommitUrl, appends_the_digest_to_any_query) {
  const oci::Digest digest = oci::Digest::of(HashAlgorithm::sha256, as_bytes("x"));
  const std::string field = "digest=sha256%3A" + digest.hex();
  EXPECT_EQ(commit_url("https://r/u/1", digest), "https://r/u/1?" + field);
  EXPECT_EQ(commit_url("https://r/u/1?_state=a%3D", digest), "https://r/u/1?_state=a%3D&" + field);
}

}  // namespace
}  // namespace lifeboat::upstream
