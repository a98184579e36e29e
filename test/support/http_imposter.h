#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "sys/http_message.h"

namespace lifeboat::test {

/// A scripted HTTP/1.1 server on a free loopback port: answers as it is told, well or badly, and remembers what it was
/// asked. Plain sockets and a thread per connection, so that it can break every rule of the protocol.
class HttpImposter {
 public:
  struct Request {
    std::string method;
    std::string target;
    sys::HttpFields fields;
    std::string body;
  };

  /// What becomes of the connection behind the answer.
  enum class Ending {
    keep,    ///< the next request is read
    close,   ///< FIN
    reset,   ///< RST
    hang,    ///< nothing more, and it stays open
    unplug,  ///< the same, and what is sent to it is not even acknowledged, as by a machine without power
  };

  struct Answer {
    int status = 200;
    std::vector<std::pair<std::string, std::string>> fields{};
    std::string body{};
    /// So many further bytes 'x' behind `body`, not kept in memory.
    uint64_t filler_bytes = 0;
    /// Instead of the Content-Length that is right; negative: none at all.
    std::optional<int64_t> announced_bytes{};
    /// Sent instead of all of the above.
    std::string raw{};
    /// Nothing of the above is sent.
    bool is_silent = false;
    /// Runs behind the answer (on the connection's thread), then `more` is sent as it is.
    std::function<void()> pause{};
    std::string more{};
    Ending ending = Ending::keep;
  };

  /// Called on the connections' threads, one at a time.
  using Script = std::function<Answer(const Request&)>;

  /// Asked when no more than the head of a request has come. What it gives is answered at once, and the body is never
  /// read as one; nothing: the script answers.
  using Early = std::function<std::optional<Answer>(const Request&)>;

  explicit HttpImposter(Script script, Early early = {});
  ~HttpImposter();
  HttpImposter(const HttpImposter&) = delete;
  HttpImposter& operator=(const HttpImposter&) = delete;

  /// "127.0.0.1:port" and "http://127.0.0.1:port"
  std::string host() const;
  std::string url() const { return "http://" + host(); }
  std::vector<Request> requests() const;
  std::size_t connections() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// A loopback port on which nobody listens: connections are refused while it lives.
class RefusingPort {
 public:
  RefusingPort();
  ~RefusingPort();
  RefusingPort(const RefusingPort&) = delete;
  RefusingPort& operator=(const RefusingPort&) = delete;
  std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }

 private:
  uint16_t port_ = 0;
  int socket_ = -1;  ///< behind port_, which its making sets
};

/// A loopback address with a port on which no attempt to connect is ever answered: a machine that is powered off.
class DeadAddress {
 public:
  /// Of 127.0.0.2, so that a living server can have the same port of 127.0.0.1; 0: a free one.
  explicit DeadAddress(uint16_t port = 0);
  ~DeadAddress();
  DeadAddress(const DeadAddress&) = delete;
  DeadAddress& operator=(const DeadAddress&) = delete;
  static constexpr const char* kHost = "127.0.0.2";
  uint16_t port() const { return port_; }
  std::string url() const { return "http://" + std::string(kHost) + ":" + std::to_string(port_); }

 private:
  uint16_t port_;
  int socket_ = -1;           ///< behind port_, which its making sets
  std::vector<int> fillers_;  ///< what its queue is full of
};

/// A loopback port that takes connections and never says a word: a machine that hangs, or whose TLS never answers.
class BlackHole {
 public:
  BlackHole();
  ~BlackHole();
  BlackHole(const BlackHole&) = delete;
  BlackHole& operator=(const BlackHole&) = delete;
  std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }
  std::string tls_url() const { return "https://127.0.0.1:" + std::to_string(port_); }

 private:
  uint16_t port_ = 0;
  int socket_ = -1;  ///< behind port_, which its making sets
};

/// A loopback port that says what is no TLS as soon as somebody connects, and hangs up.
class Babbler {
 public:
  Babbler();
  ~Babbler();
  Babbler(const Babbler&) = delete;
  Babbler& operator=(const Babbler&) = delete;
  std::string tls_url() const { return "https://127.0.0.1:" + std::to_string(port_); }

 private:
  void babble();

  uint16_t port_ = 0;
  int socket_ = -1;  ///< behind port_, which its making sets
  std::thread thread_;
};

}  // namespace lifeboat::test
