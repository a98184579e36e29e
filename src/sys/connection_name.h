#pragma once

#include <optional>
#include <string>

#include "base/time.h"

namespace lifeboat::sys {

/// A TCP connection of this process by its two ends: what libcurl tells of one it has kept, whose descriptor it tells
/// only of one it made for the same request (7.88).
struct ConnectionName {
  std::string own_address{};  ///< numeric, IPv4 or IPv6
  int own_port = 0;
  std::string peer_address{};
  int peer_port = 0;
  friend bool operator==(const ConnectionName&, const ConnectionName&) = default;
};

/// The descriptor; still its owner's, who must not close it meanwhile. Looks through all of the process: for what is
/// rare. Nothing: there is no such connection (any more).
std::optional<int> socket_of(const ConnectionName& connection);

/// Something was sent that nobody acknowledges, and nothing came for so long. A peer that only takes its time
/// acknowledges, also one that takes no more for now.
bool is_silent_for(int socket, Duration time);

}  // namespace lifeboat::sys
