#include "server/repair_from.h"

namespace lifeboat::server {
namespace {

constexpr std::string_view kArchives = "archive:";

/// A host may be called "archive" as well.
bool names_archives(std::string_view where) {
  return where.starts_with(kArchives) && where.substr(kArchives.size()).starts_with('/');
}

}  // namespace

Result<RepairFrom> RepairFrom::parse(std::string_view text) {
  RepairFrom from;
  std::string_view where = text;
  const bool is_only_path = text.starts_with('/') || names_archives(text);
  if (const std::size_t equals = text.find('='); equals != text.npos && !is_only_path) {
    LB_TRY(from.match, oci::ReferencePattern::parse(text.substr(0, equals)));
    where = text.substr(equals + 1);
  }
  from.is_of_archives = names_archives(where);
  if (from.is_of_archives) where.remove_prefix(kArchives.size());
  if (where.starts_with('/')) {
    from.path = where;
    return from;
  }
  auto host = oci::RegistryHost::parse(where);
  if (!host) {
    return fail(ErrorCode::invalid, "cannot parse source of repairs '" + std::string(text) +
                                        "': it is neither a host nor an absolute path (want [PATTERN=]HOST, "
                                        "[PATTERN=]/DIRECTORY or [PATTERN=]archive:/DIRECTORY, as in "
                                        "'team/*=backup.example')");
  }
  from.host = std::move(*host);
  return from;
}

}  // namespace lifeboat::server
