"""`curl` as a peer: one HTTP request over TLS."""

import re

import process
import suites
from report import Report


def client(world, port, suite, path, upload=None, credential=None, more=()):
    """GETs path, or PUTs `upload` (a file) to it; the body of the answer is what came back. suite None: curl's choice."""
    pinned = []
    if suite and suites.is_tls13(suite):
        pinned = ["--tlsv1.3", "--tls13-ciphers", suite]
    elif suite:
        pinned = ["--tlsv1.2", "--tls-max", "1.2", "--ciphers", suites.OPENSSL[suite] + ":@SECLEVEL=0"]
    argv = ["curl", "--silent", "--show-error", "--verbose", "--http1.1", *pinned, "--cacert", world.ca, "--max-time",
            process.PATIENCE,
            "--resolve", f"localhost:{port}:127.0.0.1", f"https://localhost:{port}{path}", "--fail", *more]
    if upload:
        argv += ["--upload-file", upload]
    if credential:
        argv += ["--cert", world.cert(credential), "--key", world.key(credential)]
    code, received, errors = process.converse(argv)
    used = re.search(r"SSL connection using (\S+) / (\S+)", errors)
    report = Report(version=used.group(1) if used else None,
                    suite=suites.IANA_OF_OPENSSL.get(used.group(2), used.group(2)) if used else None)
    report.code, report.received, report.command = code, received, process.shell(argv)
    report.errors = "\n".join(line for line in errors.splitlines() if not line.startswith(("{", "}")))
    return report
