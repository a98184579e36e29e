#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "base/call.h"
#include "blob/inspector.h"
#include "registry/archive/contents.h"
#include "registry/archive/format.h"
#include "registry/archive/output.h"
#include "sys/tar.h"
#include "sys/thread_pool.h"

namespace lifeboat::registry::archive {

/// A name, and who is asked for it.
struct Wanted {
  oci::FullReference name;  ///< with its host
  blob::Inspector* from = nullptr;
};

struct SaveProgress {
  std::string path{};  ///< of the member that is written
  uint64_t bytes = 0;
  uint64_t bytes_all = 0;
};

/// Writes what a registry has as an archive. Every byte is compared with its digest before the archive gets its name;
/// one body at a time, which is continued where it broke off. One save each.
class Saver {
 public:
  struct Parts {
    sys::ThreadPool& disk;  ///< tars and writes
    sys::ThreadPool& hash;  ///< beside it
  };
  Saver(Parts parts, std::vector<oci::Platform> platforms) : parts_(parts), contents_(std::move(platforms)) {}

  /// Asks for the names and all manifests below them. Errors are those of Inspector and of Contents.
  Task<void> gather(Call call, std::vector<Wanted> wanted);
  const Contents& contents() const { return contents_; }

  /// All members, in their order, to `output`, which is left to be committed. corrupt: a blob is another one, or not as
  /// long as it is named; else as Inspector and Output.
  Task<void> write(Call call, std::vector<Member> members, sys::TarCompression compression, Output& output,
                   std::function<void(const SaveProgress&)> told);

 private:
  struct Body;
  struct Origin {
    blob::Inspector* from;
    oci::Repository repository;
  };
  Task<void> gather_below(Call call, Origin origin);
  Task<void> keep(const oci::Digest& digest, blob::Inspector::Answered answered, const Origin& origin);
  Task<void> write_blob(Call call, const Member& member, sys::TarWriter& tar);
  Task<void> pour(Call call, Body& body);
  Status take(Body& body, ByteView bytes);

  const Parts parts_;
  Contents contents_;
  std::map<oci::Digest, Origin> origins_;  ///< who is asked for it
  SaveProgress progress_;
  std::function<void(const SaveProgress&)> told_;
};

}  // namespace lifeboat::registry::archive
