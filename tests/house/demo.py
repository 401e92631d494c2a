#!/usr/bin/env python3
"""scripts/demo does what it says: twice with --once (the second finds its token), and an honest refusal.

It takes the program that these tests were built with. That it could build one by itself, in a folder where nothing was
built, is asked of CMake alone: what it would compile is part of what was compiled for the tests."""

import re
import socket
import tempfile

import house


def demo(source, *words):
    return house.run([source / "scripts/demo", *words])


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return str(probe.getsockname()[1])


def check_story(findings, code, text, which):
    findings.check(code == 0, f"{which} run ended with {code}: {text[-1500:]}")
    for step in range(1, 11):
        told = len(re.findall(rf"^\({step}\) ", text, re.M))
        findings.check(told >= 3, f"{which} run: step {step} is told {told} times, not once in each handshake")
    findings.check("TLS_RSA_WITH_" in text and "TLS_ECDHE_" in text and "chose TLS 1.3," in text,
                   f"{which} run: not all three kinds of handshake")
    findings.check(text.count("It works") == 3, f"{which} run: the page did not come three times")
    for key in ("server-rsa", "server-p256"):
        findings.check(f"object={key};" in text, f"{which} run: the server does not say that it used {key} in the token")


def check_keys(findings, source):
    """No private key of the server outside of the token, and a PIN that only its owner can read."""
    state = source / "build/demo/state"
    mode = (state / "pin").stat().st_mode & 0o777
    findings.check(mode == 0o600, f"the PIN file has mode {mode:o}")
    secret = [path.name for path in state.iterdir()
              if path.is_file() and b"PRIVATE KEY" in path.read_bytes() and path.name != "ca.key"]
    findings.check(not secret, f"private keys in files: {secret}")


def check_build_alone(findings, source):
    text = (source / "scripts/demo").read_text()
    options = re.search(r'cmake --preset release -B "\$build" (.*?);', text)
    if not findings.check(options, "scripts/demo configures no build of its own"):
        return
    with tempfile.TemporaryDirectory(prefix="handfast-demo-") as folder:
        code, text = house.run(["cmake", "--preset", "release", "-B", folder, *options[1].split()], cwd=source)
        findings.check(code == 0, f"its own build is not configured: {text[-1500:]}")
        code, text = house.run(["cmake", "--build", folder, "--target", "handfast_program", "--", "-n"])
        findings.check(code == 0 and "apps/handfast" in text, f"its own build has no program: {text[-1500:]}")


def main():
    args = house.arguments()
    findings = house.Findings()
    code, text = demo(args.source, "--once", "--port", free_port())
    check_story(findings, code, text, "first")
    check_keys(findings, args.source)
    check_build_alone(findings, args.source)
    code, text = demo(args.source, "--once", "--port", free_port())
    check_story(findings, code, text, "second")
    findings.check("is still there" in text, "the second run did not find the token of the first")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        code, text = demo(args.source, "--once", "--port", str(taken.getsockname()[1]))
    findings.check(code == 1 and "--port" in text, f"with its port taken it ended with {code}: {text}")
    code, _ = demo(args.source, "--nonsense")
    findings.check(code == 2, f"with a wrong option it ended with {code}")
    findings.finish(at_least=30)


if __name__ == "__main__":
    main()
