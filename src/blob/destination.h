#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "base/call.h"
#include "base/task.h"
#include "oci/digest.h"
#include "oci/media_type.h"
#include "oci/reference.h"
#include "oci/repository.h"
#include "sys/shared_bytes.h"

namespace lifeboat::blob {

/// A blob as whoever names it says it is.
struct BlobName {
  oci::Digest digest;
  uint64_t size_bytes = 0;
};

/// An upload session: one blob on its way to a destination. One coroutine at a time; destroying it ends what runs. What
/// was given before commit() is visible to nobody.
class BlobUpload {
 public:
  virtual ~BlobUpload() = default;
  /// Where the next byte given belongs.
  virtual uint64_t offset() const = 0;
  /// The next bytes; no more than the blob has.
  virtual Task<void> give(Call call, sys::SharedBytes bytes) = 0;
  /// All of it was given. Success: the destination has compared its digest, and serves it. corrupt: it was another.
  virtual Task<void> commit(Call call) = 0;
  /// After `failure` of give() or commit(): waits as long as it calls for, asks the destination how far the session is,
  /// begins another where there is none, and says from which byte on to give again; the blob's size: it is there,
  /// commit() remains. Its error is the failure: it would be the same again, or was too often without a byte more.
  virtual Task<uint64_t> resume(Call call, Error failure) = 0;
};

/// A manifest with the bytes that its digest is of.
struct ManifestToPut {
  std::string bytes{};
  oci::MediaType media_type;
  oci::Digest digest;
};

/// Something that content can be copied into: a remote registry, a layout on a disk. It is the writing half of what
/// blob/source.h and blob/inspector.h are the reading halves of: content is read from a Source, put into a Destination,
/// and looked at there by an Inspector. (registry/tree/export_target.h lays out files for an export of a whole store;
/// nothing of it waits.) Repositories are the destination's own names. Any thread.
///
/// Errors: unauthorized / denied — the login was refused or does not suffice; too_many — it limits, and was waited for
/// as far as the call allows; invalid — it refuses this, and will again; unsupported — it does not know how; corrupt —
/// it has something else than it was given; no_space — a full disk; unavailable / timed_out — an outage. What fails for
/// a moment is repeated by whoever implements this, within the call's deadline. Nothing waits for a breaker: whoever
/// has one asks it before.
class Destination {
 public:
  virtual ~Destination() = default;
  /// For people: "registry.example:5000", "/srv/layout".
  virtual const std::string& name() const = 0;

  virtual Task<bool> has_blob(Call call, oci::Repository repository, BlobName blob) = 0;
  /// Begins an upload. `mount_from`: another repository of this destination that is thought to have the blob. Nothing:
  /// it was mounted from there and needs no bytes.
  virtual Task<std::unique_ptr<BlobUpload>> begin(Call call, oci::Repository repository, BlobName blob,
                                                  std::optional<oci::Repository> mount_from) = 0;

  /// The reference is there and means this digest.
  virtual Task<bool> has_manifest(Call call, oci::Repository repository, oci::Reference reference,
                                  oci::Digest digest) = 0;
  struct Put {
    bool is_subject_listed = false;  ///< it knows referrers, and lists this one (OCI-Subject)
  };
  /// All that it names is there. By its digest, or by a tag, which means it from then on.
  virtual Task<Put> put_manifest(Call call, oci::Repository repository, oci::Reference reference,
                                 ManifestToPut manifest) = 0;
  /// A tag, or a manifest with all its tags; fine when it is not there.
  virtual Task<void> remove_manifest(Call call, oci::Repository repository, oci::Reference reference) = 0;
};

}  // namespace lifeboat::blob
