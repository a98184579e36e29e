#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "blob/inspector.h"
#include "sys/block_pool.h"
#include "test/support/image.h"

namespace lifeboat::test {

/// A registry whose answers the test gives: right ones for what was pushed, and what was scripted instead.
class ScriptedInspector final : public blob::Inspector {
 public:
  struct Thing {
    std::string bytes{};
    std::string content_type{};
    std::optional<Error> get_fails{};
    std::optional<Error> head_fails{};
    std::optional<std::string> got_instead{};  ///< other bytes than a HEAD tells of
    std::optional<uint64_t> announced{};       ///< another length than that of `bytes`
    std::optional<Error> body_fails{};         ///< behind `bytes`
    bool is_digest_told = true;
    bool is_too_long = false;
    bool is_length_told = true;
    std::optional<uint64_t> head_length{};  ///< what a HEAD tells all the same
    bool is_endless = false;                ///< `bytes` again and again
    std::function<void()> on_block{};       ///< before each block of the body
  };
  std::map<std::string, Thing> manifests{};  ///< "team/app:1.0", "team/app@sha256:…"
  std::map<std::string, Thing> blobs{};      ///< "team/app@sha256:…"
  std::map<std::string, std::vector<oci::Referrer>> referring{};
  std::optional<Error> everything_fails{};
  std::optional<Error> catalog_fails{};
  std::map<std::string, Error> tags_fail{};  ///< by repository
  bool is_short = false;
  /// Called with each question before it is answered: the registry changes while it is looked at.
  std::function<void(const std::string& question)> on_question{};
  std::vector<std::string> asked{};  ///< "HEAD team/app:1.0", "GET team/app@sha256:…"
  unsigned at_once = 0;
  unsigned at_once_max = 0;

  void push(const std::string& repository, const Image& image, const std::string& tag = "");
  void push_index(const std::string& repository, const std::string& index, const std::string& tag);
  /// What is kept under a digest.
  Thing& manifest_of(const std::string& repository, std::string_view bytes);
  Thing& blob_of(const std::string& repository, std::string_view bytes);
  std::size_t asked_for(std::string_view text) const;
  /// As if nothing had ever been pushed or asked.
  void forget();

  Task<Head> head(Call, oci::Repository repository, blob::Inspector::Thing thing, oci::Reference reference) override;
  Task<Answered> manifest(Call, oci::Repository repository, oci::Reference reference) override;
  Task<std::unique_ptr<blob::Stream>> open(Call, oci::Repository repository, oci::Digest digest, Extent) override;
  Task<std::vector<oci::Referrer>> referrers(Call, oci::Repository, oci::Digest subject) override;
  Task<blob::Source::TagPage> tags(Call, oci::Repository repository, std::string last, std::size_t limit) override;
  Task<RepositoryPage> repositories(Call, std::string last, std::size_t limit) override;
  bool is_short_of_requests() const override { return is_short; }

 private:
  Task<Thing> find(std::map<std::string, Thing>& among, std::string key, std::string method);
  sys::BlockPool blocks_;
};

}  // namespace lifeboat::test
