#include "registry/archive/save.h"

#include <algorithm>
#include <latch>
#include <memory>
#include <utility>

namespace lifeboat::registry::archive {
namespace {

/// How often one body is begun or gone on with.
constexpr int kTriesMax = 4;

bool may_pass(const Error& error) {
  return error.step() == NetworkStep::body || error.code() == ErrorCode::unavailable ||
         error.code() == ErrorCode::timed_out;
}

std::unexpected<Error> wrong(const Member& member, const std::string& got, const std::string& want) {
  return fail(ErrorCode::corrupt, "cannot save blob '" + member.blob->to_string() +
                                      "': it is not what its manifest names (got " + got + ", want " + want + ")");
}

}  // namespace

/// A blob on its way into the archive.
struct Saver::Body {
  const Member& member;
  sys::TarWriter& tar;
  Hasher hasher;
  uint64_t done = 0;
};

Task<void> Saver::gather(Call call, std::vector<Wanted> wanted) {
  for (const Wanted& one : wanted) {
    const Origin origin{one.from, one.name.repository};
    LB_CO_TRY(auto answered, co_await one.from->manifest(call, one.name.repository, one.name.reference));
    const HashAlgorithm algorithm = answered.digest ? answered.digest->algorithm() : HashAlgorithm::sha256;
    const oci::Digest* named = one.name.reference.digest();
    const oci::Digest digest = named ? *named : oci::Digest::of(algorithm, as_bytes(answered.bytes));
    const bool is_as_told = named || !answered.digest || *answered.digest == digest;
    if (!is_as_told) {
      co_return fail(ErrorCode::corrupt, "cannot save '" + one.name.to_string() + "': its bytes are others than its " +
                                             "header says (got " + digest.to_string() + ", want " +
                                             answered.digest->to_string() + ")");
    }
    contents_.add(one.name, digest);
    if (contents_.find(digest) == nullptr) LB_CO_CHECK(co_await keep(digest, std::move(answered), origin));
    LB_CO_CHECK(co_await gather_below(call, origin));
  }
  co_return Status{};
}

Task<void> Saver::gather_below(Call call, Origin origin) {
  for (auto wanted = contents_.take_wanted(); !wanted.empty(); wanted = contents_.take_wanted()) {
    for (const oci::Digest& digest : wanted) {
      if (contents_.find(digest) != nullptr) continue;
      LB_CO_TRY(auto answered, co_await origin.from->manifest(call, origin.repository, oci::Reference(digest)));
      LB_CO_CHECK(co_await keep(digest, std::move(answered), origin));
    }
  }
  co_return Status{};
}

Task<void> Saver::keep(const oci::Digest& digest, blob::Inspector::Answered answered, const Origin& origin) {
  if (answered.is_too_long) {
    co_return fail(ErrorCode::invalid, "cannot save manifest '" + digest.to_string() + "': it is longer than " +
                                           std::to_string(oci::kManifestMaxBytes) + " bytes");
  }
  LB_CO_CHECK(contents_.came(digest, std::move(answered.bytes), answered.content_type));
  const oci::Manifest& manifest = contents_.find(digest)->manifest;
  if (manifest.config) origins_.try_emplace(manifest.config->digest, origin);
  for (const oci::Descriptor& layer : manifest.layers) origins_.try_emplace(layer.digest, origin);
  for (const oci::Descriptor& child : manifest.manifests) origins_.try_emplace(child.digest, origin);
  co_return Status{};
}

Task<void> Saver::write(Call call, std::vector<Member> members, sys::TarCompression compression, Output& output,
                        std::function<void(const SaveProgress&)> told) {
  told_ = std::move(told);
  progress_ = {};
  for (const Member& member : members) progress_.bytes_all += member.size_bytes;
  LB_CO_TRY(const auto tar,
            sys::TarWriter::make([&output](ByteView bytes) { return output.append(bytes); }, compression));
  for (const Member& member : members) {
    progress_.path = member.path;
    const Status begun = co_await parts_.disk.run([&]() -> Status {
      LB_CHECK(tar->begin(member.path, member.size_bytes));
      return member.blob ? Status{} : tar->append(as_bytes(member.bytes));
    });
    LB_CO_CHECK(begun);
    progress_.bytes += member.bytes.size();
    if (member.blob) LB_CO_CHECK(co_await write_blob(call, member, *tar));
    told_(progress_);
  }
  co_return co_await parts_.disk.run([&] { return tar->finish(); });
}

Task<void> Saver::write_blob(Call call, const Member& member, sys::TarWriter& tar) {
  Body body{.member = member, .tar = tar, .hasher = Hasher(member.blob->algorithm())};
  for (int tries = 1;; ++tries) {
    const Status poured = co_await pour(call, body);
    if (poured) break;
    if (tries == kTriesMax || !may_pass(poured.error())) co_return poured;
  }
  const oci::Digest digest = oci::Digest::of_raw(member.blob->algorithm(), body.hasher.current());
  if (digest != *member.blob) co_return wrong(member, digest.to_string(), member.blob->to_string());
  co_return Status{};
}

Task<void> Saver::pour(Call call, Body& body) {
  const Member& member = body.member;
  const Origin& origin = origins_.at(*member.blob);
  LB_CO_TRY(const auto stream,
            co_await origin.from->open(call, origin.repository, *member.blob, blob::Inspector::Extent::all));
  uint64_t position = 0;
  for (;;) {
    LB_CO_TRY(sys::Block block, co_await stream->next());
    if (block.bytes().empty()) break;
    // What came before it broke off comes again: nobody says that all registries know ranges.
    const uint64_t known = std::min<uint64_t>(block.size(), body.done - position);
    position += known;
    const ByteView bytes = block.bytes().subspan(known);
    if (bytes.empty()) continue;
    if (body.done + bytes.size() > member.size_bytes) {
      co_return wrong(member, "more bytes", std::to_string(member.size_bytes) + " bytes");
    }
    const Status taken = co_await parts_.disk.run([&] { return take(body, bytes); });
    LB_CO_CHECK(taken);
    position += bytes.size();
    body.done = position;
    progress_.bytes += bytes.size();
    told_(progress_);
  }
  if (body.done == member.size_bytes) co_return Status{};
  co_return wrong(member, std::to_string(body.done) + " bytes", std::to_string(member.size_bytes));
}

/// On a thread of the disk. The blob's hash is computed beside the archive's, which the output does as it writes.
Status Saver::take(Body& body, ByteView bytes) {
  const auto hashed = std::make_shared<std::latch>(1);
  parts_.hash.post([&body, bytes, hashed] {
    body.hasher.update(bytes);
    hashed->count_down();
  });
  Status written = body.tar.append(bytes);
  hashed->wait();
  return written;
}

}  // namespace lifeboat::registry::archive
