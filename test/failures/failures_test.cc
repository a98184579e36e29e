// Failure × what is held × what is asked for → what a client gets, and what it costs the upstream: the whole chain from
// the HTTP handler to libcurl, against an imposter.
//
//   failures_test --table    prints what is right, as doc/reference/failures.md has it

#include <gtest/gtest.h>

#include <atomic>
#include <cstdio>
#include <fstream>
#include <sstream>
#include <string>
#include <thread>

#include "test/failures/case.h"
#include "test/failures/names.h"

namespace lifeboat::test {
namespace {

constexpr unsigned kAtOnce = 8;

class Failures : public testing::TestWithParam<std::size_t> {};

TEST_P(Failures, give_a_client_what_the_table_says) {
  const Failure& failure = failures().at(GetParam());
  std::vector<Case> cases;
  for (const Question question : {Question::tag, Question::digest, Question::blob, Question::range}) {
    for (const Held held : {Held::whole, Held::part, Held::none}) cases.push_back({failure, held, question, false});
    cases.push_back({failure, Held::none, question, true});
  }
  std::vector<std::string> faults(cases.size());
  std::atomic<std::size_t> next = 0;
  std::vector<std::jthread> threads;
  for (unsigned i = 0; i < kAtOnce; ++i) {
    threads.emplace_back([&] {
      for (std::size_t at = next++; at < cases.size(); at = next++) faults.at(at) = faults_of(cases.at(at));
    });
  }
  threads.clear();
  std::string all;
  for (const std::string& one : faults) all += one;
  if (!all.empty()) ADD_FAILURE() << "when " << failure.name << ":\n" << all;
}

/// "403 from a firewall, in HTML" → "403_from_a_firewall_in_HTML"
std::string test_name(const testing::TestParamInfo<std::size_t>& row) {
  std::string name;
  for (const char letter : failures().at(row.param).name) {
    const bool is_word = std::isalnum(static_cast<unsigned char>(letter)) != 0;
    if (is_word) name += letter;
    if (!is_word && !name.empty() && name.back() != '_') name += '_';
  }
  return name;
}

INSTANTIATE_TEST_SUITE_P(When, Failures, testing::Range(std::size_t{0}, failures().size()), test_name);

TEST(FailureTable, is_what_the_documentation_says) {
  std::stringstream documented;
  documented << std::ifstream(LIFEBOAT_SOURCE_ROOT "/doc/reference/failures.md").rdbuf();
  EXPECT_TRUE(documented.str() == rendered_table()) << "failures_test --table > doc/reference/failures.md";
}

}  // namespace
}  // namespace lifeboat::test

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  if (argc > 1 && std::string_view(argv[1]) == "--table") {
    std::fputs(lifeboat::test::rendered_table().c_str(), stdout);
    return 0;
  }
  // Not a static: OpenSSL tidies up before those go, and would leave what the client's thread has.
  const lifeboat::test::OutgoingHttp outgoing;
  const int result = RUN_ALL_TESTS();
  lifeboat::test::let_names_go();
  return result;
}
