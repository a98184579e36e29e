#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "sys/http_message.h"
#include "test/sim/network_watch.h"
#include "test/sim/sim_registry.h"

namespace lifeboat::sim {

/// How a body comes.
struct SimBody {
  enum class Ending { clean, cut, stalls };
  std::string bytes;                  ///< what comes at most
  std::optional<uint64_t> announced;  ///< Content-Length
  uint64_t ends_after = UINT64_MAX;   ///< bytes
  Ending ending = Ending::clean;
  uint64_t rate_bytes = 0;  ///< per second
};

struct SimAnswer {
  int status = 0;
  sys::HttpFields fields;
  SimBody body;
  bool is_sent_on = false;  ///< to the storage host
};

/// What a registry, a token realm or a storage host says, in the state it is in. Pure but for what it tells the watch.
SimAnswer registry_answer(const Asked& asked, const sys::HttpFields& fields, Fault fault, NetworkWatch& watch,
                          Duration now);
SimAnswer realm_answer(const Asked& asked, const std::string& url, const sys::HttpFields& fields, Fault fault,
                       Duration now);
SimAnswer storage_answer(const Asked& asked, Fault fault);

}  // namespace lifeboat::sim
