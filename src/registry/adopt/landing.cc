#include "registry/adopt/landing.h"

#include <utility>
#include <vector>

#include "registry/random_id.h"
#include "registry/tree/contents.h"

namespace lifeboat::registry::adopt {
namespace {

constexpr std::size_t kPieceBytes = kMiB;

}  // namespace

Landing::Landing(Parts parts)
    : parts_(parts), layout_(parts.directory.blobs(), parts.directory.uploads(), parts.files) {}

Result<Landing::Landed> Landing::take_file(const sys::ReadableFile& from, const oci::Digest& digest) {
  LB_TRY(const uint64_t size, from.size());
  LB_TRY(const bool is_held, layout_.holds(digest, size));
  if (is_held) return Landed{.how = How::held, .size_bytes = size};
  LB_CHECK(compare_digest(from, digest));
  // Under the name of an upload session: what a cut leaves is cleared away with those.
  const sys::Path temporary = layout_.session(random_upload_id());
  LB_TRY(const How how, bring_beside(from, temporary));
  if (how != How::linked) {
    LB_TRY(const auto copied, parts_.files.open(temporary));
    if (Status same = compare_digest(*copied, digest); !same) {
      (void)parts_.files.remove(temporary);
      return std::unexpected(std::move(same).error());
    }
  }
  if (Status placed = layout_.place(temporary, digest); !placed) {
    (void)parts_.files.remove(temporary);
    return std::unexpected(std::move(placed).error());
  }
  return Landed{.how = how, .size_bytes = size};
}

Result<Landing::How> Landing::bring_beside(const sys::ReadableFile& from, const sys::Path& to) {
  // What somebody else may still write to would be ours and change.
  LB_TRY(const bool is_safe, parts_.sharing.is_safe_in(from, parts_.directory.blobs()));
  if (is_safe) {
    const Status linked = parts_.sharing.hard_link(from, to);
    if (linked) return How::linked;
    if (linked.error().code() != ErrorCode::unsupported) return std::unexpected(linked.error());
  }
  const Status cloned = parts_.sharing.clone(from, to, to.parent_path(), sys::FileSharing::OwnerMay::read);
  if (cloned) return How::cloned;
  if (cloned.error().code() != ErrorCode::unsupported) return std::unexpected(cloned.error());
  Status copied = copy(from, to);
  if (copied) return How::copied;
  (void)parts_.files.remove(to);
  return std::unexpected(std::move(copied).error());
}

Status Landing::copy(const sys::ReadableFile& from, const sys::Path& to) {
  LB_TRY(const auto target, parts_.files.create(to));
  std::vector<std::byte> piece(kPieceBytes);
  for (uint64_t offset = 0;;) {
    LB_TRY(const std::size_t count, from.read_at(offset, piece));
    LB_CHECK(target->append(ByteView(piece).first(count)));
    offset += count;
    if (count < piece.size()) return target->sync();
  }
}

}  // namespace lifeboat::registry::adopt
