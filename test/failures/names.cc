#include "test/failures/names.h"

#include <dlfcn.h>
#include <netdb.h>

#include <string_view>

#include "test/failures/failure.h"

namespace lifeboat::test {
namespace {

Gate& hanging() {
  static Gate gate;
  return gate;
}

}  // namespace

void let_names_go() { hanging().open(); }

}  // namespace lifeboat::test

// The executable comes first when libcurl looks it up.
extern "C" int getaddrinfo(const char* node, const char* service, const addrinfo* hints, addrinfo** result) {
  using Function = int (*)(const char*, const char*, const addrinfo*, addrinfo**);
  static const auto real = reinterpret_cast<Function>(dlsym(RTLD_NEXT, "getaddrinfo"));  // NOLINT: what dlsym is for
  const std::string_view name = node == nullptr ? "" : node;
  if (name == lifeboat::test::kUnknownName) return EAI_NONAME;
  if (name == lifeboat::test::kHangingName) {
    lifeboat::test::hanging().pass();
    return EAI_AGAIN;
  }
  return real(node, service, hints, result);
}
