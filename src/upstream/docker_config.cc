#include "upstream/docker_config.h"

#include <nlohmann/json.hpp>

namespace lifeboat::upstream {
namespace {

using Json = nlohmann::json;

/// Docker's mark for "the secret is an identity token, to be exchanged by OAuth 2".
constexpr std::string_view kTokenUser = "<token>";

Result<std::string> from_base64(std::string_view text) {
  std::string bytes;
  uint32_t bits = 0;
  int count = 0;
  for (const char letter : text) {
    if (letter == '=') break;
    uint32_t value = 0;
    if (letter >= 'A' && letter <= 'Z')
      value = static_cast<uint32_t>(letter - 'A');
    else if (letter >= 'a' && letter <= 'z')
      value = static_cast<uint32_t>(letter - 'a') + 26;
    else if (letter >= '0' && letter <= '9')
      value = static_cast<uint32_t>(letter - '0') + 52;
    else if (letter == '+')
      value = 62;
    else if (letter == '/')
      value = 63;
    else
      return fail(ErrorCode::invalid, "cannot read 'auth': it is not base64");
    bits = bits << 6U | value;
    count += 6;
    if (count < 8) continue;
    count -= 8;
    bytes.push_back(static_cast<char>(bits >> static_cast<unsigned>(count) & 0xffU));
  }
  return bytes;
}

std::string text_of(const Json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

/// "https://ghcr.io/v2/" → "ghcr.io"
std::string_view host_of(std::string_view entry) {
  if (const std::size_t scheme = entry.find("://"); scheme != entry.npos) entry.remove_prefix(scheme + 3);
  return entry.substr(0, entry.find('/'));
}

const Json* entry_of(const Json& document, const char* section, std::string_view authority) {
  const auto entries = document.find(section);
  if (entries == document.end() || !entries->is_object()) return nullptr;
  const std::string server = docker_server_name(authority);
  if (const auto exact = entries->find(server); exact != entries->end()) return &*exact;
  for (const auto& [name, value] : entries->items()) {
    if (docker_server_name(host_of(name)) == server) return &value;
  }
  return nullptr;
}

Result<Credentials> checked(std::string username, std::string password) {
  if (username == kTokenUser) {
    return fail(ErrorCode::unsupported,
                "cannot use an identity token (want a user name and a password or access token)");
  }
  if (username.empty() || password.empty()) {
    return fail(ErrorCode::unauthorized, "cannot use the login: it has no user name or no password");
  }
  return Credentials{std::move(username), std::move(password)};
}

Result<Credentials> login_of(const Json& entry) {
  if (const std::string auth = text_of(entry, "auth"); !auth.empty()) {
    LB_TRY(const std::string pair, from_base64(auth));
    const std::size_t colon = pair.find(':');
    if (colon == pair.npos) return fail(ErrorCode::invalid, "cannot read 'auth': it has no ':'");
    return checked(pair.substr(0, colon), pair.substr(colon + 1));
  }
  if (!text_of(entry, "identitytoken").empty()) return checked(std::string(kTokenUser), "");
  return checked(text_of(entry, "username"), text_of(entry, "password"));
}

}  // namespace

std::string docker_server_name(std::string_view authority) {
  const bool is_docker_hub =
      authority == "docker.io" || authority == "index.docker.io" || authority == "registry-1.docker.io";
  return is_docker_hub ? std::string("https://index.docker.io/v1/") : std::string(authority);
}

Result<DockerLogin> docker_login_of(std::string_view config_json, std::string_view authority) {
  const Json document = Json::parse(config_json, nullptr, false);
  if (!document.is_object()) return fail(ErrorCode::invalid, "cannot read the Docker config: it is no JSON object");
  DockerLogin login;
  if (const Json* helper = entry_of(document, "credHelpers", authority); helper != nullptr && helper->is_string()) {
    login.helper = helper->get<std::string>();
  }
  if (login.helper.empty()) login.helper = text_of(document, "credsStore");
  const Json* entry = entry_of(document, "auths", authority);
  // With a store, `auths` keeps empty entries: only a mark that there is a login.
  if (login.helper.empty() && entry != nullptr && entry->is_object() && !entry->empty()) {
    LB_TRY(login.credentials, login_of(*entry));
  }
  return login;
}

Result<Credentials> parse_helper_answer(std::string_view json) {
  const Json document = Json::parse(json, nullptr, false);
  if (!document.is_object()) return fail(ErrorCode::unauthorized, "it gave no login");
  return checked(text_of(document, "Username"), text_of(document, "Secret"));
}

}  // namespace lifeboat::upstream
