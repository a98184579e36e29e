#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// What a probe knows of its target: between tours, and across restarts of the process. Pure.
namespace lifeboat::registry {

/// Names with something the matter, each with what it is. A name is told of when that changes, not each time it is
/// looked at.
class FaultBook {
 public:
  enum class Change { none, appeared, changed, cleared };
  /// `text` empty: nothing is the matter.
  Change note(const std::string& name, std::string_view text);
  /// It could not be found out: what was known stays known.
  void keep(const std::string& name);
  /// The same of all tags of a repository.
  void keep_all_of(const std::string& repository);
  /// The names that no tour has come by since the last end_tour() are no names any more: they go, and are returned.
  std::vector<std::string> end_tour();

  std::size_t size() const { return entries_.size(); }
  /// "name: text" of the first few.
  std::vector<std::string> first(std::size_t count) const;

 private:
  friend struct ProbeBook;
  struct Entry {
    std::string text;
    bool is_seen = false;  ///< in the tour under way
  };
  std::map<std::string, Entry> entries_;
};

struct ProbeCounts {
  uint64_t repositories = 0;
  uint64_t tags = 0;
  uint64_t indexes = 0;
  uint64_t unknown = 0;  ///< of the tags, those of which it could not be found out
  friend bool operator==(const ProbeCounts&, const ProbeCounts&) = default;
};

struct ProbeBook {
  std::string done{};         ///< the repository that was gone over last in the tour under way; "" for none
  ProbeCounts under_way{};    ///< of the tour so far
  ProbeCounts last{};         ///< of the last whole tour
  bool is_accessible = true;  ///< the names of the repositories can be had
  FaultBook broken{};
  FaultBook diverging{};

  /// As meta::Tour::position keeps it; of very many faults the first alone.
  std::string encode() const;
  /// What is not understood is left out: a tour begins anew then.
  static ProbeBook decode(std::string_view text);
};

}  // namespace lifeboat::registry
