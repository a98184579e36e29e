#include "http/v2_blobs.h"

#include <gtest/gtest.h>

#include <string>

#include "http/endpoint_test.h"

namespace lifeboat::http {
namespace {

class BlobsTest : public EndpointTest {
 protected:
  static std::string bytes_of(std::size_t size) {
    std::string bytes(size, '\0');
    for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<char>(i * 7 + i / 251);
    return bytes;
  }
};

TEST_F(BlobsTest, are_served_whole_from_memory_and_from_files) {
  for (const std::size_t size :
       {std::size_t{1}, std::size_t{16 * kKiB}, std::size_t{16 * kKiB + 1}, std::size_t{3 * kMiB}}) {
    const std::string bytes = bytes_of(size);
    const std::string target = "/v2/app/blobs/" + push_blob("app", bytes);
    for (int i = 0; i < 2; ++i) {
      const auto answer = get(target);
      EXPECT_EQ(answer.status, 200) << size;
      EXPECT_TRUE(answer.body == bytes) << size;
      EXPECT_EQ(answer.length, size);
      EXPECT_EQ(answer.field("Content-Type"), "application/octet-stream");
      EXPECT_EQ(answer.field("Accept-Ranges"), "bytes");
      EXPECT_EQ(answer.field("Docker-Content-Digest"), digest_of(bytes));
      EXPECT_EQ(answer.field("ETag"), "\"" + digest_of(bytes) + "\"");
      EXPECT_EQ(answer.field("Cache-Control"), "max-age=31536000, immutable");
    }
    EXPECT_EQ(head(target).length, size);
    EXPECT_EQ(head(target).body, "");
    const auto hit = handler_->prepared(0, {false, target, ""});
    ASSERT_NE(hit.answer, nullptr) << size;
    EXPECT_EQ(hit.answer->file != nullptr, size > kBlobInMemoryMaxBytes) << size;
  }
}

TEST_F(BlobsTest, are_served_in_part) {
  const std::string bytes = "0123456789";
  const std::string digest = push_blob("app", bytes);
  const struct {
    std::string name, range, if_range;
    int status;
    std::string body, content_range;
  } rows[] = {
      {"a part", "bytes=2-4", "", 206, "234", "bytes 2-4/10"},
      {"to the end", "bytes=7-", "", 206, "789", "bytes 7-9/10"},
      {"all of it", "bytes=0-", "", 206, bytes, "bytes 0-9/10"},
      {"the last", "bytes=-3", "", 206, "789", "bytes 7-9/10"},
      {"an end that is clamped", "bytes=8-100", "", 206, "89", "bytes 8-9/10"},
      {"several", "bytes=0-1,3-4", "", 200, bytes, ""},
      {"another unit", "lines=0-1", "", 200, bytes, ""},
      {"of this content", "bytes=2-4", "\"" + digest + "\"", 206, "234", "bytes 2-4/10"},
      {"of other content", "bytes=2-4", "\"" + digest_of("x") + "\"", 200, bytes, ""},
  };
  for (const auto& row : rows) {
    std::vector<std::pair<std::string, std::string>> fields{{"Range", row.range}};
    if (!row.if_range.empty()) fields.emplace_back("If-Range", row.if_range);
    const auto answer = get("/v2/app/blobs/" + digest, fields);
    EXPECT_EQ(answer.status, row.status) << row.name;
    EXPECT_EQ(answer.body, row.body) << row.name;
    EXPECT_EQ(answer.length, row.body.size()) << row.name;
    EXPECT_EQ(answer.field("Content-Range"), row.content_range) << row.name;
    EXPECT_TRUE(answer.is_complete) << row.name;
  }
  for (const char* range : {"bytes=10-", "bytes=500-0"}) {
    const auto answer = get("/v2/app/blobs/" + digest, {{"Range", range}});
    EXPECT_EQ(answer.status, 416) << range;
    EXPECT_EQ(answer.field("Content-Range"), "bytes */10") << range;
    EXPECT_EQ(answer.length, answer.body.size()) << range;
    EXPECT_EQ(answer.field("Content-Type"), "application/json") << range;
  }
}

TEST_F(BlobsTest, answer_304_to_who_has_them) {
  const std::string digest = push_blob("app", "hello");
  for (const std::string& tag : {digest, "\"" + digest + "\"", "W/\"" + digest + "\"", std::string("*")}) {
    const auto answer = get("/v2/app/blobs/" + digest, {{"If-None-Match", tag}, {"Range", "bytes=0-1"}});
    EXPECT_EQ(answer.status, 304) << tag;
    EXPECT_EQ(answer.field("ETag"), "\"" + digest + "\"") << tag;
  }
}

TEST_F(BlobsTest, belong_to_their_repository) {
  const std::string digest = push_blob("app", "hello");
  const auto answer = get("/v2/other/blobs/" + digest);
  EXPECT_EQ(answer.status, 404);
  EXPECT_EQ(code_of(answer), "BLOB_UNKNOWN");
}

TEST_F(BlobsTest, go_when_nothing_names_them) {
  const std::string free = push_blob("app", "free");
  const std::string config = push_blob("app", "config");
  const std::string manifest = push_manifest("app", "v1", manifest_of("config"));
  get("/v2/app/blobs/" + free);
  EXPECT_EQ(send("DELETE", "/v2/app/blobs/" + free).status, 202);
  EXPECT_EQ(handler_->prepared(0, {false, "/v2/app/blobs/" + free, ""}).answer, nullptr);
  EXPECT_EQ(get("/v2/app/blobs/" + free).status, 404);
  EXPECT_EQ(send("DELETE", "/v2/app/blobs/" + free).status, 404);
  const auto kept = send("DELETE", "/v2/app/blobs/" + config);
  EXPECT_EQ(kept.status, 405);
  ASSERT_EQ(oci::parse_errors(kept.body).size(), 1U);
  EXPECT_NE(oci::parse_errors(kept.body)[0].detail.find(manifest), std::string::npos);
  EXPECT_EQ(send("PUT", "/v2/app/blobs/" + config).status, 405);
}

TEST_F(BlobsTest, follow_a_fetch_whole_and_in_part) {
  for (const bool is_size_known : {true, false}) {
    const std::string bytes = bytes_of(is_size_known ? 1'000'000 : 1'000'001);
    const std::string target = "/v2/upstream.example/app/blobs/" + digest_of(bytes);
    source_.blobs[digest_of(bytes)] = {.bytes = bytes, .is_size_known = is_size_known};
    const auto answer = get(target);
    EXPECT_EQ(answer.status, 200) << answer.body;
    EXPECT_TRUE(answer.body == bytes);
    EXPECT_TRUE(answer.is_complete);
    EXPECT_EQ(answer.field("Docker-Content-Digest"), digest_of(bytes));
    EXPECT_EQ(answer.field("X-Lifeboat-Endpoint"), "scripted");
    EXPECT_EQ(get(target).field("X-Lifeboat-Endpoint"), "") << "held: nobody was asked";
    EXPECT_EQ(head(target).length, bytes.size());
    EXPECT_EQ(source_.asked, is_size_known ? 1 : 2) << "once for each blob";
  }
  const std::string bytes = bytes_of(700'000);
  source_.blobs[digest_of(bytes)] = {.bytes = bytes};
  const auto part = get("/v2/app/blobs/" + digest_of(bytes) + "?ns=upstream.example", {{"Range", "bytes=600000-"}});
  EXPECT_EQ(part.status, 206) << part.body;
  EXPECT_EQ(part.field("Content-Range"), "bytes 600000-699999/700000");
  EXPECT_EQ(part.field("OCI-Namespace"), "upstream.example");
  EXPECT_TRUE(part.body == bytes.substr(600'000));
}

TEST_F(BlobsTest, end_early_when_the_fetch_fails) {
  const struct {
    std::string name;
    bool is_wrong;
  } rows[] = {{"cut", false}, {"wrong bytes", true}};
  for (const auto& row : rows) {
    std::string bytes = bytes_of(row.is_wrong ? 900'000 : 900'001);
    const std::string digest = digest_of(bytes);
    if (row.is_wrong) bytes.back() = 'x';
    source_.blobs[digest] = {
        .bytes = bytes, .is_size_known = true, .fails_after = row.is_wrong ? std::string::npos : 500'000};
    const auto answer = get("/v2/upstream.example/app/blobs/" + digest);
    EXPECT_LT(answer.body.size(), 900'000U) << row.name;
    EXPECT_TRUE(answer.status == 503 || (answer.status == 200 && !answer.is_complete)) << row.name << answer.status;
    const auto rest = get("/v2/upstream.example/app/blobs/" + digest, {{"Range", "bytes=500000-"}});
    EXPECT_EQ(rest.status, 503) << row.name;
    EXPECT_NE(rest.field("Retry-After"), "") << row.name;
  }
}

TEST_F(BlobsTest, never_look_like_not_found_during_an_outage) {
  source_.fails = ErrorCode::unavailable;
  const auto down = get("/v2/upstream.example/app/blobs/" + digest_of("x"));
  EXPECT_EQ(down.status, 503);
  EXPECT_NE(down.field("Retry-After"), "");
  source_.fails = std::nullopt;
  EXPECT_EQ(get("/v2/upstream.example/app/blobs/" + digest_of("y")).status, 404);
}

}  // namespace
}  // namespace lifeboat::http
