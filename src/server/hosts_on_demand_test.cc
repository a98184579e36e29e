#include "server/hosts_on_demand.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "test/support/blob_rig.h"
#include "test/support/code_of.h"
#include "test/support/run.h"
#include "test/support/scripted_source.h"

namespace lifeboat::server {
namespace {

oci::RegistryHost host(std::string_view text) { return *oci::RegistryHost::parse(text); }

class HostsOnDemandTest : public testing::Test {
 protected:
  std::unique_ptr<HostsOnDemand> hosts_of(std::vector<std::string> allow) {
    UpstreamConfig any;
    any.host = "*";
    any.allow = std::move(allow);
    any.endpoints.resize(1);
    any.endpoints[0].url = "https://{host}";
    auto make = [this](const UpstreamConfig& config) -> Result<registry::UpstreamHost> {
      ++made_;
      if (config.host == "bad.example") return fail(ErrorCode::invalid, "cannot use endpoint 'bad.example': no");
      last_url_ = config.endpoints.at(0).url;
      return registry::UpstreamHost{host(config.host), &source_, {}};
    };
    return *HostsOnDemand::create(std::move(any), make, log_);
  }
  /// What a pull from there gets.
  static std::string answer_of(const registry::UpstreamHost& upstream) {
    const oci::RepositoryId repository{upstream.host, *oci::Repository::parse("app")};
    const auto answer = test::run(upstream.source->resolve(test::a_call(), repository, *oci::Tag::parse("v1")));
    return answer ? "an answer" : std::string(to_string(answer.error().code())) + ": " + answer.error().message();
  }

  Log log_{{.level = LogLevel::error}};
  test::ScriptedSource source_;
  std::atomic<int> made_ = 0;
  std::string last_url_;
};

TEST_F(HostsOnDemandTest, makes_one_upstream_for_each_host_and_keeps_it) {
  const auto hosts = hosts_of({"*.example", "127.0.0.1:5000"});
  EXPECT_TRUE(hosts->allows(host("a.example")));
  EXPECT_EQ(made_, 0) << "to ask whether a host is allowed makes nothing";
  const auto* first = hosts->find(host("a.example"));
  ASSERT_NE(first, nullptr);
  EXPECT_EQ(first->host, host("a.example"));
  EXPECT_EQ(last_url_, "https://a.example");
  const auto* second = hosts->find(host("127.0.0.1:5000"));
  ASSERT_NE(second, nullptr);
  EXPECT_EQ(last_url_, "https://127.0.0.1:5000");
  EXPECT_EQ(hosts->find(host("a.example")), first);
  EXPECT_EQ(made_, 2);
}

TEST_F(HostsOnDemandTest, has_none_for_what_is_not_allowed) {
  const auto hosts = hosts_of({"*"});
  for (const char* name : {"127.0.0.1", "localhost", "169.254.169.254", "a.example:5000", "vault"}) {
    EXPECT_FALSE(hosts->allows(host(name))) << name;
    EXPECT_EQ(hosts->find(host(name)), nullptr) << name;
  }
  EXPECT_EQ(made_, 0);
}

TEST_F(HostsOnDemandTest, takes_a_host_that_cannot_be_asked_for_an_outage) {
  const auto hosts = hosts_of({"*"});
  const auto* upstream = hosts->find(host("bad.example"));
  ASSERT_NE(upstream, nullptr);
  EXPECT_EQ(answer_of(*upstream),
            "unavailable: cannot ask for 'bad.example/app': cannot use endpoint 'bad.example': no");
  EXPECT_EQ(hosts->find(host("bad.example")), upstream);
  EXPECT_EQ(made_, 1) << "it is not tried again for each request";
}

TEST_F(HostsOnDemandTest, makes_no_more_than_its_most) {
  const auto hosts = hosts_of({"*"});
  const auto* first = hosts->find(host("h0.example"));
  for (std::size_t i = 1; i < HostsOnDemand::kHostsMax; ++i) hosts->find(host("h" + std::to_string(i) + ".example"));
  const auto* beyond = hosts->find(host("one.more.example"));
  ASSERT_NE(beyond, nullptr);
  EXPECT_EQ(answer_of(*beyond).substr(0, 93),
            "unavailable: cannot ask for 'one.more.example/app': the upstream '*' has 1000 hosts, no more ");
  EXPECT_EQ(hosts->find(host("two.more.example")), beyond);
  EXPECT_EQ(static_cast<std::size_t>(made_), HostsOnDemand::kHostsMax);
  EXPECT_EQ(hosts->find(host("h0.example")), first) << "those before stay";
}

TEST_F(HostsOnDemandTest, gives_all_threads_the_same) {
  const auto hosts = hosts_of({"*"});
  std::vector<const registry::UpstreamHost*> found(8);
  std::vector<std::thread> threads;
  for (auto& one : found) {
    threads.emplace_back([&] {
      for (int i = 0; i < 50; ++i) hosts->find(host("h" + std::to_string(i) + ".example"));
      one = hosts->find(host("a.example"));
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const auto* one : found) EXPECT_EQ(one, found.front());
  EXPECT_EQ(made_, 51);
}

TEST_F(HostsOnDemandTest, is_not_made_of_a_list_that_is_none) {
  UpstreamConfig any;
  any.allow = {"*/"};
  EXPECT_EQ(test::code_of(HostsOnDemand::create(any, {}, log_)), "invalid");
}

}  // namespace
}  // namespace lifeboat::server
