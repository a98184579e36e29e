#include "test/support/scripted_inspector.h"

#include <algorithm>
#include <cstring>
#include <set>

#include "sys/clock.h"

namespace lifeboat::test {
namespace {

std::string key_of(const oci::Repository& repository, const oci::Reference& reference) {
  return repository.to_string() + (reference.digest() != nullptr ? "@" : ":") + reference.to_string();
}

class Body final : public blob::Stream {
 public:
  Body(ScriptedInspector::Thing thing, sys::BlockPool& blocks) : thing_(std::move(thing)), blocks_(blocks) {}
  std::optional<uint64_t> size_bytes() const override {
    return thing_.is_length_told ? std::optional(thing_.announced.value_or(thing_.bytes.size())) : std::nullopt;
  }
  Task<sys::Block> next() override {
    if (thing_.on_block) thing_.on_block();
    if (thing_.is_endless && offset_ == thing_.bytes.size()) offset_ = 0;
    if (offset_ == thing_.bytes.size()) {
      if (thing_.body_fails) co_return std::unexpected(*thing_.body_fails);
      co_return sys::Block();
    }
    sys::Block block = blocks_.take();
    const std::size_t count = std::min<std::size_t>(100, thing_.bytes.size() - offset_);
    std::memcpy(block.free_space().data(), thing_.bytes.data() + offset_, count);
    block.grow(count);
    offset_ += count;
    co_return std::move(block);
  }

 private:
  const ScriptedInspector::Thing thing_;
  sys::BlockPool& blocks_;
  std::size_t offset_ = 0;
};

}  // namespace

void ScriptedInspector::push(const std::string& repository, const Image& image, const std::string& tag) {
  blob_of(repository, image.config).bytes = image.config;
  for (const std::string& layer : image.layers) blob_of(repository, layer).bytes = layer;
  manifest_of(repository, image.manifest).bytes = image.manifest;
  if (!tag.empty()) manifests[repository + ":" + tag].bytes = image.manifest;
}

void ScriptedInspector::push_index(const std::string& repository, const std::string& index, const std::string& tag) {
  manifest_of(repository, index).bytes = index;
  manifests[repository + ":" + tag].bytes = index;
}

ScriptedInspector::Thing& ScriptedInspector::manifest_of(const std::string& repository, std::string_view bytes) {
  return manifests[repository + "@" + sha256_of(bytes).to_string()];
}
ScriptedInspector::Thing& ScriptedInspector::blob_of(const std::string& repository, std::string_view bytes) {
  return blobs[repository + "@" + sha256_of(bytes).to_string()];
}

std::size_t ScriptedInspector::asked_for(std::string_view text) const {
  return static_cast<std::size_t>(std::ranges::count_if(asked, [&](const auto& one) { return one.contains(text); }));
}

void ScriptedInspector::forget() {
  manifests.clear();
  blobs.clear();
  referring.clear();
  everything_fails.reset();
  catalog_fails.reset();
  asked.clear();
  at_once_max = 0;
}

Task<ScriptedInspector::Thing> ScriptedInspector::find(std::map<std::string, Thing>& among, std::string key,
                                                       std::string method) {
  asked.push_back(method + " " + key);
  if (on_question) on_question(asked.back());
  at_once_max = std::max(at_once_max, ++at_once);
  sys::SystemClock clock;
  co_await clock.sleep_until(clock.now() + std::chrono::milliseconds(1));  // others get their turn
  --at_once;
  if (everything_fails) co_return std::unexpected(*everything_fails);
  const auto found = among.find(key);
  if (found == among.end()) co_return fail(ErrorCode::not_found, "cannot get '" + key + "': 404 Not Found");
  const auto& fails = method == "HEAD" ? found->second.head_fails : found->second.get_fails;
  if (fails) co_return std::unexpected(*fails);
  co_return found->second;
}

Task<blob::Inspector::Head> ScriptedInspector::head(Call, oci::Repository repository, blob::Inspector::Thing thing,
                                                    oci::Reference reference) {
  const bool is_blob = thing == blob::Inspector::Thing::blob;
  LB_CO_TRY(const Thing found, co_await find(is_blob ? blobs : manifests, key_of(repository, reference), "HEAD"));
  Head head;
  head.size_bytes = found.head_length;
  if (found.is_length_told) head.size_bytes = found.announced.value_or(found.bytes.size());
  if (found.is_digest_told) head.digest = sha256_of(found.bytes);
  co_return head;
}

Task<blob::Inspector::Answered> ScriptedInspector::manifest(Call, oci::Repository repository,
                                                            oci::Reference reference) {
  LB_CO_TRY(const Thing found, co_await find(manifests, key_of(repository, reference), "GET"));
  if (found.is_too_long) co_return Answered{.is_too_long = true};
  Answered answered{.bytes = found.got_instead.value_or(found.bytes), .content_type = found.content_type};
  if (found.is_digest_told) answered.digest = sha256_of(found.bytes);
  co_return answered;
}

Task<std::unique_ptr<blob::Stream>> ScriptedInspector::open(Call, oci::Repository repository, oci::Digest digest,
                                                            Extent extent) {
  const oci::Reference reference(digest);
  LB_CO_TRY(Thing found,
            co_await find(blobs, key_of(repository, reference), extent == Extent::all ? "GET" : "GET-FIRST"));
  co_return std::make_unique<Body>(std::move(found), blocks_);
}

Task<std::vector<oci::Referrer>> ScriptedInspector::referrers(Call, oci::Repository, oci::Digest subject) {
  const auto found = referring.find(subject.to_string());
  co_return found == referring.end() ? std::vector<oci::Referrer>() : found->second;
}

Task<blob::Source::TagPage> ScriptedInspector::tags(Call, oci::Repository repository, std::string last,
                                                    std::size_t limit) {
  if (everything_fails) co_return std::unexpected(*everything_fails);
  if (const auto fails = tags_fail.find(repository.to_string()); fails != tags_fail.end()) {
    co_return std::unexpected(fails->second);
  }
  blob::Source::TagPage page;
  const std::string prefix = repository.to_string() + ":";
  for (const auto& [key, thing] : manifests) {
    if (!key.starts_with(prefix) || key.substr(prefix.size()) <= last) continue;
    page.has_more = page.tags.size() == limit;
    if (page.has_more) break;
    page.tags.push_back(key.substr(prefix.size()));
  }
  co_return page;
}

Task<blob::Inspector::RepositoryPage> ScriptedInspector::repositories(Call, std::string last, std::size_t limit) {
  if (everything_fails) co_return std::unexpected(*everything_fails);
  if (catalog_fails) co_return std::unexpected(*catalog_fails);
  std::set<std::string> names;
  for (const auto& [key, thing] : manifests) {
    if (const std::size_t colon = key.find(':'); !key.contains('@')) names.insert(key.substr(0, colon));
  }
  RepositoryPage page;
  for (const std::string& name : names) {
    if (name <= last) continue;
    page.has_more = page.repositories.size() == limit;
    if (page.has_more) break;
    page.repositories.push_back(*oci::Repository::parse(name));
  }
  co_return page;
}

}  // namespace lifeboat::test
