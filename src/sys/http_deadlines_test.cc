#include <dlfcn.h>
#include <gtest/gtest.h>
#include <netdb.h>

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>

#include "sys/http_client.h"
#include "test/support/http_imposter.h"
#include "test/support/run.h"

namespace {

/// What the names of this test resolve to; the system's resolver answers all others.
class Names {
 public:
  static Names& get() {
    static Names names;
    return names;
  }
  int resolve(const char* node, const char* service, const addrinfo* hints, addrinfo** result) {
    using Function = int (*)(const char*, const char*, const addrinfo*, addrinfo**);
    static const auto real = reinterpret_cast<Function>(dlsym(RTLD_NEXT, "getaddrinfo"));  // NOLINT: what dlsym is for
    const std::string name = node == nullptr ? "" : node;
    if (name == "hangs.test") {
      std::unique_lock lock(mutex_);
      let_go_.wait(lock, [&] { return !is_hanging_; });
      return EAI_AGAIN;
    }
    if (name != "dead-and-alive.test") return real(node, service, hints, result);
    addrinfo* alive = nullptr;
    const int first = real(lifeboat::test::DeadAddress::kHost, service, hints, result);
    const int second = real("127.0.0.1", service, hints, &alive);
    addrinfo* last = *result;
    while (last->ai_next != nullptr) last = last->ai_next;
    last->ai_next = alive;  // in the list that the caller frees
    return first != 0 ? first : second;
  }
  void hang(bool is_hanging) {
    {
      const std::lock_guard lock(mutex_);
      is_hanging_ = is_hanging;
    }
    let_go_.notify_all();
  }

 private:
  std::mutex mutex_;
  std::condition_variable let_go_;
  bool is_hanging_ = false;
};

}  // namespace

// In place of the system's, also for libcurl: the executable comes first when it is looked up.
extern "C" int getaddrinfo(const char* node, const char* service, const addrinfo* hints, addrinfo** result) {
  return Names::get().resolve(node, service, hints, result);
}

namespace lifeboat::sys {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using test::HttpImposter;

constexpr Duration kShort = milliseconds(150);
constexpr HttpDeadlines kPatient{.resolve = seconds(60), .connect = seconds(60), .tls = seconds(60)};

class HttpDeadlinesTest : public ::testing::Test {
 protected:
  void SetUp() override { Names::get().hang(true); }
  void TearDown() override { Names::get().hang(false); }

  Result<HttpClientResponse> get(const std::string& url, HttpDeadlines deadlines) {
    HttpClientRequest request;
    request.url = url;
    request.deadlines = deadlines;
    const Call call(std::chrono::steady_clock::now() + seconds(30), "test");
    return test::run(client_->send(call, std::move(request)));
  }

  BlockPool blocks_;
  std::unique_ptr<HttpClient> client_ = make_curl_http_client({.user_agent = "lifeboat/test"}, blocks_);
};

TEST_F(HttpDeadlinesTest, each_step_until_the_request_has_its_own) {
  const test::DeadAddress powered_off;
  const test::BlackHole says_nothing;
  const auto with = [](auto change) {
    HttpDeadlines deadlines = kPatient;
    change(deadlines);
    return deadlines;
  };
  const struct {
    std::string name;
    std::string url;
    HttpDeadlines deadlines;
    NetworkStep step;
  } rows[] = {
      {"a resolver that hangs", "http://hangs.test/", with([](auto& d) { d.resolve = kShort; }), NetworkStep::resolve},
      {"a machine that is off", powered_off.url() + "/", with([](auto& d) { d.connect = kShort; }),
       NetworkStep::connect},
      {"no handshake", says_nothing.tls_url() + "/", with([](auto& d) { d.tls = kShort; }), NetworkStep::tls},
      {"no answer", says_nothing.url() + "/", with([](auto& d) { d.first_byte = kShort; }), NetworkStep::first_byte},
  };
  for (const auto& row : rows) {
    const auto response = get(row.url, row.deadlines);
    ASSERT_FALSE(response) << row.name;
    EXPECT_EQ(response.error().code(), ErrorCode::timed_out) << row.name << ": " << response.error().message();
    EXPECT_EQ(response.error().step(), row.step) << row.name << ": " << response.error().message();
    EXPECT_TRUE(response.error().message().ends_with("nothing within 150 ms"))
        << row.name << ": " << response.error().message();
  }
}

TEST_F(HttpDeadlinesTest, one_dead_address_of_a_host_leaves_time_for_the_next) {
  HttpImposter alive([](const auto&) { return HttpImposter::Answer{.body = "here"}; });
  const std::string port = alive.host().substr(alive.host().find(':') + 1);
  const test::DeadAddress powered_off(static_cast<uint16_t>(std::stoi(port)));
  HttpDeadlines deadlines = kPatient;
  deadlines.connect = seconds(1);
  const auto response = get("http://dead-and-alive.test:" + port + "/", deadlines);
  ASSERT_TRUE(response) << response.error().message();
  EXPECT_EQ(response->body, "here");
}

TEST_F(HttpDeadlinesTest, begin_anew_at_the_host_a_redirect_names) {
  const test::DeadAddress powered_off;
  HttpImposter server([&](const auto&) {
    return HttpImposter::Answer{.status = 307, .fields = {{"Location", powered_off.url() + "/blob"}}};
  });
  HttpDeadlines deadlines = kPatient;
  deadlines.connect = kShort;
  const auto response = get(server.url() + "/", deadlines);
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().code(), ErrorCode::timed_out);
  EXPECT_EQ(response.error().step(), NetworkStep::redirect);
  EXPECT_TRUE(response.error().message().contains("connect")) << response.error().message();
}

TEST_F(HttpDeadlinesTest, a_kept_connection_that_falls_silent_is_replaced) {
  HttpImposter server([](const HttpImposter::Request& request) {
    return HttpImposter::Answer{
        .body = "here",
        .ending = request.target == "/first" ? HttpImposter::Ending::unplug : HttpImposter::Ending::keep};
  });
  HttpDeadlines deadlines = kPatient;
  deadlines.connect = milliseconds(400);
  ASSERT_TRUE(get(server.url() + "/first", deadlines));
  const auto second = get(server.url() + "/second", deadlines);
  ASSERT_TRUE(second) << second.error().message();
  EXPECT_EQ(server.connections(), 2U);
}

TEST_F(HttpDeadlinesTest, a_kept_connection_that_acknowledges_may_take_its_time) {
  std::atomic<bool> is_slow = false;
  HttpImposter server([&](const auto&) {
    if (is_slow.exchange(true)) std::this_thread::sleep_for(milliseconds(300));
    return HttpImposter::Answer{.body = "here"};
  });
  HttpDeadlines deadlines = kPatient;
  deadlines.connect = milliseconds(100);
  ASSERT_TRUE(get(server.url() + "/", deadlines));
  const auto second = get(server.url() + "/", deadlines);
  ASSERT_TRUE(second) << second.error().message();
  EXPECT_EQ(server.connections(), 1U);
}

}  // namespace
}  // namespace lifeboat::sys
