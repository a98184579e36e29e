#pragma once

#include <map>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "test/support/blob_rig.h"
#include "test/support/faulty_file_system.h"

namespace lifeboat::test {

/// What a process did to a store before its end, drawn from a seed: uploads in pieces, commits (some of the same
/// content at the same time, some under a wrong digest), documents, removals. Notes what was acknowledged.
class BlobStory {
 public:
  BlobStory(FsStoreRig& rig, uint64_t seed);

  /// Does `steps` of them. Errors are noted, not obeyed: the next step comes anyway.
  void play(int steps);

  /// Bytes by digest, of every put and commit that succeeded and was not followed by a removal.
  const std::map<oci::Digest, std::string>& acknowledged() const { return acknowledged_; }
  /// Contents whose put or commit failed, and that nobody else brought.
  std::set<oci::Digest> refused() const;
  const std::vector<Error>& errors() const { return errors_; }

 private:
  struct Upload {
    std::unique_ptr<blob::Writer> writer;
    std::string bytes;
  };

  void put();
  void begin();
  void append();
  void commit();
  void commit_twins();
  void commit_wrong();
  void leave();
  void remove();

  std::string draw_bytes();
  uint64_t draw(uint64_t below) { return dice_() % below; }
  std::unique_ptr<Upload> draw_upload();
  std::unique_ptr<Upload> begin_upload();
  void append_to(Upload& upload, std::string_view bytes);
  template <class T>
  bool note(const Result<T>& result);
  void note_content(const std::string& bytes, bool is_acknowledged);

  FsStoreRig& rig_;
  std::mt19937_64 dice_;
  uint64_t next_session_ = 0;
  std::vector<std::unique_ptr<Upload>> uploads_;
  std::map<oci::Digest, std::string> acknowledged_;
  std::set<oci::Digest> tried_;
  std::set<oci::Digest> maybe_removed_;
  std::vector<Error> errors_;
};

/// Everything in a store and its directory that should not be so: content that is not its digest, acknowledged content
/// that is not there, what put() left behind, sessions that cannot be resumed and committed. Empty: all is well.
std::vector<std::string> find_faults(FsStoreRig& rig, const std::map<oci::Digest, std::string>& acknowledged);

}  // namespace lifeboat::test
