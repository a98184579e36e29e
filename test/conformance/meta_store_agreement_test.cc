#include <random>

#include "meta/memory_store.h"
#include "meta/sqlite_store.h"
#include "test/conformance/meta_store_suite.h"
#include "test/support/temporary_directory.h"

/// Two implementations are given the same words in random order and must answer alike, the message included: what no
/// row of the suite thought of.
namespace lifeboat::test {
namespace {

using Suite = MetaStoreSuite;

constexpr int kSteps = 600;

std::string text_of(const oci::Digest& digest) { return digest.hex().substr(0, 6); }
std::string text_of(const std::optional<oci::Digest>& digest) { return digest ? text_of(*digest) : "-"; }
std::string text_of(const std::vector<oci::Digest>& digests) {
  std::string text;
  for (const oci::Digest& digest : digests) text += text_of(digest) + " ";
  return text;
}
std::string text_of(const meta::BlobRecord& blob) {
  return text_of(blob.digest) + " " + std::to_string(blob.size_bytes);
}
std::string text_of(const meta::ManifestRecord& manifest) {
  return text_of(manifest.digest) + " " + manifest.media_type + " " + text_of(manifest.subject);
}
std::string text_of(const meta::TagRecord& tag) {
  return tag.tag.to_string() + " " + text_of(tag.digest) + " " +
         std::to_string(tag.updated.time_since_epoch().count()) + " " +
         std::to_string(tag.checked.time_since_epoch().count()) + " " +
         std::to_string(tag.confirmed.time_since_epoch().count()) + (tag.is_gone_upstream ? " gone" : "");
}
std::string text_of(const std::vector<oci::Referrer>& referrers) {
  std::string text;
  for (const oci::Referrer& referrer : referrers) text += text_of(referrer.digest) + " ";
  return text;
}
std::string text_of(const std::vector<std::string>& names, bool has_more) {
  std::string text;
  for (const std::string& name : names) text += name + " ";
  return text + (has_more ? "…" : "");
}
std::string text_of(const meta::TagPage& page) { return text_of(page.tags, page.has_more); }
std::string text_of(const meta::RepositoryPage& page) { return text_of(page.names, page.has_more); }
std::string text_of(const meta::StoreTotals& totals) {
  return std::to_string(totals.repositories) + " " + std::to_string(totals.manifests) + " " +
         std::to_string(totals.blobs) + " " + std::to_string(totals.blob_bytes);
}
std::string text_of(bool value) { return value ? "true" : "false"; }

template <class T>
std::string answer_of(const Result<T>& result) {
  if (!result) return std::string(to_string(result.error().code())) + ": " + result.error().message();
  if constexpr (std::is_void_v<T>) {
    return "done";
  } else {
    return text_of(*result);
  }
}

/// One random word to a store. The same state of `random` is the same word.
class Speaker {
 public:
  explicit Speaker(uint64_t seed) : random_(seed) {}

  std::string speak(meta::Store& store) {
    const Call call = Suite::call();
    const oci::RepositoryId repository = this->repository();
    switch (below(18)) {
      case 0: return answer_of(run(store.blobs().find(call, repository, digest())));
      case 1: return answer_of(run(store.blobs().add(call, repository, {digest(), 7 + below(20) / 19})));
      case 2: return answer_of(run(store.blobs().mount(call, repository, this->repository(), digest())));
      case 3: return answer_of(run(store.blobs().mount(call, repository, std::nullopt, digest())));
      case 4: return answer_of(run(store.blobs().unlink(call, repository, digest())));
      case 5: return answer_of(run(store.blobs().missing(call, repository, digests())));
      case 6: return answer_of(run(store.manifests().find(call, repository, digest())));
      case 7:
      case 8:
      case 9: return answer_of(run(store.manifests().put(call, push(repository))));
      case 10: return answer_of(run(store.manifests().remove(call, repository, digest())));
      case 11: return answer_of(run(store.manifests().referrers(call, repository, digest())));
      case 12: return answer_of(run(store.manifests().missing(call, repository, digests())));
      case 13: return answer_of(run(store.tags().find(call, repository, tag())));
      case 14: return answer_of(run(store.tags().list(call, repository, tag().to_string(), below(4))));
      case 15: return answer_of(run(store.tags().point(call, repository, tag(), digest(), "push")));
      case 16: return answer_of(run(store.tags().remove(call, repository, tag())));
      default:
        store.tags().note_checked(repository, tag(), WallTime(Duration(below(9))), below(2) == 0);
        return answer_of(run(store.repositories().contains(call, repository))) + ", " +
               answer_of(run(store.repositories().list(call, "", below(6)))) + ", " +
               answer_of(run(store.totals(call)));
    }
  }

 private:
  uint64_t below(uint64_t end) { return random_() % end; }
  oci::Digest digest() { return Suite::digest(std::to_string(below(8))); }
  oci::Tag tag() { return Suite::tag("t" + std::to_string(below(4))); }
  oci::RepositoryId repository() {
    const uint64_t which = below(4);
    if (which == 3) return Suite::of_upstream("ghcr.io", "r1");
    return Suite::hosted(which == 2 ? "ghcr.io/r1" : "r" + std::to_string(which));
  }
  std::vector<oci::Digest> digests() {
    std::vector<oci::Digest> all;
    for (uint64_t count = below(5); count > 0; --count) all.push_back(digest());
    return all;
  }
  meta::ManifestPut push(const oci::RepositoryId& repository) {
    // Edges and subject belong to the content: the same for the same digest.
    const uint64_t which = below(8);
    meta::ManifestPut put{.repository = repository,
                          .manifest = Suite::record(Suite::digest(std::to_string(which))),
                          .edges = {},
                          .tags = {},
                          .condition = {},
                          .source = "push"};
    if (which % 3 == 0) put.manifest.subject = Suite::digest(std::to_string((which + 1) % 8));
    for (uint64_t i = 1; i <= which % 4; ++i) {
      put.edges.push_back({i % 3 == 0 ? meta::EdgeKind::manifest : meta::EdgeKind::layer,
                           Suite::digest(std::to_string((which + i) % 8)), 7});
    }
    for (uint64_t count = below(3); count > 0; --count) put.tags.push_back(tag());
    if (below(4) == 0) put.condition = meta::TagCondition{};
    if (below(4) == 0) put.condition = meta::TagCondition{digest()};
    return put;
  }

  std::mt19937_64 random_;
};

}  // namespace

TEST(MetaStores, agree_about_everything_they_are_told) {
  for (const uint64_t seed : {uint64_t{1}, uint64_t{20260131}, uint64_t{std::random_device{}()}}) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    const TemporaryDirectory directory;
    StandingClock clock;
    meta::MemoryStore memory(clock);
    const auto sqlite = meta::SqliteStore::open(directory.path() / "lifeboat.db", clock).value();
    Speaker to_memory(seed);
    Speaker to_sqlite(seed);
    for (int step = 0; step < kSteps; ++step) {
      clock.set_wall_ms(1000 + step);
      const std::string expected = to_memory.speak(memory);
      ASSERT_EQ(to_sqlite.speak(*sqlite), expected) << "step " << step;
    }
  }
}

}  // namespace lifeboat::test
