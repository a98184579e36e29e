#include "cli/verify_text.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>

namespace lifeboat::cli {
namespace {

using registry::verify::FaultKind;
using registry::verify::Finding;
using registry::verify::Part;
using Outcome = registry::verify::Verdict::Outcome;

oci::Digest digest(std::string_view text) { return oci::Digest::of(HashAlgorithm::sha256, as_bytes(text)); }

Finding missing_layer() {
  return {.path = {{Part::index, digest("index"), ""},
                   {Part::manifest, digest("arm"), "linux/arm64"},
                   {Part::layer, digest("layer"), "2 of 7"}},
          .fault = {FaultKind::missing, "404 Not Found (BLOB_UNKNOWN)"}};
}

VerifySummary summary_of_three() {
  return {.references = {{.reference = "r.example/app:1", .digest = "sha256:1", .outcome = Outcome::whole},
                         {.reference = "r.example/app:2",
                          .outcome = Outcome::broken,
                          .findings = {missing_layer(),
                                       {{{Part::tag, {}, "2"}}, {FaultKind::malformed, "<html> & \"more\""}}}},
                         {.reference = "r.example:5000/app@sha256:3",
                          .outcome = Outcome::unknown,
                          .findings = {{{{Part::tag, {}, ""}}, {FaultKind::unauthorized, "401"}}}}},
          .totals = {.indexes = 2, .manifests = 1, .blobs = 12, .hashed_bytes = 2048}};
}

TEST(VerifyText, says_where_a_fault_is) {
  EXPECT_EQ(place_of(missing_layer()), "layer 2 of 7 " + digest("layer").to_string() + " of linux/arm64");
  Finding root = missing_layer();
  root.path.resize(1);
  EXPECT_EQ(place_of(root), "index " + digest("index").to_string());
  Finding referrer = missing_layer();
  referrer.path[1].note.clear();
  EXPECT_EQ(place_of(referrer), "layer 2 of 7 " + digest("layer").to_string() + " of " + digest("arm").to_string());
}

TEST(VerifyText, shows_the_faults_alone_and_a_line_about_all) {
  const std::string text = verify_text(summary_of_three());
  EXPECT_EQ(text,
            "REFERENCE                    FAULT         WHAT\n"
            "r.example/app:2              missing       layer 2 of 7 " +
                digest("layer").to_string() +
                " of linux/arm64: 404 Not Found (BLOB_UNKNOWN)\n"
                "r.example/app:2              malformed     tag 2: <html> & \"more\"\n"
                "r.example:5000/app@sha256:3  unauthorized  tag: 401\n\n"
                "1 of 3 references broken, 1 not found out, 1 whole (2 indexes, 1 manifest, 12 blobs, 2.0 KiB of them "
                "hashed)\n");
  VerifySummary whole = summary_of_three();
  whole.references.resize(1);
  EXPECT_EQ(verify_text(whole), "whole: 1 reference (2 indexes, 1 manifest, 12 blobs, 2.0 KiB of them hashed)\n");
  whole.given_up = {"r.example: connect: refused"};
  EXPECT_TRUE(verify_text(whole).starts_with("given up: r.example: connect: refused\n"));
}

TEST(VerifyText, lets_nothing_through_that_a_terminal_or_a_reader_of_xml_does_not_take) {
  VerifySummary summary = summary_of_three();
  Finding& finding = summary.references[1].findings[0];
  finding.path[1].note = "li\x1b[31mnux\x7f\nr.example/app:9  whole";
  finding.path[2].note =
      "a\xC2\x9B"
      "2Jb\xEF\xBF\xBE"
      "c\xEF\xBF\xBF"
      "d\xFF"
      "e\xC3\xA9";
  finding.fault.detail = "\x1b]0;pwn\x07\r\n404";
  summary.given_up = {"r.example: \x1b[2J"};

  const std::string text = verify_text(summary);
  EXPECT_TRUE(text.contains(R"(of li\x1b[31mnux\x7f\x0ar.example/app:9  whole: \x1b]0;pwn\x07\x0d\x0a404)")) << text;
  EXPECT_TRUE(text.contains(R"(layer a\xc2\x9b2Jb\xef\xbf\xbec\xef\xbf\xbfd\xffe\xc3\xa9 sha256:)")) << text;
  EXPECT_TRUE(text.contains(R"(given up: r.example: \x1b[2J)")) << text;

  const std::string xml = verify_junit(summary);
  const std::string replaced = "\xEF\xBF\xBD";
  EXPECT_TRUE(xml.contains("layer a" + replaced + "2Jb" + replaced + "c" + replaced + "d" + replaced + "e\xC3\xA9 sha"))
      << xml;
  EXPECT_TRUE(xml.contains("of li [31mnux  r.example/app:9  whole:  ]0;pwn   404\n")) << xml;

  const std::string json = verify_json(summary);
  const auto is_printable = [](char letter) { return letter >= ' ' && letter <= '~'; };
  EXPECT_TRUE(std::ranges::all_of(json.substr(0, json.size() - 1), is_printable)) << json;
}

TEST(VerifyText, is_as_bad_as_the_worst) {
  VerifySummary summary = summary_of_three();
  EXPECT_EQ(outcome_of(summary), Outcome::broken);
  summary.references.erase(summary.references.begin() + 1);
  EXPECT_EQ(outcome_of(summary), Outcome::unknown);
  summary.references.pop_back();
  EXPECT_EQ(outcome_of(summary), Outcome::whole);
  summary.given_up = {"x"};
  EXPECT_EQ(outcome_of(summary), Outcome::unknown);
}

TEST(VerifyText, tells_programs_the_whole_way) {
  const auto json = nlohmann::json::parse(verify_json(summary_of_three()));
  EXPECT_EQ(json["result"], "broken");
  EXPECT_EQ(json["references"].size(), 3U);
  EXPECT_EQ(json["references"][0]["digest"], "sha256:1");
  const auto& fault = json["references"][1]["faults"][0];
  EXPECT_EQ(fault["fault"], "missing");
  EXPECT_EQ(fault["path"][1]["note"], "linux/arm64");
  EXPECT_EQ(fault["path"][2]["digest"], digest("layer").to_string());
  EXPECT_EQ(json["blobs"], 12);
}

TEST(VerifyText, writes_a_test_case_for_each_reference) {
  const std::string xml = verify_junit(summary_of_three());
  EXPECT_TRUE(xml.contains(R"(<testsuite name="lifeboat verify" tests="3" failures="1" errors="1">)")) << xml;
  EXPECT_TRUE(xml.contains(R"(<testcase classname="r.example/app" name="1"/>)")) << xml;
  EXPECT_TRUE(xml.contains(R"(<testcase classname="r.example/app" name="2">)")) << xml;
  EXPECT_TRUE(xml.contains(R"(<failure type="missing" message="layer 2 of 7 )")) << xml;
  EXPECT_TRUE(xml.contains("malformed: tag 2: &lt;html&gt; &amp; &quot;more&quot;\n")) << xml;
  EXPECT_TRUE(xml.contains(R"(<testcase classname="r.example:5000/app" name="sha256:3">)")) << xml;
  EXPECT_TRUE(xml.contains(R"(<error type="unauthorized")")) << xml;
}

}  // namespace
}  // namespace lifeboat::cli
