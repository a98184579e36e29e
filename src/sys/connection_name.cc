#include "sys/connection_name.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <array>
#include <charconv>
#include <filesystem>
#include <utility>

namespace lifeboat::sys {
namespace {

using AddressOf = int (*)(int, sockaddr*, socklen_t*);

/// Numeric address and port; ("", 0) for what has none.
std::pair<std::string, int> end_of(int socket, AddressOf address_of) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  auto* generic = reinterpret_cast<sockaddr*>(&address);  // NOLINT: how the system's interface is made
  if (address_of(socket, generic, &size) != 0) return {};
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (address.ss_family == AF_INET) {
    const auto* v4 = reinterpret_cast<const sockaddr_in*>(&address);  // NOLINT: the same
    if (inet_ntop(AF_INET, &v4->sin_addr, text.data(), text.size()) == nullptr) return {};
    return {text.data(), ntohs(v4->sin_port)};
  }
  if (address.ss_family != AF_INET6) return {};
  const auto* v6 = reinterpret_cast<const sockaddr_in6*>(&address);  // NOLINT: the same
  if (inet_ntop(AF_INET6, &v6->sin6_addr, text.data(), text.size()) == nullptr) return {};
  return {text.data(), ntohs(v6->sin6_port)};
}

}  // namespace

std::optional<int> socket_of(const ConnectionName& connection) {
  std::error_code failed;
  std::filesystem::directory_iterator entry("/proc/self/fd", failed);
  for (; !failed && entry != std::filesystem::directory_iterator(); entry.increment(failed)) {
    const std::string name = entry->path().filename();
    int descriptor = -1;
    std::from_chars(name.data(), name.data() + name.size(), descriptor);
    if (end_of(descriptor, ::getsockname) != std::pair(connection.own_address, connection.own_port)) continue;
    if (end_of(descriptor, ::getpeername) == std::pair(connection.peer_address, connection.peer_port)) {
      return descriptor;
    }
  }
  return std::nullopt;
}

bool is_silent_for(int socket, Duration time) {
  tcp_info info{};
  socklen_t size = sizeof info;
  if (::getsockopt(socket, IPPROTO_TCP, TCP_INFO, &info, &size) != 0) return false;
  return info.tcpi_unacked > 0 && std::chrono::milliseconds(info.tcpi_last_ack_recv) >= time;
}

}  // namespace lifeboat::sys
