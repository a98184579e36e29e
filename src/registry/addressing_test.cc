#include "registry/addressing.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "meta/memory_store.h"
#include "oci/host_pattern.h"
#include "test/support/blob_rig.h"
#include "test/support/code_of.h"
#include "test/support/run.h"

namespace lifeboat::registry {
namespace {

using Purpose = Addressing::Purpose;
using test::run;

constexpr Purpose kAll[] = {Purpose::manifest, Purpose::content, Purpose::write};
constexpr Purpose kReads[] = {Purpose::manifest, Purpose::content};

oci::RegistryHost host(std::string_view name) { return *oci::RegistryHost::parse(name); }
oci::RepositoryId hosted(std::string_view name) { return {std::nullopt, *oci::Repository::parse(name)}; }
oci::RepositoryId pulled(std::string_view from, std::string_view name) {
  return {host(from), *oci::Repository::parse(name)};
}

/// Allows what these patterns mean, and counts what was asked for.
class FakeHostsOnDemand final : public HostsOnDemand {
 public:
  explicit FakeHostsOnDemand(std::initializer_list<std::string_view> patterns) {
    for (const std::string_view pattern : patterns) patterns_.push_back(*oci::HostPattern::parse(pattern));
  }
  bool allows(const oci::RegistryHost& asked) const override {
    return std::ranges::any_of(patterns_, [&](const auto& pattern) { return pattern.matches(asked); });
  }
  const UpstreamHost* find(const oci::RegistryHost& asked) override {
    if (!allows(asked)) return nullptr;
    return &made_.try_emplace(asked, UpstreamHost{asked, nullptr, {}}).first->second;
  }
  std::size_t made() const { return made_.size(); }

 private:
  std::vector<oci::HostPattern> patterns_;
  std::map<oci::RegistryHost, UpstreamHost> made_;
};

class AddressingTest : public testing::Test {
 protected:
  static UpstreamHosts upstreams() {
    UpstreamHosts hosts;
    for (const char* name : {"ghcr.io", "docker.io", "registry.example:5000", "localhost", "mirror"}) {
      hosts.hosts.push_back({host(name), nullptr, {}});
    }
    return hosts;
  }
  static UpstreamHosts with_default(std::string_view name, bool is_explicit) {
    UpstreamHosts hosts = upstreams();
    hosts.default_host = DefaultHost{host(name), is_explicit};
    return hosts;
  }
  void configure(UpstreamHosts hosts) {
    addressing_.replace_hosts(std::make_shared<const UpstreamHosts>(std::move(hosts)));
  }
  void keep_a_blob_in(const oci::RepositoryId& repository) {
    const meta::BlobRecord blob{test::sha256_of("a blob"), 6};
    ASSERT_TRUE(run(names_.blobs().add(test::a_call(), repository, blob)));
  }
  /// "here team/app", "from ghcr.io: team/app", or the code of the failure.
  std::string locate(Addressing::Address address, Purpose purpose) {
    const auto located = run(addressing_.locate(test::a_call(), address, purpose));
    if (!located) return std::string(test::code_of(located));
    const std::string name = located->name.to_string();
    return located->host ? "from " + located->host->to_string() + ": " + name : "here " + name;
  }

  meta::MemoryStore names_;
  Addressing addressing_{names_, std::make_shared<const UpstreamHosts>(upstreams())};
};

TEST_F(AddressingTest, reads_three_addressings) {
  const struct {
    std::string name;
    std::string path;
    std::optional<std::string_view> ns;
    std::string want;
  } rows[] = {
      {"no host", "team/app", {}, "here team/app"},
      {"no host, one component", "app", {}, "here app"},
      {"an empty ns", "team/app", "", "here team/app"},

      {"a host in the path", "ghcr.io/team/app", {}, "from ghcr.io: team/app"},
      {"a host in the path, in capitals", "GHCR.io/team/app", {}, "from ghcr.io: team/app"},
      {"a host with a port", "registry.example:5000/app", {}, "from registry.example:5000: app"},
      {"localhost", "localhost/app", {}, "from localhost: app"},
      {"a host in the path that is not configured", "quay.io/team/app", {}, "here quay.io/team/app"},
      {"another port of a configured host", "registry.example/app", {}, "here registry.example/app"},
      {"a host that reads like a component", "mirror/app", {}, "here mirror/app"},
      {"a host alone", "ghcr.io", {}, "here ghcr.io"},

      {"ns", "team/app", "ghcr.io", "from ghcr.io: team/app"},
      {"ns in capitals", "team/app", "GHCR.IO", "from ghcr.io: team/app"},
      {"ns with a port", "app", "registry.example:5000", "from registry.example:5000: app"},
      {"ns that reads like a component", "app", "mirror", "from mirror: app"},
      {"ns goes before the path", "docker.io/team/app", "ghcr.io", "from ghcr.io: docker.io/team/app"},

      {"ns of Docker Hub", "team/app", "docker.io", "from docker.io: team/app"},
      {"ns of Docker Hub by its old name", "team/app", "index.docker.io", "from docker.io: team/app"},
      {"ns of Docker Hub by its address", "team/app", "registry-1.docker.io", "from docker.io: team/app"},
      {"Docker Hub in the path", "index.docker.io/team/app", {}, "from docker.io: team/app"},
      {"official, by ns", "alpine", "docker.io", "from docker.io: library/alpine"},
      {"official, in the path", "docker.io/alpine", {}, "from docker.io: library/alpine"},
      {"official, in full", "docker.io/library/alpine", {}, "from docker.io: library/alpine"},
      {"one component of another host", "alpine", "ghcr.io", "from ghcr.io: alpine"},

      {"an ns that is not configured", "team/app", "quay.io", "not_found"},
      {"an ns with another port", "app", "registry.example:5001", "not_found"},
      {"an ns that is no host", "team/app", "http://ghcr.io/", "not_found"},
      {"an ns with blanks", "team/app", " ghcr.io", "not_found"},
  };
  for (const auto& row : rows) {
    for (const Purpose purpose : kReads) {
      EXPECT_EQ(locate({.name = row.path, .ns = row.ns}, purpose), row.want) << row.name;
    }
  }
}

TEST_F(AddressingTest, refuses_names_that_break_the_grammar) {
  const struct {
    std::string name;
    std::string path;
    std::optional<std::string_view> ns;
  } rows[] = {
      {"empty", "", {}},
      {"capitals", "Team/app", {}},
      {"an empty component", "team//app", {}},
      {"a slash at the end", "team/", {}},
      {"a slash at the start", "/team", {}},
      {"upwards", "../app", {}},
      {"too long", std::string(256, 'a'), {}},
      {"a host and nothing", "ghcr.io/", {}},
      {"a host and capitals", "ghcr.io/App", {}},
      {"a host with a port that is not configured", "quay.io:5000/app", {}},
      {"Docker Hub and nothing", "docker.io/", {}},
      {"ns, and empty", "", "ghcr.io"},
      {"ns of Docker Hub, and empty", "", "docker.io"},
      {"ns, and capitals", "App", "ghcr.io"},
  };
  for (const bool has_default : {false, true}) {
    if (has_default) configure(with_default("docker.io", true));
    for (const auto& row : rows) {
      for (const Purpose purpose : kAll) {
        EXPECT_EQ(locate({.name = row.path, .ns = row.ns}, purpose), "invalid") << row.name;
      }
    }
  }
}

TEST_F(AddressingTest, refuses_writes_to_what_belongs_to_an_upstream) {
  const struct {
    std::string name;
    std::string path;
    std::optional<std::string_view> ns;
    std::string want;
  } rows[] = {
      {"a host in the path", "ghcr.io/team/app", {}, "unsupported"},
      {"Docker Hub in the path", "docker.io/alpine", {}, "unsupported"},
      {"Docker Hub by its old name", "index.docker.io/alpine", {}, "unsupported"},
      {"ns", "team/app", "ghcr.io", "unsupported"},
      {"ns of Docker Hub", "alpine", "registry-1.docker.io", "unsupported"},
      {"an ns that is not configured", "team/app", "quay.io", "not_found"},
      {"no host", "team/app", {}, "here team/app"},
      {"no host, one component", "alpine", {}, "here alpine"},
      {"an empty ns", "team/app", "", "here team/app"},
      {"a host that is not configured", "quay.io/team/app", {}, "here quay.io/team/app"},
  };
  for (const auto& hosts : {upstreams(), with_default("docker.io", false)}) {
    configure(hosts);
    for (const auto& row : rows) {
      EXPECT_EQ(locate({.name = row.path, .ns = row.ns}, Purpose::write), row.want) << row.name;
    }
  }
}

TEST_F(AddressingTest, prefers_what_is_hosted_to_the_default_host) {
  keep_a_blob_in(hosted("team/app"));
  keep_a_blob_in(hosted("alpine"));
  for (const bool is_explicit : {false, true}) {
    configure(with_default("docker.io", is_explicit));
    for (const Purpose purpose : kReads) {
      EXPECT_EQ(locate({.name = "team/app", .ns = {}}, purpose), "here team/app");
      EXPECT_EQ(locate({.name = "alpine", .ns = {}}, purpose), "here alpine");
      EXPECT_EQ(locate({.name = "alpine", .ns = "docker.io"}, purpose), "from docker.io: library/alpine")
          << "who names the host means the host";
    }
  }
}

TEST_F(AddressingTest, asks_an_explicit_default_host_for_every_read) {
  configure(with_default("docker.io", true));
  for (const Purpose purpose : kReads) {
    EXPECT_EQ(locate({.name = "alpine", .ns = {}}, purpose), "from docker.io: library/alpine");
    EXPECT_EQ(locate({.name = "team/app", .ns = {}}, purpose), "from docker.io: team/app");
  }
  configure(with_default("ghcr.io", true));
  for (const Purpose purpose : kReads) {
    EXPECT_EQ(locate({.name = "alpine", .ns = {}}, purpose), "from ghcr.io: alpine");
  }
}

TEST_F(AddressingTest, lets_a_push_begin_without_the_default_host) {
  for (const bool is_explicit : {false, true}) {
    configure(with_default("docker.io", is_explicit));
    EXPECT_EQ(locate({.name = "team/new", .ns = {}}, Purpose::presence), "here team/new");
    EXPECT_EQ(locate({.name = "ghcr.io/team/new", .ns = {}}, Purpose::presence), "from ghcr.io: team/new");
  }
  keep_a_blob_in(pulled("docker.io", "library/alpine"));
  EXPECT_EQ(locate({.name = "alpine", .ns = {}}, Purpose::presence), "from docker.io: library/alpine");
}

TEST_F(AddressingTest, asks_the_builtin_default_host_for_manifests_and_for_what_came_from_there) {
  configure(with_default("docker.io", false));
  keep_a_blob_in(pulled("docker.io", "library/alpine"));
  EXPECT_EQ(locate({.name = "alpine", .ns = {}}, Purpose::manifest), "from docker.io: library/alpine");
  EXPECT_EQ(locate({.name = "alpine", .ns = {}}, Purpose::content), "from docker.io: library/alpine");
  EXPECT_EQ(locate({.name = "team/new", .ns = {}}, Purpose::manifest), "from docker.io: team/new");
  EXPECT_EQ(locate({.name = "team/new", .ns = {}}, Purpose::content), "here team/new")
      << "the first push of a new repository asks for its blobs, and must not wait for an upstream";
}

TEST_F(AddressingTest, follows_the_hosts_as_they_are_replaced) {
  EXPECT_EQ(locate({.name = "ghcr.io/team/app", .ns = {}}, Purpose::write), "unsupported");
  EXPECT_EQ(locate({.name = "team/app", .ns = "quay.io"}, Purpose::content), "not_found");
  UpstreamHosts others;
  others.hosts.push_back({host("quay.io"), nullptr, {}});
  configure(others);
  EXPECT_EQ(locate({.name = "ghcr.io/team/app", .ns = {}}, Purpose::write), "here ghcr.io/team/app");
  EXPECT_EQ(locate({.name = "team/app", .ns = "quay.io"}, Purpose::content), "from quay.io: team/app");
}

TEST_F(AddressingTest, takes_for_an_upstream_what_the_allow_list_permits) {
  FakeHostsOnDemand any{"*.example.com", "127.0.0.1:5000", "other.example", "single", "*:8443"};
  UpstreamHosts hosts = upstreams();
  hosts.on_demand = &any;
  configure(std::move(hosts));
  const struct {
    std::string name;
    std::string path;
    std::optional<std::string_view> ns;
    std::string want;
  } rows[] = {
      {"allowed, in the path", "a.example.com/team/app", {}, "from a.example.com: team/app"},
      {"allowed, in capitals", "A.Example.com/team/app", {}, "from a.example.com: team/app"},
      {"allowed, by ns", "team/app", "a.example.com", "from a.example.com: team/app"},
      {"allowed on a port", "b.example:8443/app", {}, "from b.example:8443: app"},
      {"an address that is named, in the path", "127.0.0.1:5000/app", {}, "from 127.0.0.1:5000: app"},
      {"an address that is named, by ns", "app", "127.0.0.1:5000", "from 127.0.0.1:5000: app"},
      {"a name without a dot, in the path", "single/app", {}, "here single/app"},
      {"a name without a dot, by ns", "app", "single", "from single: app"},
      {"configured by name", "team/app", "ghcr.io", "from ghcr.io: team/app"},

      {"not allowed, in the path", "example.com/team/app", {}, "here example.com/team/app"},
      {"not allowed, by ns", "team/app", "example.com", "not_found"},
      {"an address on a port that is allowed for names, by ns", "app", "10.0.0.1:8443", "not_found"},
      {"localhost on a port that is allowed for names, by ns", "app", "localhost:8443", "not_found"},
      {"metadata of a cloud, by ns", "app", "169.254.169.254", "not_found"},
      {"a host alone", "a.example.com", {}, "here a.example.com"},
      {"no host", "team/app", {}, "here team/app"},
  };
  for (const auto& row : rows) {
    for (const Purpose purpose : kReads) {
      EXPECT_EQ(locate({.name = row.path, .ns = row.ns}, purpose), row.want) << row.name;
    }
  }
  EXPECT_EQ(locate({.name = "a.example.com/app", .ns = {}}, Purpose::write), "unsupported");
  EXPECT_EQ(any.made(), 0U) << "to name a host makes no upstream of it";
}

TEST_F(AddressingTest, lets_no_pattern_hide_what_is_hosted_under_a_name_like_a_host) {
  FakeHostsOnDemand any{"*"};
  UpstreamHosts hosts = upstreams();
  hosts.on_demand = &any;
  configure(std::move(hosts));
  const auto meaning_of = [&](const char* reference) {
    const auto meaning =
        run(addressing_.meaning_of(test::a_call(), oci::FullReference::parse(reference).value())).value();
    return meaning.repository.to_string() + (meaning.by == Addressing::Meaning::By::hosted ? " hosted" : " pulled");
  };
  ASSERT_EQ(locate({.name = "team.example/app", .ns = {}}, Purpose::manifest), "from team.example: app");
  keep_a_blob_in(hosted("team.example/app"));
  keep_a_blob_in(hosted("ghcr.io/app"));
  for (const Purpose purpose : kAll) {
    EXPECT_EQ(locate({.name = "team.example/app", .ns = {}}, purpose), "here team.example/app");
  }
  EXPECT_EQ(meaning_of("team.example/app:v1"), "team.example/app hosted") << "people mean what requests mean";
  EXPECT_EQ(locate({.name = "app", .ns = "team.example"}, Purpose::manifest), "from team.example: app")
      << "by ns the client says itself that it is not hosted here";
  EXPECT_EQ(locate({.name = "team.example/other", .ns = {}}, Purpose::manifest), "from team.example: other");
  EXPECT_EQ(meaning_of("team.example/other:v1"), "team.example/other pulled");
  EXPECT_EQ(locate({.name = "ghcr.io/app", .ns = {}}, Purpose::manifest), "from ghcr.io: app")
      << "a host that is configured by name is no pattern";
  EXPECT_EQ(meaning_of("ghcr.io/app:v1"), "ghcr.io/app pulled");
}

TEST_F(AddressingTest, finds_a_host_that_is_named_before_one_on_demand) {
  FakeHostsOnDemand any{"*", "localhost"};
  UpstreamHosts hosts = upstreams();
  hosts.on_demand = &any;
  EXPECT_EQ(hosts.find(host("ghcr.io")), hosts.hosts.data());
  EXPECT_EQ(hosts.find(host("localhost")), &hosts.hosts[3]);
  EXPECT_EQ(any.made(), 0U);
  const UpstreamHost* made = hosts.find(host("quay.io"));
  ASSERT_NE(made, nullptr);
  EXPECT_EQ(made->host, host("quay.io"));
  EXPECT_EQ(hosts.find(host("quay.io")), made);
  EXPECT_EQ(hosts.find(host("10.0.0.1")), nullptr);
}

TEST_F(AddressingTest, knows_what_a_reference_as_people_write_it_means) {
  configure(with_default("docker.io", false));
  keep_a_blob_in(hosted("team/app"));
  keep_a_blob_in(hosted("other.example/app"));
  const struct {
    const char* text;
    std::string want;
    Addressing::Meaning::By by;
  } rows[] = {
      {"nginx", "docker.io/library/nginx", Addressing::Meaning::By::default_host},
      {"docker.io/nginx", "docker.io/library/nginx", Addressing::Meaning::By::host},
      {"org/app:v1", "docker.io/org/app", Addressing::Meaning::By::default_host},
      {"ghcr.io/org/app", "ghcr.io/org/app", Addressing::Meaning::By::host},
      {"registry.example:5000/app", "registry.example:5000/app", Addressing::Meaning::By::host},
      {"team/app:v1", "team/app", Addressing::Meaning::By::hosted},
      {"other.example/app", "other.example/app", Addressing::Meaning::By::hosted},
      {"unknown.example/app", "not_found", {}},
      {"unknown.example:5000/app", "not_found", {}},
  };
  for (const auto& row : rows) {
    const auto meaning = run(addressing_.meaning_of(test::a_call(), oci::FullReference::parse(row.text).value()));
    EXPECT_EQ(meaning ? meaning->repository.to_string() : std::string(test::code_of(meaning)), row.want) << row.text;
    if (meaning) {
      EXPECT_EQ(meaning->by, row.by) << row.text;
    }
  }
}

TEST_F(AddressingTest, guesses_nothing_when_the_names_cannot_be_asked) {
  configure(with_default("docker.io", false));
  const Call late(SteadyTime::min(), "test");
  const Addressing::Address address{.name = "alpine", .ns = {}};
  EXPECT_EQ(test::code_of(run(addressing_.locate(late, address, Purpose::content))), "timed_out");
  EXPECT_TRUE(run(addressing_.locate(late, address, Purpose::write))) << "needs no names";
}

}  // namespace
}  // namespace lifeboat::registry
