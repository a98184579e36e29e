#include "server/upstreams.h"

#include <gtest/gtest.h>

#include "server/current_upstreams.h"
#include "test/support/http_imposter.h"
#include "test/support/run.h"
#include "upstream/source.h"

namespace lifeboat::server {
namespace {

using std::chrono::seconds;

class UpstreamsTest : public testing::Test {
 protected:
  static UpstreamConfig upstream(const std::string& host, std::vector<std::string> urls) {
    UpstreamConfig config;
    config.host = host;
    for (std::string& url : urls) config.endpoints.emplace_back().url = std::move(url);
    config.connect_timeout = config.resolve_timeout = config.tls_timeout = seconds(5);
    config.first_byte_timeout = config.stall_timeout = config.revalidate_within = seconds(5);
    config.parallel_ranges = 1;
    return config;
  }
  static Config config_of(std::vector<UpstreamConfig> upstreams) {
    Config config;
    config.upstreams = std::move(upstreams);
    return config;
  }
  std::shared_ptr<Upstreams> build(const Config& config, const std::vector<std::shared_ptr<Upstreams>>& in_use = {}) {
    auto built = Upstreams::build(config, {*client_, clock_, *files_, disk_, metrics_, log_, opened_}, in_use);
    EXPECT_TRUE(built) << built.error().message();
    return *built;
  }
  /// What the breakers of a host's endpoints say, in their order: "closed open".
  static std::string breakers(const Upstreams& upstreams, std::string_view host = "ghcr.io") {
    std::string text;
    for (const Upstreams::Host& one : upstreams.all()) {
      if (one.host.to_string() != host) continue;
      for (const auto& endpoint : one.endpoints) {
        text += (text.empty() ? "" : " ") + std::string(to_string(endpoint->health()));
      }
    }
    return text;
  }
  static void pull(const Upstreams& upstreams) {
    const oci::RegistryHost host = *oci::RegistryHost::parse("ghcr.io");
    const oci::RepositoryId repository{host, *oci::Repository::parse("org/app")};
    const Call call(std::chrono::steady_clock::now() + seconds(20), "test");
    EXPECT_FALSE(test::run(
        upstreams.hosts().find(host)->source->manifest(call, repository, oci::Reference(*oci::Tag::parse("v1")))));
  }

  sys::BlockPool blocks_;
  sys::SystemClock clock_;
  sys::ThreadPool disk_{"disk", 1};
  std::unique_ptr<sys::FileSystem> files_ = sys::make_posix_file_system();
  std::unique_ptr<sys::HttpClient> client_ = sys::make_curl_http_client({.user_agent = "lifeboat/test"}, blocks_);
  sys::Metrics metrics_;
  Log log_{{.level = LogLevel::error}};
  sys::Notification opened_;
  const test::RefusingPort dead_;
  const test::RefusingPort dead_too_;
};

TEST_F(UpstreamsTest, keep_over_a_reload_what_is_known_of_endpoints_that_stay) {
  const auto before = build(config_of({upstream("ghcr.io", {dead_.url()})}));
  pull(*before);
  ASSERT_EQ(breakers(*before), "open");
  Config fresh = config_of({upstream("ghcr.io", {dead_too_.url(), dead_.url()})});
  fresh.upstreams[0].fresh_for = seconds(7);
  const auto after = build(fresh, {before});
  EXPECT_EQ(breakers(*after), "closed open") << "that an endpoint is down is found out at a client's cost once";
  EXPECT_EQ(after->hosts().hosts.at(0).freshness.fresh_for, seconds(7)) << "what is said of the host is new";
}

TEST_F(UpstreamsTest, know_nothing_of_an_endpoint_that_changed_or_belongs_to_another_host) {
  const auto before = build(config_of({upstream("ghcr.io", {dead_.url()})}));
  pull(*before);
  Config patient = config_of({upstream("ghcr.io", {dead_.url()})});
  patient.upstreams[0].connect_timeout = seconds(9);
  EXPECT_EQ(breakers(*build(patient, {before})), "closed") << "it may answer within the new deadline";
  Config with_login = config_of({upstream("ghcr.io", {dead_.url()})});
  with_login.upstreams[0].endpoints[0].username = "user";
  with_login.upstreams[0].endpoints[0].password_env = "LIFEBOAT_TEST_PASSWORD";
  EXPECT_EQ(breakers(*build(with_login, {before})), "closed");
  const auto other = build(config_of({upstream("quay.io", {dead_.url()})}), {before});
  EXPECT_EQ(breakers(*other, "quay.io"), "closed") << "hosts do not speak for one another";
}

TEST_F(UpstreamsTest, take_over_what_the_latest_knows) {
  const auto first = build(config_of({upstream("ghcr.io", {dead_.url()})}));
  Config patient = config_of({upstream("ghcr.io", {dead_.url()})});
  patient.upstreams[0].connect_timeout = seconds(9);
  const auto second = build(patient, {first});
  const auto third = build(config_of({upstream("ghcr.io", {dead_.url()})}), {second});
  pull(*third);
  // A transfer still keeps the first.
  const auto fourth = build(config_of({upstream("ghcr.io", {dead_.url()})}), {first, second, third});
  EXPECT_EQ(breakers(*fourth), "open") << "it went on with what was known before the last reload";
}

TEST_F(UpstreamsTest, are_known_to_who_probes_at_the_moment_they_serve) {
  std::shared_ptr<const registry::UpstreamHosts> serving;
  CurrentUpstreams* known = nullptr;
  CurrentUpstreams current([&](std::shared_ptr<const registry::UpstreamHosts> hosts) {
    serving = std::move(hosts);  // nobody keeps those of before any more
    ASSERT_NE(known->now(), nullptr) << "who looks at the upstreams of now at this moment finds none";
    EXPECT_EQ(&known->now()->hosts(), serving.get()) << "requests ask others than those that are probed";
  });
  known = &current;
  current.adopt(build(config_of({upstream("ghcr.io", {"http://127.0.0.1:1"})})));
  EXPECT_EQ(current.in_use().size(), 1U);
  const auto transfer = current.in_use();
  current.adopt(build(config_of({upstream("quay.io", {"http://127.0.0.1:1"})})));
  EXPECT_EQ(current.in_use().size(), 2U) << "a transfer still uses those of before";
  EXPECT_EQ(current.in_use().back(), current.now());
}

TEST_F(UpstreamsTest, of_before_a_reload_go_when_nothing_uses_them) {
  std::shared_ptr<const registry::UpstreamHosts> serving;
  CurrentUpstreams current([&](auto hosts) { serving = std::move(hosts); });
  for (int i = 0; i < 3; ++i) current.adopt(build(config_of({upstream("ghcr.io", {"http://127.0.0.1:1"})})));
  EXPECT_EQ(current.in_use().size(), 1U);
}

}  // namespace
}  // namespace lifeboat::server
