#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/guarded.h"
#include "blob/source.h"
#include "sys/block_pool.h"
#include "sys/notification.h"

namespace lifeboat::test {

inline std::string digest_of(std::string_view bytes, HashAlgorithm algorithm = HashAlgorithm::sha256) {
  return oci::Digest::of(algorithm, as_bytes(bytes)).to_string();
}

/// Holds a body back after its first bytes until the test lets it go. Any thread.
class BodyGate {
 public:
  explicit BodyGate(std::size_t after_bytes) : after_bytes_(after_bytes) {}

  /// How many bytes pass before.
  std::size_t after_bytes() const { return after_bytes_; }
  void open();
  /// True once a body waits here: what came before was asked for, taken, and more is asked for. False when none comes
  /// in half a minute.
  Awaitable<bool> reached();
  /// For the body: returns when the gate is open.
  Awaitable<void> pass();

 private:
  struct State {
    bool is_reached = false;
    bool is_open = false;
  };

  const std::size_t after_bytes_;
  Guarded<State> state_;
  sys::Notification changed_;
};

/// A source whose answers the test gives. Blobs come in pieces. What it is told changes between requests only.
class ScriptedSource final : public blob::Source {
 public:
  struct Blob {
    std::string bytes;
    bool is_size_known = true;
    std::optional<uint64_t> announced{};          ///< another size than that of `bytes`
    std::size_t fails_after = std::string::npos;  ///< the body breaks off there
    std::shared_ptr<BodyGate> gate = nullptr;     ///< the body waits there; also at its end
  };

  std::string name = "scripted";                  ///< of its endpoint
  std::optional<ErrorCode> fails;                 ///< everything, with this code
  std::shared_ptr<BodyGate> head_gate = nullptr;  ///< manifests and blobs wait there before they are answered
  bool is_known_to_fail = false;
  bool is_short = false;                                                     ///< is_short_of_requests()
  std::map<std::string, std::string, std::less<>> manifests;                 ///< by tag and by digest
  std::map<std::string, Blob, std::less<>> blobs;                            ///< by digest
  std::map<std::string, std::vector<oci::Referrer>, std::less<>> referring;  ///< by subject
  std::optional<ErrorCode> referrers_fail;
  std::atomic<bool> is_reachable = true;  ///< false: its breakers are open
  std::atomic<int> asked = 0;
  std::atomic<int> opens = 0;           ///< of these, for blobs
  std::atomic<int> rejections = 0;      ///< of bodies
  std::atomic<uint64_t> last_from = 0;  ///< of the last open

  Task<blob::ResolvedTag> resolve(Call, oci::RepositoryId, oci::Tag tag) override;
  Task<blob::FetchedManifest> manifest(Call, oci::RepositoryId, oci::Reference reference) override;
  Task<std::unique_ptr<blob::Stream>> open(Call, oci::RepositoryId, oci::Digest digest, uint64_t from) override;
  Task<TagPage> tags(Call, oci::RepositoryId, std::string, std::size_t) override;
  Task<std::vector<oci::Referrer>> referrers(Call, oci::RepositoryId, oci::Digest) override;
  bool can_be_asked() const override { return is_reachable; }
  bool is_failing() const override { return fails.has_value() || is_known_to_fail; }
  bool is_short_of_requests() const override { return is_short; }

 private:
  sys::BlockPool blocks_;
};

}  // namespace lifeboat::test
