#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/time.h"
#include "test/support/failing_registry.h"
#include "test/support/image.h"
#include "upstream/endpoint.h"

/// The ways an upstream fails, and what a pull gets then: the table, and the small model that says what is right.
namespace lifeboat::test {

/// What is here of the one image that is asked for. Its tag was confirmed long ago: it has to be asked for again.
enum class Held {
  whole,
  part,  ///< the manifest and its tag, and no blob
  none,
};
enum class Question { tag, digest, blob, range };

std::string_view to_string(Held held);
std::string_view to_string(Question question);

/// In the repository "team/app".
const Image& the_image();
inline constexpr const char* kTag = "1";
/// Belongs to no image and is never held: its first bytes go out before its last ones have come.
const std::string& the_large_blob();
/// All that the upstream has.
FailingRegistry::Content the_content();

/// Holds answers back until the test has seen what it wanted.
class Gate {
 public:
  void open();
  void pass();

 private:
  std::mutex mutex_;
  std::condition_variable opened_;
  bool is_open_ = false;
};

/// One endpoint that fails, and how patient we are with it.
struct Scene {
  upstream::EndpointOptions endpoint{};
  Duration answer_within{std::chrono::seconds(10)};
  Duration revalidate_within{std::chrono::seconds(10)};
  std::shared_ptr<Gate> gate = std::make_shared<Gate>();
  std::shared_ptr<FailingRegistry> registry{};
  std::vector<std::shared_ptr<void>> alive{};  ///< what else there is while the scene is
};

/// What a failure does to the breaker of the endpoint, or to that of its token realm.
enum class Breaker {
  untouched,  ///< it answered
  counts,     ///< the third in a row opens it
  opens,
  pauses,  ///< not asked before a pause has passed
};

/// What comes of one question to the endpoint.
struct Outcome {
  std::optional<ErrorCode> failure{};  ///< nothing: the right answer
  Breaker breaker = Breaker::untouched;
  int asked = 1;                     ///< requests until it is known
  std::optional<int> asked_again{};  ///< the second time; nothing: as many
  /// A blob's bytes had begun to come: for a while it is not asked for again, and what is missing can come from
  /// another.
  bool has_begun = false;
  bool is_wrong = false;    ///< all of it came and was not what its digest says
  bool is_pending = false;  ///< the question is still under way when our patience ends
};

struct Failure {
  std::string name;
  std::function<void(Scene&)> set_up;
  Outcome head;      ///< HEAD of the tag
  Outcome manifest;  ///< GET of the manifest
  Outcome blob;
};

/// The whole table.
const std::vector<Failure>& failures();

/// What a client is to get.
struct Right {
  int status = 0;
  std::string stale{};  ///< the reason in X-Lifeboat-Stale; "": neither it nor a Warning
  /// Beside the content, `Retry-After` is all a client may be told to do.
  bool has_retry_after() const { return status == 503; }
};
/// What is right (DESIGN §1, promises 1 to 3, and §4).
struct Expected {
  Right answer{};
  int asked_first = 0;   ///< requests to the upstream for the first question …
  int asked_second = 0;  ///< … and for the same one right behind it
  /// Once the breaker is open, or a pause has been asked for: nobody is asked any more.
  std::optional<Right> later{};
};
Expected expected(const Failure& failure, Held held, Question question, bool has_backup);

/// The table as the documentation has it, made of the model.
std::string rendered_table();

}  // namespace lifeboat::test
