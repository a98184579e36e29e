#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "test/support/http_imposter.h"

namespace lifeboat::test {

/// A registry that is right in everything but in what its script breaks: at the registry itself, at its token endpoint,
/// or at the storage host to which it sends whoever asks for a blob. Each is an HttpImposter on a port of its own.
class FailingRegistry {
 public:
  using Answer = HttpImposter::Answer;
  using Request = HttpImposter::Request;
  /// What becomes of an answer that would have been right. None: it is given.
  using Fault = std::function<Answer(const Request&, Answer)>;

  /// What it has, by the end of the request's path: "manifests/<tag>", "manifests/<digest>", "blobs/<digest>".
  using Content = std::map<std::string, std::string>;
  static Content content_of(const std::string& manifest, const std::string& tag, const std::vector<std::string>& blobs);

  enum class Login {
    none,
    basic,   ///< "user" with the password "right"
    bearer,  ///< a token, for anybody who asks the token endpoint
  };
  struct Script {
    Fault registry{};
    Login login = Login::none;
    Fault tokens{};             ///< at the token endpoint
    std::string realm{};        ///< another token endpoint than its own
    bool has_storage = false;   ///< blobs are at its storage host
    Fault storage{};            ///< there
    std::string storage_url{};  ///< another storage host than its own
  };
  FailingRegistry(Content content, Script script);
  ~FailingRegistry();
  FailingRegistry(const FailingRegistry&) = delete;
  FailingRegistry& operator=(const FailingRegistry&) = delete;

  std::string url() const;

  // ---- faults ----

  /// This answer to everything.
  static Fault answers(Answer answer);
  static Fault answers(int status, const std::string& media_type = "", const std::string& body = "");
  /// The fault where a body is asked for; a HEAD is answered right.
  static Fault in_bodies(Fault fault);
  /// The fault where the path has this in it.
  static Fault where(std::string part, Fault fault);
  static Fault wrong_byte();
  /// Half the body, and then the connection ends as told; who asks for the rest gets nothing of it.
  static Fault half(HttpImposter::Ending ending);
  /// Half the body as if it were all, with this announced: its own length, or none.
  static Fault half_as_whole(bool is_announced);
  /// More than there is, and announced so.
  static Fault more_than_all();
  /// In chunks, of which the last never comes.
  static Fault cut_in_chunks();
  /// Nothing, not even a head.
  static Fault silent(HttpImposter::Ending ending);
  /// Nothing before `gate` returns.
  static Fault behind(std::function<void()> gate);

 private:
  Answer at_registry(const Request& request) const;
  Answer challenge() const;
  Answer content_at(const Request& request) const;
  Answer at_tokens(const Request& request) const;
  Answer at_storage(const Request& request) const;

  // constant after construction
  const Content content_;
  const Script script_;
  std::unique_ptr<HttpImposter> tokens_;
  std::unique_ptr<HttpImposter> storage_;
  std::unique_ptr<HttpImposter> registry_;
};

}  // namespace lifeboat::test
