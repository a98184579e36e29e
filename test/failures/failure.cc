#include "test/failures/failure.h"

#include <array>
#include <utility>

#include "base/bytes.h"

namespace lifeboat::test {
namespace {

/// X-Lifeboat-Stale's words for why the upstream did not confirm (registry/freshness.h).
std::string stale_reason(ErrorCode failure) {
  switch (failure) {
    case ErrorCode::timed_out: return "timeout";
    case ErrorCode::unauthorized:
    case ErrorCode::denied: return "credential";
    case ErrorCode::too_many: return "rate-limited";
    case ErrorCode::corrupt:
    case ErrorCode::invalid: return "wrong-content";
    case ErrorCode::not_found: return "gone";
    default: return "unavailable";
  }
}

/// What is missing of a held manifest may still come: it was slow, wants a pause, or spoke of the tag alone.
bool may_supply_the_rest(const Outcome& outcome) {
  return outcome.breaker != Breaker::opens &&
         (outcome.failure == ErrorCode::timed_out || outcome.failure == ErrorCode::too_many ||
          outcome.failure == ErrorCode::not_found);
}

int asked_again(const Outcome& outcome) {
  if (outcome.breaker == Breaker::opens || outcome.breaker == Breaker::pauses || outcome.is_pending) return 0;
  return outcome.asked_again.value_or(outcome.asked);
}

Expected served(Question question, int asked) {
  return {.answer = {.status = question == Question::range ? 206 : 200}, .asked_first = asked};
}

Expected unavailable(const Outcome& outcome) {
  Expected want{.answer = {.status = 503}, .asked_first = outcome.asked, .asked_second = asked_again(outcome)};
  if (outcome.breaker != Breaker::untouched) want.later = want.answer;
  return want;
}

/// A tag is held and has to be confirmed.
Expected expected_of_held_tag(const Failure& failure, Held held) {
  const Outcome& outcome = failure.head;
  if (!outcome.failure) return served(Question::tag, outcome.asked);
  // A manifest is a promise: without its blobs it is made only while they may still come.
  if (held == Held::part && !may_supply_the_rest(outcome)) return unavailable(outcome);
  // What is said stale is said again without asking again.
  Expected want{.answer = {.status = 200, .stale = stale_reason(*outcome.failure)}, .asked_first = outcome.asked};
  if (outcome.breaker == Breaker::pauses) {
    want.later = want.answer;
  } else if (outcome.breaker != Breaker::untouched) {
    want.later = held == Held::whole ? Right{.status = 200, .stale = "unavailable"} : Right{.status = 503};
  }
  return want;
}

/// It is not here and has to come.
Expected expected_of_fetch(const Outcome& outcome, Question question, bool has_backup) {
  const bool is_blob = question == Question::blob || question == Question::range;
  if (!outcome.failure) return served(question, outcome.asked);
  if (outcome.is_pending) return unavailable(outcome);
  if (has_backup && !outcome.is_wrong) return served(question, (outcome.has_begun ? 1 : outcome.asked) + 1);
  if (outcome.has_begun) {
    // Who comes back for the rest had better go elsewhere, for some seconds.
    return {.answer = {.status = 503}, .asked_first = outcome.asked, .later = Right{.status = 503}};
  }
  if (outcome.failure != ErrorCode::not_found) return unavailable(outcome);
  // It may say so. That there is no such manifest is believed for some seconds; of a blob, who asks has just been told.
  return {.answer = {.status = 404}, .asked_first = outcome.asked, .asked_second = is_blob ? asked_again(outcome) : 0};
}

constexpr const char* kTableHead = R"(# What a client gets when an upstream fails

Made by `failures_test --table`; the test asks every cell of the whole chain (`test/failures`).

What is held is given by its digest, whole or in part, without asking anybody: 200, and 206 for a range. A blob that is not
held is the same whatever else is; a range of it has the same answer as the whole, with 206. HEAD and GET agree.

- A held tag was confirmed two hours ago and has to be asked for again. *In part*: without its blobs.
- `200 (timeout)`: the held copy with `Warning: 110` and `X-Lifeboat-Stale: timeout; age=…`. Every 503 has `Retry-After`.
- `1+0`: requests to the upstream for a first question, and for the same one right behind it.
- `then`: once the breaker is open, or in a pause that was asked for; nobody is asked any more.

With a second endpoint that works, what is not held comes from there in every case but two: bytes that turn out wrong at
their end, and an answer slower than our patience.

| when | tag, held whole | tag, held in part | tag, not held | digest, not held | blob, not held |
|---|---|---|---|---|---|
)";

std::string in_words(const Right& answer) {
  return std::to_string(answer.status) + (answer.stale.empty() ? "" : " (" + answer.stale + ")");
}

std::string in_words(const Expected& want) {
  std::string text =
      in_words(want.answer) + ", " + std::to_string(want.asked_first) + "+" + std::to_string(want.asked_second);
  const bool changes = want.later && in_words(*want.later) != in_words(want.answer);
  if (changes) text += ", then " + in_words(*want.later) + ", 0";
  if (want.later && !changes && want.asked_second > 0) text += ", then 0";
  return text;
}

}  // namespace

std::string_view to_string(Held held) {
  switch (held) {
    case Held::whole: return "held whole";
    case Held::part: return "held in part";
    case Held::none: return "not held";
  }
  return "?";
}

std::string_view to_string(Question question) {
  switch (question) {
    case Question::tag: return "tag";
    case Question::digest: return "digest";
    case Question::blob: return "blob";
    case Question::range: return "Range";
  }
  return "?";
}

const Image& the_image() {
  static const Image image = image_of("app", 1);
  return image;
}

const std::string& the_large_blob() {
  static const std::string bytes = [] {
    std::string text;
    while (text.size() < 256 * kKiB) text += std::to_string(text.size()) + " ";
    return text;
  }();
  return bytes;
}

FailingRegistry::Content the_content() {
  const Image& image = the_image();
  return FailingRegistry::content_of(image.manifest, kTag, {image.config, image.layers.front(), the_large_blob()});
}

void Gate::open() {
  {
    const std::lock_guard lock(mutex_);
    is_open_ = true;
  }
  opened_.notify_all();
}

void Gate::pass() {
  std::unique_lock lock(mutex_);
  opened_.wait(lock, [&] { return is_open_; });
}

Expected expected(const Failure& failure, Held held, Question question, bool has_backup) {
  const bool is_manifest = question == Question::tag || question == Question::digest;
  if (held == Held::whole && question != Question::tag) return served(question, 0);
  if (held == Held::part && question == Question::digest) return served(question, 0);
  if (held != Held::none && question == Question::tag) return expected_of_held_tag(failure, held);
  return expected_of_fetch(is_manifest ? failure.manifest : failure.blob, question, has_backup);
}

std::string rendered_table() {
  constexpr std::array kColumns{std::pair{Held::whole, Question::tag}, std::pair{Held::part, Question::tag},
                                std::pair{Held::none, Question::tag}, std::pair{Held::none, Question::digest},
                                std::pair{Held::none, Question::blob}};
  std::string text = kTableHead;
  for (const Failure& failure : failures()) {
    text += "| " + failure.name;
    for (const auto& [held, question] : kColumns) text += " | " + in_words(expected(failure, held, question, false));
    text += " |\n";
  }
  return text;
}

}  // namespace lifeboat::test
