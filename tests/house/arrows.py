#!/usr/bin/env python3
"""Dependencies point one way only (docs/architecture.md): who may include what.

An #include is judged by where it stands. CMake targets enforce most of this already; this test catches a target that
was given too much.
"""

import re

import house

INCLUDE = re.compile(r"^\s*#\s*include\s*[<\"]([^>\"]+)[>\"]", re.M)

# Header pattern -> folders that may include it (and tests, which may include everything).
FOREIGN = {
    r"openssl/(ssl|tls1|dtls1|ssl3)\.h": (),  # libssl is a peer in tests and benchmarks, never a part
    r"openssl/": ("providers/libcrypto", "hsm", "apps", "bench"),
    r"intel-ipsec-mb\.h": ("providers/ipsecmb", "bench"),
    r"(p11-kit/|pkcs11)": ("hsm", "apps", "bench"),
    r"uv\.h": ("apps", "bench"),
    r"gnutls/": (),
    r"(bearssl.*)\.h": ("bench",),
}

# The engine does no input or output and has no threads; its one lock stands behind lock.h.
NOT_IN_LIB = re.compile(r"^(sys/socket|netinet/|arpa/|netdb|poll|sys/poll|sys/epoll|sys/select|pthread|threads|fcntl|"
                        r"dlfcn|sys/eventfd|signal|sys/stat|sys/mman)")

# Public headers of the house -> folders that may include them.
OURS = {
    r"handfast/providers\.h": ("providers", "apps", "bench"),
    r"handfast/hsm\.h": ("hsm", "apps", "bench"),
    r"handfast/handfast\.h": ("lib", "apps", "bench"),  # the engine; providers and hsm know the contracts only
    r"handfast/batch\.h": ("lib", "apps", "bench"),
}


def inside(path, folders):
    return any(path == folder or path.startswith(folder + "/") for folder in folders)


def judge_engine(findings, path, header):
    allowed = path == "lib/src/lock.h" and header == "pthread.h"
    findings.check(allowed or not NOT_IN_LIB.match(header), f"{path} includes {header}: the engine has no sockets, files, threads")


def judge(findings, path, header):
    for pattern, folders in {**FOREIGN, **OURS}.items():
        if re.match(pattern, header):
            findings.check(inside(path, folders), f"{path} includes {header}; only {folders or 'tests'} may")
            return
    if inside(path, ("lib",)):
        judge_engine(findings, path, header)


def judge_insides(findings, source, path, header):
    """A header that is private to one library is included by that library (and by tests) only."""
    for owner in ("lib", "providers", "hsm"):
        if (source / owner / "src" / header).is_file() and not (source / path).parent.joinpath(header).is_file():
            findings.check(inside(path, (owner,)), f"{path} includes {header}, which is an inside of {owner}")


def main():
    args = house.arguments()
    findings = house.Findings()
    for file in house.c_files(args.source):
        path = file.relative_to(args.source).as_posix()
        if not inside(path, house.PRODUCT):
            continue
        for header in INCLUDE.findall(file.read_text()):
            judge(findings, path, header)
            judge_insides(findings, args.source, path, header)
    findings.finish(at_least=30)


if __name__ == "__main__":
    main()
