#pragma once

// Private to the pusher: one blob on its way.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "blob/destination.h"
#include "upstream/location.h"
#include "upstream/push_wire.h"

namespace lifeboat::upstream {

/// The last byte of a `Range: 0-41` as how many there are. "0-0" says nothing: registries answer it for no byte and for
/// one (W37). Nothing: that, or malformed.
std::optional<uint64_t> bytes_of_range(std::string_view range);
/// How long a registry may take to answer the end of an upload: some read all of it once more.
Duration commit_within(uint64_t size_bytes);
/// Of the answer to POST; 0: none.
uint64_t chunk_minimum_of(const sys::HttpFields& fields);

/// What begins an upload in one repository.
struct PushPlace {
  std::string repository;  ///< its name there
  std::string scope;
  oci::Digest digest;
  uint64_t size_bytes = 0;
};
struct PushBegun {
  std::optional<UploadLocation> at{};  ///< nothing: it was mounted
  uint64_t chunk_min_bytes = 0;
};
/// POST. `mount_from`: the name there of the repository that may have it; "" for none.
Task<PushBegun> begin_push(Call call, PushWire& wire, PushPlace place, std::string mount_from);
/// HEAD. corrupt: something else is there.
Task<bool> is_blob_there(Call call, PushWire& wire, PushPlace place);

/// OCI distribution-spec 1.1, end-4a, end-5, end-6, end-13. A small blob goes with one PUT, a larger one with one PATCH
/// and a PUT, as the styles that every registry knows (W34); in chunks where a proxy takes no more at once.
class PushSession final : public blob::BlobUpload {
 public:
  /// `wire` outlives this.
  PushSession(PushWire& wire, PushPlace place, PushBegun begun);

  uint64_t offset() const override { return given_; }
  Task<void> give(Call call, sys::SharedBytes bytes) override;
  Task<void> commit(Call call) override;
  Task<uint64_t> resume(Call call, Error failure) override;

 private:
  enum class Style { put, patch };
  PushWire::Order order_of(sys::HttpMethod method, const std::string& url) const;
  Task<void> begin_request(Call call);
  Task<void> end_request(Call call);
  Task<void> judge(Call call, sys::HttpClientResponse response);
  Task<void> look_how_far(Call call);
  Task<void> begin_anew(Call call);
  uint64_t next_request_bytes() const;
  /// After a 413: nothing more of it is sent unless it can be smaller.
  Status shrink(const Error& failure);
  Status check_shrunk() const;
  Status take_location(const sys::HttpClientResponse& response);

  // constant after construction
  PushWire& wire_;
  const PushPlace place_;

  UploadLocation at_;
  uint64_t chunk_min_bytes_;
  uint64_t given_ = 0;
  uint64_t request_begins_ = 0;
  uint64_t request_ends_ = 0;
  Style style_ = Style::patch;
  PushWire::Running running_;
  bool is_there_ = false;
  int failed_ = 0;                           ///< in a row, without a byte more
  int too_large_ = 0;                        ///< answers of 413
  std::optional<uint64_t> refused_bytes_{};  ///< the smallest body that was answered with it
  uint64_t best_ = 0;                        ///< as far as it was known to be
  std::optional<PushFailure> refused_{};     ///< what the last answer said
};

}  // namespace lifeboat::upstream
