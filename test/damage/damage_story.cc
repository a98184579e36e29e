#include "test/damage/damage_story.h"

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "meta/sqlite_connection.h"
#include "registry/addressing.h"
#include "registry/blob_fetch.h"
#include "registry/faults.h"
#include "registry/manifest_fetch.h"
#include "registry/pull.h"

namespace lifeboat::test {
namespace {

std::shared_ptr<const registry::UpstreamHosts> hosts_of(ScriptedSource& upstream) {
  auto hosts = std::make_shared<registry::UpstreamHosts>();
  hosts->hosts.push_back({.host = oci::RegistryHost::parse("ghcr.io").value(),
                          .source = &upstream,
                          .freshness = {.fresh_for = std::chrono::hours(1)}});
  return hosts;
}

std::vector<registry::RepairSource> sources_of(std::shared_ptr<blob::Source> backup) {
  return {{.source = std::move(backup), .name = "backup"}};
}

oci::RepositoryId hosted(const char* name) { return {std::nullopt, oci::Repository::parse(name).value()}; }

oci::RepositoryId cached() {
  return {oci::RegistryHost::parse("ghcr.io").value(), oci::Repository::parse("org/app").value()};
}

Awaitable<bool> tour(registry::Scrubber& scrubber) {
  const registry::ScrubOrder order;
  co_await scrubber.tour_now(order);
  co_return true;
}

}  // namespace

struct DamageStory::House {
  explicit House(DamageStory& story)
      : leases(story.clock_),
        addressing(*story.names_, hosts_of(story.upstream_)),
        manifest_fetches(*story.rig_.store, *story.names_, leases, story.stamps_, story.clock_, story.loops_,
                         story.log_),
        blob_fetches(*story.rig_.store, *story.names_, leases, story.clock_, story.loops_, story.metrics_, story.log_),
        faults({*story.rig_.store, *story.rig_.store, *story.names_, leases, story.stamps_, story.clock_,
                story.metrics_, story.log_}),
        pull(*story.rig_.store, *story.names_, addressing, manifest_fetches, blob_fetches, faults, story.clock_,
             story.metrics_, story.log_),
        repairer({*story.rig_.store, *story.rig_.store, *story.names_, leases, addressing, faults, story.clock_,
                  story.metrics_, story.log_},
                 sources_of(story.backup_)),
        scrubber({*story.rig_.store, *story.rig_.store, *story.names_, faults, repairer, story.clock_, story.metrics_,
                  story.log_},
                 {}) {}

  registry::ContentLeases leases;
  registry::Addressing addressing;
  registry::ManifestFetches manifest_fetches;
  registry::BlobFetches blob_fetches;
  registry::Faults faults;
  registry::Pull pull;
  registry::Repairer repairer;
  registry::Scrubber scrubber;
};

DamageStory::DamageStory(uint64_t seed) : random_(seed) {
  LB_ASSERT(rig_.open(directory_.path() / "data"));
  names_ = meta::SqliteStore::open(directory_.path() / "data/meta/lifeboat.db", clock_).value();
  house_ = std::make_unique<House>(*this);
  thread_ = std::thread([this] { loops_.run(); });
}

DamageStory::~DamageStory() {
  loops_.stop();
  thread_.join();
}

std::vector<std::string> DamageStory::tell() {
  fill();
  do_damage();
  if (below(2) == 0) read_everything(false);
  scrub();
  expect_what_is_lost_is_named();
  read_everything(true);
  push_again();
  return faults_;
}

void DamageStory::add(const oci::RepositoryId& repository, const std::string& bytes, bool is_manifest,
                      const std::string& tag) {
  const auto known = std::ranges::find_if(
      pieces_, [&](const Piece& one) { return one.repository == repository && one.bytes == bytes; });
  if (known != pieces_.end()) {
    known->tags.insert(tag);
    return;
  }
  Piece piece{.repository = repository, .bytes = bytes, .is_manifest = is_manifest, .tags = {tag}};
  ScriptedSource& source = repository.is_hosted() ? *backup_ : upstream_;
  piece.is_in_source = !repository.is_hosted() || below(2) == 0;
  if (piece.is_in_source && is_manifest) source.manifests[digest_of(bytes)] = bytes;
  if (piece.is_in_source && !is_manifest) source.blobs[digest_of(bytes)] = {.bytes = bytes};
  pieces_.push_back(std::move(piece));
}

void DamageStory::keep(const oci::RepositoryId& repository, const Image& image, const std::string& tag) {
  keep_blob(*rig_.store, *names_, repository, image.config);
  add(repository, image.config, false, tag);
  for (const std::string& layer : image.layers) {
    keep_blob(*rig_.store, *names_, repository, layer);
    add(repository, layer, false, tag);
  }
}

void DamageStory::fill() {
  const Image single = image_of("single", 2);
  const Image amd64 = image_of("amd64", 1);
  const Image arm64 = image_of("arm64", 1);
  const Image theirs = image_of("theirs", 2);
  const std::string index = index_of({{amd64.manifest, "linux/amd64"}, {arm64.manifest, "linux/arm64"}});
  keep(hosted("app"), single, "app:v1");
  keep_manifest(*rig_.store, *names_, hosted("app"), single.manifest, {"v1"});
  add(hosted("app"), single.manifest, true, "app:v1");
  for (const Image& child : {amd64, arm64}) {
    keep(hosted("team/multi"), child, "team/multi:v2");
    keep_manifest(*rig_.store, *names_, hosted("team/multi"), child.manifest);
    add(hosted("team/multi"), child.manifest, true, "team/multi:v2");
  }
  keep_manifest(*rig_.store, *names_, hosted("team/multi"), index, {"v2"});
  add(hosted("team/multi"), index, true, "team/multi:v2");
  keep(cached(), theirs, "ghcr.io/org/app:v3");
  keep_manifest(*rig_.store, *names_, cached(), theirs.manifest, {"v3"});
  add(cached(), theirs.manifest, true, "ghcr.io/org/app:v3");
}

sys::Path DamageStory::path_of(const oci::Digest& digest) const {
  const std::string hex = digest.hex();
  return directory_.path() / "data/blobs" / digest.algorithm_name() / hex.substr(0, 2) / hex;
}

void DamageStory::damage_bytes(Piece& piece) {
  const sys::Path path = path_of(piece.digest());
  if (!std::filesystem::exists(path)) return;
  std::string bytes = piece.bytes;
  std::string what;
  switch (below(4)) {
    case 0:
      bytes[below(bytes.size())] ^= static_cast<char>(1U << below(8));
      what = "a flipped bit in ";
      break;
    case 1:
      bytes.resize(below(bytes.size()));
      what = "cut short: ";
      break;
    case 2:
      bytes += std::string(1 + below(5000), 'x');
      what = "extended: ";
      break;
    default: what = "deleted: "; break;
  }
  std::filesystem::remove(path);
  if (what != "deleted: ") std::ofstream(path, std::ios::binary) << bytes;
  piece.has_lost_bytes = true;
  damage_.push_back(what + piece.digest().to_string() + " of " + piece.repository.to_string());
}

void DamageStory::execute(const std::string& text) {
  // What damages a database keeps no rules of it.
  const auto connection = meta::SqliteConnection::open((directory_.path() / "data/meta/lifeboat.db").string()).value();
  LB_ASSERT(connection->execute(meta::Sql{"leave the rules alone", "PRAGMA foreign_keys = OFF"}));
  const meta::Sql sql{"damage rows", text.c_str()};
  const Status done = connection->execute(sql);
  LB_ASSERT(done.has_value());
}

void DamageStory::delete_row(Piece& piece) {
  // As sqlite_connection.cc writes digests: a byte for the algorithm, then the raw bytes.
  const std::string content = "(SELECT id FROM content WHERE hex(digest) LIKE '%" + piece.digest().hex() + "')";
  std::vector<std::pair<std::string, std::string>> ways;
  if (piece.is_manifest) {
    ways.emplace_back("its edges", "DELETE FROM edge WHERE parent_id = " + content);
    ways.emplace_back("its record", "DELETE FROM manifest WHERE content_id = " + content);
  } else {
    ways.emplace_back("its size", "UPDATE content SET blob_size = NULL WHERE id = " + content);
    ways.emplace_back("its links", "DELETE FROM repository_blob WHERE content_id = " + content);
  }
  const auto& [what, sql] = ways[below(ways.size())];
  execute(sql);
  piece.has_lost_rows = true;
  damage_.push_back("lost from the database: " + what + ": " + piece.digest().to_string() + " of " +
                    piece.repository.to_string());
}

void DamageStory::do_damage() {
  for (uint64_t count = 1 + below(4); count > 0; --count) {
    Piece& piece = pieces_[below(pieces_.size())];
    if (below(4) == 0) {
      delete_row(piece);
    } else {
      damage_bytes(piece);
    }
  }
}

Result<std::string> DamageStory::pulled(const Piece& piece) {
  if (piece.is_manifest) {
    LB_TRY(auto served, run(house_->pull.manifest(call(), piece.repository, oci::Reference(piece.digest()))));
    return std::move(served.bytes);
  }
  LB_TRY(const auto served, run(house_->pull.blob(call(), piece.repository, piece.digest())));
  if (const auto* content = std::get_if<blob::Content>(&served)) return read_all(*content->bytes);
  const auto& fetch = std::get<std::shared_ptr<registry::BlobFetch>>(served);
  for (;;) {
    const registry::BlobFetch::State now = fetch->state();
    if (now.phase == registry::BlobFetch::State::Phase::failed) return std::unexpected(*now.failure);
    if (now.phase == registry::BlobFetch::State::Phase::committed) return read_all(*now.bytes);
    std::this_thread::yield();
  }
}

void DamageStory::read_everything(bool is_mended) {
  for (const Piece& piece : pieces_) {
    const auto got = pulled(piece);
    const std::string what = piece.digest().to_string() + " of " + piece.repository.to_string();
    const bool is_to_be_had = piece.is_in_source || !piece.has_lost_bytes;
    const bool is_untold = piece.has_lost_rows && is_murky();
    if (got && *got != piece.bytes) {
      // Before the scrubber came by, a blob of the right length is not read again for each pull: the client hashes it.
      const bool is_flip = !piece.is_manifest && got->size() == piece.bytes.size();
      if (is_mended || !is_flip) fault("served with wrong bytes: " + what);
    }
    if (is_mended && is_to_be_had && !got && !is_untold) fault("not healed: " + what + ": " + got.error().message());
    if (is_mended && !is_to_be_had && got) fault("served, though nobody has it: " + what);
    if (is_mended && !got && piece.repository.is_hosted() && got.error().code() != ErrorCode::not_found) {
      fault("a client that would push it again is not told that it is missing: " + what + ": " + got.error().message());
    }
  }
}

bool DamageStory::is_murky() const {
  return std::ranges::any_of(pieces_, [](const Piece& one) {
    return one.is_manifest && one.repository.is_hosted() && one.has_lost_bytes && !one.is_in_source;
  });
}

void DamageStory::scrub() {
  run(tour(house_->scrubber));
  const registry::ScrubProgress progress = house_->scrubber.progress();
  if (!progress.error.empty()) fault("the tour broke off: " + progress.error);
  if (!progress.finished) fault("the tour did not come to its end");
}

void DamageStory::expect_what_is_lost_is_named() {
  std::map<oci::Digest, std::set<std::string>> lost;
  for (const Piece& piece : pieces_) {
    if (piece.has_lost_bytes && !piece.is_in_source) lost[piece.digest()] = piece.tags;
  }
  const bool has_lost_rows = is_murky() && std::ranges::any_of(pieces_, &Piece::has_lost_rows);
  const auto standing = run(house_->repairer.standing(call(), 100));
  if (!standing) return fault("what is broken cannot be told: " + standing.error().message());
  for (const registry::StandingFault& one : *standing) {
    std::set<std::string> tags;
    for (const auto& tag : one.tags) tags.insert(tag.repository.to_string() + ":" + tag.tag.to_string());
    const auto expected = lost.find(one.fault.digest);
    if (expected == lost.end()) {
      fault("said to be broken, and is not, or could be healed: " + one.fault.digest.to_string() + ": " +
            one.fault.last_error);
      continue;
    }
    if (tags != expected->second && !has_lost_rows)
      fault("the tags that break are named wrongly: " + one.fault.digest.to_string());
    lost.erase(expected);
  }
  if (has_lost_rows) return;
  for (const auto& [digest, tags] : lost) fault("not found: " + digest.to_string());
}

void DamageStory::push_again() {
  for (const Piece& piece : pieces_) {
    if (!piece.has_lost_bytes || piece.is_in_source) continue;
    if (piece.is_manifest) {
      keep_manifest(*rig_.store, *names_, piece.repository, piece.bytes);
    } else {
      keep_blob(*rig_.store, *names_, piece.repository, piece.bytes);
    }
    const auto got = pulled(piece);
    if (!got || *got != piece.bytes) fault("a push did not heal it: " + piece.digest().to_string());
  }
  const auto left = run(names_->faults().count(call()));
  if (!left || *left != 0) fault("faults are left though everything was pushed again");
}

}  // namespace lifeboat::test
