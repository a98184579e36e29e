#pragma once

#include <filesystem>
#include <functional>
#include <set>
#include <string>

#include "oci/digest.h"
#include "oci/repository_id.h"

/// The database of a store as damage sees it: from outside, with no rule kept.
namespace lifeboat::test {

class Database {
 public:
  explicit Database(std::filesystem::path file) : file_(std::move(file)) {}

  /// What it says, a line for each row, with digests and names in place of numbers.
  std::set<std::string> rows() const;
  /// As digests stand in rows().
  static std::string text_of(const oci::Digest& digest) { return digest.to_string(); }

  struct Lost {
    std::string what;            ///< for people
    bool is_told_twice = false;  ///< another row says the same
    bool is_last_word = false;   ///< nothing else says which digest the rows of its number are about
  };
  /// What can be lost of one piece of content; `random` gives a number below its argument.
  Lost lose_of_manifest(const oci::RepositoryId& repository, const oci::Digest& digest,
                        const std::function<uint64_t(uint64_t)>& random) const;
  Lost lose_of_blob(const oci::RepositoryId& repository, const oci::Digest& digest,
                    const std::function<uint64_t(uint64_t)>& random) const;
  void lose_tag(const oci::RepositoryId& repository, const std::string& tag) const;

 private:
  void execute(const std::string& text) const;

  const std::filesystem::path file_;
};

}  // namespace lifeboat::test
