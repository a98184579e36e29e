#include "sys/process.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <optional>
#include <thread>

namespace lifeboat::sys {
namespace {

/// Between two looks whether a program that has closed its output has ended too.
constexpr std::chrono::milliseconds kLookEvery{2};

class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int value) : value_(value) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() { close(); }
  int get() const { return value_; }
  void set(int value) {
    close();
    value_ = value;
  }
  void close() {
    if (value_ >= 0) ::close(value_);
    value_ = -1;
  }

 private:
  int value_ = -1;
};

/// Two ends of a stream. Sockets, so that writing to a program that has gone is no signal.
struct Channel {
  Descriptor ours;
  Descriptor theirs;

  Status open() {
    std::array<int, 2> ends{};
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0) {
      return fail_errno(errno, "cannot make a channel to a program");
    }
    ours.set(ends[0]);
    theirs.set(ends[1]);
    return {};
  }
};

/// A child in a process group of its own, which is killed and waited for, whatever happens.
class Child {
 public:
  explicit Child(pid_t pid) : pid_(pid) {}
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child() {
    if (pid_ <= 0) return;
    ::kill(-pid_, SIGKILL);
    int status = 0;
    while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
    }
  }
  /// Nothing: it has not ended by then.
  std::optional<int> wait_until(SteadyTime deadline) {
    int status = 0;
    while (::waitpid(pid_, &status, WNOHANG) != pid_) {
      if (std::chrono::steady_clock::now() >= deadline) return std::nullopt;
      std::this_thread::sleep_for(kLookEvery);
    }
    pid_ = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }

 private:
  pid_t pid_;
};

Result<pid_t> spawn(const ProcessRequest& request, int input, int output) {
  const std::vector<std::string>& arguments = request.arguments;
  std::vector<char*> argv;
  for (const std::string& argument : arguments)
    argv.push_back(const_cast<char*>(argument.c_str()));  // NOLINT: the API's way
  argv.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO);
  ::posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
  if (request.keeps_errors) {
    ::posix_spawn_file_actions_adddup2(&actions, output, STDERR_FILENO);
  } else {
    ::posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
  }
  // Whatever the program leaves running must not keep our port or our lock.
  ::posix_spawn_file_actions_addclosefrom_np(&actions, STDERR_FILENO + 1);
  posix_spawnattr_t attributes;
  ::posix_spawnattr_init(&attributes);
  sigset_t none;
  sigemptyset(&none);
  ::posix_spawnattr_setsigmask(&attributes, &none);  // ours are blocked for the thread that handles them
  sigset_t restored;
  sigemptyset(&restored);
  sigaddset(&restored, SIGPIPE);
  ::posix_spawnattr_setsigdefault(&attributes, &restored);
  ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
  ::posix_spawnattr_setpgroup(&attributes, 0);
  pid_t pid = 0;
  const int error = ::posix_spawnp(&pid, argv.front(), &actions, &attributes, argv.data(), environ);
  ::posix_spawnattr_destroy(&attributes);
  ::posix_spawn_file_actions_destroy(&actions);
  if (error == ENOENT)
    return fail(ErrorCode::not_found, "cannot run '" + arguments.front() + "': there is no such program");
  if (error != 0) return fail_errno(error, "cannot run '" + arguments.front() + "'");
  return pid;
}

}  // namespace

Result<ProcessResult> run_process(const ProcessRequest& request) {
  const std::string& program = request.arguments.front();
  const SteadyTime deadline = std::chrono::steady_clock::now() + request.within;
  Channel input;
  Channel output;
  LB_CHECK(input.open());
  LB_CHECK(output.open());
  LB_TRY(const pid_t pid, spawn(request, input.theirs.get(), output.theirs.get()));
  Child child(pid);
  input.theirs.close();
  output.theirs.close();
  const auto too_late = [&] {
    return fail(ErrorCode::timed_out, "cannot wait longer for '" + program + "': it took more than " +
                                          std::to_string(request.within.count()) + " ms");
  };

  ProcessResult result;
  std::size_t sent = 0;
  std::array<char, 4096> buffer{};
  for (;;) {
    if (sent == request.input.size()) input.ours.close();
    std::array<pollfd, 2> waiting{pollfd{output.ours.get(), POLLIN, 0}, pollfd{input.ours.get(), POLLOUT, 0}};
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    if (left.count() <= 0) return too_late();
    const nfds_t count = input.ours.get() >= 0 ? 2 : 1;
    const int ready = ::poll(waiting.data(), count, static_cast<int>(left.count()));
    if (ready < 0 && errno != EINTR) return fail_errno(errno, "cannot wait for '" + program + "'");
    if (ready <= 0) continue;
    if (count == 2 && waiting[1].revents != 0) {
      const ssize_t wrote = ::send(input.ours.get(), request.input.data() + sent, request.input.size() - sent,
                                   MSG_NOSIGNAL | MSG_DONTWAIT);
      if (wrote > 0) sent += static_cast<std::size_t>(wrote);
      if (wrote < 0 && errno != EAGAIN && errno != EINTR) sent = request.input.size();  // it does not want the rest
    }
    if (waiting[0].revents == 0) continue;
    const ssize_t got = ::read(output.ours.get(), buffer.data(), buffer.size());
    if (got < 0 && errno == ECONNRESET) break;  // it left its input unread
    if (got < 0 && errno != EINTR) return fail_errno(errno, "cannot read from '" + program + "'");
    if (got == 0) break;
    if (got > 0) result.output.append(buffer.data(), static_cast<std::size_t>(got));
    if (result.output.size() > request.output_max_bytes) {
      return fail(ErrorCode::too_many, "cannot keep what '" + program + "' writes: more than " +
                                           std::to_string(request.output_max_bytes) + " bytes");
    }
  }
  const auto status = child.wait_until(deadline);
  if (!status) return too_late();
  result.exit_status = *status;
  return result;
}

}  // namespace lifeboat::sys
