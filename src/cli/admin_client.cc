#include "cli/admin_client.h"

#include <unistd.h>

#include <cerrno>
#include <nlohmann/json.hpp>

#include "blob/data_directory.h"
#include "cli/printable.h"
#include "server/units.h"
#include "sys/event_loops.h"
#include "sys/http_client.h"
#include "sys/socket_path.h"

namespace lifeboat::cli {
namespace {

std::string about(const std::string& data) { return "cannot ask the server of '" + data + "': "; }

std::unexpected<Error> no_server(const std::string& data, std::string_view evidence) {
  return fail(ErrorCode::unavailable, "no server runs on '" + data + "' (" + std::string(evidence) +
                                          ")\nStart one with 'lifeboat serve', or name the directory of the one that "
                                          "runs: '--data DIR'.");
}

std::unexpected<Error> not_ours(const std::string& data) {
  return fail(ErrorCode::denied, about(data) + "permission denied\nAsk as the user it runs as, or as root.");
}

/// Whether it is worth knocking: the HTTP client does not tell these apart.
Status check_socket(const std::string& data, const sys::Path& socket) {
  if (::access(socket.c_str(), W_OK) == 0) return {};
  if (errno == ENOENT || errno == ENOTDIR) return no_server(data, "there is no '" + socket.string() + "'");
  if (errno == EACCES || errno == EPERM) return not_ours(data);
  return fail_errno(errno, about(data) + "its socket '" + socket.string() + "'");
}

/// What the server said about its refusal.
Error refusal_of(const std::string& data, const sys::HttpClientResponse& response) {
  const auto json = nlohmann::json::parse(response.body, nullptr, false);
  if (json.is_object() && json.contains("error") && json["error"].is_string()) {
    const std::string name = json.value("code", "");
    ErrorCode code = ErrorCode::internal;
    for (int known = 0; known <= static_cast<int>(ErrorCode::internal); ++known) {
      if (to_string(static_cast<ErrorCode>(known)) == name) code = static_cast<ErrorCode>(known);
    }
    return {code, json["error"].get<std::string>()};
  }
  return {ErrorCode::internal,
          about(data) + "its answer is not understood (got status " + std::to_string(response.status) + ", want 200)"};
}

using Answer = Result<sys::HttpClientResponse>;

Awaitable<void> send_and_stop(sys::HttpClient& client, Call call, sys::HttpClientRequest request, Answer& answer,
                              sys::EventLoops& loops) {
  answer = co_await client.send(std::move(call), std::move(request));
  loops.stop();
}

Answer send(sys::HttpClientRequest request, Duration within) {
  sys::BlockPool blocks;
  sys::EventLoops loops(1);
  Answer answer = fail(ErrorCode::internal, "");
  const auto client = sys::make_curl_http_client({.user_agent = "lifeboat"}, blocks);
  loops.spawn(0, send_and_stop(*client, Call(std::chrono::steady_clock::now() + within, "cli"), std::move(request),
                               answer, loops));
  loops.run();
  return answer;
}

}  // namespace

void AdminOptions::declare(Arguments& arguments) {
  arguments.option("--config", config.file);
  arguments.option("--data", config.flags.data);
}

Result<std::string> data_directory(const AdminOptions& options, const Process& process) {
  if (options.config.flags.data) return *options.config.flags.data;
  LB_TRY(const server::ConfigSources sources, read_sources(options.config, process));
  LB_TRY(const server::LoadedConfig loaded, server::load_config(sources));
  return loaded.config.storage.root;
}

int explain_failure(const Error& error, Process& process) {
  process.err(printable_lines(error.message()) + "\n");
  return error.code() == ErrorCode::invalid ? kUsage : kCouldNotFindOut;
}

Result<std::string> ask_server(const std::string& data, const AdminRequest& request) {
  const sys::Path socket = blob::DataDirectory::local_socket_of(data);
  LB_CHECK(check_socket(data, socket));
  LB_TRY(const sys::SocketPath reachable, sys::SocketPath::of(socket));
  sys::HttpClientRequest sent;
  sent.method = request.method;
  sent.url = "http://localhost" + request.target;
  sent.unix_socket = reachable.text();
  sent.deadlines = {.connect = request.within, .first_byte = request.within, .stall = request.within};
  if (!request.body.empty()) {
    sent.fields.add("Content-Type", "application/json");
    sent.body = request.body;
  }
  const Answer answer = send(std::move(sent), request.within);
  if (!answer) {
    if (answer.error().step() == NetworkStep::connect && answer.error().code() == ErrorCode::unavailable) {
      return no_server(data, "nobody listens on '" + socket.string() + "'");
    }
    if (answer.error().code() == ErrorCode::timed_out) {
      return fail(ErrorCode::timed_out, about(data) + "it runs and does not answer (got nothing within " +
                                            server::render_duration(request.within) + ")");
    }
    return fail(answer.error().code(), about(data) + answer.error().message());
  }
  if (answer->status != 200) return std::unexpected(refusal_of(data, *answer));
  return answer->body;
}

}  // namespace lifeboat::cli
