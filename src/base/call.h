#pragma once

#include <algorithm>
#include <string>

#include "base/time.h"

namespace lifeboat {

/// What travels with every operation that waits: until when it is worth it, and whose it is. Passed by value and first;
/// a callee may only shorten the deadline.
class Call {
 public:
  Call(SteadyTime deadline, std::string request_id) : deadline_(deadline), request_id_(std::move(request_id)) {}

  SteadyTime deadline() const { return deadline_; }
  const std::string& request_id() const { return request_id_; }

  Call shortened_to(SteadyTime deadline) const { return {std::min(deadline_, deadline), request_id_}; }

 private:
  SteadyTime deadline_;
  std::string request_id_;
};

}  // namespace lifeboat
