#!/usr/bin/env python3
"""format_test.py ROOT: every .cc and .h below src/ and test/ is as clang-format 19 writes it."""
import pathlib
import subprocess
import sys


def main() -> int:
    root = pathlib.Path(sys.argv[1])
    files = sorted(str(p) for folder in ("src", "test") for p in (root / folder).rglob("*") if p.suffix in {".cc", ".h"})
    if not files:
        print(f"cannot check '{root}': no sources")
        return 2
    status = subprocess.run(["clang-format-19", "--dry-run", "-Werror", *files], check=False).returncode
    print(f"{len(files)} files; to mend them: clang-format-19 -i FILE" if status else f"{len(files)} files are in shape")
    return 1 if status else 0


if __name__ == "__main__":
    sys.exit(main())
