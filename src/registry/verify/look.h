#pragma once

#include "blob/inspector.h"
#include "registry/verify/graph.h"
#include "sys/clock.h"

/// The questions about one thing. What they cost, where nothing is wrong:
/// - a tag: one HEAD and one GET, since clients resolve by either and the two may disagree. That GET is the one of its
///   manifest too, of which a HEAD by the digest tells that it is there for who asks by that, as runtimes do;
/// - any other manifest: one GET, hashed always;
/// - a blob: one GET of its first byte. It tells what a HEAD does (that it is there, and how long it is) and that bytes
///   come, for the same one request. Where a registry knows no ranges the transfer is ended with the first bytes.
/// What is not there costs a HEAD more, which tells the two apart that disagree; a blob that does not say how long it
/// is a HEAD too, and where that does not say either, it is read and hashed.
namespace lifeboat::registry::verify {

struct Resolved {
  Root root{};
  std::optional<Node> node{};  ///< of root.digest, when it was got on the way
};
Awaitable<Resolved> resolve(Call call, blob::Inspector& asked, Name name, std::vector<oci::Platform> platforms);
/// Notes in the node of a manifest that came by a tag when it is not there by its digest.
Awaitable<void> confirm_by_digest(Call call, blob::Inspector& asked, oci::Repository repository, oci::Digest digest,
                                  Node& node);
Awaitable<Node> look_at_manifest(Call call, blob::Inspector& asked, oci::Repository repository, oci::Digest digest,
                                 std::vector<oci::Platform> platforms);

enum class Depth {
  light,  ///< that it is there, its length, and that bytes come
  deep,   ///< all of it, hashed; no further than it is long by the manifest
};
struct BlobWanted {
  oci::Digest digest;
  uint64_t size_bytes = 0;  ///< as whoever names it says
  Depth depth = Depth::light;
};
struct BlobLook {
  Node node{};
  uint64_t hashed_bytes = 0;
};
Awaitable<BlobLook> look_at_blob(Call call, blob::Inspector& asked, const sys::Clock& clock, oci::Repository repository,
                                 BlobWanted wanted);

}  // namespace lifeboat::registry::verify
