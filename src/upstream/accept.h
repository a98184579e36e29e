#pragma once

#include <string>

#include "upstream/failure.h"

namespace lifeboat::upstream {

/// The Accept field of a question: of a manifest all that is kept here, so that a registry converts nothing.
std::string accept_of(Wanted wanted);

}  // namespace lifeboat::upstream
