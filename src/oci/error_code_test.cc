#include "oci/error_code.h"

#include <gtest/gtest.h>

#include <string>

namespace lifeboat::oci {
namespace {

TEST(OciErrorCode, has_the_names_of_the_specification) {
  const struct {
    OciErrorCode code;
    std::string name;
  } rows[] = {
      {OciErrorCode::blob_unknown, "BLOB_UNKNOWN"},
      {OciErrorCode::blob_upload_invalid, "BLOB_UPLOAD_INVALID"},
      {OciErrorCode::blob_upload_unknown, "BLOB_UPLOAD_UNKNOWN"},
      {OciErrorCode::digest_invalid, "DIGEST_INVALID"},
      {OciErrorCode::manifest_blob_unknown, "MANIFEST_BLOB_UNKNOWN"},
      {OciErrorCode::manifest_invalid, "MANIFEST_INVALID"},
      {OciErrorCode::manifest_unknown, "MANIFEST_UNKNOWN"},
      {OciErrorCode::name_invalid, "NAME_INVALID"},
      {OciErrorCode::name_unknown, "NAME_UNKNOWN"},
      {OciErrorCode::size_invalid, "SIZE_INVALID"},
      {OciErrorCode::unauthorized, "UNAUTHORIZED"},
      {OciErrorCode::denied, "DENIED"},
      {OciErrorCode::unsupported, "UNSUPPORTED"},
      {OciErrorCode::too_many_requests, "TOOMANYREQUESTS"},
  };
  for (const auto& row : rows) {
    EXPECT_EQ(to_string(row.code), row.name);
    EXPECT_EQ(parse_oci_error_code(row.name), row.code) << row.name;
  }
}

TEST(OciErrorCode, refuses_names_outside_the_list) {
  for (const std::string_view text : {"", "blob_unknown", "UNKNOWN", "RANGE_INVALID", "TOO_MANY_REQUESTS"}) {
    EXPECT_FALSE(parse_oci_error_code(text).has_value()) << text;
  }
}

TEST(Errors, are_rendered_as_json) {
  EXPECT_EQ(render_errors({}), R"({"errors":[]})");
  EXPECT_EQ(render_errors({{.code = OciErrorCode::blob_unknown, .message = "blob is not here", .detail = "sha256:1"},
                           {.code = OciErrorCode::denied, .message = "no", .detail = ""}}),
            R"({"errors":[{"code":"BLOB_UNKNOWN","message":"blob is not here","detail":"sha256:1"},)"
            R"({"code":"DENIED","message":"no"}]})");
}

TEST(Errors, survive_rendering_and_parsing) {
  const std::string nasty = "quote \" backslash \\ line\nbreak } ] \xe2\x82\xac \x01";
  const auto errors =
      parse_errors(render_errors({{.code = OciErrorCode::name_invalid, .message = nasty, .detail = "}"},
                                  {.code = OciErrorCode::size_invalid, .message = "", .detail = nasty}}));
  ASSERT_EQ(errors.size(), 2U);
  EXPECT_EQ(errors[0].message, nasty);
  EXPECT_EQ(errors[0].detail, "}");
  EXPECT_EQ(errors[1].code, OciErrorCode::size_invalid);
  EXPECT_EQ(errors[1].detail, nasty);
}

TEST(Errors, render_what_is_not_utf8) {
  const auto errors =
      parse_errors(render_errors({{.code = OciErrorCode::name_invalid, .message = "a\xff\xfe z", .detail = "\xc3"}}));
  ASSERT_EQ(errors.size(), 1U);
  EXPECT_EQ(errors[0].message, "a\xef\xbf\xbd\xef\xbf\xbd z");
  EXPECT_EQ(errors[0].detail, "\xef\xbf\xbd");
}

TEST(Errors, of_upstreams_are_read_liberally) {
  const struct {
    std::string name, body;
    std::size_t count;
  } rows[] = {
      {"empty", "", 0},
      {"HTML", "<html>502</html>", 0},
      {"not UTF-8", "{\"errors\":[{\"code\":\"DENIED\",\"message\":\"\xff\"}]}", 0},
      {"cut off", R"({"errors":[{"code":"DENIED")", 0},
      {"array", "[]", 0},
      {"no list", R"({"errors":{"code":"DENIED"}})", 0},
      {"null", R"({"errors":null})", 0},
      {"items of other kinds", R"({"errors":[null,1,"DENIED",[]]})", 0},
      {"unknown code is skipped", R"({"errors":[{"code":"UNKNOWN"},{"code":"DENIED"}]})", 1},
      {"code of another kind", R"({"errors":[{"code":5}]})", 0},
      {"detail that is no text", R"({"errors":[{"code":"UNAUTHORIZED","message":"m","detail":[{"Type":"repo"}]}]})", 1},
      {"other fields", R"({"x":1,"errors":[{"code":"DENIED","y":{}}]})", 1},
      {"deep", std::string(30000, '[') + std::string(30000, ']'), 0},
      {"deep and cut off", std::string(60000, '['), 0},
      {"too long", R"({"errors":[{"code":"DENIED","message":")" + std::string(70000, 'a') + R"("}]})", 0},
  };
  for (const auto& row : rows) EXPECT_EQ(parse_errors(row.body).size(), row.count) << row.name;
}

}  // namespace
}  // namespace lifeboat::oci
