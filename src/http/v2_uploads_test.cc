#include "http/v2_uploads.h"

#include <gtest/gtest.h>

#include <string>

#include "http/endpoint_test.h"

namespace lifeboat::http {
namespace {

const std::string kBegin = "/v2/app/blobs/uploads/";

class UploadsTest : public EndpointTest {
 protected:
  std::string begin() {
    const auto answer = send("POST", kBegin);
    EXPECT_EQ(answer.status, 202);
    return answer.field("Location");
  }
  void expect_blob(const std::string& bytes, const std::string& digest) {
    const auto answer = get("/v2/app/blobs/" + digest);
    EXPECT_EQ(answer.status, 200) << answer.body;
    EXPECT_EQ(answer.body, bytes);
  }
};

TEST_F(UploadsTest, begin_with_a_session_at_a_relative_location) {
  const auto answer = send("POST", "/v2/team/app/blobs/uploads", "", {{"Content-Type", "application/json"}});
  EXPECT_EQ(answer.status, 202);
  EXPECT_EQ(answer.length, 0U);
  EXPECT_EQ(answer.field("Range"), "0-0");
  const std::string id = answer.field("Docker-Upload-UUID");
  EXPECT_TRUE(oci::UploadId::parse(id).has_value());
  EXPECT_EQ(answer.field("Location"), "/v2/team/app/blobs/uploads/" + id);
  EXPECT_EQ(answer.field("Docker-Distribution-Api-Version"), "registry/2.0");
}

TEST_F(UploadsTest, take_one_patch_of_unknown_length_and_an_empty_put) {
  const std::string bytes(300'000, 'x');
  const std::string location = begin();
  const auto patched = ask({.method = "PATCH", .target = location, .fields = {}, .body = bytes, .is_chunked = true});
  EXPECT_EQ(patched.status, 202);
  EXPECT_EQ(patched.field("Range"), "0-299999");
  EXPECT_EQ(patched.field("Location"), location);
  const auto put = send("PUT", location + "?digest=" + digest_of(bytes));
  EXPECT_EQ(put.status, 201) << put.body;
  EXPECT_EQ(put.field("Location"), "/v2/app/blobs/" + digest_of(bytes));
  EXPECT_EQ(put.field("Docker-Content-Digest"), digest_of(bytes));
  expect_blob(bytes, digest_of(bytes));
}

TEST_F(UploadsTest, take_the_whole_body_in_the_put) {
  const auto put = send("PUT", begin() + "?digest=" + digest_of("hello"), "hello");
  EXPECT_EQ(put.status, 201);
  expect_blob("hello", digest_of("hello"));
}

TEST_F(UploadsTest, take_chunks_in_order_and_say_where_to_go_on) {
  const std::string location = begin();
  EXPECT_EQ(send("PATCH", location, "hel", {{"Content-Range", "0-2"}}).field("Range"), "0-2");
  const auto state = get(location);
  EXPECT_EQ(state.status, 204);
  EXPECT_EQ(state.field("Range"), "0-2");
  EXPECT_EQ(state.field("Location"), location);
  EXPECT_EQ(send("PATCH", location, "lo", {{"Content-Range", "bytes 3-4/*"}}).status, 202);
  EXPECT_EQ(send("PUT", location + "?digest=" + digest_of("hello!"), "!", {{"Content-Range", "5-5"}}).status, 201);
  expect_blob("hello!", digest_of("hello!"));
}

TEST_F(UploadsTest, refuse_a_chunk_out_of_order_before_reading_it) {
  const std::string location = begin();
  send("PATCH", location, "hel");
  for (const char* method : {"PATCH", "PUT"}) {
    test::FakeRequest request{.method = method, .target = location, .fields = {{"Content-Range", "5-6"}}, .body = "xx"};
    if (request.method == "PUT") request.target += "?digest=" + digest_of("helxx");
    const auto answer = ask(request);
    EXPECT_EQ(answer.status, 416) << method;
    EXPECT_EQ(answer.field("Range"), "0-2") << method;
    EXPECT_EQ(answer.field("Location"), location) << method;
    EXPECT_NE(answer.field("Docker-Upload-UUID"), "") << method;
    EXPECT_EQ(code_of(answer), "BLOB_UPLOAD_INVALID") << method;
  }
  EXPECT_EQ(send("PUT", location + "?digest=" + digest_of("hello"), "lo").status, 201);
}

TEST_F(UploadsTest, refuse_a_chunk_that_is_not_as_long_as_it_says) {
  const struct {
    std::string name, range;
    bool is_chunked;
  } rows[] = {
      {"shorter by Content-Length", "0-9", false},
      {"longer by Content-Length", "0-1", false},
      {"shorter, chunked", "0-9", true},
      {"longer, chunked", "0-1", true},
  };
  for (const auto& row : rows) {
    const auto answer = ask({.method = "PATCH",
                             .target = begin(),
                             .fields = {{"Content-Range", row.range}},
                             .body = "hello",
                             .is_chunked = row.is_chunked});
    EXPECT_EQ(answer.status, 400) << row.name;
    EXPECT_EQ(code_of(answer), "SIZE_INVALID") << row.name;
  }
  const auto malformed = send("PATCH", begin(), "hello", {{"Content-Range", "five"}});
  EXPECT_EQ(malformed.status, 400);
}

TEST_F(UploadsTest, keep_what_arrived_of_a_broken_patch) {
  const std::string location = begin();
  ask({.method = "PATCH", .target = location, .fields = {}, .body = "hello", .is_chunked = true, .breaks_after = 3});
  EXPECT_EQ(get(location).field("Range"), "0-2");
  EXPECT_EQ(send("PATCH", location, "lo").field("Range"), "0-4");
  EXPECT_EQ(send("PUT", location + "?digest=" + digest_of("hello")).status, 201);
}

TEST_F(UploadsTest, leave_the_session_as_it_is_when_the_digest_is_missing_or_malformed) {
  const std::string location = begin();
  send("PATCH", location, "hello");
  for (const std::string query : {"", "?digest=", "?digest=sha256:abc", "?digest=md5:00"}) {
    const auto answer = send("PUT", location + query);
    EXPECT_EQ(answer.status, 400) << query;
    EXPECT_EQ(code_of(answer), "DIGEST_INVALID") << query;
  }
  EXPECT_EQ(send("PUT", location + "?digest=" + digest_of("hello")).status, 201);
}

TEST_F(UploadsTest, end_a_session_whose_digest_differs) {
  const std::string location = begin();
  const auto answer = send("PUT", location + "?digest=" + digest_of("other"), "hello");
  EXPECT_EQ(answer.status, 400);
  EXPECT_EQ(code_of(answer), "DIGEST_INVALID");
  EXPECT_EQ(get(location).status, 404);
  EXPECT_EQ(get("/v2/app/blobs/" + digest_of("other")).status, 404);
}

TEST_F(UploadsTest, answer_a_repeated_commit_as_the_first) {
  const std::string target = begin() + "?digest=" + digest_of("hello");
  EXPECT_EQ(send("PUT", target, "hello").status, 201);
  const auto again = send("PUT", target, "hello");
  EXPECT_EQ(again.status, 201);
  EXPECT_EQ(again.field("Docker-Content-Digest"), digest_of("hello"));
  const std::string session = target.substr(0, target.find('?'));
  EXPECT_EQ(send("PUT", session + "?digest=" + digest_of("other")).status, 404);
  EXPECT_EQ(get(session).status, 404);
}

TEST_F(UploadsTest, cancel_a_session) {
  const std::string location = begin();
  EXPECT_EQ(send("DELETE", location).status, 204);
  const auto gone = get(location);
  EXPECT_EQ(gone.status, 404);
  EXPECT_EQ(code_of(gone), "BLOB_UPLOAD_UNKNOWN");
  start({.delete_enabled = false});
  EXPECT_EQ(send("DELETE", begin()).status, 204) << "not a right to delete";
}

TEST_F(UploadsTest, belong_to_their_repository) {
  const std::string location = begin();
  const std::string id = location.substr(location.rfind('/') + 1);
  EXPECT_EQ(get("/v2/other/blobs/uploads/" + id).status, 404);
  EXPECT_EQ(send("PATCH", "/v2/other/blobs/uploads/" + id, "x").status, 404);
  EXPECT_EQ(send("DELETE", "/v2/other/blobs/uploads/" + id).status, 404);
  EXPECT_EQ(get(location).status, 204);
}

TEST_F(UploadsTest, take_a_whole_blob_in_one_post) {
  EXPECT_EQ(send("POST", kBegin + "?digest=" + digest_of("hello"), "hello").status, 201);
  expect_blob("hello", digest_of("hello"));
  const auto wrong = send("POST", kBegin + "?digest=" + digest_of("other"), "hello");
  EXPECT_EQ(wrong.status, 400);
  EXPECT_EQ(code_of(wrong), "DIGEST_INVALID");
  const auto empty_body = send("POST", kBegin + "?digest=" + digest_of("other"));
  EXPECT_EQ(empty_body.status, 202);
  EXPECT_EQ(send("PUT", empty_body.field("Location") + "?digest=" + digest_of("other"), "other").status, 201);
  EXPECT_EQ(send("POST", kBegin + "?digest=sha256:1", "hello").status, 400);
}

TEST_F(UploadsTest, take_the_empty_blob_in_every_style) {
  const std::string digest = digest_of("");
  EXPECT_EQ(send("POST", kBegin + "?digest=" + digest).status, 201);
  EXPECT_EQ(send("PUT", begin() + "?digest=" + digest).status, 201);
  const std::string location = begin();
  EXPECT_EQ(send("PATCH", location).field("Range"), "0-0");
  EXPECT_EQ(send("PUT", location + "?digest=" + digest).status, 201);
  expect_blob("", digest);
}

TEST_F(UploadsTest, keep_blobs_under_the_algorithm_of_the_client) {
  const std::string digest = digest_of("hello", HashAlgorithm::sha512);
  for (const std::string begin_with : {"?digest-algorithm=sha512", "", "?digest-algorithm=sha256"}) {
    const auto session = send("POST", kBegin + begin_with);
    ASSERT_EQ(session.status, 202) << begin_with;
    const auto put = send("PUT", session.field("Location") + "?digest=" + digest, "hello");
    EXPECT_EQ(put.status, 201) << begin_with << put.body;
    EXPECT_EQ(put.field("Docker-Content-Digest"), digest);
  }
  EXPECT_EQ(send("POST", kBegin + "?digest=" + digest, "hello").status, 201);
  expect_blob("hello", digest);
  EXPECT_EQ(send("POST", kBegin + "?digest-algorithm=md5").status, 400);
}

TEST_F(UploadsTest, mount_what_is_here_and_begin_a_session_otherwise) {
  const std::string digest = push_blob("source", "hello");
  const struct {
    std::string name, query;
    int want;
  } rows[] = {
      {"from its repository", "?mount=" + digest + "&from=source", 201},
      {"with parameters we do not know", "?mount=" + digest + "&from=source&origin=x&ns=localhost:5000", 201},
      {"from anywhere", "?mount=" + digest, 201},
      {"from a repository that is none", "?mount=" + digest + "&from=nowhere", 202},
      {"from a malformed name", "?mount=" + digest + "&from=A//b", 202},
      {"a blob that is none", "?mount=" + digest_of("none") + "&from=source", 202},
      {"a blob that is none, from anywhere", "?mount=" + digest_of("none"), 202},
      {"malformed", "?mount=sha256:1&from=source", 400},
  };
  int number = 0;
  for (const auto& row : rows) {
    const std::string target = "/v2/target" + std::to_string(++number);
    const auto answer = send("POST", target + "/blobs/uploads/" + row.query);
    EXPECT_EQ(answer.status, row.want) << row.name << answer.body;
    if (row.want == 201) {
      EXPECT_EQ(answer.field("Location"), target + "/blobs/" + digest) << row.name;
      EXPECT_EQ(head(target + "/blobs/" + digest).status, 200) << row.name;
    }
    if (row.want == 202) {
      EXPECT_NE(answer.field("Location"), "") << row.name;
    }
  }
}

TEST_F(UploadsTest, go_to_hosted_repositories_only) {
  const auto by_path = send("POST", "/v2/upstream.example/app/blobs/uploads/");
  EXPECT_EQ(by_path.status, 405);
  EXPECT_EQ(code_of(by_path), "UNSUPPORTED");
  EXPECT_NE(by_path.field("Allow"), "");
  EXPECT_EQ(send("POST", kBegin + "?ns=upstream.example").status, 405);
  EXPECT_EQ(send("POST", kBegin + "?ns=mirror.example").status, 202) << "an ns that is no upstream's is ignored";
  EXPECT_EQ(send("POST", "/v2/App/blobs/uploads/").status, 400);
  EXPECT_EQ(send("PUT", kBegin).status, 405);
  EXPECT_EQ(send("POST", begin()).status, 405);
}

}  // namespace
}  // namespace lifeboat::http
