#!/usr/bin/env python3
"""An installation can be used: a small program finds the libraries with pkg-config, links them shared and static, runs."""

import os
import pathlib
import re
import tempfile

import house

CONSUMER = r"""
#include <handfast/handfast.h>
#include <handfast/hsm.h>
#include <handfast/provision.h>
#include <handfast/providers.h>
#include <stdio.h>
#include <string.h>

int main(void)
{
    hf_crypto crypto;
    hf_hsm_options options = {0};
    hf_key *key = NULL;
    char why[200];
    if (hf_crypto_compose("auto", &crypto, NULL, NULL, why, sizeof why) != HF_OK || !crypto.ciphers[HF_AES_128_GCM])
        return 10;
    if (hf_hsm_key_open(&options, "no uri at all", &key, why, sizeof why) == HF_OK || strlen(why) == 0)
        return 11;
    hf_config *config = NULL;
    if (hf_config_new(hf_env_system(), &crypto, &config) != HF_OK)
        return 12;
    hf_config_release(config);
    printf("%s %s\n", hf_version(), hf_suite_at(0)->name);
    return 0;
}
"""

LIBRARIES = ("handfast", "handfast-providers", "handfast-hsm")
STRICT = ("-std=c11", "-D_POSIX_C_SOURCE=200809L", "-Wall", "-Wextra", "-Wpedantic", "-Wcast-qual", "-Werror")


def install(args, prefix):
    code, text = house.run([args.cmake, "--install", args.build, "--prefix", prefix])
    if code != 0:
        raise SystemExit(f"cmake --install: {text}")


def pkg_config(prefix, libdir, *options):
    """Flags from the installed .pc files; the prefix was chosen after they were written."""
    environment = dict(os.environ, PKG_CONFIG_PATH=str(prefix / libdir / "pkgconfig"))
    code, text = house.run(["pkg-config", *options, *LIBRARIES], env=environment)
    if code != 0:
        raise SystemExit(f"pkg-config: {text}")
    return text.split()


def readme_example(source):
    """The C program that the README shows."""
    found = re.search(r"^```c\n(.*?)^```", (source / "README.md").read_text(), re.M | re.S)
    return found.group(1) if found else "#error no example in README.md"


def build(findings, args, prefix, kind, sources, program):
    """Compiles a program against what is installed below prefix."""
    options = ["--static"] if kind == "static" else []
    flags = pkg_config(prefix, args.libdir, *options, "--cflags", "--libs")
    code, text = house.run([args.cc, *STRICT, *sources, "-o", program, *flags, "-pthread"])
    return findings.check(code == 0, f"{kind}: {program.name} does not compile and link: {text[:800]}")


def build_and_run(findings, args, prefix, kind, text):
    source = prefix / f"{kind}.c"
    program = prefix / f"consumer-{kind}"
    source.write_text(text)
    if not build(findings, args, prefix, kind, [source], program):
        return
    environment = dict(os.environ, LD_LIBRARY_PATH=str(prefix / args.libdir))
    code, text = house.run([program], env=environment)
    findings.check(code == 0, f"{kind}: the program ended with {code}: {text[:200]}")
    _, dynamic = house.run(["readelf", "-dW", program])
    findings.check(("libhandfast" in dynamic) == (kind == "shared"), f"{kind}: linked the other kind of library")


def check_programs(findings, args, prefix):
    program = prefix / "bin" / "handfast"
    if not findings.check(program.is_file(), "bin/handfast is not installed"):
        return
    code, text = house.run([program, "--version"], env={"PATH": os.environ["PATH"]})
    findings.check(code == 0 and "handfast" in text, f"installed handfast --version: {code}: {text[:200]}")
    _, dynamic = house.run(["readelf", "-dW", program])
    findings.check(str(args.build) not in dynamic, "the installed program looks for libraries in the build folder")
    findings.check((prefix / "share/man/man1/handfast.1").is_file(), "the man page handfast(1) is not installed")


def check_fault_module(findings, args, prefix):
    module = prefix / args.libdir / "pkcs11" / "libhandfast-fault.so"
    findings.check(module.is_file(), "the fault module is not installed")


def main():
    args = house.arguments("build", "cmake", "cc", "libdir", "apps")
    findings = house.Findings()
    with tempfile.TemporaryDirectory() as folder:
        prefix = pathlib.Path(folder)
        install(args, prefix)
        build_and_run(findings, args, prefix, "shared", CONSUMER)
        build_and_run(findings, args, prefix, "shared", readme_example(args.source))
        if args.apps == "1":
            check_programs(findings, args, prefix)
        check_fault_module(findings, args, prefix)
        for library in (prefix / args.libdir).glob("*.so*"):
            library.unlink()
        build_and_run(findings, args, prefix, "static", CONSUMER)
    findings.finish(at_least=10)


if __name__ == "__main__":
    main()
