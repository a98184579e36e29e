#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "upstream/credentials.h"

namespace lifeboat::upstream {

/// What a Docker config.json (`docker login` writes it) knows about one registry.
struct DockerLogin {
  std::optional<Credentials> credentials;  ///< from `auths`
  std::string helper;  ///< from `credHelpers`, else `credsStore`; it wins over `auths`, as for Docker
};

/// `authority`: "ghcr.io" or "registry.example:5000"; Docker Hub under any of its names. invalid: no such document.
/// unsupported: only an identity token is there.
Result<DockerLogin> docker_login_of(std::string_view config_json, std::string_view authority);

/// What Docker calls the registry in its files and towards helpers: "https://index.docker.io/v1/" for Docker Hub.
std::string docker_server_name(std::string_view authority);

/// The answer of `docker-credential-<helper> get`. unauthorized: it has none. unsupported: an identity token.
Result<Credentials> parse_helper_answer(std::string_view json);

}  // namespace lifeboat::upstream
