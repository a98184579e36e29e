#include "test/damage/damage_story.h"

#include <algorithm>
#include <filesystem>
#include <fstream>

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

/// More than the scrubber and a pull read at a time.
Image with_large_layer(const std::string& name) {
  Image image = image_of(name, 2);
  const std::string small = descriptor_of(image.layers[0], "application/vnd.oci.image.layer.v1.tar");
  image.layers[0].append(5 * kMiB, 'l');
  const std::string large = descriptor_of(image.layers[0], "application/vnd.oci.image.layer.v1.tar");
  image.manifest.replace(image.manifest.find(small), small.size(), large);
  return image;
}

Awaitable<bool> tour(registry::Scrubber& scrubber, bool is_repaired) {
  const registry::ScrubOrder order{.is_repaired = is_repaired};
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
                  story.loops_, story.metrics_, story.log_},
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
  const std::set<std::string> before = database_.rows();
  do_damage();
  switch (below(3)) {
    case 0: read_everything(false); break;
    case 1: look_only(); break;
    default: break;
  }
  scrub(true);
  expect_what_is_lost_is_named();
  read_everything(true);
  expect_the_database_is_whole(before);
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
  const auto same = std::ranges::find(pieces_, bytes, &Piece::bytes);
  // Upstreams delete what they had.
  piece.is_in_source = same != pieces_.end() ? same->is_in_source : below(repository.is_hosted() ? 2 : 4) != 0;
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

void DamageStory::push(const oci::RepositoryId& repository, const Image& image, const std::string& tag) {
  keep(repository, image, tag);
  keep_manifest(*rig_.store, *names_, repository, image.manifest);
  add(repository, image.manifest, true, tag);
}

void DamageStory::name(const oci::RepositoryId& repository, const std::string& tag, const std::string& bytes) {
  keep_manifest(*rig_.store, *names_, repository, bytes, {tag});
  add(repository, bytes, true, repository.to_string() + ":" + tag);
  tagged_.push_back({.repository = repository, .tag = tag, .bytes = bytes});
  const bool is_upstream = !repository.is_hosted() && std::ranges::find(pieces_, bytes, &Piece::bytes)->is_in_source;
  if (is_upstream) upstream_.manifests[tag] = bytes;
}

void DamageStory::fill() {
  const Image single = with_large_layer("single");
  const Image amd64 = image_of("amd64", 1);
  const Image arm64 = image_of("arm64", 1);
  const Image theirs = image_of("theirs", 2);
  const std::string index = index_of({{amd64.manifest, "linux/amd64"}, {arm64.manifest, "linux/arm64"}});
  push(hosted("app"), single, "app:v1");
  name(hosted("app"), "v1", single.manifest);
  push(hosted("team/multi"), amd64, "team/multi:v2");
  push(hosted("team/multi"), arm64, "team/multi:v2");
  name(hosted("team/multi"), "v2", index);
  push(hosted("team/part"), amd64, "team/part:v2-amd64");
  name(hosted("team/part"), "v2-amd64", amd64.manifest);
  push(cached(), theirs, "ghcr.io/org/app:v3");
  name(cached(), "v3", theirs.manifest);
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
  for (Piece& same : pieces_) same.has_lost_bytes |= same.bytes == piece.bytes;
  damage_.push_back(what + piece.digest().to_string() + " of " + piece.repository.to_string());
}

void DamageStory::lose_row(Piece& piece) {
  const auto random = [this](uint64_t end) { return below(end); };
  const Database::Lost lost = piece.is_manifest ? database_.lose_of_manifest(piece.repository, piece.digest(), random)
                                                : database_.lose_of_blob(piece.repository, piece.digest(), random);
  for (Piece& same : pieces_) {
    if (same.bytes != piece.bytes) continue;
    same.has_lost_rows |= !lost.is_told_twice;
    same.has_lost_digest |= lost.is_last_word;
  }
  damage_.push_back("lost from the database: " + lost.what + ": " + piece.digest().to_string() + " of " +
                    piece.repository.to_string());
}

void DamageStory::lose_tag() {
  Name& name = tagged_[below(tagged_.size())];
  database_.lose_tag(name.repository, name.tag);
  name.is_lost = true;
  damage_.push_back("lost from the database: " + name.repository.to_string() + ":" + name.tag);
}

void DamageStory::do_damage() {
  for (uint64_t count = 1 + below(4); count > 0; --count) {
    Piece& piece = pieces_[below(pieces_.size())];
    const uint64_t way = below(8);
    if (way == 0) {
      lose_tag();
    } else if (way < 4) {
      lose_row(piece);
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
    const bool is_to_be_had = !piece.is_lost();
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
  read_tags(is_mended);
}

void DamageStory::read_tags(bool is_mended) {
  for (const Name& name : tagged_) {
    const std::string what = name.repository.to_string() + ":" + name.tag;
    const auto got =
        run(house_->pull.manifest(call(), name.repository, oci::Reference(oci::Tag::parse(name.tag).value())));
    if (got && got->bytes != name.bytes) fault("a tag leads elsewhere: " + what);
    const auto root = std::ranges::find(pieces_, name.bytes, &Piece::bytes);
    // Only the database knew it: to nobody is it a fault that a tag is not there.
    const bool is_untold = name.is_lost && (name.repository.is_hosted() || !root->is_in_source);
    if (is_mended && !got && !is_untold && !root->is_lost() && !root->has_lost_digest) {
      fault("a tag is not served: " + what + ": " + got.error().message());
    }
  }
}

bool DamageStory::has_any(bool Piece::* struck) const {
  return std::ranges::any_of(pieces_, [&](const Piece& one) { return one.*struck; });
}

bool DamageStory::is_murky() const {
  return std::ranges::any_of(
      pieces_, [](const Piece& one) { return one.has_lost_digest || (one.is_manifest && one.is_lost()); });
}

/// All that is damaged, nothing else, and everything as it was.
void DamageStory::look_only() {
  const std::set<std::string> before = database_.rows();
  scrub(false);
  if (database_.rows() != before) fault("a tour that only looks has changed the database");
  std::set<oci::Digest> found;
  for (const registry::ScrubFinding& one : house_->scrubber.progress().findings) found.insert(one.digest);
  if (found.empty() && has_any(&Piece::has_lost_rows) && !is_murky()) fault("the lost rows were not found");
  for (const Piece& piece : pieces_) {
    const bool is_found = found.contains(piece.digest());
    if (piece.has_lost_bytes && !is_found && !has_any(&Piece::has_lost_rows)) {
      fault("not found: " + piece.digest().to_string());
    }
    if (is_found && !piece.has_lost_bytes && !has_any(&Piece::has_lost_rows)) {
      fault("found, and is whole: " + piece.digest().to_string());
    }
    if (piece.has_lost_bytes && std::filesystem::exists(directory_.path() / "data/quarantine")) {
      const auto there = std::filesystem::directory_iterator(directory_.path() / "data/quarantine");
      if (there != std::filesystem::directory_iterator()) fault("a tour that only looks has moved something");
    }
  }
}

void DamageStory::expect_the_database_is_whole(const std::set<std::string>& before) {
  if (is_murky()) return;
  std::set<std::string> allowed;
  for (const Piece& piece : pieces_) {
    if (piece.is_lost()) allowed.insert(piece.digest().to_string());
  }
  for (const Name& name : tagged_) {
    if (name.is_lost) allowed.insert("/" + name.repository.name.to_string() + ":" + name.tag);
  }
  const std::set<std::string> after = database_.rows();
  for (const std::string& row : before) {
    if (row.starts_with("link ")) continue;  // the manifest that names the blob says the same: reads have shown it
    const bool is_allowed = std::ranges::any_of(
        allowed, [&](const std::string& one) { return row.contains(one + " ") || row.ends_with(one); });
    if (!after.contains(row) && !is_allowed) fault("lost from the database, and not restored: " + row);
  }
  for (const std::string& row : after) {
    if (!before.contains(row)) fault("the database says what it never did: " + row);
  }
}

void DamageStory::scrub(bool is_repaired) {
  run(tour(house_->scrubber, is_repaired));
  const registry::ScrubProgress progress = house_->scrubber.progress();
  if (!progress.error.empty()) fault("the tour broke off: " + progress.error);
  if (!progress.finished) fault("the tour did not come to its end");
}

void DamageStory::expect_what_is_lost_is_named() {
  std::map<oci::Digest, std::set<std::string>> lost;
  for (const Piece& piece : pieces_) {
    if (piece.is_lost()) lost[piece.digest()].insert(piece.tags.begin(), piece.tags.end());
  }
  // A tag that was lost is named again once its upstream was asked for it.
  std::set<std::string> unclear;
  for (const Name& name : tagged_) {
    if (name.is_lost) unclear.insert(name.repository.to_string() + ":" + name.tag);
  }
  for (auto& [digest, tags] : lost) std::erase_if(tags, [&](const auto& tag) { return unclear.contains(tag); });
  const bool has_lost_rows = is_murky() && has_any(&Piece::has_lost_rows);
  const auto standing = run(house_->repairer.standing(call(), 100));
  if (!standing) return fault("what is broken cannot be told: " + standing.error().message());
  for (const registry::StandingFault& one : *standing) {
    std::set<std::string> tags;
    for (const auto& tag : one.tags) tags.insert(tag.repository.to_string() + ":" + tag.tag.to_string());
    std::erase_if(tags, [&](const auto& tag) { return unclear.contains(tag); });
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
  for (const Piece& piece : pieces_) {
    // A cache need not have what it does not know of.
    if (!piece.repository.is_hosted() && piece.has_lost_rows) lost.erase(piece.digest());
  }
  for (const auto& [digest, tags] : lost) fault("not found: " + digest.to_string());
}

void DamageStory::push_again() {
  for (const Piece& piece : pieces_) {
    if (!piece.is_lost()) continue;
    if (piece.is_manifest) {
      keep_manifest(*rig_.store, *names_, piece.repository, piece.bytes);
    } else {
      keep_blob(*rig_.store, *names_, piece.repository, piece.bytes);
    }
    const auto got = pulled(piece);
    if (!got || *got != piece.bytes) fault("a push did not heal it: " + piece.digest().to_string());
  }
  push(hosted("later"), image_of("later", 1), "later:v5");  // no name is heir to a number of what was lost
  read_tags(false);
  const auto left = run(names_->faults().count(call()));
  if (!left || *left != 0) fault("faults are left though everything was pushed again");
}

}  // namespace lifeboat::test
