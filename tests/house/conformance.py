#!/usr/bin/env python3
"""Every test that docs/conformance.md names exists, and no row of it is without a test or a reason."""

import re

import house

CRITERION_TEST = re.compile(r"^Test\((\w+),\s*(\w+)", re.M)
NAME = re.compile(r"`([\w.-]+/[\w./-]+)`")
HEAD = re.compile(r"\| (what|section|RFC, section) \||\|[-|]+\|$")


def criterion_tests(source):
    """suite/test of every Criterion test in tests/."""
    found = set()
    for path in house.c_files(source):
        if path.relative_to(source).parts[0] == "tests":
            found.update("/".join(pair) for pair in CRITERION_TEST.findall(path.read_text(errors="replace")))
    return found


def main():
    args = house.arguments()
    findings = house.Findings()
    tests = criterion_tests(args.source)
    page = args.source / "docs" / "conformance.md"
    for number, line in enumerate(page.read_text().splitlines(), 1):
        if not line.startswith("|") or HEAD.match(line):
            continue
        names = NAME.findall(line)
        findings.check(names or "not implemented" in line, f"{page.name}:{number}: neither a test nor a reason")
        for name in names:
            is_file = name.endswith((".py", ".c"))
            exists = (args.source / "tests" / name).is_file() if is_file else name in tests
            findings.check(exists, f"{page.name}:{number}: there is no test {name}")
    findings.finish(at_least=400)


if __name__ == "__main__":
    main()
