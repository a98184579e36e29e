#pragma once

#include <compare>
#include <string>
#include <string_view>

#include "base/error.h"
#include "oci/repository.h"

namespace lifeboat::oci {

/// Which registries are meant, by their hosts: "quay.io", "registry.example:5000", "*.example.com", "*", "*:*". A `*`
/// stands for any text, but never makes an address, localhost or a name without a dot fit: who means those names them.
/// Without a port no other port than the usual one is meant; the port `*` means all, the usual one too.
class HostPattern {
 public:
  /// invalid: without a `*` not a RegistryHost; with one, a letter that no host has, or no port behind the ':'.
  static Result<HostPattern> parse(std::string_view text);
  /// In lower case, as RegistryHost has it.
  std::string to_string() const;

  bool matches(const RegistryHost& host) const;

  friend auto operator<=>(const HostPattern&, const HostPattern&) = default;

 private:
  HostPattern(std::string_view name, std::string_view port) : name_(name), port_(port) {}

  std::string name_;
  std::string port_;  ///< "" for none, "*" for any
};

}  // namespace lifeboat::oci
