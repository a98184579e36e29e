#include "test/support/http_imposter.h"

#include <arpa/inet.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <list>
#include <mutex>
#include <thread>

#include "base/assert.h"
#include "base/bytes.h"

namespace lifeboat::test {
namespace {

/// Bound to `port` of 127.0.0.<last>; 0: to a free one, which `port` is set to.
int loopback_socket(uint16_t& port, uint32_t last = 1) {
  const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl((127U << 24U) + last);
  address.sin_port = htons(port);
  socklen_t length = sizeof(address);
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  LB_ASSERT(::bind(socket, generic, length) == 0);
  LB_ASSERT(::getsockname(socket, generic, &length) == 0);
  port = ntohs(address.sin_port);
  return socket;
}

/// What carries data is lost before the kernel sees it; bare acknowledgements pass, so that what was sent counts as
/// received. A filter of a TCP socket sees packets from the TCP header on (RFC 9293, 3.1: its length in byte 12).
void lose_all_data(int socket) {
  sock_filter lines[] = {
      BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 12), BPF_STMT(BPF_ALU | BPF_RSH | BPF_K, 4),
      BPF_STMT(BPF_ALU | BPF_LSH | BPF_K, 2), BPF_STMT(BPF_MISC | BPF_TAX, 0),
      BPF_STMT(BPF_LD | BPF_W | BPF_LEN, 0),  BPF_JUMP(BPF_JMP | BPF_JGT | BPF_X, 0, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, 0),           BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
  };
  const sock_fprog program{.len = std::size(lines), .filter = lines};
  LB_ASSERT(::setsockopt(socket, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) == 0);
}

bool write_all(int socket, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t count = ::send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (count <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
  return true;
}

bool read_some(int socket, std::string& buffer) {
  char bytes[4096];
  const ssize_t count = ::recv(socket, bytes, sizeof(bytes), 0);
  if (count <= 0) return false;
  buffer.append(bytes, static_cast<std::size_t>(count));
  return true;
}

/// False: the connection has ended.
bool read_head(int socket, std::string& buffer, HttpImposter::Request& request) {
  std::size_t end = 0;
  while ((end = buffer.find("\r\n\r\n")) == std::string::npos) {
    if (!read_some(socket, buffer)) return false;
  }
  std::string_view head = std::string_view(buffer).substr(0, end);
  const std::string_view first = head.substr(0, head.find("\r\n"));
  request.method = first.substr(0, first.find(' '));
  request.target = first.substr(request.method.size() + 1);
  request.target.resize(request.target.rfind(' '));
  head.remove_prefix(std::min(first.size() + 2, head.size()));
  while (!head.empty()) {
    const std::string_view line = head.substr(0, head.find("\r\n"));
    const std::size_t colon = line.find(": ");
    if (colon != std::string_view::npos) request.fields.add(line.substr(0, colon), line.substr(colon + 2));
    head.remove_prefix(std::min(line.size() + 2, head.size()));
  }
  buffer.erase(0, end + 4);
  return true;
}

bool read_body(int socket, std::string& buffer, HttpImposter::Request& request) {
  const auto length_text = request.fields.find("Content-Length");
  const std::size_t length = length_text ? std::stoul(std::string(*length_text)) : 0;
  while (buffer.size() < length) {
    if (!read_some(socket, buffer)) return false;
  }
  request.body = buffer.substr(0, length);
  buffer.erase(0, length);
  return true;
}

bool write_answer(int socket, const HttpImposter::Answer& answer, bool is_head) {
  if (answer.is_silent) {
    // Not even a head.
  } else if (!answer.raw.empty()) {
    if (!write_all(socket, answer.raw)) return false;
  } else {
    std::string head =
        "HTTP/1.1 " + std::to_string(answer.status) + " " + std::string(sys::reason_phrase(answer.status));
    for (const auto& [name, value] : answer.fields) head += "\r\n" + name + ": " + value;
    const int64_t length =
        answer.announced_bytes.value_or(static_cast<int64_t>(answer.body.size() + answer.filler_bytes));
    if (length >= 0) head += "\r\nContent-Length: " + std::to_string(length);
    head += "\r\n\r\n";
    if (!is_head) head += answer.body;
    if (!write_all(socket, head)) return false;
    if (!is_head) {
      const std::string filler(std::min<uint64_t>(answer.filler_bytes, kMiB), 'x');
      for (uint64_t left = answer.filler_bytes; left > 0; left -= std::min<uint64_t>(left, filler.size())) {
        if (!write_all(socket, std::string_view(filler).substr(0, std::min<uint64_t>(left, filler.size()))))
          return false;
      }
    }
  }
  if (answer.pause) answer.pause();
  return write_all(socket, answer.more);
}

}  // namespace

struct HttpImposter::State {
  Script script;
  Early early;
  int listener = -1;
  uint16_t port = 0;
  std::thread acceptor;

  std::mutex script_mutex;
  mutable std::mutex mutex;
  // guarded by mutex
  bool is_stopping = false;
  std::vector<Request> requests;
  std::vector<int> sockets;
  std::list<std::thread> threads;

  void accept_all() {
    for (;;) {
      const int socket = ::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
      const std::lock_guard lock(mutex);
      if (is_stopping || socket < 0) {
        if (socket >= 0) ::close(socket);
        return;
      }
      sockets.push_back(socket);
      threads.emplace_back([this, socket] { serve(socket); });
    }
  }

  void serve(int socket) {
    std::string buffer;
    for (;;) {
      Request request;
      if (!read_head(socket, buffer, request)) break;
      std::optional<Answer> at_once;
      if (early) {
        const std::lock_guard lock(script_mutex);
        at_once = early(request);
      }
      if (!at_once && !read_body(socket, buffer, request)) break;
      Answer answer;
      {
        const std::lock_guard lock(mutex);
        requests.push_back(request);
      }
      if (at_once) {
        answer = std::move(*at_once);
      } else {
        const std::lock_guard lock(script_mutex);
        answer = script(request);
      }
      if (answer.ending == Ending::unplug) lose_all_data(socket);
      const bool is_written = write_answer(socket, answer, request.method == "HEAD");
      if (answer.ending == Ending::hang || answer.ending == Ending::unplug) {
        while (read_some(socket, buffer)) buffer.clear();
      }
      if (answer.ending == Ending::reset) {
        // A client that has sent nothing of the body yet would send it all again on another connection.
        if (at_once && buffer.empty()) (void)read_some(socket, buffer);
        const linger reset_now{.l_onoff = 1, .l_linger = 0};
        ::setsockopt(socket, SOL_SOCKET, SO_LINGER, &reset_now, sizeof(reset_now));
        close_one(socket);
        return;
      }
      if (!is_written || answer.ending != Ending::keep || at_once) break;
    }
    ::shutdown(socket, SHUT_WR);
    // What still comes is read, so that an answer given before it is not lost by a reset.
    while (early && read_some(socket, buffer)) buffer.clear();
    close_one(socket);
  }

  void close_one(int socket) {
    const std::lock_guard lock(mutex);
    if (std::erase(sockets, socket) > 0) ::close(socket);
  }
};

HttpImposter::HttpImposter(Script script, Early early) : state_(std::make_unique<State>()) {
  state_->script = std::move(script);
  state_->early = std::move(early);
  state_->listener = loopback_socket(state_->port);
  LB_ASSERT(::listen(state_->listener, 64) == 0);
  state_->acceptor = std::thread([state = state_.get()] { state->accept_all(); });
}

HttpImposter::~HttpImposter() {
  std::list<std::thread> threads;
  {
    const std::lock_guard lock(state_->mutex);
    state_->is_stopping = true;
    for (const int socket : state_->sockets) ::shutdown(socket, SHUT_RDWR);
  }
  ::shutdown(state_->listener, SHUT_RDWR);
  state_->acceptor.join();
  {
    const std::lock_guard lock(state_->mutex);
    threads.swap(state_->threads);
  }
  for (std::thread& thread : threads) thread.join();
  ::close(state_->listener);
}

std::string HttpImposter::host() const { return "127.0.0.1:" + std::to_string(state_->port); }

std::vector<HttpImposter::Request> HttpImposter::requests() const {
  const std::lock_guard lock(state_->mutex);
  return state_->requests;
}

std::size_t HttpImposter::connections() const {
  const std::lock_guard lock(state_->mutex);
  return state_->threads.size();
}

RefusingPort::RefusingPort() : socket_(loopback_socket(port_)) {}
RefusingPort::~RefusingPort() { ::close(socket_); }

/// The kernel drops what comes to a socket whose queue of connections nobody takes is full.
DeadAddress::DeadAddress(uint16_t port) : port_(port), socket_(loopback_socket(port_, 2)) {
  LB_ASSERT(::listen(socket_, 0) == 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl((127U << 24U) + 2);
  address.sin_port = htons(port_);
  for (int i = 0; i < 4; ++i) {
    fillers_.push_back(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    (void)::connect(fillers_.back(), reinterpret_cast<sockaddr*>(&address), sizeof(address));
  }
}
DeadAddress::~DeadAddress() {
  for (const int filler : fillers_) ::close(filler);
  ::close(socket_);
}

BlackHole::BlackHole() : socket_(loopback_socket(port_)) { LB_ASSERT(::listen(socket_, 64) == 0); }
BlackHole::~BlackHole() { ::close(socket_); }

Babbler::Babbler() : socket_(loopback_socket(port_)) {
  LB_ASSERT(::listen(socket_, 64) == 0);
  thread_ = std::thread([this] { babble(); });
}
Babbler::~Babbler() {
  ::shutdown(socket_, SHUT_RDWR);
  thread_.join();
  ::close(socket_);
}
void Babbler::babble() {
  for (;;) {
    const int client = ::accept4(socket_, nullptr, nullptr, SOCK_CLOEXEC);
    if (client < 0) return;
    std::string hello;
    (void)read_some(client, hello);
    (void)write_all(client, "220 mail.example ESMTP ready\r\n");
    ::shutdown(client, SHUT_WR);
    ::close(client);
  }
}

}  // namespace lifeboat::test
