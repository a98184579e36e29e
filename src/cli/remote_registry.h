#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cli/arguments.h"
#include "oci/repository.h"
#include "sys/clock.h"
#include "upstream/inspector.h"
#include "upstream/pusher.h"

namespace lifeboat::cli {

/// How a command is told to reach the registries that it asks by itself.
struct RemoteOptions {
  /// Registries that are asked without TLS, as they are named in the command; no other one ever is told a login so.
  std::vector<std::string> plain_http{};
  std::optional<std::string> username{};
  std::optional<std::string> password_file{};
  std::optional<std::string> ca_file{};

  void declare(Arguments& arguments);
  /// What they contradict, or what is no name of a registry; "" when nothing.
  std::string mistake() const;
};

/// What a command needs to ask registries itself, without a server. Outlives what it gives.
class RemoteRegistries {
 public:
  /// `streams_max`: bodies of one host at a time.
  RemoteRegistries(RemoteOptions options, server::Environment environment, unsigned streams_max);
  ~RemoteRegistries();
  RemoteRegistries(const RemoteRegistries&) = delete;
  RemoteRegistries& operator=(const RemoteRegistries&) = delete;

  sys::Clock& clock();
  sys::FileSystem& files();
  sys::ThreadPool& disk();  ///< of one thread
  sys::BlockPool& blocks();
  /// HTTPS, with the login that Docker or podman has for the host, or none; plain HTTP where the options name it, and
  /// on loopback when nobody speaks TLS there, as Docker has it. Waits for credential helpers.
  Task<std::unique_ptr<upstream::RegistryInspector>> open(Call call, oci::RegistryHost host);
  /// The same registry, to be written to.
  Task<std::unique_ptr<upstream::RegistryPusher>> open_to_push(Call call, oci::RegistryHost host,
                                                               upstream::RegistryPusher::Options options);

 private:
  /// The options that reach it: with TLS or without.
  Task<upstream::EndpointOptions> reach(Call call, oci::RegistryHost host);
  Result<upstream::EndpointOptions> options_of(const oci::RegistryHost& host);
  Result<std::unique_ptr<upstream::RegistryInspector>> make(upstream::EndpointOptions options);

  struct Parts;
  const RemoteOptions options_;
  const server::Environment environment_;
  const std::unique_ptr<Parts> parts_;
};

/// The files in which Docker and podman may keep logins, in the order they are looked at. Pure.
std::vector<std::string> login_files(const server::Environment& environment);

}  // namespace lifeboat::cli
