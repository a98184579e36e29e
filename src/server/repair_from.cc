#include "server/repair_from.h"

namespace lifeboat::server {

Result<RepairFrom> RepairFrom::parse(std::string_view text) {
  RepairFrom from;
  std::string_view where = text;
  if (const std::size_t equals = text.find('='); equals != text.npos && !text.starts_with('/')) {
    LB_TRY(from.match, oci::ReferencePattern::parse(text.substr(0, equals)));
    where = text.substr(equals + 1);
  }
  if (where.starts_with('/')) {
    from.path = where;
    return from;
  }
  auto host = oci::RegistryHost::parse(where);
  if (!host) {
    return fail(ErrorCode::invalid, "cannot parse source of repairs '" + std::string(text) +
                                        "': it is neither a host nor an absolute path (want [PATTERN=]HOST or "
                                        "[PATTERN=]/DIRECTORY, as in 'team/*=backup.example')");
  }
  from.host = std::move(*host);
  return from;
}

}  // namespace lifeboat::server
