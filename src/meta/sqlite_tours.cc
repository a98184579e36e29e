#include "meta/sqlite_tours.h"

namespace lifeboat::meta {
namespace {

constexpr Sql kFind{"find a tour", "SELECT position, started, finished FROM tour WHERE name = ?"};
constexpr Sql kNote{"note a tour",
                    "INSERT OR REPLACE INTO tour (name, position, started, finished) VALUES (?, ?, ?, ?)"};

std::optional<WallTime> time_in(const SqliteQuery& row, int column) {
  if (row.is_null(column)) return std::nullopt;
  return row.time(column);
}

std::optional<int64_t> number_of(const std::optional<WallTime>& time) {
  if (!time) return std::nullopt;
  return time->time_since_epoch().count();
}

Result<std::optional<Tour>> find_tour(SqliteConnection& connection, const std::string& name) {
  SqliteQuery query(connection, kFind, name);
  LB_TRY(const bool has_row, query.next());
  if (!has_row) return std::nullopt;
  return Tour{.position = query.text(0), .started = time_in(query, 1), .finished = time_in(query, 2)};
}

}  // namespace

Task<std::optional<Tour>> SqliteTours::find(Call call, std::string name) {
  co_await writer_.settle();
  std::function<Result<std::optional<Tour>>(SqliteConnection&)> work = [&name](SqliteConnection& connection) {
    return find_tour(connection, name);
  };
  co_return co_await reader_.read<std::optional<Tour>>(std::move(call), std::move(work));
}

void SqliteTours::note(std::string name, Tour tour) {
  writer_.write_soon("note a tour", [name = std::move(name), tour = std::move(tour)](SqliteConnection& connection) {
    return SqliteQuery(connection, kNote, name, tour.position, number_of(tour.started), number_of(tour.finished)).run();
  });
}

}  // namespace lifeboat::meta
