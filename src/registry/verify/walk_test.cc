#include "registry/verify/walk.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>

#include "test/support/manual_clock.h"
#include "test/support/run.h"
#include "test/support/scripted_inspector.h"

namespace lifeboat::registry::verify {
namespace {

using test::image_of;
using test::index_of;
using test::ScriptedInspector;

Name name(const std::string& repository, const std::string& reference) {
  return {*oci::Repository::parse(repository), *oci::Reference::parse(reference)};
}

/// "missing", "wrong_size wrong_digest": of one name, in the order they were found.
std::string faults_of(const Verdict& verdict) {
  std::string text;
  for (const Finding& one : verdict.findings) text.append(text.empty() ? "" : " ").append(to_string(one.fault.kind));
  return text;
}

class VerifyWalk : public ::testing::Test {
 protected:
  struct Asked {
    std::vector<Name> names{};
    WalkOptions options{};
    std::size_t sample = 0;
  };
  Report walk(Asked wanted) { return test::run(walked(std::move(wanted))); }
  Awaitable<Report> walked(Asked wanted) {
    Walk walk(registry_, clock_, wanted.options);
    co_await walk.look(test::a_call(), wanted.names);
    if (wanted.sample > 0) co_await walk.sample(test::a_call(), wanted.sample, 7);
    co_return walk.report();
  }
  Verdict one(WalkOptions options = {}, std::size_t sample = 0) {
    const auto report = walk({.names = {name("app", "1")}, .options = std::move(options), .sample = sample});
    EXPECT_EQ(report.verdicts.size(), 1U);
    return report.verdicts.at(0);
  }
  static Error gone() { return {ErrorCode::not_found, "cannot get 'x': 404 Not Found"}; }

  ScriptedInspector registry_;
  sys::SystemClock clock_;
  const test::Image amd_ = image_of("amd", 2);
  const test::Image arm_ = image_of("arm", 2);
  const std::string index_ = index_of({{amd_.manifest, "linux/amd64"}, {arm_.manifest, "linux/arm64"}});

  void SetUp() override {
    registry_.push("app", amd_);
    registry_.push("app", arm_);
    registry_.push_index("app", index_, "1");
  }
};

TEST_F(VerifyWalk, says_of_what_is_whole_that_it_is) {
  const auto report = walk({.names = {name("app", "1")}});
  EXPECT_EQ(outcome_of(report), Verdict::Outcome::whole);
  EXPECT_EQ(report.verdicts.at(0).digest, test::sha256_of(index_));
  EXPECT_EQ(report.totals.indexes, 1U);
  EXPECT_EQ(report.totals.manifests, 2U);
  EXPECT_EQ(report.totals.blobs, 6U);
  EXPECT_EQ(report.totals.hashed_bytes, 0U);
  EXPECT_EQ(registry_.asked.size(), 2U + 3 + 6)
      << "one question for each thing, and a HEAD for the tag and for what it leads to";
}

TEST_F(VerifyWalk, looks_at_each_digest_once_and_names_all_that_are_broken_by_it) {
  registry_.push_index("app", index_, "2");
  registry_.push_index("app", index_of({{amd_.manifest, "linux/amd64"}}), "amd-only");
  registry_.push("app", image_of("alone", 1), "sound");
  registry_.blobs.erase("app@" + test::sha256_of(amd_.layers[1]).to_string());
  const auto report = walk(
      {.names = {name("app", "1"), name("app", "2"), name("app", "amd-only"), name("app", "sound"), name("app", "1")}});
  ASSERT_EQ(report.verdicts.size(), 4U) << "a name that is given twice is looked at once";
  for (std::size_t i = 0; i < 3; ++i) {
    ASSERT_EQ(faults_of(report.verdicts[i]), "missing") << report.verdicts[i].name.to_string();
    const std::vector<Step>& path = report.verdicts[i].findings[0].path;
    EXPECT_EQ(path.back(), (Step{Part::layer, test::sha256_of(amd_.layers[1]), "2 of 2"}));
    EXPECT_EQ(path.at(1).note, "linux/amd64");
  }
  EXPECT_EQ(report.verdicts[3].outcome(), Verdict::Outcome::whole);
  EXPECT_EQ(registry_.asked_for("GET app@" + test::sha256_of(amd_.manifest).to_string()), 1U);
  EXPECT_EQ(registry_.asked_for("GET-FIRST app@" + test::sha256_of(amd_.layers[0]).to_string()), 1U);
}

TEST_F(VerifyWalk, names_each_fault) {
  const Error cut = Error(ErrorCode::corrupt, "cannot fetch from 'x': ended early").at(NetworkStep::body);
  const Error down(ErrorCode::unavailable, "cannot fetch from 'x': refused");
  using Thing = ScriptedInspector::Thing;
  struct Row {
    const char* name;
    std::function<void(Thing& tag, Thing& child, Thing& layer)> fault;
    Depth depth;
    const char* want;
  };
  const auto light = Depth::light;
  const auto deep = Depth::deep;
  const std::vector<Row> rows{
      {"tag gone", [](auto& tag, auto&, auto&) { tag.head_fails = tag.get_fails = gone(); }, light, "missing"},
      {"tag gone for HEAD", [](auto& tag, auto&, auto&) { tag.head_fails = gone(); }, light, "missing_to_head"},
      {"tag gone for GET", [](auto& tag, auto&, auto&) { tag.get_fails = gone(); }, light, "missing_to_get"},
      {"tag with other bytes for GET", [](auto& tag, auto&, auto&) { tag.got_instead = "garbage"; }, light,
       "wrong_digest"},
      {"tag with no manifest", [](auto& tag, auto&, auto&) { tag.bytes = "garbage"; }, light, "malformed"},
      {"tag too long", [](auto& tag, auto&, auto&) { tag.is_too_long = true; }, light, "malformed"},
      {"child too long", [](auto&, auto& child, auto&) { child.is_too_long = true; }, light, "malformed"},
      {"tag empty", [](auto& tag, auto&, auto&) { tag.bytes.clear(); }, light, "empty_body"},
      {"no digest in a HEAD", [](auto& tag, auto&, auto&) { tag.is_digest_told = false; }, light, ""},
      {"no HEAD", [](auto& tag, auto&, auto&) { tag.head_fails = Error(ErrorCode::unsupported, "405"); }, light, ""},
      {"tag down", [&](auto& tag, auto&, auto&) { tag.head_fails = tag.get_fails = down; }, light, "unreachable"},
      {"child gone", [](auto&, auto& child, auto&) { child.get_fails = child.head_fails = gone(); }, light, "missing"},
      {"child gone for GET", [](auto&, auto& child, auto&) { child.get_fails = gone(); }, light, "missing_to_get"},
      {"child with other bytes", [](auto&, auto& child, auto&) { child.bytes[5] ^= 1; }, light, "wrong_digest"},
      {"child cut", [](auto&, auto& child, auto&) { child.bytes.pop_back(); }, light, "wrong_size"},
      {"child empty", [](auto&, auto& child, auto&) { child.bytes.clear(); }, light, "empty_body"},
      {"layer gone for GET", [](auto&, auto&, auto& layer) { layer.get_fails = gone(); }, light, "missing_to_get"},
      {"layer denied", [](auto&, auto&, auto& layer) { layer.get_fails = Error(ErrorCode::denied, "403"); }, light,
       "denied"},
      {"layer fails", [](auto&, auto&, auto& layer) { layer.get_fails = Error(ErrorCode::internal, "500"); }, light,
       "server_error"},
      {"layer cut", [](auto&, auto&, auto& layer) { layer.bytes.pop_back(); }, light, "wrong_size"},
      {"layer empty", [](auto&, auto&, auto& layer) { layer.bytes.clear(); }, light, "empty_body"},
      {"layer announced, and nothing",
       [&](auto&, auto&, auto& layer) {
         layer.announced = layer.bytes.size();
         layer.bytes.clear();
         layer.body_fails = cut;
       },
       light, "empty_body"},
      {"layer announced, and half",
       [&](auto&, auto&, auto& layer) {
         layer.announced = layer.bytes.size();
         layer.bytes.resize(layer.bytes.size() / 2);
         layer.body_fails = cut;
       },
       deep, "cut_short"},
      {"a bit of a layer", [](auto&, auto&, auto& layer) { layer.bytes[50] ^= 1; }, light, ""},
      {"a bit of a layer, hashed", [](auto&, auto&, auto& layer) { layer.bytes[50] ^= 1; }, deep, "wrong_digest"},
  };
  for (const Row& row : rows) {
    registry_.forget();
    SetUp();
    row.fault(registry_.manifests["app:1"], registry_.manifest_of("app", arm_.manifest),
              registry_.blob_of("app", arm_.layers[1]));
    EXPECT_EQ(faults_of(one({.depth = row.depth})), row.want) << row.name;
  }
}

TEST_F(VerifyWalk, finds_a_manifest_that_its_tag_gives_and_its_digest_does_not) {
  const auto known = registry_.manifests.at("app:1").bytes;
  auto& by_digest = registry_.manifest_of("app", known);
  by_digest.head_fails = gone();
  EXPECT_EQ(faults_of(one()), "") << "a GET by the digest gives it";
  by_digest.get_fails = gone();
  const Verdict verdict = one();
  ASSERT_EQ(faults_of(verdict), "missing");
  EXPECT_TRUE(verdict.findings[0].fault.detail.starts_with("its tag gives it, its digest says "))
      << verdict.findings[0].fault.detail;
}

TEST_F(VerifyWalk, reads_no_further_than_the_manifest_says_that_it_is_long) {
  std::size_t blocks = 0;
  auto& layer = registry_.blob_of("app", arm_.layers[1]);
  layer.on_block = [&] { ASSERT_LT(++blocks, 100U) << "a body without end is read without end"; };
  layer.is_endless = true;
  layer.is_length_told = false;
  const Verdict verdict = one({.depth = Depth::deep});
  ASSERT_EQ(faults_of(verdict), "wrong_size");
  const std::string named = std::to_string(arm_.layers[1].size());
  EXPECT_EQ(verdict.findings[0].fault.detail,
            "got " + std::to_string(arm_.layers[1].size() + 1) + " bytes and more, want " + named);

  layer.is_length_told = true;
  layer.announced = 1'000'000;
  blocks = 0;
  EXPECT_EQ(faults_of(one({.depth = Depth::deep})), "wrong_size");
  EXPECT_EQ(blocks, 0U) << "its length says enough";
}

TEST_F(VerifyWalk, finds_out_how_long_a_blob_is_that_does_not_say) {
  auto& layer = registry_.blob_of("app", arm_.layers[1]);
  layer.is_length_told = false;
  EXPECT_EQ(faults_of(one()), "");
  layer.bytes.pop_back();
  EXPECT_EQ(faults_of(one()), "wrong_size") << "by its body";
  layer.head_length = 3;
  EXPECT_EQ(faults_of(one()), "wrong_size") << "by a HEAD";
}

TEST_F(VerifyWalk, hashes_what_somebody_names_with_the_right_length) {
  const std::string& layer = amd_.layers[0];
  auto wrong = amd_;
  const std::string size = ",\"size\":" + std::to_string(layer.size());
  const std::size_t at = wrong.manifest.find(test::sha256_of(layer).to_string());
  wrong.manifest.replace(wrong.manifest.find(size, at), size.size(), ",\"size\":7");
  registry_.push("app", wrong, "wrong");
  registry_.push("app", amd_, "right");
  registry_.blob_of("app", layer).bytes[50] ^= 1;
  for (const char* first : {"wrong", "right"}) {
    const char* second = std::string_view(first) == "wrong" ? "right" : "wrong";
    const auto report =
        walk({.names = {name("app", first), name("app", second)}, .options = {.depth = Depth::deep, .jobs = 1}});
    for (const Verdict& verdict : report.verdicts) {
      const bool is_right = verdict.name == name("app", "right");
      EXPECT_EQ(faults_of(verdict), is_right ? "wrong_digest" : "wrong_size") << first << " first";
    }
  }
}

TEST_F(VerifyWalk, gives_up_a_body_that_comes_too_slowly) {
  test::ManualClock clock;
  auto& layer = registry_.blob_of("app", arm_.layers[1]);
  layer.on_block = [&] { clock.advance(std::chrono::seconds(50)); };
  const auto walked = [](Walk& walk, std::vector<Name> names) -> Awaitable<Report> {
    co_await walk.look(test::a_call(), std::move(names));
    co_return walk.report();
  };
  Walk walk(registry_, clock, {.depth = Depth::deep});
  const Report report = test::run(walked(walk, {name("app", "1")}));
  ASSERT_EQ(faults_of(report.verdicts.at(0)), "unreachable");
  EXPECT_TRUE(report.verdicts[0].findings[0].fault.detail.starts_with("too slow: "));
  EXPECT_EQ(registry_.asked_for("GET app@" + test::sha256_of(arm_.layers[1]).to_string()), 1U) << "not once more";
}

TEST_F(VerifyWalk, hashes_a_sample) {
  for (const auto& layer : arm_.layers) registry_.blob_of("app", layer).bytes[50] ^= 1;
  for (const auto& layer : amd_.layers) registry_.blob_of("app", layer).bytes[50] ^= 1;
  EXPECT_EQ(faults_of(one()), "") << "nobody looked";
  EXPECT_EQ(faults_of(one({}, 100)), "wrong_digest wrong_digest wrong_digest wrong_digest") << "more than there are";
  registry_.asked.clear();
  (void)one({}, 2);
  EXPECT_EQ(registry_.asked_for("GET-FIRST"), 6U);
  EXPECT_EQ(std::ranges::count_if(registry_.asked, [](const auto& text) { return text.starts_with("GET app@"); }),
            2 + 2);
}

TEST_F(VerifyWalk, keeps_to_the_platforms_that_are_wanted) {
  registry_.blobs.erase("app@" + test::sha256_of(arm_.config).to_string());
  EXPECT_EQ(faults_of(one({.platforms = {*oci::Platform::parse("linux/amd64")}})), "");
  EXPECT_EQ(faults_of(one({.platforms = {*oci::Platform::parse("linux/arm64")}})), "missing");
  EXPECT_EQ(faults_of(one({.platforms = {*oci::Platform::parse("linux/s390x")}})), "no_platform");
}

TEST_F(VerifyWalk, looks_at_referrers_when_it_is_told_to) {
  const auto signature = image_of("signature", 1, amd_.manifest);
  registry_.push("app", signature);
  registry_.blobs.erase("app@" + test::sha256_of(signature.layers[0]).to_string());
  registry_.referring[test::sha256_of(amd_.manifest).to_string()] = {{.digest = test::sha256_of(signature.manifest),
                                                                      .media_type = std::string(oci::kOciManifest),
                                                                      .size_bytes = signature.manifest.size(),
                                                                      .artifact_type = "application/x.signature",
                                                                      .annotations_json = ""}};
  EXPECT_EQ(faults_of(one()), "");
  const Verdict verdict = one({.has_referrers = true});
  ASSERT_EQ(faults_of(verdict), "missing");
  EXPECT_EQ(verdict.findings[0].path.at(2).part, Part::referrer);
  EXPECT_EQ(verdict.findings[0].path.at(2).note, "application/x.signature");
}

TEST_F(VerifyWalk, gives_up_what_does_not_answer_or_refuses_the_login) {
  std::vector<Name> names;
  for (int i = 0; i < 50; ++i) names.push_back(name("app", std::to_string(i)));
  struct Row {
    Error error;
    std::size_t asked_max;
    bool is_given_up;
  };
  const Error refused = Error(ErrorCode::unavailable, "cannot fetch from 'x': refused").at(NetworkStep::connect);
  const std::vector<Row> rows{
      {refused, 4, true},
      {Error(ErrorCode::unauthorized, "cannot get 'x': 401"), 4, true},
      {Error(ErrorCode::too_many, "cannot get 'x': 429"), 4, true},
      {Error(ErrorCode::internal, "cannot get 'x': 500"), 40, true},
      {Error(ErrorCode::denied, "cannot get 'x': 403"), 100, false},
  };
  for (const Row& row : rows) {
    registry_.forget();
    registry_.everything_fails = row.error;
    const auto report = walk({.names = names, .options = {.jobs = 2}});
    EXPECT_EQ(outcome_of(report), Verdict::Outcome::unknown) << row.error.message();
    EXPECT_EQ(!report.given_up.empty(), row.is_given_up) << row.error.message();
    EXPECT_LE(registry_.asked.size(), row.asked_max) << row.error.message();
    EXPECT_EQ(report.verdicts.size(), names.size());
    for (const Verdict& verdict : report.verdicts) EXPECT_EQ(verdict.outcome(), Verdict::Outcome::unknown);
  }
}

TEST_F(VerifyWalk, takes_what_is_too_long_for_an_answer) {
  std::vector<Name> names;
  for (const char* tag : {"a", "b", "c", "d", "whole"}) {
    registry_.push("app", image_of(tag, 1), tag);
    names.push_back(name("app", tag));
    registry_.manifests["app:" + std::string(tag)].is_too_long = std::string_view(tag) != "whole";
  }
  const auto report = walk({.names = names, .options = {.jobs = 1}});
  EXPECT_EQ(report.given_up, "");
  for (std::size_t i = 0; i < 4; ++i) EXPECT_EQ(faults_of(report.verdicts[i]), "malformed");
  EXPECT_EQ(faults_of(report.verdicts[4]), "");
}

TEST(VerifyFault, takes_a_list_that_broke_off_for_no_fault_of_what_is_listed) {
  const Error cut = Error(ErrorCode::corrupt, "cannot list tags of 'x': ended early").at(NetworkStep::body);
  EXPECT_EQ(fault_of(cut).kind, FaultKind::cut_short);
  EXPECT_EQ(fault_of_list(cut).kind, FaultKind::unreachable);
  EXPECT_EQ(fault_of_list(Error(ErrorCode::not_found, "cannot list: 404")).kind, FaultKind::missing);
}

TEST_F(VerifyWalk, calls_nothing_broken_where_everything_fails) {
  registry_.everything_fails = Error(ErrorCode::internal, "cannot get 'x': 500");
  EXPECT_EQ(faults_of(one()), "unreachable");
}

TEST_F(VerifyWalk, asks_no_more_at_a_time_than_it_may) {
  for (int i = 0; i < 30; ++i) registry_.push("app", image_of("n" + std::to_string(i), 3), "n" + std::to_string(i));
  std::vector<Name> names;
  for (int i = 0; i < 30; ++i) names.push_back(name("app", "n" + std::to_string(i)));
  const auto report = walk({.names = names, .options = {.jobs = 3}});
  EXPECT_EQ(outcome_of(report), Verdict::Outcome::whole);
  EXPECT_EQ(registry_.at_once_max, 3U);
}

TEST_F(VerifyWalk, does_not_call_broken_what_was_moved_while_it_was_looked_at) {
  const auto next = image_of("next", 1);
  registry_.on_question = [&](const std::string& question) {
    if (question != "GET app@" + test::sha256_of(amd_.manifest).to_string()) return;
    // The tag is pushed anew, and what it was is collected at once.
    registry_.push("app", next, "1");
    for (const auto& image : {amd_, arm_}) {
      registry_.manifests.erase("app@" + test::sha256_of(image.manifest).to_string());
    }
  };
  const Verdict verdict = one();
  EXPECT_EQ(faults_of(verdict), "");
  EXPECT_EQ(verdict.digest, test::sha256_of(next.manifest));
}

TEST_F(VerifyWalk, forgets_tags_that_were_deleted_while_they_were_looked_at) {
  registry_.push("app", arm_, "listed");
  registry_.manifests["app:listed"].head_fails = registry_.manifests["app:listed"].get_fails = gone();
  registry_.on_question = [&](const std::string& question) {
    if (question == "GET app@" + test::sha256_of(amd_.manifest).to_string()) {
      registry_.manifests.erase("app:1");
      registry_.manifests.erase("app@" + test::sha256_of(amd_.manifest).to_string());
    }
  };
  const auto walked = [](Walk& walk, std::vector<Name> names) -> Awaitable<Report> {
    co_await walk.look(test::a_call(), names);
    co_await walk.forget_deleted(test::a_call(), names);
    co_return walk.report();
  };
  Walk walk(registry_, clock_, {});
  const Report report = test::run(walked(walk, {name("app", "1"), name("app", "listed")}));
  ASSERT_EQ(report.verdicts.size(), 1U);
  EXPECT_EQ(report.verdicts[0].name, name("app", "listed"));
  EXPECT_EQ(faults_of(report.verdicts[0]), "missing") << "a tag that is listed and leads nowhere is broken";
  EXPECT_FALSE(walk.has(name("app", "1")));
}

TEST_F(VerifyWalk, lists_the_tags_that_fit) {
  for (const char* tag : {"v1", "v2", "dev"}) registry_.push("app", amd_, tag);
  const auto listed = test::run(tags_of(test::a_call(), registry_, *oci::Repository::parse("app"),
                                        [](const oci::Tag& tag) { return tag.to_string().starts_with('v'); }));
  ASSERT_TRUE(listed) << listed.error().message();
  EXPECT_EQ(*listed, (std::vector<Name>{name("app", "v1"), name("app", "v2")}));
}

}  // namespace
}  // namespace lifeboat::registry::verify
