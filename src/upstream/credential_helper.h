#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "sys/file_system.h"
#include "upstream/credentials.h"

/// Logins that others keep for us. These calls block: files are read and helpers run.
namespace lifeboat::upstream {

/// Runs `docker-credential-<helper> get`. not_found: it works, and knows no login for this registry; unauthorized: it
/// does not work; invalid: that is no name of a helper.
Result<Credentials> ask_credential_helper(const std::string& helper, const std::string& authority);

/// The login that a Docker config.json has for a registry, by itself or by its helper. Nothing: it has none, or there
/// is no such file, so that one asks without, as Docker does.
Result<std::optional<Credentials>> find_docker_login(sys::FileSystem& files, const std::string& config_path,
                                                     const std::string& authority);

}  // namespace lifeboat::upstream
