#include "meta/sqlite_captures.h"

#include "meta/platform_list.h"
#include "meta/refusal.h"
#include "meta/sqlite_content.h"
#include "meta/sqlite_manifests.h"
#include "meta/sqlite_repositories.h"

namespace lifeboat::meta {
namespace {

constexpr Sql kAdd{"add a capture",
                   "INSERT INTO capture (repository_id, content_id, platforms, due, failures, last_error) "
                   "VALUES (?1, ?2, ?3, ?4, 0, '') ON CONFLICT DO UPDATE SET due = ?4, failures = 0, last_error = '', "
                   "platforms = ?3"};
constexpr Sql kPlatformsWanted{"find the platforms of a capture",
                               "SELECT platforms FROM capture WHERE repository_id = ? AND content_id = ?"};
constexpr Sql kDue{"find captures that are due",
                   "SELECT host, name, digest, platforms, due, failures, last_error FROM capture "
                   "JOIN repository ON repository.id = repository_id JOIN content ON content.id = content_id "
                   "WHERE due <= ? ORDER BY due LIMIT ?"};
constexpr Sql kFind{"find a capture",
                    "SELECT host, name, digest, platforms, due, failures, last_error FROM capture "
                    "JOIN repository ON repository.id = repository_id JOIN content ON content.id = content_id "
                    "WHERE repository_id = ? AND content_id = ?"};
constexpr Sql kTotals{"count captures", "SELECT count(*), coalesce(sum(failures > 0), 0) FROM capture"};
constexpr Sql kRemove{"remove a capture", "DELETE FROM capture WHERE repository_id = ? AND content_id = ?"};
constexpr Sql kPostpone{"postpone a capture",
                        "UPDATE capture SET due = ?, failures = ?, last_error = ? "
                        "WHERE repository_id = ? AND content_id = ? AND due = ? AND platforms = ?"};
constexpr Sql kFinish{"finish a capture",
                      "DELETE FROM capture WHERE repository_id = ? AND content_id = ? AND due = ? AND platforms = ?"};
constexpr Sql kHurry{"hurry captures",
                     "UPDATE capture SET due = ?1 WHERE due > ?1 AND repository_id IN "
                     "(SELECT id FROM repository WHERE host = ?2)"};
constexpr Sql kNotePlatform{"note a platform",
                            "INSERT INTO repository_platform (repository_id, platform) VALUES (?, ?) "
                            "ON CONFLICT DO NOTHING"};
constexpr Sql kPlatforms{"list platforms",
                         "SELECT platform FROM repository_platform WHERE repository_id = ? ORDER BY platform"};

Result<std::optional<ManifestPlace>> place_of(SqliteConnection& connection, const oci::RepositoryId& repository,
                                              const oci::Digest& manifest) {
  LB_TRY(const auto id, find_repository(connection, repository));
  if (!id) return std::nullopt;
  LB_TRY(const auto content, find_manifest_content(connection, *id, manifest));
  if (!content) return std::nullopt;
  return ManifestPlace{.repository = *id, .content = *content};
}

Result<CaptureJob> job_of(const SqliteQuery& row) {
  std::optional<oci::RegistryHost> host;
  if (const std::string text = row.text(0); !text.empty()) {
    LB_TRY(host, oci::RegistryHost::parse(text));
  }
  LB_TRY(oci::Repository name, oci::Repository::parse(row.text(1)));
  LB_TRY(const oci::Digest digest, row.digest(2));
  return CaptureJob{.repository = {std::move(host), std::move(name)},
                    .manifest = digest,
                    .platforms = row.text(3),
                    .due = row.time(4),
                    .failures = static_cast<uint32_t>(row.integer(5)),
                    .last_error = row.text(6)};
}

Result<std::vector<CaptureJob>> find_due(SqliteConnection& connection, WallTime now, std::size_t limit) {
  std::vector<CaptureJob> jobs;
  SqliteQuery query(connection, kDue, now, limit);
  for (;;) {
    LB_TRY(const bool has_row, query.next());
    if (!has_row) return jobs;
    LB_TRY(CaptureJob job, job_of(query));
    jobs.push_back(std::move(job));
  }
}

Result<std::optional<CaptureJob>> find_capture(SqliteConnection& connection, const oci::RepositoryId& repository,
                                               const oci::Digest& manifest) {
  LB_TRY(const auto place, place_of(connection, repository, manifest));
  if (!place) return std::nullopt;
  SqliteQuery query(connection, kFind, place->repository, place->content);
  LB_TRY(const bool has_row, query.next());
  if (!has_row) return std::nullopt;
  return job_of(query);
}

Result<CaptureTotals> count_captures(SqliteConnection& connection) {
  SqliteQuery query(connection, kTotals);
  LB_TRY(const bool has_row, query.next());
  if (!has_row) return CaptureTotals{};
  return CaptureTotals{.waiting = static_cast<uint64_t>(query.integer(0)),
                       .failing = static_cast<uint64_t>(query.integer(1))};
}

Result<std::vector<std::string>> list_platforms(SqliteConnection& connection, const oci::RepositoryId& repository) {
  std::vector<std::string> platforms;
  LB_TRY(const auto id, find_repository(connection, repository));
  if (!id) return platforms;
  SqliteQuery query(connection, kPlatforms, *id);
  for (;;) {
    LB_TRY(const bool has_row, query.next());
    if (!has_row) return platforms;
    platforms.push_back(query.text(0));
  }
}

}  // namespace

Status add_capture(SqliteConnection& connection, const ManifestPlace& manifest, std::string_view platforms,
                   WallTime due) {
  std::string all(platforms);
  {
    SqliteQuery held(connection, kPlatformsWanted, manifest.repository, manifest.content);
    LB_TRY(const bool is_there, held.next());
    if (is_there) all = merged_platforms(held.text(0), platforms);
  }
  return SqliteQuery(connection, kAdd, manifest.repository, manifest.content, all, due).run();
}

Status remove_capture(SqliteConnection& connection, const ManifestPlace& manifest) {
  return SqliteQuery(connection, kRemove, manifest.repository, manifest.content).run();
}

Task<void> SqliteCaptures::add(Call call, oci::RepositoryId repository, oci::Digest manifest, std::string platforms,
                               WallTime due) {
  return writer_.write<void>(std::move(call),
                             [repository = std::move(repository), manifest, platforms = std::move(platforms),
                              due](SqliteConnection& connection) -> Status {
                               LB_TRY(const auto place, place_of(connection, repository, manifest));
                               if (!place) return refusal::no_manifest(repository, manifest);
                               return add_capture(connection, *place, platforms, due);
                             });
}

Task<std::vector<CaptureJob>> SqliteCaptures::due(Call call, WallTime now, std::size_t limit) {
  co_await writer_.settle();
  std::function<Result<std::vector<CaptureJob>>(SqliteConnection&)> work = [now, limit](SqliteConnection& connection) {
    return find_due(connection, now, limit);
  };
  co_return co_await reader_.read<std::vector<CaptureJob>>(std::move(call), std::move(work));
}

Task<std::optional<CaptureJob>> SqliteCaptures::find(Call call, oci::RepositoryId repository, oci::Digest manifest) {
  co_await writer_.settle();
  std::function<Result<std::optional<CaptureJob>>(SqliteConnection&)> work =
      [&repository, &manifest](SqliteConnection& connection) { return find_capture(connection, repository, manifest); };
  co_return co_await reader_.read<std::optional<CaptureJob>>(std::move(call), std::move(work));
}

Task<CaptureTotals> SqliteCaptures::totals(Call call) {
  co_await writer_.settle();
  std::function<Result<CaptureTotals>(SqliteConnection&)> work = count_captures;
  co_return co_await reader_.read<CaptureTotals>(std::move(call), std::move(work));
}

void SqliteCaptures::finish(CaptureJob job) {
  writer_.write_soon("finish a capture", [job = std::move(job)](SqliteConnection& connection) -> Status {
    LB_TRY(const auto place, place_of(connection, job.repository, job.manifest));
    if (!place) return {};
    return SqliteQuery(connection, kFinish, place->repository, place->content, job.due, job.platforms).run();
  });
}

void SqliteCaptures::postpone(CaptureJob job, WallTime until) {
  writer_.write_soon("postpone a capture", [job = std::move(job), until](SqliteConnection& connection) -> Status {
    LB_TRY(const auto place, place_of(connection, job.repository, job.manifest));
    if (!place) return {};
    return SqliteQuery(connection, kPostpone, until, job.failures, job.last_error, place->repository, place->content,
                       job.due, job.platforms)
        .run();
  });
}

void SqliteCaptures::hurry(oci::RegistryHost host, WallTime now) {
  writer_.write_soon("hurry captures", [host = std::move(host), now](SqliteConnection& connection) {
    return SqliteQuery(connection, kHurry, now, host.to_string()).run();
  });
}

void SqliteCaptures::note_platform(oci::RepositoryId repository, std::string platform) {
  writer_.write_soon(
      "note a platform",
      [repository = std::move(repository), platform = std::move(platform)](SqliteConnection& connection) -> Status {
        LB_TRY(const auto id, find_repository(connection, repository));
        return id ? SqliteQuery(connection, kNotePlatform, *id, platform).run() : Status{};
      });
}

Task<std::vector<std::string>> SqliteCaptures::platforms(Call call, oci::RepositoryId repository) {
  co_await writer_.settle();
  std::function<Result<std::vector<std::string>>(SqliteConnection&)> work =
      [&repository](SqliteConnection& connection) { return list_platforms(connection, repository); };
  co_return co_await reader_.read<std::vector<std::string>>(std::move(call), std::move(work));
}

}  // namespace lifeboat::meta
