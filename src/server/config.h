#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/log.h"
#include "base/time.h"

/// What the operator wants, typed and checked. A Config is made by server::load_config, which fills every field: the
/// defaults stand in the one table (settings.cc), so nothing here repeats them. No part below server/ sees it.
namespace lifeboat::server {

struct ServerConfig {
  std::string listen;           ///< "ADDR:PORT"; no address: all of them; port 0: a free one
  std::string tls_certificate;  ///< PEM file; empty (with the key): plain HTTP
  std::string tls_key;
  Duration answer_within{};
  Duration grace{};
  uint64_t threads = 0;  ///< 0: one per core
  Duration header_timeout{};
  Duration idle_timeout{};
  uint64_t body_rate_min_bytes = 0;  ///< per second …
  Duration body_rate_window{};       ///< … over this window
  uint64_t manifest_cache_bytes = 0;
  std::string default_host;               ///< what a request without a host means when nothing of that name is hosted
  bool is_default_host_explicit = false;  ///< someone named it; else it is the built-in meaning
  bool builtin_upstreams = false;         ///< already applied: Config::upstreams is the whole list

  friend bool operator==(const ServerConfig&, const ServerConfig&) = default;
};

struct StorageConfig {
  std::string root;
  bool delete_enabled = false;
  Duration uploads_expire{};
  uint64_t uploads_per_repository_max = 0;
  uint64_t uploads_open_max = 0;
  std::string evict_above;  ///< as Watermark has it; empty (with the other): nothing is evicted
  std::string evict_below;  ///< of the same kind, and less
  Duration evict_unused_for{};

  friend bool operator==(const StorageConfig&, const StorageConfig&) = default;
};

enum class AccessLog {
  none,
  problems,  ///< requests that were answered 5xx, were cut, or were served stale
  all,
};

/// What is fetched before anybody asks for it, and how much of it at a time.
struct CaptureConfig {
  uint64_t running_max = 0;
  std::vector<std::string> prefetch;  ///< as oci::FullReference has them
  Duration prefetch_every{};          ///< 0: only at the start and at a reload

  friend bool operator==(const CaptureConfig&, const CaptureConfig&) = default;
};

/// When what nothing needs is removed.
struct GcConfig {
  Duration every{};  ///< 0: only when asked to
  Duration grace{};
  Duration prune_every{};  ///< how often retention is carried out; 0: never

  friend bool operator==(const GcConfig&, const GcConfig&) = default;
};

/// How what is held is looked after.
struct ScrubConfig {
  uint64_t rate_bytes = 0;               ///< a second; 0: as fast as it goes
  Duration every{};                      ///< 0: only when it is ordered
  std::vector<std::string> repair_from;  ///< as RepairFrom has them
  uint64_t quarantine_max_bytes = 0;
  Duration quarantine_keep{};

  friend bool operator==(const ScrubConfig&, const ScrubConfig&) = default;
};

struct LogConfig {
  LogLevel level{};
  LogFormat format{};
  AccessLog access{};

  friend bool operator==(const LogConfig&, const LogConfig&) = default;
};

struct MetricsConfig {
  bool enabled = false;

  friend bool operator==(const MetricsConfig&, const MetricsConfig&) = default;
};

/// One address of an upstream. Never holds a password: only where it is kept.
struct EndpointConfig {
  std::string url;      ///< http(s)://host[:port][/path], no credentials, query or trailing slash
  std::string match;    ///< repositories it is asked for; empty: all
  std::string rewrite;  ///< what they are called there; empty: the same
  std::string username;
  std::string password_file;
  std::string password_env;
  std::string docker_config;
  std::string credential_helper;
  std::string ca_file;  ///< empty: the system's certificates
  std::string client_certificate;
  std::string client_key;
  bool skip_verify = false;

  friend bool operator==(const EndpointConfig&, const EndpointConfig&) = default;
};

/// What becomes of a held tag that the upstream has no more.
enum class OnGone { keep, drop };

/// What becomes of a held tag while the upstream refuses our credentials.
enum class OnCredentialFault { serve, refuse };

/// What of an upstream's manifests is fetched in the background.
enum class CaptureMode {
  requested,  ///< all that is missing of the platforms that are pulled
  all,        ///< of every platform
  none,
};

/// A value that may be left to the upstream that the record belongs to.
template <class Value>
struct Override {
  std::optional<Value> value{};

  friend bool operator==(const Override&, const Override&) = default;
};

/// What differs for some repositories and tags of an upstream.
struct RuleConfig {
  std::string match;  ///< as oci::ReferencePattern has it
  Override<Duration> fresh_for;
  Override<std::optional<Duration>> max_stale;
  Override<Duration> revalidate_within;
  Override<OnGone> on_gone;
  Override<OnCredentialFault> on_credential_fault;
  Override<Duration> not_found_for;

  friend bool operator==(const RuleConfig&, const RuleConfig&) = default;
};

struct UpstreamConfig {
  std::string host;                       ///< in its normal form, as oci::RegistryHost has it
  std::vector<std::string> allow;         ///< of `*`: as oci::HostPattern has them; else none
  std::vector<EndpointConfig> endpoints;  ///< in the order they are tried; at least one
  std::vector<RuleConfig> rules;          ///< the first that fits counts
  Duration fresh_for{};
  std::optional<Duration> max_stale;  ///< nothing: however old
  Duration revalidate_within{};
  OnGone on_gone{};
  OnCredentialFault on_credential_fault{};
  Duration not_found_for{};
  Duration resolve_timeout{};
  Duration connect_timeout{};
  Duration tls_timeout{};
  Duration first_byte_timeout{};
  Duration stall_timeout{};
  uint64_t rate_floor_percent = 0;    ///< 0: never
  Duration credential_check_every{};  ///< 0: never
  Duration hedge_after{};             ///< 0: never
  uint64_t parallel_ranges = 0;       ///< requests at a time; 1: one after the other
  CaptureMode capture{};
  std::vector<std::string> capture_platforms;  ///< besides, as oci::Platform writes them
  bool capture_referrers = false;

  friend bool operator==(const UpstreamConfig&, const UpstreamConfig&) = default;
};

/// A registry whose tags are proved to be whole, again and again.
struct ProbeConfig {
  std::string name;                       ///< unique; of the target when nobody gave one
  std::string target;                     ///< the URL of a registry, or kProbeSelf
  std::vector<std::string> repositories;  ///< as oci::matches_glob has them; none: all
  std::vector<std::string> tags;          ///< the same
  Duration every{};
  std::string compare_with;  ///< another probe's name; "" for none
  uint64_t requests_max = 0;
  std::string username;
  std::string password_file;
  std::string password_env;
  std::string docker_config;
  std::string credential_helper;
  std::string ca_file;  ///< empty: the system's certificates

  friend bool operator==(const ProbeConfig&, const ProbeConfig&) = default;
};
/// What is kept of some repositories.
struct RetentionConfig {
  std::vector<std::string> match;           ///< as oci::matches_glob has them
  uint64_t keep_last = 0;                   ///< 0: says nothing
  std::vector<std::string> keep_tags;       ///< as oci::matches_glob has them
  std::vector<std::string> keep_platforms;  ///< in their normal form
  Duration keep_pulled_within{};            ///< 0: says nothing
  std::optional<Duration> delete_untagged_after{};

  friend bool operator==(const RetentionConfig&, const RetentionConfig&) = default;
};

/// The target that is this process itself, through its own door.
inline constexpr std::string_view kProbeSelf = "self";

/// The host under which the default upstream is written in the file.
inline constexpr std::string_view kDefaultUpstream = "default";
/// The host under which the upstream of every host that has none of its own is written.
inline constexpr std::string_view kAnyUpstream = "*";

struct Config {
  ServerConfig server;
  StorageConfig storage;
  CaptureConfig capture;
  GcConfig gc;
  ScrubConfig scrub;
  LogConfig log;
  MetricsConfig metrics;
  std::vector<UpstreamConfig> upstreams;  ///< the named ones first, in order, then the built-in ones; hosts are unique
  /// What a request without a host means, when an operator gave an address for it (`--upstream URL`, or an upstream of
  /// the host "default"); it wins over `server.default_host`.
  std::optional<UpstreamConfig> default_upstream;
  /// What hosts without an upstream of their own get, where `allow` permits them (any_upstream.h); nothing: none do.
  std::optional<UpstreamConfig> any_upstream;
  std::vector<ProbeConfig> probes;
  std::vector<RetentionConfig> retention;  ///< the first that fits a repository counts

  friend bool operator==(const Config&, const Config&) = default;
};

}  // namespace lifeboat::server
