#!/usr/bin/env python3
"""The house rules that an #include or a file length can break.

A floor looks down, never up, and two folders on one floor do not include each other. A third-party library is included
in its one place and does not appear in our headers. A file past 400 lines is asked why, past 600 lines it fails.

layering_test.py ROOT         checks the tree at ROOT
layering_test.py --self-test  proves that each rule catches a violation of it
"""
import pathlib
import re
import sys
import tempfile

FLOORS = {"base": 0, "oci": 1, "sys": 1, "blob": 2, "meta": 2, "upstream": 3, "peer": 3, "registry": 4, "http": 5,
          "server": 6, "cli": 7}
# Lower, and still out of sight: the registry is given a source and never asks where it comes from.
UNSEEN = {"registry": {"upstream", "peer"}}
# Siblings inside one folder that do not know each other.
APART = [("registry/upkeep", "registry/cluster")]

ANY_TEST = r".*_test\.(cc|h)"
# (header, where it may be included, the rule in words); the first header that matches decides.
LIBRARIES = [
    (r"boost/asio/awaitable\.hpp", rf"base/task\.h|sys/.*|{ANY_TEST}", "asio::awaitable enters by base/task.h"),
    (r"boost/asio(/.*|\.hpp)", rf"sys/.*|{ANY_TEST}", "Boost.Asio belongs to sys/ (and to tests that run coroutines)"),
    (r"boost/.*", r"sys/.*", "Boost belongs to sys/"),
    (r"openssl/.*", r"base/hasher\.cc|sys/tls.*|sys/http_transport.*", "OpenSSL belongs to base/hasher.cc, sys/tls* and sys/http_transport*"),
    (r"curl/.*", r"sys/.*", "libcurl belongs to sys/"),
    (r"archive(_entry)?\.h", r"sys/tar_.*", "libarchive belongs to sys/tar_*"),
    (r"sqlite3\.h", r"meta/.*", "SQLite belongs to meta/"),
    (r"nlohmann/.*", r".*\.cc", "nlohmann-json belongs in .cc files"),
    (r"toml\+\+/.*|toml\.hpp", r"server/.*", "toml++ belongs to server/"),
    (r"CLI/.*", r"cli/.*", "CLI11 belongs to cli/"),
    (r"spdlog/.*", r"base/log\.cc", "spdlog belongs to base/log.cc"),
    (r"fmt/.*", r".*\.cc", "fmt belongs in .cc files"),
    (r"prometheus/.*", r"sys/metrics\.cc", "prometheus-cpp belongs to sys/metrics.cc"),
    (r"(gtest|gmock)/.*", rf"{ANY_TEST}|test/.*", "GoogleTest belongs to tests"),
]
HEADERS_WITH_THIRD_PARTY = re.compile(r"base/task\.h|sys/.*_native\.h|.*_test\.h|test/.*")

SYSTEM_FOLDERS = {"sys", "linux", "netinet", "arpa", "net", "asm", "sanitizer"}
SYSTEM_HEADERS = {"aio.h", "assert.h", "ctype.h", "dirent.h", "dlfcn.h", "endian.h", "errno.h", "fcntl.h", "features.h",
                  "grp.h", "inttypes.h", "limits.h", "locale.h", "malloc.h", "math.h", "netdb.h", "poll.h", "pthread.h",
                  "pwd.h", "sched.h", "signal.h", "spawn.h", "stdint.h", "stdio.h", "stdlib.h", "string.h", "termios.h",
                  "time.h", "unistd.h", "crypt.h"}

INCLUDE = re.compile(r'^\s*#\s*include\s+(?:"([^"]+)"|<([^>]+)>)')
LINES_ASKED, LINES_MAX = 400, 600


def folder_of(path: str) -> str:
    return path.split("/", 1)[0]


def own_include_fault(path: str, included: str, root: pathlib.Path) -> str | None:
    """`path` is relative to src/; `included` is what stands between the quotes."""
    own, other = folder_of(path), folder_of(included)
    if other == "test":
        return None if re.fullmatch(ANY_TEST, path) else "only tests include from test/"
    if other not in FLOORS or "/" not in included:
        return "an include of ours names its folder below src/, as in \"base/error.h\""
    if not (root / "src" / included).is_file():
        return "there is no such file below src/"
    if own == other:
        for one, another in APART:
            if {True} == {path.startswith(one + "/"), included.startswith(another + "/")} or \
               {True} == {path.startswith(another + "/"), included.startswith(one + "/")}:
                return f"{one}/ and {another}/ do not include each other"
        return None
    if other in UNSEEN.get(own, set()):
        return f"{own}/ never sees {other}/"
    if FLOORS[other] == FLOORS[own]:
        return f"two folders on one floor do not include each other ({own}/ and {other}/ are on floor {FLOORS[own]})"
    if FLOORS[other] > FLOORS[own]:
        return f"a floor looks down, never up ({own}/ is on {FLOORS[own]}, {other}/ on {FLOORS[other]})"
    return None


def foreign_include_fault(path: str, included: str) -> str | None:
    for header, place, rule in LIBRARIES:
        if not re.fullmatch(header, included):
            continue
        if not re.fullmatch(place, path):
            return rule
        if path.endswith(".h") and not HEADERS_WITH_THIRD_PARTY.fullmatch(path):
            return "no third party in our headers (base/task.h and sys/*_native.h aside)"
        return None
    if "/" in included:
        known = folder_of(included) in SYSTEM_FOLDERS
    else:
        known = "." not in included or included in SYSTEM_HEADERS
    return None if known else "a library that has no place yet (test/layering/layering_test.py lists them)"


def sources(root: pathlib.Path, folder: str, endings: set[str]) -> list[pathlib.Path]:
    return sorted(p for p in (root / folder).rglob("*") if p.suffix in endings and p.is_file())


def include_faults(root: pathlib.Path) -> list[str]:
    faults = []
    for file in sources(root, "src", {".cc", ".h"}):
        path = file.relative_to(root / "src").as_posix()
        if folder_of(path) not in FLOORS:
            faults.append(f"src/{path}:1: folder '{folder_of(path)}' has no floor")
            continue
        for number, line in enumerate(file.read_text(errors="replace").splitlines(), 1):
            match = INCLUDE.match(line)
            if not match:
                continue
            fault = (own_include_fault(path, match[1], root) if match[1] else foreign_include_fault(path, match[2]))
            if fault:
                faults.append(f"src/{path}:{number}: cannot include '{match[1] or match[2]}': {fault}")
    return faults


def length_faults(root: pathlib.Path) -> list[str]:
    faults = []
    for folder in ("src", "test"):
        for file in sources(root, folder, {".cc", ".h", ".py"}):
            lines = len(file.read_text(errors="replace").splitlines())
            where = f"{file.relative_to(root).as_posix()}:{lines}"
            if lines > LINES_MAX:
                faults.append(f"{where}: a file has a seam before it has {LINES_MAX} lines (got {lines})")
            elif lines > LINES_ASKED:
                print(f"note: {where}: past {LINES_ASKED} lines")
    return faults


def faults_of(root: pathlib.Path) -> list[str]:
    return include_faults(root) + length_faults(root)


# file, its text, and what the fault must say ("" when there must be none)
ROWS = {
    "upwards": ("src/oci/a.cc", '#include "registry/b.h"', "looks down, never up"),
    "sideways": ("src/oci/a.cc", '#include "sys/b.h"', "on one floor"),
    "sideways in the cellar of content": ("src/blob/a.cc", '#include "meta/b.h"', "on one floor"),
    "registry sees upstream": ("src/registry/a.cc", '#include "upstream/b.h"', "never sees"),
    "upkeep sees cluster": ("src/registry/upkeep/a.cc", '#include "registry/cluster/b.h"', "do not include each other"),
    "cluster sees upkeep": ("src/registry/cluster/a.cc", '#include "registry/upkeep/b.h"', "do not include each other"),
    "without its folder": ("src/oci/a.cc", '#include "b.h"', "names its folder"),
    "a file that is not there": ("src/oci/a.cc", '#include "base/nowhere.h"', "no such file"),
    "test code in the product": ("src/oci/a.cc", '#include "test/support/b.h"', "only tests"),
    "asio in a use case": ("src/registry/a.cc", "#include <boost/asio/co_spawn.hpp>", "Boost.Asio belongs"),
    "awaitable by another door": ("src/blob/a.cc", "#include <boost/asio/awaitable.hpp>", "base/task.h"),
    "beast outside sys": ("src/http/a.cc", "#include <boost/beast/http.hpp>", "Boost belongs"),
    "openssl outside": ("src/oci/a.cc", "#include <openssl/evp.h>", "OpenSSL belongs"),
    "curl outside": ("src/upstream/a.cc", "  #  include <curl/curl.h>", "libcurl belongs"),
    "libarchive outside": ("src/sys/a.cc", "#include <archive.h>", "libarchive belongs"),
    "sqlite outside": ("src/blob/a.cc", "#include <sqlite3.h>", "SQLite belongs"),
    "json in a header": ("src/oci/a.h", "#include <nlohmann/json.hpp>", "belongs in .cc"),
    "toml outside": ("src/cli/a.cc", "#include <toml++/toml.h>", "toml++ belongs"),
    "command line outside": ("src/server/a.cc", "#include <CLI/CLI.hpp>", "CLI11 belongs"),
    "spdlog outside": ("src/base/a.cc", "#include <spdlog/spdlog.h>", "spdlog belongs"),
    "fmt in a header": ("src/base/a.h", "#include <fmt/format.h>", "belongs in .cc"),
    "prometheus outside": ("src/sys/a.cc", "#include <prometheus/registry.h>", "prometheus-cpp belongs"),
    "gtest in the product": ("src/oci/a.cc", "#include <gtest/gtest.h>", "belongs to tests"),
    "third party in a header of sys": ("src/sys/a.h", "#include <curl/curl.h>", "no third party"),
    "an unknown library": ("src/oci/a.cc", "#include <absl/strings/str_cat.h>", "no place yet"),
    "an unknown header": ("src/oci/a.cc", "#include <zlib.h>", "no place yet"),
    "a folder without a floor": ("src/attic/a.cc", "", "has no floor"),
    "a very long file": ("src/oci/a.cc", "\n" * 601, "has a seam"),
    "downwards": ("src/registry/a.cc", '#include "meta/b.h"', ""),
    "its own folder": ("src/registry/upkeep/a.cc", '#include "registry/b.h"', ""),
    "the system": ("src/sys/a.cc", "#include <sys/stat.h>\n#include <unistd.h>\n#include <vector>", ""),
    "asio in a test": ("src/blob/a_test.cc", "#include <boost/asio/co_spawn.hpp>\n#include <gtest/gtest.h>", ""),
    "support in a test": ("src/blob/a_test.cc", '#include "test/support/b.h"', ""),
    "a native header": ("src/sys/a_native.h", "#include <boost/beast/core.hpp>", ""),
    "the one awaitable": ("src/base/task.h", "#include <boost/asio/awaitable.hpp>", ""),
    "five hundred lines": ("src/oci/a.cc", "\n" * 500, ""),
}


def self_test() -> int:
    wrong = 0
    for name, (path, text, expected) in ROWS.items():
        with tempfile.TemporaryDirectory() as temporary:
            root = pathlib.Path(temporary)
            for folder in [*FLOORS, "registry/upkeep", "registry/cluster"]:
                (root / "src" / folder).mkdir(parents=True, exist_ok=True)
                (root / "src" / folder / "b.h").write_text("#pragma once\n")
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(text + "\n")
            faults = faults_of(root)
        right = len(faults) == 1 and expected in faults[0] and path in faults[0] if expected else not faults
        if not right:
            wrong += 1
            print(f"FAIL: {name}: got {faults}, want {expected or 'no fault'}")
    print(f"{len(ROWS)} rules tried, {wrong} wrong")
    return 1 if wrong else 0


def main() -> int:
    if len(sys.argv) != 2:
        print(__doc__)
        return 2
    if sys.argv[1] == "--self-test":
        return self_test()
    root = pathlib.Path(sys.argv[1])
    if not sources(root, "src", {".cc", ".h"}):
        print(f"cannot check '{root}': no sources below src/")
        return 2
    faults = faults_of(root)
    print("\n".join(faults) if faults else "every include and every file keeps the rules")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
