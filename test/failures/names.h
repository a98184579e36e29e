#pragma once

namespace lifeboat::test {

/// Names that only this program's resolver knows. Linking names.cc puts it in place of the system's, for libcurl too.
inline constexpr const char* kUnknownName = "unknown.test";  ///< there is no such name
inline constexpr const char* kHangingName = "hangs.test";    ///< nobody answers, until let_names_go()
void let_names_go();

}  // namespace lifeboat::test
