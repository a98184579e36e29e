#include "meta/sqlite_reader.h"

#include "base/assert.h"
#include "meta/refusal.h"

namespace lifeboat::meta {

SqliteReader::SqliteReader(std::vector<std::unique_ptr<SqliteConnection>> connections, const sys::Clock& clock)
    : clock_(clock) {
  const auto threads = static_cast<unsigned>(connections.size());
  idle_.with([&](auto& idle) { idle = std::move(connections); });
  pool_ = std::make_unique<sys::ThreadPool>("meta-read", threads);
}

SqliteReader::Lease::Lease(SqliteReader& owner)
    : owner_(owner), connection_(owner.idle_.with([](auto& idle) {
        // There are as many connections as threads.
        LB_ASSERT(!idle.empty());
        auto connection = std::move(idle.back());
        idle.pop_back();
        return connection;
      })) {}

SqliteReader::Lease::~Lease() {
  owner_.idle_.with([this](auto& idle) { idle.push_back(std::move(connection_)); });
}

Status SqliteReader::check_deadline(const Call& call) const {
  if (call.deadline() < clock_.now()) return refusal::too_late("read");
  return {};
}

void SqliteReader::close() {
  pool_.reset();
  idle_.with([](auto& idle) { idle.clear(); });
}

}  // namespace lifeboat::meta
