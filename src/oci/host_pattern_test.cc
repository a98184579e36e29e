#include "oci/host_pattern.h"

#include <gtest/gtest.h>

namespace lifeboat::oci {
namespace {

TEST(HostPattern, means_the_hosts_it_names) {
  const struct {
    const char* name;
    const char* pattern;
    const char* host;
    bool want;
  } rows[] = {
      {"a host", "quay.io", "quay.io", true},
      {"a host in capitals", "Quay.IO", "quay.io", true},
      {"another host", "quay.io", "ghcr.io", false},
      {"a host below", "quay.io", "cdn.quay.io", false},
      {"a host with another port", "quay.io", "quay.io:5000", false},
      {"a host with its port", "registry.example:5000", "registry.example:5000", true},
      {"a host with its port left out", "registry.example:5000", "registry.example", false},
      {"Docker Hub by its old name", "index.docker.io", "docker.io", true},
      {"any port", "registry.example:*", "registry.example:5000", true},
      {"any port, and none", "registry.example:*", "registry.example", true},
      {"any port of another host", "registry.example:*", "a.example:5000", false},

      {"a domain", "*.example.com", "registry.example.com", true},
      {"a domain in capitals", "*.Example.com", "registry.example.com", true},
      {"a domain, several labels", "*.example.com", "a.b.example.com", true},
      {"not the domain itself", "*.example.com", "example.com", false},
      {"not a name that ends like it", "*.example.com", "badexample.com", false},
      {"not a name that begins like it", "*.example.com", "a.example.com.evil.net", false},
      {"a domain with a port", "*.example.com", "a.example.com:5000", false},
      {"a domain on a port", "*.example.com:5000", "a.example.com:5000", true},
      {"a domain on a port with zeros", "*.example.com:05000", "a.example.com:5000", true},
      {"a domain on any port", "*.example.com:*", "a.example.com:5000", true},
      {"every name", "*", "registry.example", true},
      {"every name, and a port", "*", "registry.example:5000", false},
      {"every name on every port", "*:*", "registry.example:5000", true},

      {"no IPv4 address", "*", "127.0.0.1", false},
      {"no IPv4 address on a port", "*:*", "10.0.0.1:5000", false},
      {"no link-local address", "169.254.*", "169.254.169.254", false},
      {"no short form of an address", "*", "127.1", false},
      {"no address in hexadecimal", "*.0x1", "127.0x1", false},
      {"no IPv6 address", "*:*", "[::1]:5000", false},
      {"not localhost", "*", "localhost", false},
      {"not localhost by a part of it", "local*:*", "localhost:5000", false},
      {"not below localhost", "*", "registry.localhost", false},
      {"no name without a dot", "*", "vault", false},
      {"no name without a dot on a port", "*:*", "vault:8200", false},

      {"an address that is named", "127.0.0.1:5000", "127.0.0.1:5000", true},
      {"another port of an address that is named", "127.0.0.1:5000", "127.0.0.1:5001", false},
      {"any port of an address that is named", "127.0.0.1:*", "127.0.0.1:5001", true},
      {"an IPv6 address that is named", "[::1]:5000", "[::1]:5000", true},
      {"any port of an IPv6 address that is named", "[::1]:*", "[0:0::1]:5001", true},
      {"localhost that is named", "localhost:5000", "localhost:5000", true},
      {"a name without a dot that is named", "vault", "vault", true},
  };
  for (const auto& row : rows) {
    const auto pattern = HostPattern::parse(row.pattern);
    ASSERT_TRUE(pattern.has_value()) << row.name;
    EXPECT_EQ(pattern->matches(*RegistryHost::parse(row.host)), row.want) << row.name;
    EXPECT_EQ(*HostPattern::parse(pattern->to_string()), *pattern) << row.name;
  }
}

TEST(HostPattern, refuses_what_no_host_can_be) {
  for (const std::string& text :
       {std::string(), std::string("https://quay.io"), std::string("quay.io/org"), std::string("*.example.com/org"),
        std::string("a b"), std::string("*_"), std::string("*:"), std::string("*:http"), std::string("*:70000"),
        std::string("*:0"), std::string(":*"), std::string("*:5*"), std::string("[*]:5000"), std::string("user@*"),
        "*." + std::string(253, 'a')}) {
    EXPECT_FALSE(HostPattern::parse(text).has_value()) << text;
  }
  EXPECT_EQ(HostPattern::parse("*/").error().message(),
            "cannot parse host pattern '*/': malformed (want a host, for example 'quay.io', '*.example.com' or "
            "'registry.example:5000')");
}

}  // namespace
}  // namespace lifeboat::oci
