#!/usr/bin/env python3
"""Sources are tidy: formatted, of a readable size, each says what it is for, and none names one machine's folders."""

import re

import house

LINES_MAX = 600  # past this a file has two subjects
FORMAT_VERSION = "14"

# A folder of somebody's machine; documentation writes such things as /etc/... or PATH.
MACHINE_PATH = re.compile(r"(?<![\w.~}-])/(home|Users|root|work|mnt|scratch)/[\w.-]+")
# They keep their answer in one buffer for all threads; each has a form that ends in _r or takes the caller's room.
SHARED_BUFFER = re.compile(r"\b(gmtime|localtime|asctime|ctime|strtok|inet_ntoa)\s*\(")
TEXT = {".c", ".h", ".py", ".md", ".txt", ".cmake", ".json", ".in", ".1", ".sh", ".yml", ""}


def check_text(findings, source, file):
    path = file.relative_to(source)
    try:
        text = file.read_text()
    except UnicodeDecodeError:
        return  # a vector or a certificate
    for match in MACHINE_PATH.finditer(text):
        line = text.count("\n", 0, match.start()) + 1
        findings.check(False, f"{path}:{line} names a path of one machine: {match.group(0)}")
    findings.check(text.endswith("\n") or not text, f"{path}: no newline at the end")
    if file.suffix in (".c", ".h"):
        findings.check(text.startswith("/*"), f"{path}: the first lines do not say what the file is for")
        for match in SHARED_BUFFER.finditer(text):
            line = text.count("\n", 0, match.start()) + 1
            findings.check(False, f"{path}:{line} calls {match.group(1)}, which is not thread-safe")
        lines = text.count("\n")
        findings.check(lines <= LINES_MAX, f"{path}: {lines} lines; past {LINES_MAX} a file has two subjects")


def formatter(program):
    """The version of clang-format, or None; versions format differently, so only one of them can be the judge."""
    if not program:
        return None
    _, text = house.run([program, "--version"])
    match = re.search(r"version (\d+)\.", text)
    return match.group(1) if match else None


def check_format(findings, source, program):
    """One run for all files: it names each place that it would change."""
    files = house.c_files(source)
    code, text = house.run([program, "--dry-run", "--Werror", *files])
    places = re.findall(r"^(\S+:\d+):\d+: error: code should be clang-formatted", text, re.M)
    seen = set()
    for place in places:
        name = place.rsplit(":", 1)[0]
        findings.check(name in seen, f"not formatted: {place.replace(f'{source}/', '')}")
        seen.add(name)
    findings.check((code == 0) == (not places), f"clang-format ended with {code}: {text[:300]}")
    findings.checks += len(files)


def main():
    args = house.arguments("clang-format", "format-check")
    findings = house.Findings()
    for file in house.tracked_files(args.source):
        if file.suffix in TEXT and file.name != "LICENSE" and "corpus" not in file.parts:
            check_text(findings, args.source, file)
    if args.format_check == "0":
        print("formatting is NOT checked: HF_FORMAT_CHECK is OFF")
    else:
        version = formatter(args.clang_format)
        if findings.check(version == FORMAT_VERSION,
                          f"clang-format {FORMAT_VERSION} is needed, found {version}; install it or configure with "
                          "-DHF_FORMAT_CHECK=OFF"):
            check_format(findings, args.source, args.clang_format)
    findings.finish(at_least=100)


if __name__ == "__main__":
    main()
