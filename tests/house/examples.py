#!/usr/bin/env python3
"""The examples of docs/examples, compiled against an installation, talk to each other, with a key in a file and in a
token; a client that does not trust the server refuses it."""

import os
import pathlib
import re
import subprocess
import tempfile

import house
import install

WAIT = 60  # seconds until something that must happen counts as not happening


def make_token(args, prefix, environment):
    """A SoftHSM token with a P-256 key and a certificate for localhost: what the server is started with."""
    (prefix / "tokens").mkdir()
    (prefix / "softhsm2.conf").write_text(f"directories.tokendir = {prefix}/tokens\nlog.level = ERROR\n")
    for name in ("pin", "so-pin"):
        (prefix / name).touch(mode=0o600)
        (prefix / name).write_text("471100\n")
    token = ["--token", "web", "--module", args.softhsm, "--pin-source", prefix / "pin"]
    subject = ["--label", "site", "--subject", "CN=localhost", "--san", "dns:localhost", "--out", prefix / "token.pem"]
    for words in (["init", *token, "--so-pin-source", prefix / "so-pin"], ["keygen", "ec:p256", *token, "--label", "site"],
                  ["selfsign", *token, *subject]):
        code, text = house.run([prefix / "bin" / "handfast", "token", *words], env=environment)
        if code != 0:
            raise SystemExit(f"handfast token {words[0]}: {text}")
    return [prefix / "token.pem", "pkcs11:token=web;object=site", args.softhsm, prefix / "pin"]


def make_file_key(prefix):
    code, text = house.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30", "-keyout",
                            prefix / "file.key", "-out", prefix / "file.pem", "-subj", "/CN=localhost", "-addext",
                            "subjectAltName=DNS:localhost"])
    if code != 0:
        raise SystemExit(f"openssl req: {text}")
    return [prefix / "file.pem", prefix / "file.key"]


def talk(findings, server, client, credential, stranger, environment):
    serving = subprocess.Popen([str(word) for word in (server, *credential)], stdout=subprocess.PIPE, text=True,
                               stderr=subprocess.STDOUT, env=environment)
    try:
        line = serving.stdout.readline()
        found = re.fullmatch(r"listening on port (\d+)\n", line)
        if not findings.check(found is not None, f"the server did not start: {line}{serving.stdout.read() if not found else ''}"):
            return
        for anchors, name, good in ((credential[0], "localhost", True), (credential[0], "localhost", True),
                                    (stranger, "localhost", False), (credential[0], "other.example", False)):
            code, text = house.run([client, "127.0.0.1", found.group(1), name, anchors, "what comes back"],
                                   env=environment, timeout=WAIT)
            told = f"{credential[1]}, {name}, {anchors.name}: {code}: {text}"
            findings.check((code == 0 and text == "what comes back\n") if good else (code == 1 and "refused" in text), told)
    finally:
        serving.kill()
        serving.communicate()


def main():
    args = house.arguments("build", "cmake", "cc", "libdir", "softhsm")
    findings = house.Findings()
    examples = args.source / "docs" / "examples"
    with tempfile.TemporaryDirectory() as folder:
        prefix = pathlib.Path(folder)
        install.install(args, prefix)
        environment = dict(os.environ, LD_LIBRARY_PATH=str(prefix / args.libdir),
                           SOFTHSM2_CONF=str(prefix / "softhsm2.conf"))
        credentials = [make_file_key(prefix), make_token(args, prefix, environment)]
        for kind in ("shared", "static"):
            if kind == "static":
                for library in (prefix / args.libdir).glob("*.so*"):
                    library.unlink()
            programs = [prefix / f"{name}-{kind}" for name in ("server", "client")]
            if not all([install.build(findings, args, prefix, kind, [examples / f"{name}.c", examples / "drive.c"], program)
                        for name, program in zip(("server", "client"), programs)]):
                continue
            for credential, other in (credentials, credentials[::-1]):
                talk(findings, *programs, credential, other[0], environment)
    findings.finish(at_least=20)


if __name__ == "__main__":
    main()
