#include "registry/uploads.h"

#include <unordered_set>
#include <vector>

#include "registry/random_id.h"

namespace lifeboat::registry {
namespace {

/// What a file system's clock may lag behind the wall clock.
constexpr Duration kClockGrain{1000};

std::unexpected<Error> unknown(const oci::UploadId& id) {
  return fail(ErrorCode::not_found, "cannot find upload session '" + id.to_string() + "'");
}

/// One session that cannot be removed must not keep the others.
void keep_first(Status& outcome, Status next) {
  if (outcome && !next) outcome = std::move(next);
}

}  // namespace

struct Uploads::Lease::Session {
  oci::UploadId id;
  oci::RepositoryId repository;
  std::unique_ptr<blob::Writer> writer;  ///< the lease's; null while it is being opened, and when it is put aside
  bool is_leased = true;                 // guarded by Uploads::known_
  bool is_open = false;                  // guarded by Uploads::known_; false: put aside
  SteadyTime last_used{};                // guarded by Uploads::known_
};

Uploads::Lease::Lease(Uploads& owner, std::shared_ptr<Session> session)
    : owner_(&owner), session_(std::move(session)) {}
Uploads::Lease::Lease(Lease&&) noexcept = default;
Uploads::Lease::~Lease() {
  if (session_) owner_->give_back(session_);
}
const oci::UploadId& Uploads::Lease::id() const { return session_->id; }
uint64_t Uploads::Lease::received() const { return session_->writer->received(); }
Task<void> Uploads::Lease::append(sys::Block block) { co_return co_await session_->writer->append(std::move(block)); }
Task<void> Uploads::Lease::flush() { co_return co_await session_->writer->flush(); }

Uploads::Uploads(UploadsOptions options, blob::Store& blobs, meta::Store& names, ContentLeases& leases,
                 sys::Clock& clock, sys::Metrics& metrics, Log& log)
    : options_(options),
      made_(clock.wall()),
      blobs_(blobs),
      names_(names),
      leases_(leases),
      clock_(clock),
      open_(metrics.gauge("lifeboat_upload_sessions", "Upload sessions open in memory.")),
      log_(log) {}
Uploads::~Uploads() = default;

void Uploads::give_back(const std::shared_ptr<Session>& session) {
  const bool is_usable = session->writer != nullptr;
  known_.with([&](Known& known) {
    session->is_leased = false;
    session->last_used = clock_.now();
    if (!is_usable) remove(known, session->id);
  });
}

void Uploads::add(Known& known, const std::shared_ptr<Session>& session) {
  known.sessions.emplace(session->id, session);
  ++known.of_repository[session->repository];
}

void Uploads::remove(Known& known, const oci::UploadId& id) {
  const auto found = known.sessions.find(id);
  if (found == known.sessions.end()) return;
  const auto own = known.of_repository.find(found->second->repository);
  if (--own->second == 0) known.of_repository.erase(own);
  if (found->second->is_open) --known.open;
  known.sessions.erase(found);
  open_.set(static_cast<double>(known.open));
}

/// Before its writer is opened: puts the longest idle session aside when there is no room.
Status Uploads::open(Known& known, Session& session) {
  if (session.is_open) return {};
  if (known.open >= options_.open_max) {
    Session* idle = nullptr;
    for (const auto& [id, one] : known.sessions) {
      const bool is_idle = one->is_open && !one->is_leased;
      if (is_idle && (idle == nullptr || one->last_used < idle->last_used)) idle = one.get();
    }
    if (idle == nullptr) {
      return fail(ErrorCode::too_many, "cannot open another upload: all " + std::to_string(options_.open_max) +
                                           " that may be open are in use");
    }
    idle->writer.reset();
    idle->is_open = false;
    --known.open;
  }
  session.is_open = true;
  open_.set(static_cast<double>(++known.open));
  return {};
}

Task<Uploads::Lease> Uploads::begin(Call call, oci::RepositoryId repository, HashAlgorithm algorithm) {
  const oci::UploadId id = random_upload_id();
  auto session = std::make_shared<Session>(Session{id, repository, nullptr});
  session->last_used = clock_.now();
  LB_CO_CHECK(known_.with([&](Known& known) -> Status {
    const auto own = known.of_repository.find(repository);
    if (own != known.of_repository.end() && own->second >= options_.per_repository_max) {
      return fail(ErrorCode::too_many, "cannot begin another upload in '" + repository.to_string() + "': it has " +
                                           std::to_string(options_.per_repository_max) + " already");
    }
    LB_CHECK(open(known, *session));
    add(known, session);
    return {};
  }));
  Lease lease(*this, session);
  LB_CO_TRY(session->writer, co_await blobs_.begin(call, id, algorithm));
  names_.uploads().add({id, std::move(repository), clock_.wall(), std::nullopt});
  co_return lease;
}

Task<Uploads::Lease> Uploads::acquire(Call call, oci::RepositoryId repository, oci::UploadId id) {
  enum class Found { ours, busy, strange, full, none };
  std::shared_ptr<Session> session;
  Status opened;
  const auto look = [&](Known& known) {
    const auto found = known.sessions.find(id);
    if (found == known.sessions.end()) return Found::none;
    if (found->second->repository != repository) return Found::strange;
    if (found->second->is_leased) return Found::busy;
    opened = open(known, *found->second);
    if (!opened) return Found::full;
    session = found->second;
    session->is_leased = true;
    return Found::ours;
  };
  Found found = known_.with(look);
  if (found == Found::none) {
    // From before a restart, perhaps: the record names its repository, its bytes are on disk.
    auto record = co_await names_.uploads().find(call, id);
    if (!record && record.error().code() != ErrorCode::not_found) co_return std::unexpected(record.error());
    if (!record || record->repository != repository || record->committed) co_return unknown(id);
    found = known_.with([&](Known& known) {
      const Found again = look(known);
      if (again != Found::none) return again;
      const auto resumed = std::make_shared<Session>(Session{id, repository, nullptr});
      opened = open(known, *resumed);
      if (!opened) return Found::full;
      add(known, resumed);
      session = resumed;
      return Found::ours;
    });
  }
  if (found == Found::full) co_return std::unexpected(opened.error());
  if (found == Found::strange) co_return unknown(id);
  if (found == Found::busy) {
    co_return fail(ErrorCode::conflict,
                   "cannot use upload session '" + id.to_string() + "': another request is using it");
  }
  Lease lease(*this, session);
  if (!session->writer) {
    auto writer = co_await blobs_.resume(call, id, HashAlgorithm::sha256);
    if (!writer && writer.error().code() == ErrorCode::not_found) co_return unknown(id);
    LB_CO_TRY(session->writer, std::move(writer));
  }
  co_return lease;
}

Task<void> Uploads::commit(Call call, Lease lease, oci::Digest digest) {
  const std::shared_ptr<Session> session = lease.session_;
  // From before the bytes are relied on until they have their row.
  LB_CO_TRY(const ContentLeases::Lease share, co_await leases_.share(call, digest));
  auto content = co_await session->writer->commit(digest);
  session->writer.reset();
  if (!content) {
    names_.uploads().remove(session->id);
    known_.with([&](Known& known) { remove(known, session->id); });
    co_return std::unexpected(std::move(content).error());
  }
  const meta::BlobRecord blob{digest, content->size_bytes};
  LB_CO_CHECK(co_await names_.blobs().add(call, session->repository, blob));
  // Remembered from now on, however long the upload took.
  names_.uploads().add({session->id, session->repository, clock_.wall(), digest});
  known_.with([&](Known& known) { remove(known, session->id); });
  co_return Status{};
}

Task<oci::Digest> Uploads::committed(Call call, oci::RepositoryId repository, oci::UploadId id) {
  LB_CO_TRY(const meta::UploadRecord record, co_await names_.uploads().find(call, id));
  if (record.repository != repository || !record.committed) co_return unknown(id);
  co_return *record.committed;
}

Task<void> Uploads::cancel(Call call, Lease lease) {
  const std::shared_ptr<Session> session = lease.session_;
  Status discarded;
  if (session->writer) {
    discarded = co_await session->writer->discard();
    session->writer.reset();
  } else {
    discarded = co_await blobs_.discard(call, session->id);
  }
  names_.uploads().remove(session->id);
  known_.with([&](Known& known) { remove(known, session->id); });
  co_return discarded;
}

Task<void> Uploads::drop_orphans(Call call) {
  LB_CO_TRY(const auto on_disk, co_await blobs_.sessions(call));
  Status outcome;
  for (const blob::StoredSession& stored : on_disk) {
    if (stored.modified >= made_ - kClockGrain) continue;
    const auto record = co_await names_.uploads().find(call, stored.id);
    if (record && !record->committed) continue;
    if (!record && record.error().code() != ErrorCode::not_found) co_return std::unexpected(record.error());
    keep_first(outcome, co_await blobs_.discard(call, stored.id));
  }
  co_return outcome;
}

Task<void> Uploads::reap(Call call) {
  const SteadyTime expired = clock_.now() - options_.expires_after;
  const WallTime expired_wall = clock_.wall() - options_.expires_after;
  std::vector<Lease> leases;
  known_.with([&](Known& known) {
    for (auto& [id, session] : known.sessions) {
      if (session->is_leased || session->last_used > expired) continue;
      session->is_leased = true;
      leases.push_back(Lease(*this, session));
    }
  });
  Status outcome;
  for (Lease& lease : leases) {
    log_.info("upload.expired", {{"upload", lease.id().to_string()}});
    keep_first(outcome, co_await cancel(call, std::move(lease)));
  }
  LB_CO_TRY(const auto on_disk, co_await blobs_.sessions(call));
  const auto is_known = [&](const oci::UploadId& id) {
    return known_.with([&](const Known& known) { return known.sessions.contains(id); });
  };
  std::unordered_set<oci::UploadId> alive;
  for (const blob::StoredSession& stored : on_disk) {
    // Written to lately, by a client that goes on after a restart: age since its begin is no inactivity.
    if (stored.modified > expired_wall) alive.insert(stored.id);
    if (stored.modified > expired_wall || is_known(stored.id)) continue;
    keep_first(outcome, co_await blobs_.discard(call, stored.id));
  }
  LB_CO_TRY(const auto records, co_await names_.uploads().started_before(call, expired_wall));
  for (const meta::UploadRecord& record : records) {
    if (!is_known(record.id) && !alive.contains(record.id)) names_.uploads().remove(record.id);
  }
  co_return outcome;
}

std::size_t Uploads::open_sessions() const {
  return known_.with([](const Known& known) { return known.open; });
}

}  // namespace lifeboat::registry
