#include "registry/faults.h"

namespace lifeboat::registry {
namespace {

constexpr Duration kNoteWithin = std::chrono::minutes(1);

meta::FaultKind kind_of(blob::Damage::Kind kind) {
  if (kind == blob::Damage::Kind::wrong_size) return meta::FaultKind::wrong_size;
  return kind == blob::Damage::Kind::wrong_bytes ? meta::FaultKind::wrong_bytes : meta::FaultKind::missing;
}

}  // namespace

std::string_view to_string(meta::FaultKind kind) {
  switch (kind) {
    case meta::FaultKind::missing: return "missing";
    case meta::FaultKind::wrong_size: return "wrong_size";
    case meta::FaultKind::wrong_bytes: return "wrong_bytes";
  }
  return "missing";
}

Faults::Faults(const Parts& parts) : parts_(parts) {
  for (const std::string_view kind : {"missing", "wrong_size", "wrong_bytes", "lost_record", "unreadable"}) {
    parts_.metrics.counter("lifeboat_scrub_faults_total", "Faults found in what is held, by the scrubber or by a read.",
                           {{"kind", kind}});
  }
}

void Faults::count(std::string_view kind) {
  parts_.metrics
      .counter("lifeboat_scrub_faults_total", "Faults found in what is held, by the scrubber or by a read.",
               {{"kind", kind}})
      .add();
}

Task<std::optional<meta::Fault>> Faults::examine(Call call, oci::Digest digest, uint64_t size_bytes) {
  const WallTime now = parts_.clock.wall();
  // Who commits content relies on what is there already: it must not go before its row is here, nor the row after it.
  const auto alone = parts_.leases.take_alone(digest);
  if (!alone) {
    co_return fail(ErrorCode::unavailable, "cannot look at '" + digest.to_string() + "': it is being brought just now");
  }
  LB_CO_TRY(blob::Damage damage, co_await parts_.integrity.quarantine(call, digest, size_bytes, now));
  // To read it may have taken longer than whoever asked would wait; what has been moved must be noted all the same.
  call = Call(parts_.clock.now() + kNoteWithin, call.request_id());
  if (damage.kind == blob::Damage::Kind::none) co_return std::optional<meta::Fault>();
  meta::Fault fault{
      .digest = digest, .kind = kind_of(damage.kind), .detail = std::move(damage.detail), .found = now, .due = now};
  LB_CO_CHECK(co_await note(call, fault));
  const auto content = co_await parts_.blobs.open(call, digest);
  if (content) {
    // Brought again since it went: whoever did that recorded it before the fault was noted, or will after.
    LB_CO_CHECK(co_await parts_.names.faults().clear(call, digest));
    co_return std::optional<meta::Fault>();
  }
  LB_CO_CHECK(co_await forget_answers(call, digest));
  co_return std::optional(std::move(fault));
}

Task<void> Faults::note_lost(Call call, oci::Digest digest, std::string detail) {
  const WallTime now = parts_.clock.wall();
  meta::Fault fault{
      .digest = digest, .kind = meta::FaultKind::missing, .detail = std::move(detail), .found = now, .due = now};
  LB_CO_CHECK(co_await note(call, std::move(fault)));
  co_return co_await forget_answers(call, digest);
}

Task<void> Faults::note(Call call, meta::Fault fault) {
  const std::string digest = fault.digest.to_string();
  const std::string kind(to_string(fault.kind));
  const std::string detail = fault.detail;
  LB_CO_CHECK(co_await parts_.names.faults().note(call, std::move(fault)));
  count(kind);
  parts_.log.error("content.fault",
                   {{"digest", digest}, {"kind", kind}, {"detail", detail}, {"request_id", call.request_id()}});
  noted_.notify_all();
  co_return Status{};
}

Task<void> Faults::forget_answers(Call call, oci::Digest digest) {
  LB_CO_TRY(const auto places, co_await parts_.names.faults().places(call, digest));
  for (const meta::ContentPlace& place : places) parts_.stamps.bump(place.repository);
  co_return Status{};
}

}  // namespace lifeboat::registry
