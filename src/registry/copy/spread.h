#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "base/hasher.h"
#include "blob/destination.h"
#include "blob/source.h"
#include "oci/repository_id.h"
#include "sys/clock.h"

namespace lifeboat::registry::copy {

/// One blob of a source from some byte on, whatever happens to a connection: what breaks off is asked for again from
/// there, a few times. One coroutine at a time. Compares what it read from the first byte with the digest.
class Reading {
 public:
  struct Of {
    blob::Source& source;
    sys::Clock& clock;
    oci::RepositoryId repository;
    blob::BlobName name;
  };
  Reading(Of of, uint64_t from);

  /// Asks for it. not_found and others of the source.
  Task<void> open(Call call);
  /// The next bytes; empty after the last. corrupt: it is longer or shorter than its name says, or other bytes; what
  /// was given before was the beginning of that.
  Task<sys::Block> next(Call call);

 private:
  Task<sys::Block> next_of_stream(Call call);
  Status compare_end();

  const Of of_;
  const bool is_from_first_;
  uint64_t offset_;
  std::unique_ptr<blob::Stream> stream_;
  Hasher hasher_;
  int failed_ = 0;  ///< in a row, without a byte more
};

/// One place that a blob goes to, and what became of it.
struct Taker {
  std::unique_ptr<blob::BlobUpload> upload;
  std::optional<Error> failure{};
};

/// Reads the blob once and gives it to all, each block as soon as all have taken the one before. Whoever fails is left
/// behind and does not hold the others up; then each of those goes on alone from where it was, with a reading of its
/// own. Those without a failure have committed. The error is the source's, and of all of them.
/// `told` is called with how many bytes were given.
Task<void> spread(Call call, Reading::Of of, std::vector<Taker>& takers, std::function<void(uint64_t)> told);

}  // namespace lifeboat::registry::copy
