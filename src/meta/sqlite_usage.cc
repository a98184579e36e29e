#include "meta/sqlite_usage.h"

#include <charconv>

#include "meta/refusal.h"
#include "meta/sqlite_eviction.h"
#include "meta/sqlite_manifests.h"
#include "meta/sqlite_repositories.h"
#include "meta/sqlite_tags.h"

namespace lifeboat::meta {

// The manifest, its subject and what refers to it. Left to itself SQLite looks for the last in the whole repository.
constexpr Sql kCompany{"find what a manifest stays or goes with",
                       "SELECT id, digest, untagged_since BETWEEN 1 AND ?3 FROM (SELECT ?2 AS company UNION "
                       "SELECT subject_id FROM manifest WHERE repository_id = ?1 AND content_id = ?2 UNION "
                       "SELECT content_id FROM manifest INDEXED BY manifest_by_subject WHERE subject_id = ?2 AND "
                       "repository_id = ?1) CROSS JOIN manifest ON repository_id = ?1 AND content_id = company "
                       "CROSS JOIN content ON id = company"};

namespace {

constexpr Sql kNoteTagging{"note whether a manifest has a tag",
                           "UPDATE manifest SET untagged_since = CASE WHEN EXISTS (SELECT 1 FROM tag WHERE "
                           "repository_id = ?1 AND content_id = ?2) THEN 0 WHEN untagged_since = 0 THEN ?3 ELSE "
                           "untagged_since END WHERE repository_id = ?1 AND content_id = ?2"};
constexpr Sql kNotePut{"note that a manifest was put without a tag",
                       "UPDATE manifest SET untagged_since = ?3 WHERE repository_id = ?1 AND content_id = ?2 AND "
                       "NOT EXISTS (SELECT 1 FROM tag WHERE repository_id = ?1 AND content_id = ?2)"};
constexpr Sql kForgetPulls{"forget the pulls of a manifest",
                           "DELETE FROM pull WHERE repository_id = ? AND content_id = ?"};
// One that is noted ten minutes later than now was noted before the clock was set.
constexpr Sql kNotePulled{"note a pull",
                          "INSERT INTO pull (repository_id, content_id, at) VALUES (?1, ?2, ?3) "
                          "ON CONFLICT DO UPDATE SET at = ?3 WHERE at < ?3 OR at > ?3 + 600000"};
constexpr Sql kPulled{"find when a manifest was pulled",
                      "SELECT at FROM content CROSS JOIN pull ON repository_id = ?1 AND content_id = content.id "
                      "WHERE digest = ?2"};
constexpr Sql kAddPin{"add a pin",
                      "INSERT OR REPLACE INTO pin (host, name, reference, at, reason) VALUES (?, ?, ?, ?, ?)"};
constexpr Sql kRemovePin{"remove a pin", "DELETE FROM pin WHERE host = ? AND name = ? AND reference = ?"};
constexpr Sql kPins{"list pins", "SELECT host, name, reference, at, reason FROM pin ORDER BY host, name, reference"};
constexpr Sql kIsPinned{"find a pin", "SELECT 1 FROM pin WHERE host = ? AND name = ? AND reference = ?"};
constexpr Sql kTags{"list the tags of a repository",
                    "SELECT name, digest, updated FROM tag CROSS JOIN content ON content.id = content_id "
                    "WHERE repository_id = ? AND name > ? ORDER BY name LIMIT ?"};
constexpr Sql kManifests{"list the manifests of a repository",
                         "SELECT content_id, content.digest, subject.digest, "
                         "(SELECT at FROM pull WHERE pull.repository_id = ?1 AND pull.content_id = "
                         "manifest.content_id), untagged_since FROM manifest "
                         "CROSS JOIN content ON content.id = content_id "
                         "LEFT JOIN content AS subject ON subject.id = subject_id "
                         "WHERE repository_id = ?1 AND content_id > ?2 ORDER BY content_id LIMIT ?3"};
constexpr Sql kChildren{"list the children of an index",
                        "SELECT digest FROM edge CROSS JOIN content ON content.id = child_id "
                        "WHERE parent_id = ? AND kind = 2 ORDER BY digest"};

std::string host_of(const oci::RepositoryId& repository) {
  return repository.host ? repository.host->to_string() : std::string();
}

Result<bool> is_pinned(SqliteConnection& connection, const oci::RepositoryId& repository,
                       const std::string& reference) {
  return SqliteQuery(connection, kIsPinned, host_of(repository), repository.name.to_string(), reference).next();
}

Status note_pull(SqliteConnection& connection, const oci::RepositoryId& repository, const oci::Digest& manifest,
                 WallTime at) {
  LB_TRY(const auto id, find_repository(connection, repository));
  if (!id) return {};
  LB_TRY(const auto content, find_manifest_content(connection, *id, manifest));
  if (!content) return {};
  return SqliteQuery(connection, kNotePulled, *id, *content, at).run();
}

Result<std::optional<WallTime>> find_pull(SqliteConnection& connection, const oci::RepositoryId& repository,
                                          const oci::Digest& manifest) {
  LB_TRY(const auto id, find_repository(connection, repository));
  if (!id) return std::nullopt;
  SqliteQuery query(connection, kPulled, *id, manifest);
  LB_TRY(const bool has_row, query.next());
  if (!has_row) return std::nullopt;
  return query.time(0);
}

Result<std::vector<Pin>> list_pins(SqliteConnection& connection) {
  std::vector<Pin> pins;
  SqliteQuery query(connection, kPins);
  for (;;) {
    LB_TRY(const bool has_row, query.next());
    if (!has_row) return pins;
    std::optional<oci::RegistryHost> host;
    if (const std::string text = query.text(0); !text.empty()) {
      LB_TRY(host, oci::RegistryHost::parse(text));
    }
    LB_TRY(oci::Repository name, oci::Repository::parse(query.text(1)));
    pins.push_back({.repository = {std::move(host), std::move(name)},
                    .reference = query.text(2),
                    .at = query.time(3),
                    .reason = query.text(4)});
  }
}

Result<std::vector<UsedTag>> list_tags(SqliteConnection& connection, const oci::RepositoryId& repository,
                                       const std::string& last, std::size_t limit) {
  std::vector<UsedTag> tags;
  LB_TRY(const auto id, find_repository(connection, repository));
  if (!id) return tags;
  SqliteQuery query(connection, kTags, *id, last, limit);
  for (;;) {
    LB_TRY(const bool has_row, query.next());
    if (!has_row) return tags;
    LB_TRY(oci::Tag tag, oci::Tag::parse(query.text(0)));
    LB_TRY(const oci::Digest digest, query.digest(1));
    tags.push_back({.tag = std::move(tag), .digest = digest, .pushed = query.time(2)});
  }
}

Result<std::vector<oci::Digest>> children_of(SqliteConnection& connection, int64_t content) {
  std::vector<oci::Digest> children;
  SqliteQuery query(connection, kChildren, content);
  for (;;) {
    LB_TRY(const bool has_row, query.next());
    if (!has_row) return children;
    LB_TRY(const oci::Digest child, query.digest(0));
    children.push_back(child);
  }
}

Result<UsageIndex::ManifestPage> list_manifests(SqliteConnection& connection, const oci::RepositoryId& repository,
                                                const std::string& position, std::size_t limit) {
  UsageIndex::ManifestPage page;
  LB_TRY(const auto id, find_repository(connection, repository));
  if (!id) return page;
  int64_t last = 0;
  std::from_chars(position.data(), position.data() + position.size(), last);
  SqliteQuery query(connection, kManifests, *id, last, limit);
  for (;;) {
    LB_TRY(const bool has_row, query.next());
    if (!has_row) break;
    last = query.integer(0);
    LB_TRY(const oci::Digest digest, query.digest(1));
    LB_TRY(const auto subject, query.optional_digest(2));
    LB_TRY(auto children, children_of(connection, last));
    page.manifests.push_back({.digest = digest,
                              .children = std::move(children),
                              .subject = subject,
                              .pulled = query.is_null(3) ? std::nullopt : std::optional(query.time(3)),
                              .untagged_since = query.integer(4) == 0 ? std::nullopt : std::optional(query.time(4))});
  }
  if (page.manifests.size() == limit) page.next = std::to_string(last);
  return page;
}

Result<bool> take_tag(SqliteConnection& connection, const oci::RepositoryId& repository, const oci::Tag& tag,
                      const oci::Digest& digest, WallTime now) {
  LB_TRY(const auto id, find_repository(connection, repository));
  if (!id) return false;
  LB_TRY(const auto held, find_tag(connection, *id, tag));
  if (!held || held->digest != digest) return false;
  LB_TRY(const bool pinned, is_pinned(connection, repository, tag.to_string()));
  if (pinned) return false;
  LB_CHECK(remove_tag(connection, repository, tag, now));
  return true;
}

struct ManifestPlace {
  oci::RepositoryId repository;
  oci::Digest digest;
};

/// Nobody wants it, what it speaks of, or what speaks of it.
Result<bool> may_go(SqliteConnection& connection, const ManifestPlace& at, int64_t repository, int64_t content,
                    WallTime untagged_by) {
  SqliteQuery company(connection, kCompany, repository, content, untagged_by);
  for (;;) {
    LB_TRY(const bool has_row, company.next());
    if (!has_row) return true;
    const bool is_long_untagged = company.boolean(2);
    if (!is_long_untagged) return false;
    LB_TRY(const oci::Digest digest, company.digest(1));
    LB_TRY(const bool pinned, is_pinned(connection, at.repository, digest.to_string()));
    if (pinned) return false;
    if (at.repository.is_hosted()) continue;
    LB_TRY(const bool is_standing_in, stands_in(connection, repository, company.integer(0)));
    if (is_standing_in) return false;
  }
}

Result<bool> take_manifest(SqliteConnection& connection, const ManifestPlace& at, WallTime untagged_by, WallTime now) {
  LB_TRY(const auto id, find_repository(connection, at.repository));
  if (!id) return false;
  LB_TRY(const auto content, find_manifest_content(connection, *id, at.digest));
  if (!content) return false;
  LB_TRY(const bool is_unwanted, may_go(connection, at, *id, *content, untagged_by));
  if (!is_unwanted) return false;
  const Status removed = remove_manifest(connection, at.repository, at.digest, now);
  if (!removed && removed.error().code() == ErrorCode::conflict) return false;
  LB_CHECK(removed);
  return true;
}

}  // namespace

Status note_tagging(SqliteConnection& connection, int64_t repository, int64_t content, WallTime now) {
  return SqliteQuery(connection, kNoteTagging, repository, content, now).run();
}

Status note_put(SqliteConnection& connection, int64_t repository, int64_t content, WallTime now) {
  return SqliteQuery(connection, kNotePut, repository, content, now).run();
}

Status forget_pulls(SqliteConnection& connection, int64_t repository, int64_t content) {
  return SqliteQuery(connection, kForgetPulls, repository, content).run();
}

void SqliteUsage::note_pulled(oci::RepositoryId repository, oci::Digest manifest, WallTime at) {
  writer_.write_soon("note a pull", [repository = std::move(repository), manifest, at](SqliteConnection& connection) {
    return note_pull(connection, repository, manifest, at);
  });
}

Task<std::optional<WallTime>> SqliteUsage::pulled(Call call, oci::RepositoryId repository, oci::Digest manifest) {
  co_await writer_.settle();
  std::function<Result<std::optional<WallTime>>(SqliteConnection&)> work =
      [&repository, manifest](SqliteConnection& connection) { return find_pull(connection, repository, manifest); };
  co_return co_await reader_.read<std::optional<WallTime>>(std::move(call), std::move(work));
}

Task<void> SqliteUsage::add_pin(Call call, Pin pin) {
  return writer_.write<void>(std::move(call), [pin = std::move(pin)](SqliteConnection& connection) {
    return SqliteQuery(connection, kAddPin, host_of(pin.repository), pin.repository.name.to_string(), pin.reference,
                       pin.at, pin.reason)
        .run();
  });
}

Task<void> SqliteUsage::remove_pin(Call call, oci::RepositoryId repository, std::string reference) {
  return writer_.write<void>(
      std::move(call),
      [repository = std::move(repository), reference = std::move(reference)](SqliteConnection& connection) -> Status {
        LB_CHECK(
            SqliteQuery(connection, kRemovePin, host_of(repository), repository.name.to_string(), reference).run());
        if (connection.changed_rows() == 0) return refusal::no_pin(repository, reference);
        return {};
      });
}

Task<std::vector<Pin>> SqliteUsage::pins(Call call) {
  return reader_.read<std::vector<Pin>>(std::move(call), list_pins);
}

Task<std::vector<UsedTag>> SqliteUsage::tags(Call call, oci::RepositoryId repository, std::string last,
                                             std::size_t limit) {
  return reader_.read<std::vector<UsedTag>>(
      std::move(call), [repository = std::move(repository), last = std::move(last), limit](
                           SqliteConnection& connection) { return list_tags(connection, repository, last, limit); });
}

Task<UsageIndex::ManifestPage> SqliteUsage::manifests(Call call, oci::RepositoryId repository, std::string position,
                                                      std::size_t limit) {
  co_await writer_.settle();
  std::function<Result<ManifestPage>(SqliteConnection&)> work = [&](SqliteConnection& connection) {
    return list_manifests(connection, repository, position, limit);
  };
  co_return co_await reader_.read<ManifestPage>(std::move(call), std::move(work));
}

Task<bool> SqliteUsage::remove_tag(Call call, oci::RepositoryId repository, oci::Tag tag, oci::Digest digest) {
  return writer_.write<bool>(std::move(call), [repository = std::move(repository), tag = std::move(tag), digest,
                                               &clock = clock_](SqliteConnection& connection) {
    return take_tag(connection, repository, tag, digest, clock.wall());
  });
}

Task<bool> SqliteUsage::remove_manifest(Call call, oci::RepositoryId repository, oci::Digest digest,
                                        WallTime untagged_by) {
  ManifestPlace at{std::move(repository), digest};
  return writer_.write<bool>(std::move(call),
                             [at = std::move(at), untagged_by, &clock = clock_](SqliteConnection& connection) {
                               return take_manifest(connection, at, untagged_by, clock.wall());
                             });
}

}  // namespace lifeboat::meta
