#include "test/failures/case.h"

#include <gtest/gtest.h>

#include "base/assert.h"
#include "oci/error_code.h"
#include "oci/range.h"
#include "test/failures/failure_rig.h"
#include "test/support/scripted_source.h"

namespace lifeboat::test {
namespace {

using std::chrono::seconds;

constexpr std::size_t kRangeFirst = 5;
constexpr std::size_t kRangeLength = 20;
/// How often a question is repeated for its breaker to open.
constexpr int kUntilOpen = 4;

sys::HttpClient* client = nullptr;  // NOLINT: of the one OutgoingHttp

/// What is wrong, in words; empty when nothing is.
class Faults {
 public:
  explicit Faults(std::string about) : about_(std::move(about)) {}
  template <class Got, class Want>
  void equal(const Got& got, const Want& want, const std::string& what) {
    if (!(got == want)) add(what + ": got " + testing::PrintToString(got) + ", want " + testing::PrintToString(want));
  }
  void check(bool is_right, const std::string& what) {
    if (!is_right) add(what);
  }
  void add(const std::string& what) { text_ += about_ + ": " + what + "\n"; }
  const std::string& text() const { return text_; }

 private:
  const std::string about_;
  std::string text_;
};

void check_content(const Case& one, const FakeAnswer& answer, bool is_head, Faults& faults) {
  const bool is_part = answer.status == 206;
  const std::string want = is_part ? one.content().substr(kRangeFirst, kRangeLength) : one.content();
  faults.equal(answer.field("Docker-Content-Digest"), digest_of(one.content()), "Docker-Content-Digest");
  faults.equal(answer.length.value_or(0), want.size(), "Content-Length");
  faults.check(is_head || answer.is_complete, "the body is cut");
  faults.check(is_head || answer.body == want, "the body is not what the digest says");
  if (is_part) {
    faults.equal(answer.field("Content-Range"),
                 oci::render_content_range({kRangeFirst, kRangeLength}, one.content().size()), "Content-Range");
  }
}

void check_error(const FakeAnswer& answer, bool is_head, Faults& faults) {
  if (is_head) return;
  const auto errors = oci::parse_errors(answer.body);
  faults.equal(errors.size(), 1U, "errors in the body");
  if (errors.size() != 1) return;
  const bool is_unknown = errors.front().code == oci::OciErrorCode::manifest_unknown ||
                          errors.front().code == oci::OciErrorCode::blob_unknown;
  faults.equal(is_unknown, answer.status == 404,
               "the code says 'unknown' (status " + std::to_string(answer.status) + ")");
}

void check_answer(const Case& one, const Right& want, const FakeAnswer& answer, bool is_head, Faults& faults) {
  const int status = is_head && want.status == 206 ? 200 : want.status;
  faults.equal(answer.status, status, "status");
  faults.check(answer.is_complete || is_head, "the answer is not complete");
  const std::string stale = answer.field("X-Lifeboat-Stale");
  faults.equal(stale.substr(0, stale.find(';')), want.stale, "X-Lifeboat-Stale '" + stale + "'");
  faults.equal(answer.field("Warning"), want.stale.empty() ? "" : "110 - \"Response is Stale\"", "Warning");
  if (!want.stale.empty() && want.stale != "gone") {
    const std::size_t age = stale.find("; age=72");  // two hours and what the test took
    faults.check(age != stale.npos, "X-Lifeboat-Stale tells another age: '" + stale + "'");
  }
  const std::string retry = answer.field("Retry-After");
  faults.equal(!retry.empty(), want.has_retry_after(), "has Retry-After");
  faults.check(retry.empty() || std::stoi(retry) > 0, "Retry-After is '" + retry + "'");
  if (answer.status == 200 || answer.status == 206) {
    check_content(one, answer, is_head, faults);
  } else {
    check_error(answer, is_head, faults);
  }
}

/// The fields of an answer but for its age and the port of its endpoint, one a line.
std::string fields_of(const FakeAnswer& answer) {
  std::string text = std::to_string(answer.status) + "\n";
  for (const auto& [name, value] : answer.fields.all()) {
    const bool is_its_own = name == "X-Lifeboat-Stale" || name == "X-Lifeboat-Endpoint";
    text += name + ": " + value.substr(0, is_its_own ? value.find_first_of(";:") : value.npos) + "\n";
  }
  return text;
}

/// The same question to a rig of its own, twice, and then until the breaker has seen enough.
std::string asked_by(const std::string& method, const Case& one, FakeAnswer& first) {
  const bool is_head = method == "HEAD";
  const Expected want = expected(one.failure, one.held, one.question, one.has_backup);
  FailureRig rig(the_client(), one.failure, one.held, one.has_backup);
  const auto ask = [&](const std::string& which, const Right& right, std::optional<int> asked) {
    Faults faults(one.name() + ", " + method + ", " + which);
    FailureRig::Seen seen = rig.ask(method, one.target(), one.fields());
    check_answer(one, right, seen.answer, is_head, faults);
    if (asked) faults.equal(seen.asked, *asked, "requests to the upstream");
    faults.check(seen.took <= rig.answer_within() + seconds(1), "it took " + std::to_string(seen.took.count()) + " ms");
    if (first.status == 0) first = std::move(seen.answer);
    return faults.text();
  };
  std::string faults = ask("the first", want.answer, want.asked_first);
  faults += ask("the second", want.answer, want.asked_second);
  if (!want.later) return faults;
  for (int i = 0; i < kUntilOpen; ++i) {
    rig.forget_prepared();
    (void)rig.ask(method, one.target(), one.fields());
  }
  rig.forget_prepared();
  return faults + ask("after " + std::to_string(kUntilOpen + 2), *want.later, 0);
}

}  // namespace

std::string Case::name() const {
  return std::string(to_string(held)) + (has_backup ? ", with a backup, " : ", ") + std::string(to_string(question));
}

std::string Case::target() const {
  const std::string at = "/v2/registry.example/team/app/";
  if (question == Question::tag) return at + "manifests/" + kTag;
  return at + (is_manifest() ? "manifests/" : "blobs/") + digest_of(content());
}

std::vector<std::pair<std::string, std::string>> Case::fields() const {
  if (question != Question::range) return {};
  return {{"Range", "bytes=" + std::to_string(kRangeFirst) + "-" + std::to_string(kRangeFirst + kRangeLength - 1)}};
}

std::string faults_of(const Case& one) {
  FakeAnswer get;
  std::string faults = asked_by("GET", one, get);
  if (one.question == Question::range) return faults;  // a HEAD has none
  FakeAnswer head;
  faults += asked_by("HEAD", one, head);
  const bool agree = fields_of(head) == fields_of(get) && head.length == get.length;
  if (!agree) faults += one.name() + ": HEAD and GET differ:\n" + fields_of(head) + "and\n" + fields_of(get);
  return faults;
}

sys::HttpClient& the_client() {
  LB_ASSERT(client != nullptr);
  return *client;
}

OutgoingHttp::OutgoingHttp() : client_(sys::make_curl_http_client({.user_agent = "lifeboat/test"}, blocks_)) {
  client = client_.get();
}
OutgoingHttp::~OutgoingHttp() { client = nullptr; }

}  // namespace lifeboat::test
