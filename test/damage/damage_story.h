#pragma once

#include <map>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "meta/sqlite_store.h"
#include "registry/upkeep/scrubber.h"
#include "test/damage/database.h"
#include "test/support/blob_rig.h"
#include "test/support/image.h"
#include "test/support/manual_clock.h"
#include "test/support/scripted_source.h"
#include "test/support/temporary_directory.h"

/// One story: a store on disk with hosted and cached images, damage at random places of it, and what the house makes of
/// it. The same seed is the same story.
namespace lifeboat::test {

class DamageStory {
 public:
  explicit DamageStory(uint64_t seed);
  ~DamageStory();
  DamageStory(const DamageStory&) = delete;
  DamageStory& operator=(const DamageStory&) = delete;

  /// Tells all of it. What broke a promise, in words; empty: nothing.
  std::vector<std::string> tell();
  /// What was done, for people.
  const std::vector<std::string>& damage() const { return damage_; }

 private:
  /// Something that is held, where, and what it is.
  struct Piece {
    oci::RepositoryId repository;
    std::string bytes;
    bool is_manifest = false;
    bool is_in_source = false;     ///< its upstream, or a source of repairs, has it
    bool has_lost_bytes = false;   ///< its bytes were damaged
    bool has_lost_rows = false;    ///< something of it is gone from the database
    bool has_lost_digest = false;  ///< of a manifest: the database has no other word for it
    std::set<std::string> tags{};  ///< that lead to it
    bool is_lost() const { return has_lost_bytes && !is_in_source; }
    oci::Digest digest() const { return sha256_of(bytes); }
  };

  /// A tag, as it was pushed.
  struct Name {
    oci::RepositoryId repository;
    std::string tag;
    std::string bytes;
    bool is_lost = false;  ///< its row is gone
  };

  void fill();
  void push(const oci::RepositoryId& repository, const Image& image, const std::string& tag);
  void name(const oci::RepositoryId& repository, const std::string& tag, const std::string& bytes);
  void keep(const oci::RepositoryId& repository, const Image& image, const std::string& tag);
  void add(const oci::RepositoryId& repository, const std::string& bytes, bool is_manifest, const std::string& tag);
  void do_damage();
  void damage_bytes(Piece& piece);
  void lose_row(Piece& piece);
  void lose_tag();
  void read_everything(bool is_mended);
  void read_tags(bool is_mended);
  void look_only();
  void scrub(bool is_repaired);
  void expect_the_database_is_whole(const std::set<std::string>& before);
  void expect_what_is_lost_is_named();
  void push_again();
  /// What a pull gives, followed to its end.
  Result<std::string> pulled(const Piece& piece);
  /// Any piece that damage struck so.
  bool has_any(bool Piece::* struck) const;
  /// A manifest is gone for good: what its own record has lost besides, nobody can tell.
  bool is_murky() const;
  void fault(const std::string& text) { faults_.push_back(text); }
  uint64_t below(uint64_t end) { return random_() % end; }
  Call call() { return {clock_.now() + std::chrono::minutes(1), "damage"}; }
  sys::Path path_of(const oci::Digest& digest) const;

  std::mt19937_64 random_;
  TemporaryDirectory directory_;
  ManualClock clock_;
  sys::Metrics metrics_;
  Log log_{{.level = LogLevel::error}};
  std::unique_ptr<sys::FileSystem> files_ = sys::make_posix_file_system();
  FsStoreRig rig_{*files_, 2};
  std::unique_ptr<meta::SqliteStore> names_;
  ScriptedSource upstream_;
  std::shared_ptr<ScriptedSource> backup_ = std::make_shared<ScriptedSource>();
  registry::ChangeStamps stamps_;
  sys::EventLoops loops_{1};
  struct House;
  std::unique_ptr<House> house_;
  std::thread thread_;

  const Database database_{directory_.path() / "data/meta/lifeboat.db"};

  std::vector<Piece> pieces_;
  std::vector<Name> tagged_;
  std::vector<std::string> damage_;
  std::vector<std::string> faults_;
};

}  // namespace lifeboat::test
