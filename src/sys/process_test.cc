#include "sys/process.h"

#include <gtest/gtest.h>
#include <unistd.h>

namespace lifeboat::sys {
namespace {

TEST(Process, gives_what_it_reads_and_writes) {
  const auto echoed =
      run_process({.arguments = {"cat"}, .input = std::string(300'000, 'x'), .output_max_bytes = 400'000});
  ASSERT_TRUE(echoed) << echoed.error().message();
  EXPECT_EQ(echoed->exit_status, 0);
  EXPECT_TRUE(echoed->output == std::string(300'000, 'x')) << echoed->output.size();
}

TEST(Process, tells_how_it_ended) {
  EXPECT_EQ(run_process({.arguments = {"sh", "-c", "echo no >&2; exit 3"}, .input = ""})->exit_status, 3);
  EXPECT_EQ(run_process({.arguments = {"sh", "-c", "kill -9 $$"}, .input = ""})->exit_status, 128 + 9);
  EXPECT_EQ(run_process({.arguments = {"true"}, .input = "nobody reads this"})->exit_status, 0);
}

TEST(Process, keeps_what_it_says_on_standard_error_only_when_asked) {
  const std::vector<std::string> program{"sh", "-c", "echo out; echo why >&2"};
  EXPECT_EQ(run_process({.arguments = program, .input = ""})->output, "out\n");
  EXPECT_EQ(run_process({.arguments = program, .input = "", .keeps_errors = true})->output, "out\nwhy\n");
}

TEST(Process, inherits_no_descriptor) {
  const int kept = ::dup(STDERR_FILENO);  // without close-on-exec, as a library may open one
  const auto listed = run_process({.arguments = {"sh", "-c", "ls /proc/$$/fd"}, .input = ""});
  ::close(kept);
  ASSERT_TRUE(listed) << listed.error().message();
  EXPECT_EQ(listed->output, "0\n1\n2\n");
}

TEST(Process, is_not_there) {
  const auto missing = run_process({.arguments = {"docker-credential-that-nobody-has"}, .input = ""});
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code(), ErrorCode::not_found);
}

TEST(Process, is_killed_when_it_takes_too_long_or_says_too_much) {
  const auto slow = run_process({.arguments = {"sleep", "60"}, .input = "", .within = Duration(50)});
  ASSERT_FALSE(slow);
  EXPECT_EQ(slow.error().code(), ErrorCode::timed_out);
  const auto loud = run_process({.arguments = {"yes"}, .input = "", .output_max_bytes = 10'000});
  ASSERT_FALSE(loud);
  EXPECT_EQ(loud.error().code(), ErrorCode::too_many);
}

}  // namespace
}  // namespace lifeboat::sys
