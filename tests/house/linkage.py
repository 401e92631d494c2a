#!/usr/bin/env python3
"""What the build made: which libraries each output needs, which symbols leave it, how it is hardened."""

import os
import pathlib
import re

import house

# Output -> what it may need at run time. libssl appears nowhere: it is a peer in tests, not a part.
SYSTEM = {"libc.so", "ld-linux-x86-64.so", "ld-linux-aarch64.so", "libm.so", "libgcc_s.so", "libpthread.so"}
NEEDS = {
    "libhandfast.so": set(),
    "libhandfast-providers.so": {"libhandfast.so", "libcrypto.so", "libIPSec_MB.so"},
    "libhandfast-hsm.so": {"libhandfast.so", "libcrypto.so", "libp11-kit.so"},
    "libhandfast-fault.so": set(),
    "handfast": {"libcrypto.so", "libIPSec_MB.so", "libp11-kit.so", "libuv.so"},
}
FOLDERS = {"libhandfast": "lib", "libhandfast-providers": "providers", "libhandfast-hsm": "hsm"}


def find(build, name):
    """The output of that name outside of CMake's own folders."""
    for folder, below, files in os.walk(build):  # not rglob: it fails when another test's folder goes meanwhile
        below[:] = sorted(set(below) - {"CMakeFiles", "tests"})
        if name in files:
            return pathlib.Path(folder, name)
    return None


def needed(path):
    _, text = house.run(["readelf", "-dW", path])
    return {re.sub(r"\.so\..*$", ".so", name) for name in re.findall(r"\(NEEDED\).*\[([^]]+)\]", text)}


def check_needs(findings, path, name):
    for library in needed(path):
        findings.check(library in SYSTEM | NEEDS[name], f"{name} needs {library}")


def check_hardening(findings, path, name):
    _, dynamic = house.run(["readelf", "-dW", path])
    _, segments = house.run(["readelf", "-lW", path])
    findings.check("BIND_NOW" in dynamic or re.search(r"FLAGS_1.*NOW", dynamic) is not None, f"{name}: no BIND_NOW")
    # What runs at a thread's end (key pairs made ahead) must still be there then.
    findings.check(name != "libhandfast-providers.so" or "NODELETE" in dynamic, f"{name}: can be unloaded")
    findings.check("GNU_RELRO" in segments, f"{name}: no RELRO")
    stack = re.search(r"GNU_STACK.*", segments)
    findings.check(stack is not None and " RWE " not in stack.group(0), f"{name}: executable stack")


def symbols(path, *options):
    code, text = house.run(["nm", "--defined-only", *options, path])
    if code != 0:
        raise SystemExit(f"nm {path}: {text}")
    return {line.split()[-1] for line in text.splitlines() if len(line.split()) == 3}


def declared(source, folder):
    """Functions that the public headers of a library mark HF_API."""
    names = set()
    for header in (source / folder / "include").rglob("*.h"):
        text = re.sub(r"/\*.*?\*/", "", header.read_text(), flags=re.S)
        text = re.sub(r"^#define.*$", "", text, flags=re.M)
        names |= set(re.findall(r"HF_API[^;{]*?\b(hf_\w+)\s*\(", text))
    return names


def check_exports(findings, source, build, stem):
    shared = find(build, stem + ".so")
    archive = find(build, stem + ".a")
    if not findings.check(shared is not None and archive is not None, f"{stem}: .so or .a is missing"):
        return
    exported = symbols(shared, "-D")
    promised = declared(source, FOLDERS[stem])
    for name in sorted(exported | symbols(archive, "-g")):
        findings.check(name.startswith("hf_"), f"{stem} defines {name}, which does not start with hf_")
    for name in sorted(exported - promised):
        findings.check(False, f"{stem} exports {name}, which no public header declares")
    for name in sorted(promised):
        findings.check(name in exported, f"{stem} does not export {name}, which its headers promise")


def check_module(findings, build):
    """The fault module is loaded beside others into anybody's process: one symbol, the one that PKCS#11 asks for."""
    path = find(build, "libhandfast-fault.so")
    if path:
        exported = symbols(path, "-D")
        findings.check(exported == {"C_GetFunctionList"}, f"libhandfast-fault.so exports {sorted(exported)}")


def main():
    args = house.arguments("build")
    findings = house.Findings()
    for stem in FOLDERS:
        check_exports(findings, args.source, args.build, stem)
    check_module(findings, args.build)
    for name in NEEDS:
        path = find(args.build, name)
        if findings.check(path is not None, f"{name} was not built"):
            check_needs(findings, path, name)
            check_hardening(findings, path, name)
    findings.finish(at_least=150)


if __name__ == "__main__":
    main()
