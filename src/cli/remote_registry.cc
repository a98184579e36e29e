#include "cli/remote_registry.h"

#include <algorithm>
#include <utility>

#include "sys/block_pool.h"
#include "sys/file_system.h"
#include "sys/http_upload.h"
#include "sys/thread_pool.h"
#include "upstream/credential_helper.h"
#include "upstream/url.h"

namespace lifeboat::cli {
namespace {

/// A person or a pipeline waits, not a pod: what is slow is not what is dead.
constexpr sys::HttpDeadlines kDeadlines{.resolve = std::chrono::seconds(5),
                                        .connect = std::chrono::seconds(5),
                                        .tls = std::chrono::seconds(5),
                                        .first_byte = std::chrono::seconds(30),
                                        .stall = std::chrono::seconds(30)};

std::string value_of(const server::Environment& environment, std::string_view name) {
  const auto found = std::ranges::find(environment, name, [](const auto& one) { return std::string_view(one.first); });
  return found == environment.end() ? std::string() : found->second;
}

bool is_loopback(const upstream::Url& url) {
  return url.host == "localhost" || url.host == "::1" ||
         (url.host.starts_with("127.") && upstream::is_ip_address(url.host));
}

bool is_one_of(const std::vector<std::string>& names, const oci::RegistryHost& host) {
  return std::ranges::any_of(names, [&](const std::string& name) {
    const auto named = oci::RegistryHost::parse(name);
    return named && *named == host;
  });
}

}  // namespace

void RemoteOptions::declare(Arguments& arguments) {
  arguments.list("--plain-http", plain_http);
  arguments.option("--username", username);
  arguments.option("--password-file", password_file);
  arguments.option("--ca-file", ca_file);
}

std::string RemoteOptions::mistake() const {
  if (username.has_value() != password_file.has_value()) return "'--username' and '--password-file' go together";
  for (const std::string& name : plain_http) {
    if (oci::RegistryHost::parse(name)) continue;
    return "'--plain-http' wants a registry, as in backup.lan:5000 (got '" + name + "')";
  }
  return {};
}

std::vector<std::string> login_files(const server::Environment& environment) {
  std::vector<std::string> files;
  const auto add = [&](std::string_view variable, std::string_view rest) {
    if (const std::string value = value_of(environment, variable); !value.empty()) {
      files.push_back(value + std::string(rest));
    }
  };
  add("REGISTRY_AUTH_FILE", "");
  add("DOCKER_CONFIG", "/config.json");
  if (value_of(environment, "DOCKER_CONFIG").empty()) add("HOME", "/.docker/config.json");
  add("XDG_RUNTIME_DIR", "/containers/auth.json");
  return files;
}

struct RemoteRegistries::Parts {
  explicit Parts(unsigned streams_max)
      : client(sys::make_curl_upload_client(
            {.user_agent = "lifeboat", .connections_per_host_max = static_cast<int>(streams_max)}, blocks)) {}

  sys::BlockPool blocks;
  sys::SystemClock clock;
  Log log{{.level = LogLevel::error}};
  std::unique_ptr<sys::FileSystem> files = sys::make_posix_file_system();
  sys::ThreadPool disk{"disk", 1};
  std::unique_ptr<sys::HttpUploadClient> client;
};

RemoteRegistries::RemoteRegistries(RemoteOptions options, server::Environment environment, unsigned streams_max)
    : options_(std::move(options)),
      environment_(std::move(environment)),
      parts_(std::make_unique<Parts>(streams_max)) {}
RemoteRegistries::~RemoteRegistries() = default;

sys::Clock& RemoteRegistries::clock() { return parts_->clock; }
sys::FileSystem& RemoteRegistries::files() { return *parts_->files; }
sys::ThreadPool& RemoteRegistries::disk() { return parts_->disk; }
sys::BlockPool& RemoteRegistries::blocks() { return parts_->blocks; }

Result<upstream::EndpointOptions> RemoteRegistries::options_of(const oci::RegistryHost& host) {
  upstream::EndpointOptions options;
  options.url = "https://" + host.to_string();
  options.ca_file = options_.ca_file.value_or("");
  options.deadlines = kDeadlines;
  options.health.pause_min = std::chrono::milliseconds(100);  // nobody else is there to find out that a realm is back
  if (options_.username) {
    options.username = *options_.username;
    options.password_file = *options_.password_file;
    return options;
  }
  for (const std::string& file : login_files(environment_)) {
    LB_TRY(auto login, upstream::find_docker_login(*parts_->files, file, host.to_string()));
    if (!login) continue;
    options.username = std::move(login->username);
    options.password = std::move(login->password);
    break;
  }
  return options;
}

Result<std::unique_ptr<upstream::RegistryInspector>> RemoteRegistries::make(upstream::EndpointOptions options) {
  LB_TRY(auto endpoint, upstream::Endpoint::make(std::move(options)));
  const upstream::RegistryInspector::Parts parts{*parts_->client, parts_->clock, *parts_->files, parts_->disk,
                                                 parts_->log};
  return std::make_unique<upstream::RegistryInspector>(parts, std::move(endpoint));
}

Task<upstream::EndpointOptions> RemoteRegistries::reach(Call call, oci::RegistryHost host) {
  LB_CO_TRY(upstream::EndpointOptions options, options_of(host));
  upstream::EndpointOptions plain = options;
  plain.url = "http://" + host.to_string();
  if (is_one_of(options_.plain_http, host)) co_return plain;
  LB_CO_TRY(const upstream::Url url, upstream::Url::parse(options.url));
  if (!is_loopback(url) || options_.ca_file) co_return options;
  LB_CO_TRY(const auto secure, make(options));
  const Status greeted = co_await secure->greet(call);
  const bool speaks_no_tls = !greeted && greeted.error().step() == NetworkStep::tls;
  if (speaks_no_tls) co_return plain;
  co_return options;
}

Task<std::unique_ptr<upstream::RegistryInspector>> RemoteRegistries::open(Call call, oci::RegistryHost host) {
  LB_CO_TRY(upstream::EndpointOptions options, co_await reach(std::move(call), std::move(host)));
  co_return make(std::move(options));
}

Task<std::unique_ptr<upstream::RegistryPusher>> RemoteRegistries::open_to_push(
    Call call, oci::RegistryHost host, upstream::RegistryPusher::Options options) {
  LB_CO_TRY(upstream::EndpointOptions reached, co_await reach(std::move(call), std::move(host)));
  LB_CO_TRY(auto endpoint, upstream::Endpoint::make(std::move(reached)));
  const upstream::RegistryPusher::Parts parts{*parts_->client, parts_->clock, *parts_->files, parts_->disk,
                                              parts_->log};
  co_return std::make_unique<upstream::RegistryPusher>(parts, std::move(endpoint), options);
}

}  // namespace lifeboat::cli
