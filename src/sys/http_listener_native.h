#pragma once

#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>
#include <string>

#include "base/error.h"
#include "base/task.h"
#include "sys/file_system.h"
#include "sys/http_server.h"

namespace lifeboat::sys {

/// Where connections come in: a TCP address, or a socket in the file system. Once opened, used on one loop.
class HttpListener {
 public:
  /// "ADDR:PORT", as HttpServerOptions::listen has it.
  static Result<HttpListener> open_network(boost::asio::io_context& context, const std::string& text);
  /// Replaces the socket of a process that was killed. conflict: something that is no socket has the name.
  static Result<HttpListener> open_local(boost::asio::io_context& context, const Path& path);
  HttpListener(HttpListener&&) = default;
  HttpListener& operator=(HttpListener&&) = delete;
  ~HttpListener() { close(); }

  HttpDoor door() const { return path_.empty() ? HttpDoor::network : HttpDoor::local; }
  /// "127.0.0.1:5000", or the path of the socket.
  std::string address() const;
  /// The next connection, without waiting: its descriptor, or -1 with errno.
  int accept();
  /// Waits until there is one. False: closed.
  Awaitable<bool> wait();
  /// Takes no more connections; the name of a local socket goes with it.
  void close();

 private:
  using Acceptor = boost::asio::basic_socket_acceptor<boost::asio::generic::stream_protocol>;
  HttpListener(Acceptor acceptor, Path path) : acceptor_(std::move(acceptor)), path_(std::move(path)) {}

  Acceptor acceptor_;
  Path path_;  ///< of a local socket
};

}  // namespace lifeboat::sys
