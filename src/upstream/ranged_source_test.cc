#include "upstream/ranged_source.h"

#include <condition_variable>
#include <mutex>

#include "upstream/source_test.h"
#include "upstream/upstream.h"

namespace lifeboat::upstream::source_test {
namespace {

constexpr uint64_t kPiece = 100'000;
constexpr RangeOptions kOptions{.requests = 4, .piece_bytes = kPiece, .least_bytes = 3 * kPiece};
/// What the plain stream gives before it is silent: into the first piece that is asked for beside it.
constexpr uint64_t kPlain = 150'000;

std::string content_of(std::size_t size_bytes) {
  std::string content(size_bytes, '\0');
  for (std::size_t i = 0; i < size_bytes; ++i) content[i] = static_cast<char>(i * 7 + i / 251);
  return content;
}

/// "bytes=5-" and "bytes=5-9"; nothing: no field.
struct Asked {
  uint64_t first = 0;
  std::optional<uint64_t> last{};
};
std::optional<Asked> asked_of(const Request& request) {
  const std::string text = request.fields.joined("Range");
  if (text.empty()) return std::nullopt;
  Asked asked{.first = std::stoull(text.substr(6))};
  const std::string last = text.substr(text.find('-') + 1);
  if (!last.empty()) asked.last = std::stoull(last);
  return asked;
}

Answer part_of(const std::string& content, Asked asked) {
  const uint64_t end = asked.last ? *asked.last + 1 : content.size();
  const oci::ByteRange range{asked.first, end - asked.first};
  return {.status = 206,
          .fields = {{"Content-Range", oci::render_content_range(range, content.size())}},
          .body = content.substr(range.first, range.length)};
}

/// The plain stream's answer; it says no more than its beginning.
Answer begun(const std::string& content, std::optional<Asked> asked, uint64_t plain = kPlain) {
  Answer answer = asked ? part_of(content, *asked) : Answer{.body = content};
  answer.announced_bytes = static_cast<int64_t>(answer.body.size());
  answer.body.resize(plain);
  answer.ending = HttpImposter::Ending::hang;
  return answer;
}

bool is_part(const Request& request) {
  const auto asked = asked_of(request);
  return asked && asked->last;
}
std::size_t parts_asked(const HttpImposter& server) {
  const auto requests = server.requests();
  return static_cast<std::size_t>(std::ranges::count_if(requests, is_part));
}

/// Bodies of pieces that are held back until a number of them is asked for.
struct Together {
  std::mutex mutex{};
  std::condition_variable changed{};
  std::size_t under_way = 0;
  std::size_t most = 0;
  bool wait_for(std::size_t wanted) {
    std::unique_lock lock(mutex);
    return changed.wait_for(lock, seconds(10), [&] { return most >= wanted; });
  }
  void leave() {
    const std::lock_guard lock(mutex);
    --under_way;
  }
  void enter() {
    const std::lock_guard lock(mutex);
    most = std::max(most, ++under_way);
    changed.notify_all();
  }
};

class RangedSourceTest : public RegistrySourceTest {
 protected:
  std::shared_ptr<RegistrySource> plain(const std::string& url, std::function<void(EndpointOptions&)> change = {}) {
    return source(url, std::move(change));
  }
  std::shared_ptr<RangedSource> ranged(const std::string& url) {
    return std::make_shared<RangedSource>(plain(url), clock_, kOptions);
  }

  /// Questions of all endpoints that have an outcome.
  std::size_t outcomes() const {
    const std::string text = metrics_.render();
    std::size_t sum = 0;
    for (std::size_t at = 0; (at = text.find("\nlifeboat_upstream_requests_total{", at)) != text.npos; ++at) {
      sum += std::stoul(text.substr(text.find("} ", at) + 2));
    }
    return sum;
  }
  /// Lets the others on the loop go on until then; false: it never came to it.
  template <class Condition>
  static Awaitable<bool> until(Condition condition) {
    sys::Notification never;
    const SteadyTime end = std::chrono::steady_clock::now() + seconds(10);
    while (!condition() && std::chrono::steady_clock::now() < end) {
      co_await never.wait(never.version(), std::chrono::steady_clock::now() + milliseconds(1));
    }
    co_return condition();
  }

  struct Read {
    std::string bytes{};
    std::optional<Error> failure{};
    std::string text() const { return failure ? failure->message() : "no failure"; }
  };
  static Awaitable<void> read_rest(blob::Stream& stream, Read& read) {
    for (;;) {
      auto block = co_await stream.next();
      if (!block) read.failure = std::move(block).error();
      if (read.failure || block->size() == 0) co_return;
      read.bytes.append(as_text(block->bytes()));
    }
  }
  /// The beginning of the plain stream, and what was asked beside it has an answer.
  Awaitable<std::unique_ptr<blob::Stream>> begin(blob::Source& from, Read& read, uint64_t offset = 0) {
    const std::size_t before = outcomes();
    auto stream = co_await from.open(call(), repository(), digest_of("any"), offset);
    if (!stream) {
      read.failure = std::move(stream).error();
      co_return nullptr;
    }
    auto block = co_await (*stream)->next();
    if (block) read.bytes.append(as_text(block->bytes()));
    const bool is_answered = co_await until([&] { return outcomes() >= before + 2; });
    EXPECT_TRUE(is_answered) << "no piece was asked for";
    co_return std::move(*stream);
  }
  Awaitable<Read> read_all_of(blob::Source& from, uint64_t offset = 0) {
    Read read;
    const auto stream = co_await begin(from, read, offset);
    if (stream) co_await read_rest(*stream, read);
    co_return read;
  }
  /// A second stream is opened when the first is at its pieces, and stays.
  Awaitable<Read> read_beside_another(blob::Source& from, blob::Source& same) {
    Read read;
    const auto stream = co_await begin(from, read);
    if (!stream) co_return read;
    auto block = co_await stream->next();
    if (block) read.bytes.append(as_text(block->bytes()));
    const auto other = co_await same.open(call(), repository(), digest_of("other"), 0);
    EXPECT_TRUE(other) << "it gets its turn before pieces that are asked for ahead";
    co_await read_rest(*stream, read);
    co_return read;
  }
  Awaitable<bool> drop_and_wait(std::shared_ptr<RangedSource>& from, const std::weak_ptr<RegistrySource>& left,
                                Together& gate) {
    Read read;
    auto stream = co_await begin(*from, read);
    from.reset();
    stream.reset();
    EXPECT_FALSE(left.expired()) << "what is under way keeps its source";
    gate.enter();  // a byte comes
    const bool has_ended = co_await until([&] { return left.expired() && blocks_.in_use() == 0; });
    co_return has_ended;
  }
  Awaitable<bool> reject_and_probe(blob::Source& from, RegistrySource& source) {
    Read read;
    const auto stream = co_await begin(from, read);
    co_await read_rest(*stream, read);
    for (int i = 0; i < HealthOptions{}.failures_max; ++i) stream->reject();
    EXPECT_EQ(source.health(), Health::State::open);
    const bool is_due = co_await until([&] { return source.next_probe() <= clock_.now(); });
    EXPECT_TRUE(is_due);
    co_await source.probe(call());
    co_return true;
  }
  uint64_t received() const {
    const std::string text = metrics_.render();
    const std::size_t at = text.find("\nlifeboat_upstream_received_bytes_total{");
    return at == text.npos ? 0 : std::stoull(text.substr(text.find("} ", at) + 2));
  }
  /// Blocks in use when the beginning of a piece has come, and when all of it has.
  Awaitable<std::pair<std::size_t, std::size_t>> blocks_of_a_piece(blob::Source& from, Together& gate) {
    Read read;
    const auto stream = co_await begin(from, read);
    const bool has_begun = co_await until([&] { return received() == read.bytes.size() + 1'000; });
    EXPECT_TRUE(has_begun);
    const std::size_t before = blocks_.in_use();
    gate.enter();
    const bool is_whole = co_await until([&] { return received() == read.bytes.size() + kPiece; });
    EXPECT_TRUE(is_whole);
    co_return std::pair(before, blocks_.in_use());
  }
};

TEST_F(RangedSourceTest, gives_every_byte_once_and_in_order_whatever_the_size) {
  for (const std::size_t size : {300'001U, 399'999U, 400'000U, 400'001U, 500'000U, 1'234'567U}) {
    const std::string content = content_of(size);
    HttpImposter server([&](const Request& request) {
      const auto asked = asked_of(request);
      return is_part(request) ? part_of(content, *asked) : begun(content, asked);
    });
    const auto from = ranged(server.url());
    const Read read = test::run(read_all_of(*from));
    EXPECT_FALSE(read.failure) << size << read.text();
    EXPECT_TRUE(read.bytes == content) << size << " bytes, got " << read.bytes.size();
    EXPECT_EQ(parts_asked(server), (size - 1) / kPiece) << size << ": all but the first piece, each once";
  }
}

TEST_F(RangedSourceTest, leaves_out_what_the_plain_stream_gave_of_a_piece) {
  const std::string content = content_of(8 * kMiB + 1);
  constexpr RangeOptions kLong{.requests = 2, .piece_bytes = 2 * kMiB, .least_bytes = 3 * kMiB};
  HttpImposter server([&](const Request& request) {
    const auto asked = asked_of(request);
    return is_part(request) ? part_of(content, *asked) : begun(content, asked, 3 * kMiB);
  });
  const auto from = std::make_shared<RangedSource>(plain(server.url()), clock_, kLong);
  const Read read = test::run(read_all_of(*from));
  EXPECT_FALSE(read.failure) << read.text();
  EXPECT_TRUE(read.bytes == content) << read.bytes.size();
  EXPECT_EQ(parts_asked(server), 4U);
}

TEST_F(RangedSourceTest, begins_in_the_middle) {
  const std::string content = content_of(1'000'000);
  HttpImposter server([&](const Request& request) {
    const auto asked = asked_of(request);
    return is_part(request) ? part_of(content, *asked) : begun(content, asked);
  });
  const auto from = ranged(server.url());
  const Read read = test::run(read_all_of(*from, 250'001));
  EXPECT_FALSE(read.failure) << read.text();
  EXPECT_TRUE(read.bytes == content.substr(250'001)) << read.bytes.size();
  EXPECT_EQ(server.requests().at(0).fields.joined("Range"), "bytes=250001-");
  EXPECT_EQ(server.requests().at(1).fields.joined("Range"), "bytes=350001-450000");
}

TEST_F(RangedSourceTest, asks_for_as_many_pieces_at_a_time_as_it_may) {
  const std::string content = content_of(1'000'000);
  Together together;
  HttpImposter server([&](const Request& request) {
    const auto asked = asked_of(request);
    if (!is_part(request)) return begun(content, asked);
    together.enter();
    Answer answer = part_of(content, *asked);
    answer.announced_bytes = static_cast<int64_t>(answer.body.size());
    answer.more = std::exchange(answer.body, "");
    answer.pause = [&] {
      EXPECT_TRUE(together.wait_for(kOptions.requests));
      clock_wait(milliseconds(30));  // one too many would be asked for now
      together.leave();
    };
    return answer;
  });
  const auto from = ranged(server.url());
  const Read read = test::run(read_all_of(*from));
  EXPECT_FALSE(read.failure) << read.text();
  EXPECT_TRUE(read.bytes == content) << read.bytes.size();
  EXPECT_EQ(together.most, kOptions.requests);
}

TEST_F(RangedSourceTest, asks_once_for_what_is_small_or_when_requests_are_scarce) {
  struct Row {
    const char* name;
    std::size_t size;
    const char* remaining;
  };
  for (const Row& row : {Row{"small", 3 * kPiece, "90"}, Row{"scarce", 10 * kPiece, "2"}}) {
    const std::string content = content_of(row.size);
    HttpImposter server([&](const Request&) {
      return Answer{.fields = {{"RateLimit-Limit", "100;w=60"}, {"RateLimit-Remaining", row.remaining}},
                    .body = content.substr(0, kPlain),
                    .announced_bytes = static_cast<int64_t>(content.size()),
                    .pause = [] { clock_wait(milliseconds(50)); },  // a piece would be asked for now
                    .more = content.substr(kPlain)};
    });
    const auto from = std::make_shared<RangedSource>(
        plain(server.url(), [](EndpointOptions& options) { options.rate_floor.percent = 10; }), clock_, kOptions);
    EXPECT_TRUE(test::run(read_all(*from, repository(), digest_of("any"))) == content) << row.name;
    EXPECT_EQ(server.requests().size(), 1U) << row.name;
  }
}

TEST_F(RangedSourceTest, goes_on_with_the_plain_stream_when_ranges_do_not_work) {
  const std::string content = content_of(8'000'000);
  struct Row {
    const char* name;
    std::function<Answer(Asked)> piece;
  };
  const auto with_range = [&](Asked asked, const std::string& field) {
    Answer answer = part_of(content, asked);
    answer.fields = {{"Content-Range", field}};
    return answer;
  };
  const std::vector<Row> rows{
      {"ignores them", [&](Asked) { return Answer{.body = content}; }},
      {"503", [](Asked) { return Answer{.status = 503}; }},
      {"416", [](Asked) { return Answer{.status = 416}; }},
      {"404", [](Asked) { return json(R"({"errors":[{"code":"BLOB_UNKNOWN"}]})", 404); }},
      {"other bytes", [&](Asked asked) { return with_range(asked, "bytes 0-99999/8000000"); }},
      {"more bytes", [&](Asked asked) { return with_range(asked, "bytes 100000-299999/8000000"); }},
      {"fewer bytes", [&](Asked asked) { return with_range(asked, "bytes 100000-100000/8000000"); }},
      {"of another content", [&](Asked asked) { return with_range(asked, "bytes 100000-199999/8000001"); }},
      {"no size", [&](Asked asked) { return with_range(asked, "bytes 100000-199999/*"); }},
      {"no Content-Range", [&](Asked asked) { return with_range(asked, ""); }},
  };
  for (const Row& row : rows) {
    HttpImposter server([&](const Request& request) {
      return is_part(request) ? row.piece(*asked_of(request)) : Answer{.body = content};
    });
    const auto source = plain(server.url());
    const auto from = std::make_shared<RangedSource>(source, clock_, kOptions);
    const Read read = test::run(read_all_of(*from));
    EXPECT_FALSE(read.failure) << row.name << ": " << read.text();
    EXPECT_TRUE(read.bytes == content) << row.name << ": " << read.bytes.size();
    EXPECT_EQ(server.requests().size(), 2U) << row.name << ": it is not asked for a second piece";
    EXPECT_EQ(source->health(), Health::State::closed) << row.name;
  }
}

TEST_F(RangedSourceTest, asks_again_for_a_piece_that_was_refused_once) {
  const std::string content = content_of(1'000'000);
  std::atomic<int> refused = 0;
  HttpImposter server([&](const Request& request) {
    const auto asked = asked_of(request);
    if (!is_part(request)) return begun(content, asked);
    if (asked->first == 5 * kPiece && refused++ == 0) return Answer{.status = 503};
    return part_of(content, *asked);
  });
  const auto source = plain(server.url());
  const auto from = std::make_shared<RangedSource>(source, clock_, kOptions);
  const Read read = test::run(read_all_of(*from));
  EXPECT_FALSE(read.failure) << read.text();
  EXPECT_TRUE(read.bytes == content) << read.bytes.size();
  EXPECT_EQ(refused, 2);
  EXPECT_EQ(source->health(), Health::State::closed);
}

TEST_F(RangedSourceTest, is_continued_by_the_next_endpoint_where_a_piece_fails) {
  const std::string content = content_of(1'000'000);
  struct Row {
    const char* name;
    std::function<void(Answer&)> change;
    uint64_t continued_at;
  };
  const std::vector<Row> rows{
      {"503", [](Answer& answer) { answer = {.status = 503}; }, 500'000},
      {"429", [](Answer& answer) { answer = {.status = 429, .fields = {{"Retry-After", "60"}}}; }, 500'000},
      {"404", [](Answer& answer) { answer = json(R"({"errors":[{"code":"BLOB_UNKNOWN"}]})", 404); }, 500'000},
      {"other bytes", [](Answer& a) { a.fields = {{"Content-Range", "bytes 0-99999/1000000"}}; }, 500'000},
      {"another size", [](Answer& a) { a.fields = {{"Content-Range", "bytes 500000-599999/1000001"}}; }, 500'000},
      {"short", [](Answer& answer) { answer.body.resize(40'000); }, 540'000},
      {"long", [](Answer& answer) { answer.body += std::string(2 * kMiB, 'x'); }, 500'000},
      {"cut",
       [](Answer& answer) {
         answer.announced_bytes = answer.body.size();
         answer.body.resize(40'000);
         answer.ending = HttpImposter::Ending::close;
       },
       540'000},
  };
  for (const Row& row : rows) {
    HttpImposter first([&](const Request& request) {
      const auto asked = asked_of(request);
      if (!is_part(request)) return begun(content, asked);
      Answer answer = part_of(content, *asked);
      if (asked->first == 5 * kPiece) row.change(answer);
      return answer;
    });
    HttpImposter second([&](const Request& request) {
      const auto asked = asked_of(request);
      return asked ? part_of(content, *asked) : Answer{.body = content};
    });
    std::vector<Upstream::Member> members{{"first", ranged(first.url())}, {"second", ranged(second.url())}};
    Upstream upstream({clock_, log_, metrics_}, std::move(members));
    const Read read = test::run(read_all_of(upstream));
    EXPECT_FALSE(read.failure) << row.name << ": " << read.text();
    EXPECT_TRUE(read.bytes == content) << row.name << ": " << read.bytes.size();
    ASSERT_FALSE(second.requests().empty()) << row.name;
    EXPECT_EQ(second.requests()[0].fields.joined("Range"), "bytes=" + std::to_string(row.continued_at) + "-")
        << row.name;
  }
}

TEST_F(RangedSourceTest, goes_on_with_fewer_when_there_is_no_room) {
  client_ = sys::make_curl_http_client({.user_agent = "lifeboat/test", .connections_per_host_max = 2}, blocks_);
  const std::string content = content_of(1'000'000);
  HttpImposter server([&](const Request& request) {
    const auto asked = asked_of(request);
    return is_part(request) ? part_of(content, *asked) : begun(content, asked);
  });
  const auto source = plain(server.url());
  const auto from = std::make_shared<RangedSource>(source, clock_, kOptions);
  const Read read = test::run(read_beside_another(*from, *source));
  EXPECT_FALSE(read.failure) << read.text();
  EXPECT_TRUE(read.bytes == content) << read.bytes.size();
}

TEST_F(RangedSourceTest, stays_with_the_plain_stream_when_there_is_room_for_one) {
  client_ = sys::make_curl_http_client({.user_agent = "lifeboat/test", .connections_per_host_max = 1}, blocks_);
  const std::string content = content_of(8'000'000);
  HttpImposter server([&](const Request& request) {
    return is_part(request) ? part_of(content, *asked_of(request)) : Answer{.body = content};
  });
  const auto from = ranged(server.url());
  const Read read = test::run(read_all_of(*from));
  EXPECT_FALSE(read.failure) << read.text();
  EXPECT_TRUE(read.bytes == content) << read.bytes.size();
}

TEST_F(RangedSourceTest, leaves_nothing_running_when_it_is_dropped) {
  const std::string content = content_of(1'000'000);
  Together together;
  HttpImposter server([&](const Request& request) {
    const auto asked = asked_of(request);
    if (!is_part(request)) return begun(content, asked);
    Answer answer = part_of(content, *asked);
    answer.announced_bytes = static_cast<int64_t>(answer.body.size());
    answer.body.resize(1'000);
    answer.pause = [&] { EXPECT_TRUE(together.wait_for(1)); };
    answer.more = "x";
    answer.ending = HttpImposter::Ending::hang;
    return answer;
  });
  auto source = plain(server.url(), [](EndpointOptions& options) { options.deadlines.stall = seconds(60); });
  const std::weak_ptr<RegistrySource> left = source;
  auto from = std::make_shared<RangedSource>(std::move(source), clock_, kOptions);
  EXPECT_TRUE(test::run(drop_and_wait(from, left, together)));
}

TEST_F(RangedSourceTest, holds_no_block_for_every_few_bytes_of_a_slow_piece) {
  const std::string content = content_of(1'000'000);
  Together together;
  HttpImposter server([&](const Request& request) {
    const auto asked = asked_of(request);
    if (!is_part(request)) return begun(content, asked);
    Answer answer = part_of(content, *asked);
    answer.announced_bytes = static_cast<int64_t>(answer.body.size());
    answer.more = answer.body.substr(1'000);
    answer.body.resize(1'000);
    answer.pause = [&] { EXPECT_TRUE(together.wait_for(1)); };
    return answer;
  });
  const auto from = ranged(server.url());
  const auto [before, after] = test::run(blocks_of_a_piece(*from, together));
  EXPECT_LE(after, before);
}

TEST_F(RangedSourceTest, blames_its_endpoint_for_wrong_bytes_and_a_probe_asks_for_no_piece) {
  const std::string content = content_of(1'000'000);
  HttpImposter server([&](const Request& request) {
    const auto asked = asked_of(request);
    return is_part(request) ? part_of(content, *asked) : begun(content, asked);
  });
  const auto source = plain(server.url(), [](EndpointOptions& options) { options.health.pause_min = milliseconds(1); });
  const auto from = std::make_shared<RangedSource>(source, clock_, kOptions);
  test::run(reject_and_probe(*from, *source));
  EXPECT_EQ(server.requests().back().method, "HEAD");
  EXPECT_FALSE(server.requests().back().fields.find("Range"));
}

}  // namespace
}  // namespace lifeboat::upstream::source_test
