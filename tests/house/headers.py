#!/usr/bin/env python3
"""Every public header compiles alone and twice, as C11 and as C++; what it declares for callers is marked and named."""

import pathlib
import re
import tempfile

import house

PUBLIC = ("lib/include", "providers/include", "hsm/include")
WARNINGS = ["-Wall", "-Wextra", "-Wpedantic", "-Werror", "-fsyntax-only"]


def compile_alone(findings, folder, source, header, compiler, suffix, flags):
    includes = [f"-I{source / root}" for root in PUBLIC]
    program = pathlib.Path(folder) / f"alone{suffix}"
    program.write_text(f'#include "{header}"\n#include "{header}"\nint main(void);\nint main(void) {{ return 0; }}\n')
    code, text = house.run([compiler, *flags, *WARNINGS, *includes, program])
    findings.check(code == 0, f"{header} as {flags[0]} with {pathlib.Path(compiler).name}: {text[:500]}")


def check_guard(findings, path, text):
    name = re.sub(r"\W", "_", path.name.upper())
    findings.check(re.search(rf"#ifndef HANDFAST_{name}\n#define HANDFAST_{name}\n", text) is not None,
                   f"{path.name}: include guard is not HANDFAST_{name}")
    findings.check('extern "C"' in text, f'{path.name}: no extern "C"')


def check_names(findings, path, text):
    declarations = re.sub(r"^\s*#.*$", "", re.sub(r"/\*.*?\*/", "", text, flags=re.S), flags=re.M)
    for name in re.findall(r"HF_API[^;{]*?\b(\w+)\s*\(", declarations):
        findings.check(name.startswith("hf_"), f"{path.name}: {name} is exported but does not start with hf_")


def main():
    args = house.arguments("cc", "cxx")
    findings = house.Findings()
    with tempfile.TemporaryDirectory() as folder:
        for root in PUBLIC:
            for path in sorted((args.source / root).rglob("*.h")):
                header = path.relative_to(args.source / root).as_posix()
                compile_alone(findings, folder, args.source, header, args.cc, ".c", ["-std=c11"])
                compile_alone(findings, folder, args.source, header, args.cxx, ".cc", ["-std=c++11", "-x", "c++"])
                text = path.read_text()
                check_guard(findings, path, text)
                check_names(findings, path, text)
    findings.finish(at_least=40)


if __name__ == "__main__":
    main()
