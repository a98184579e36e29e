#include "registry/verify/look.h"

#include <optional>
#include <utility>

#include "base/hasher.h"
#include "registry/slow_body.h"

namespace lifeboat::registry::verify {
namespace {

using Extent = blob::Inspector::Extent;
using Thing = blob::Inspector::Thing;

/// A body that broke off may have been the network: it is asked for twice.
constexpr int kBodiesMax = 2;

Fault missing_to_get(Fault missing) {
  return {FaultKind::missing_to_get, "a HEAD says that it is there, a GET says " + missing.detail};
}

/// Of a GET that failed; for what is not there, a HEAD tells whether it is missing or the two disagree.
Awaitable<Fault> fault_of_get(Call call, blob::Inspector& asked, oci::Repository repository, Thing thing,
                              oci::Reference reference, Error error) {
  Fault fault = fault_of(error);
  if (fault.kind != FaultKind::missing) co_return fault;
  const auto head = co_await asked.head(call, std::move(repository), thing, std::move(reference));
  if (head) co_return missing_to_get(std::move(fault));
  co_return fault;
}

struct BodyRead {
  uint64_t received = 0;
  bool is_longer = false;               ///< and more would have come
  std::optional<oci::Digest> digest{};  ///< of all of it
};
Task<BodyRead> read(blob::Stream& stream, const sys::Clock& clock, BlobWanted wanted, uint64_t& received) {
  Hasher hasher(wanted.digest.algorithm());
  const SteadyTime begun = clock.now();
  for (;;) {
    LB_CO_TRY(const sys::Block block, co_await stream.next());
    if (block.size() == 0) break;
    received += block.size();
    if (wanted.depth == Depth::light) co_return BodyRead{.received = received};
    if (received > wanted.size_bytes) co_return BodyRead{.received = wanted.size_bytes + 1, .is_longer = true};
    if (clock.now() > slowest_end(begun, received)) {
      co_return fail(ErrorCode::timed_out, "too slow: " + std::to_string(received) + " of " +
                                               std::to_string(wanted.size_bytes) + " bytes came, want " +
                                               std::to_string(kSlowestBytesPerMinute) + " a minute");
    }
    hasher.update(block.bytes());
  }
  const std::vector<std::byte> raw = hasher.current();
  co_return BodyRead{.received = received, .digest = oci::Digest::of_raw(wanted.digest.algorithm(), raw)};
}

Fault fault_of_body(const Error& error, uint64_t received) {
  Fault fault = fault_of(error);
  if (fault.kind != FaultKind::cut_short) return fault;
  if (received == 0) fault.kind = FaultKind::empty_body;
  return fault;
}

}  // namespace

Awaitable<Resolved> resolve(Call call, blob::Inspector& asked, Name name, std::vector<oci::Platform> platforms) {
  Resolved resolved;
  Root& root = resolved.root;
  if (const oci::Digest* digest = name.reference.digest(); digest != nullptr) {
    root.digest = *digest;
    co_return resolved;
  }
  const auto head = co_await asked.head(call, name.repository, Thing::manifest, name.reference);
  if (!head) {
    const Fault fault = fault_of(head.error());
    // Asked again by a GET that would fail as well, a login would be refused twice, and what is dead wait twice as
    // long.
    const bool is_final = fault.kind == FaultKind::unauthorized || fault.kind == FaultKind::limited ||
                          head.error().step() != NetworkStep::none;
    if (is_final) {
      root.faults.push_back(fault);
      co_return resolved;
    }
  }
  const auto got = co_await asked.manifest(call, name.repository, name.reference);
  if (!got) {
    Fault fault = fault_of(got.error());
    if (head && fault.kind == FaultKind::missing) fault = missing_to_get(std::move(fault));
    root.faults.push_back(std::move(fault));
    co_return resolved;
  }
  root.digest = head && head->digest ? head->digest : got->digest;
  if (got->is_too_long && !root.digest) {
    root.faults = judge_manifest(*got, {}, platforms).faults;
    co_return resolved;
  }
  const HashAlgorithm algorithm = root.digest ? root.digest->algorithm() : HashAlgorithm::sha256;
  const oci::Digest actual = oci::Digest::of(algorithm, as_bytes(got->bytes));
  if (!root.digest) root.digest = actual;
  // An empty answer, and one that is too long, are told as such where they are judged.
  const bool is_other = head && head->digest && *head->digest != actual && !got->bytes.empty();
  if (is_other) {
    root.faults.push_back({FaultKind::wrong_digest, "a HEAD says " + head->digest->to_string() +
                                                        ", a GET gives the bytes of " + actual.to_string()});
    co_return resolved;
  }
  if (!head) {
    const Fault fault = fault_of(head.error());
    if (fault.kind == FaultKind::missing) {
      root.faults.push_back({FaultKind::missing_to_head, "a GET says that it is there, a HEAD says " + fault.detail});
    }
  }
  resolved.node = judge_manifest(*got, root.digest, platforms);
  co_return resolved;
}

Awaitable<void> confirm_by_digest(Call call, blob::Inspector& asked, oci::Repository repository, oci::Digest digest,
                                  Node& node) {
  if (!node.faults.empty()) co_return;
  const oci::Reference reference(digest);
  const auto head = co_await asked.head(call, repository, Thing::manifest, reference);
  if (head) co_return;
  // Who knows no HEAD, or none by digest, may still give it.
  const auto got = co_await asked.manifest(call, std::move(repository), reference);
  if (got) co_return;
  Fault fault = fault_of(got.error());
  if (fault.kind == FaultKind::missing) fault.detail = "its tag gives it, its digest says " + fault.detail;
  node.faults.push_back(std::move(fault));
}

Awaitable<Node> look_at_manifest(Call call, blob::Inspector& asked, oci::Repository repository, oci::Digest digest,
                                 std::vector<oci::Platform> platforms) {
  const auto got = co_await asked.manifest(call, repository, oci::Reference(digest));
  if (got) co_return judge_manifest(*got, digest, platforms);
  Node node;
  const Error error = got.error();
  const oci::Reference reference(digest);
  Fault fault = co_await fault_of_get(call, asked, std::move(repository), Thing::manifest, reference, error);
  node.faults.push_back(std::move(fault));
  co_return node;
}

Awaitable<BlobLook> look_at_blob(Call call, blob::Inspector& asked, const sys::Clock& clock, oci::Repository repository,
                                 BlobWanted wanted) {
  BlobLook look;
  for (int tries = 1;;) {
    const bool is_deep = wanted.depth == Depth::deep;
    const Extent extent = is_deep ? Extent::all : Extent::first_byte;
    auto stream = co_await asked.open(call, repository, wanted.digest, extent);
    if (!stream) {
      const Error error = stream.error();
      const oci::Reference reference(wanted.digest);
      Fault fault = co_await fault_of_get(call, asked, repository, Thing::blob, reference, error);
      look.node.faults.push_back(std::move(fault));
      co_return look;
    }
    look.node.size_bytes = (*stream)->size_bytes();
    // Of another length than named it cannot be right, whatever it is.
    const bool is_length_wrong = look.node.size_bytes.value_or(wanted.size_bytes) != wanted.size_bytes;
    if (is_deep && is_length_wrong) co_return look;
    uint64_t received = 0;
    const auto body = co_await read(**stream, clock, wanted, received);
    if (!body) {
      const bool may_pass = body.error().code() != ErrorCode::timed_out;
      if (may_pass && tries++ < kBodiesMax) continue;
      look.node.faults.push_back(fault_of_body(body.error(), received));
      co_return look;
    }
    if (body->received == 0 && look.node.size_bytes.value_or(0) > 0) {
      look.node.faults.push_back({FaultKind::empty_body, "a success, and no bytes"});
      co_return look;
    }
    if (body->received == 0) look.node.size_bytes = 0;
    if (!is_deep && !look.node.size_bytes) {
      stream->reset();
      const auto head = co_await asked.head(call, repository, Thing::blob, oci::Reference(wanted.digest));
      // A HEAD that does not know it may say 0.
      if (head && head->size_bytes.value_or(0) > 0) {
        look.node.size_bytes = head->size_bytes;
      } else {
        wanted.depth = Depth::deep;
        continue;
      }
    }
    if (body->is_longer) {
      look.node.size_bytes = body->received;
      look.node.is_longer = true;
    }
    if (body->digest) {
      look.hashed_bytes = body->received;
      look.node.size_bytes = body->received;
      if (*body->digest != wanted.digest) {
        look.node.faults.push_back({FaultKind::wrong_digest, "its bytes are those of " + body->digest->to_string()});
      }
    }
    co_return look;
  }
}

}  // namespace lifeboat::registry::verify
