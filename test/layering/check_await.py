#!/usr/bin/env python3
"""Fails on three uses of `co_await` that g++ 12 miscompiles.

One is `co_await` in the condition expression of an if or a while: its temporaries are destroyed at the wrong time, and
the coroutine crashes, even where the branch is not taken. A declaration as the condition (`if (auto x = co_await f(); !x)`)
is compiled right. Another is a braced temporary among the arguments of an awaited call: it is destroyed twice. The third
is a branch of a conditional expression.
usage: check_await.py DIRECTORY…    exit status 1 when something was found
"""
import pathlib
import re
import sys


def condition_after(text, start):
    """The text between the parenthesis at `start` and its partner."""
    depth = 0
    for i in range(start, len(text)):
        if text[i] == "(":
            depth += 1
        elif text[i] == ")":
            depth -= 1
            if depth == 0:
                return text[start + 1 : i]
    return ""


def findings(text):
    for match in re.finditer(r"\b(?:if|while)\s*\(", text):
        condition = condition_after(text, match.end() - 1)
        last = condition.rsplit(";", 1)[-1]
        if "co_await" in last and not re.match(r"\s*(?:const\s+)?[\w:<>,\s*&]+?[\s&*]\w+\s*=[^=]", last):
            yield text.count("\n", 0, match.start()) + 1, " ".join(condition.split())


def braced_arguments(text):
    for match in re.finditer(r"\bco_await\b", text):
        statement = text[match.end() : text.find(";", match.end())]
        if re.search(r"[(,]\s*(?:[A-Z]\w*|\w+::[A-Z]\w*)?\{", statement):
            yield text.count("\n", 0, match.start()) + 1, " ".join(statement.split())


def branches(text):
    for match in re.finditer(r"\?\s*co_await\b", text):
        yield text.count("\n", 0, match.start()) + 1, " ".join(text[match.start() : match.start() + 60].split())


def self_test():
    bad = ["if (!co_await f()) return;", "while (a && co_await f()) {}", "} else if (!co_await f(x, y(z))) {"]
    good = ["if (auto x = co_await f(); !x) {}", "if (const auto x = co_await f()) {}", "if (a) co_await f();"]
    braced = ["co_await f({});", "co_await f(call, {a, b});", "co_await g(x, meta::Put{a});"]
    branch = ["auto x = a ? co_await f() : g();", "auto x = a ?\n  co_await f() : co_await g();"]
    named = ["co_await f(a, b);", "co_await pool.run([&] { return 1; });"]
    return (
        all(list(findings(t)) for t in bad)
        and not any(list(findings(t)) for t in good)
        and all(list(branches(t)) for t in branch)
        and not any(list(branches(t)) for t in good + named)
        and all(list(braced_arguments(t)) for t in braced)
        and not any(list(braced_arguments(t)) for t in named)
    )


def main():
    if not self_test():
        sys.exit("check_await: its own test failed")
    found = 0
    for root in sys.argv[1:]:
        for path in sorted(pathlib.Path(root).rglob("*")):
            if path.suffix not in (".cc", ".h"):
                continue
            text = path.read_text()
            for line, condition in findings(text):
                print(f"{path}:{line}: co_await in a condition ({condition}): await in a statement of its own")
                found += 1
            for line, statement in branches(text):
                print(f"{path}:{line}: co_await behind '?' ({statement}): await in a statement of its own")
                found += 1
            for line, statement in braced_arguments(text):
                print(f"{path}:{line}: a braced temporary in an awaited call ({statement}): give it a name and move it")
                found += 1
    print(f"check_await: {found} found")
    sys.exit(1 if found else 0)


main()
