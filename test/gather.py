#!/usr/bin/env python3
"""Gathers the tests of all builds into one CTest directory: gather.py [--long] DIRECTORY

The release build has every test, the sanitizer builds have unit and conformance tests under the same names; here they
carry the name of their build, so one run of CTest shows and counts all of them. clang-tidy, and with --long each fuzz
target and simulated worlds and damage that nobody has seen yet, are entries like any other.
"""
import json
import os
import pathlib
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
BUILDS = {"release": "", "asan-ubsan": "asan-ubsan."}
LONG_BUILDS = {"tsan": "tsan."}
SANITIZER_ENVIRONMENT = [
    "ASAN_OPTIONS=detect_leaks=1:strict_string_checks=1:detect_stack_use_after_return=1",
    "UBSAN_OPTIONS=print_stacktrace=1",
    "TSAN_OPTIONS=halt_on_error=1:second_deadlock_stack=1",
]
FUZZ_SECONDS = 60
SIMULATED_SEEDS = 3000
COLLECTED_SEEDS = 10_000
DAMAGED_SEEDS = 1000


def quoted(text: str) -> str:
    return "[==[" + text + "]==]"


def tests_of(build: str) -> list[dict]:
    command = ["ctest", "--test-dir", str(ROOT / "build" / build), "--show-only=json-v1"]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    if answer.returncode != 0:
        sys.exit(f"gather: cannot list the tests of build '{build}': {answer.stderr.strip()}")
    return json.loads(answer.stdout)["tests"]


def flattened(value) -> str:
    return ";".join(str(item) for item in value) if isinstance(value, list) else str(value)


def entry(name: str, command: list[str], properties: dict) -> str:
    lines = [f"add_test({quoted(name)} " + " ".join(quoted(part) for part in command) + ")"]
    settings = " ".join(f"{key} {quoted(flattened(value))}" for key, value in properties.items())
    if settings:
        lines.append(f"set_tests_properties({quoted(name)} PROPERTIES {settings})")
    return "\n".join(lines)


def main() -> None:
    arguments = [a for a in sys.argv[1:] if a != "--long"]
    long_run = "--long" in sys.argv
    if len(arguments) != 1:
        sys.exit("usage: gather.py [--long] DIRECTORY")
    entries = []
    for build, prefix in (BUILDS | LONG_BUILDS if long_run else BUILDS).items():
        tests = tests_of(build)
        if not tests:
            sys.exit(f"gather: cannot use build '{build}': it has no tests")
        for test in tests:
            if "command" not in test:
                sys.exit(f"gather: cannot run test '{test['name']}' of build '{build}': it is not built")
            properties = {p["name"]: p["value"] for p in test.get("properties", [])}
            if prefix:
                properties["ENVIRONMENT"] = list(properties.get("ENVIRONMENT", [])) + SANITIZER_ENVIRONMENT
                properties["LABELS"] = list(properties.get("LABELS", [])) + ["sanitizer"]
                properties["TIMEOUT"] = 3 * float(properties.get("TIMEOUT", 300))
            entries.append(entry(prefix + test["name"], test["command"], properties))
    tidy = [str(ROOT / "script" / "tidy")] + (["--all"] if long_run else [])
    entries.append(entry("tidy", tidy, {"LABELS": "house", "TIMEOUT": 7200 if long_run else 900, "COST": 300}))
    if long_run:
        entries += fuzz_entries() + [simulation_entry(), collection_entry(), damage_entry()]
    directory = pathlib.Path(arguments[0])
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "CTestTestfile.cmake").write_text("\n".join(entries) + "\n")
    print(f"gather: {len(entries)} tests in {directory}")


def simulation_entry() -> str:
    """Other seeds each time; a failure prints its own."""
    command = [str(ROOT / "build" / "release" / "bin" / "simulation_test"), "--gtest_filter=*whatever_the_upstreams_do"]
    first = int(time.time()) * 1000
    properties = {"LABELS": "sim", "TIMEOUT": 1800, "COST": 400,
                  "ENVIRONMENT": [f"LIFEBOAT_SIM_SEEDS={SIMULATED_SEEDS}", f"LIFEBOAT_SIM_FIRST={first}"]}
    return entry("sim.new_seeds", command, properties)


def collection_entry() -> str:
    """As above, of the collector among pushes and deletes."""
    command = [str(ROOT / "build" / "release" / "bin" / "gc_model_test"), "--gtest_filter=*whatever_comes_between*"]
    properties = {"LABELS": "sim", "TIMEOUT": 1800, "COST": 300,
                  "ENVIRONMENT": [f"LIFEBOAT_GC_SEEDS={COLLECTED_SEEDS}", f"LIFEBOAT_GC_FIRST={int(time.time()) * 1000}"]}
    return entry("gc.new_seeds", command, properties)


def damage_entry() -> str:
    """Other stories each time; a failure prints its own."""
    first = int(time.time()) * 1000
    properties = {"LABELS": "damage", "TIMEOUT": 3600, "COST": 800,
                  "ENVIRONMENT": [f"LIFEBOAT_DAMAGE_SEEDS={DAMAGED_SEEDS}", f"LIFEBOAT_DAMAGE_FIRST={first}"]}
    return entry("damage.new_seeds", [str(ROOT / "build" / "release" / "bin" / "damage_test")], properties)


def fuzz_entries() -> list[str]:
    targets = sorted(p for p in (ROOT / "build" / "fuzz" / "bin").glob("fuzz_*") if os.access(p, os.X_OK))
    if not targets:
        sys.exit("gather: cannot run fuzz targets: build 'fuzz' has none")
    entries = []
    for target in targets:
        found = ROOT / "build" / "fuzz" / "corpus" / target.name
        found.mkdir(parents=True, exist_ok=True)
        corpus = [str(found)]
        seeds = ROOT / "test" / "fuzz" / "corpus" / target.name.removeprefix("fuzz_")
        if seeds.is_dir():
            corpus.append(str(seeds))
        command = [str(target), f"-max_total_time={FUZZ_SECONDS}", "-timeout=10", "-rss_limit_mb=2048",
                   f"-artifact_prefix={found}/", *corpus]
        properties = {"LABELS": "fuzz", "TIMEOUT": FUZZ_SECONDS + 120, "COST": FUZZ_SECONDS}
        entries.append(entry("fuzz." + target.name.removeprefix("fuzz_"), command, properties))
    return entries


if __name__ == "__main__":
    main()
