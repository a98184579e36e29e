#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "oci/manifest.h"
#include "registry/tree/digest_table.h"
#include "registry/tree/tree.h"

namespace lifeboat::registry {

/// What is known of the content of a tree, each piece found out once, whichever repositories name it. Some 60 bytes for
/// a digest and 16 for each time a manifest names one. One thread at a time.
class Contents {
 public:
  using Id = DigestTable::Id;
  explicit Contents(Tree& tree) : tree_(tree) {}

  DigestTable& table() { return table_; }
  Tree& tree() { return tree_; }

  enum class State : uint8_t { unknown, absent, here, wrong_digest, unreadable };
  struct Bytes {
    uint64_t size_bytes = 0;
    State state = State::unknown;
  };
  /// What is not there is looked for again each time: a push may bring it.
  Bytes look(Id id);

  enum class PartKind : uint8_t { config, layer, child };
  struct Part {
    uint64_t size_bytes = 0;  ///< as the manifest says
    Id id = 0;
    PartKind kind = PartKind::layer;
  };
  enum class DocumentState : uint8_t { fine, malformed, unsupported, unreadable };
  struct Document {
    DocumentState state = DocumentState::fine;
    std::span<const Part> parts{};  ///< without what need not be here; until the next call of document()
    std::string_view detail{};      ///< what is wrong with it
  };
  /// Finds out what look() and document() will be asked about these manifests, many at a time.
  void prepare(std::span<const Id> manifests);
  /// The manifest behind a digest whose bytes are here. Its digest is compared as well: look() says what came of it.
  Document document(Id id);

  /// Reads and hashes everything there is, with so many threads; `told`: how many bytes of how many pieces so far, from
  /// this thread. look() says what came of it.
  struct Hashed {
    uint64_t pieces = 0;
    uint64_t pieces_all = 0;
    uint64_t bytes = 0;
  };
  Status hash_all(unsigned threads, const std::function<void(const Hashed&)>& told);
  /// Hashes these by the digests they are served by, each once: hash_all() goes by the names they have on disk.
  void hash_aliases(std::span<const TreeAlias> aliases);
  /// hash_aliases() found other bytes.
  bool is_false(const TreeAlias& alias) const;
  /// What hash_all() or document() found to be damaged.
  std::vector<Id> damaged() const;
  std::string_view damage_of(Id id) const;  ///< for people

 private:
  struct Kept {
    std::size_t first = 0;
    std::size_t count = 0;
    DocumentState state = DocumentState::fine;
  };
  /// A manifest as it was read.
  struct Read {
    std::optional<oci::Manifest> manifest{};
    DocumentState state = DocumentState::fine;
    std::string fault{};   ///< what is wrong with the document
    std::string damage{};  ///< its bytes have another digest
  };
  Read read_document(const oci::Digest& digest) const;  ///< any thread
  const Kept& keep(Id id, Read read);
  void keep_parts(const oci::Manifest& manifest);
  void look_at_all(std::vector<Id> ids);
  void keep_size(Id id, const Result<uint64_t>& size);
  Bytes& bytes_of(Id id);
  void note_damage(Id id, State state, std::string what);

  Tree& tree_;
  DigestTable table_;
  std::vector<Bytes> bytes_;  ///< by number
  std::vector<Part> parts_;   ///< of all documents, one behind the other
  std::unordered_map<Id, Kept> documents_;
  std::unordered_map<Id, std::string> bad_documents_;  ///< why
  std::unordered_map<Id, std::string> damage_;
  std::map<TreeAlias, bool> aliases_;  ///< that were hashed: whether they are true
};

/// Compares all bytes of a file with their digest, a MiB at a time. corrupt: they have another; what the disk said.
Status compare_digest(const sys::ReadableFile& file, const oci::Digest& digest);

}  // namespace lifeboat::registry
