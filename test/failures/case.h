#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "sys/http_client.h"
#include "test/failures/failure.h"
#include "test/support/fake_exchange.h"

namespace lifeboat::test {

/// One cell of the table: a question to a rig of its own.
struct Case {
  const Failure& failure;
  Held held;
  Question question;
  bool has_backup = false;

  std::string name() const;
  bool is_manifest() const { return question == Question::tag || question == Question::digest; }
  const std::string& content() const { return is_manifest() ? the_image().manifest : the_image().layers.front(); }
  std::string target() const;
  std::vector<std::pair<std::string, std::string>> fields() const;
};

/// Asks by GET and by HEAD, each twice, and then until the breaker has seen enough. What is not as the model says, in
/// words; "": nothing.
std::string faults_of(const Case& one);

/// One client for all rigs, as the server has one for all endpoints. It is there while an OutgoingHttp is.
sys::HttpClient& the_client();
class OutgoingHttp {
 public:
  OutgoingHttp();
  ~OutgoingHttp();
  OutgoingHttp(const OutgoingHttp&) = delete;
  OutgoingHttp& operator=(const OutgoingHttp&) = delete;

 private:
  sys::BlockPool blocks_;
  std::unique_ptr<sys::HttpClient> client_;
};

}  // namespace lifeboat::test
