// A blob whose first bytes the client has when the rest goes wrong: a 200 is a promise that can no longer be taken
// back.

#include <gtest/gtest.h>

#include <string>

#include "registry/blob_fetch.h"
#include "test/failures/case.h"
#include "test/failures/failure_rig.h"
#include "test/support/scripted_source.h"

namespace lifeboat::test {
namespace {

using Ending = HttpImposter::Ending;
using Answer = HttpImposter::Answer;

constexpr std::size_t kFirstPart = 192 * 1024;

/// The first part, and the rest when the client has some of it; as `wrong` makes it.
struct Row {
  std::string name;
  std::function<void(Answer&)> wrong;
  bool has_length = true;
  bool is_continued = true;  ///< by a backup; else the first bytes were part of the fault
  int asked = 1;
};

class Begun : public testing::TestWithParam<Row> {
 protected:
  static Failure failure() {
    return {.name = GetParam().name, .set_up = set_up, .head = {}, .manifest = {}, .blob = {}};
  }
  static void set_up(Scene& scene) {
    const auto fault = [gate = scene.gate](const HttpImposter::Request& request, Answer right) {
      if (request.fields.find("Range")) return Answer{.is_silent = true, .ending = Ending::close};
      right.more = right.body.substr(kFirstPart);
      right.announced_bytes = static_cast<int64_t>(right.body.size());
      right.body.resize(kFirstPart);
      right.pause = [gate] { gate->pass(); };
      GetParam().wrong(right);
      return right;
    };
    scene.registry = std::make_shared<FailingRegistry>(the_content(), FailingRegistry::Script{.registry = fault});
    scene.endpoint.url = scene.registry->url();
    scene.endpoint.deadlines.stall = std::chrono::milliseconds(500);
    scene.endpoint.deadlines.first_byte = std::chrono::seconds(20);
  }
  static std::string target() { return "/v2/registry.example/team/app/blobs/" + digest_of(the_large_blob()); }
};

TEST_P(Begun, never_ends_as_if_it_were_whole) {
  FailureRig rig(the_client(), failure(), Held::none, false);
  const auto first = rig.ask("GET", target(), {}, [&] { rig.open_gate(); });
  EXPECT_EQ(first.answer.status, 200);
  EXPECT_EQ(first.answer.length.has_value(), GetParam().has_length);
  EXPECT_FALSE(first.answer.is_complete) << "the client takes what it has for the whole";
  EXPECT_GT(first.answer.body.size(), 0U);
  EXPECT_LE(first.answer.body.size(), the_large_blob().size() - registry::BlobFetches::kWithheldBytes);
  EXPECT_EQ(first.answer.body, the_large_blob().substr(0, first.answer.body.size()));
  EXPECT_EQ(first.asked, GetParam().asked);

  // Who comes back for the rest is sent to its next host, and the upstream is left alone.
  for (const char* from : {"bytes=0-", "bytes=131072-"}) {
    const auto second = rig.ask("GET", target(), {{"Range", from}});
    EXPECT_EQ(second.answer.status, 503) << from;
    EXPECT_NE(second.answer.field("Retry-After"), "") << from;
    EXPECT_EQ(second.asked, 0) << from;
  }
}

TEST_P(Begun, is_continued_by_a_backup_where_what_came_was_right) {
  FailureRig rig(the_client(), failure(), Held::none, true);
  const auto first = rig.ask("GET", target(), {}, [&] { rig.open_gate(); });
  EXPECT_EQ(first.answer.status, 200);
  EXPECT_EQ(first.answer.is_complete, GetParam().is_continued);
  if (!GetParam().is_continued) return;
  EXPECT_EQ(first.answer.body, the_large_blob());
  EXPECT_EQ(first.asked, 2);
}

const std::vector<Row> kRows{
    {.name = "it_is_cut",
     .wrong =
         [](Answer& answer) {
           answer.more.clear();
           answer.ending = Ending::close;
         },
     .asked = 2},
    {.name = "it_is_reset",
     .wrong =
         [](Answer& answer) {
           answer.more.clear();
           answer.ending = Ending::reset;
         },
     .asked = 2},
    {.name = "it_stalls",
     .wrong =
         [](Answer& answer) {
           answer.more.clear();
           answer.ending = Ending::hang;
         },
     .asked = 2},
    {.name = "it_ends_with_wrong_bytes",
     .wrong = [](Answer& answer) { answer.more.back() ^= 1; },
     .is_continued = false},
    {.name = "it_is_cut_and_no_length_was_announced",
     .wrong =
         [](Answer& answer) {
           answer.more.clear();
           answer.announced_bytes = -1;
           answer.ending = Ending::close;
         },
     .has_length = false,
     .is_continued = false},
};
INSTANTIATE_TEST_SUITE_P(When, Begun, testing::ValuesIn(kRows), [](const auto& row) { return row.param.name; });

}  // namespace
}  // namespace lifeboat::test
