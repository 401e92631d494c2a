"""`gnutls-cli` and `gnutls-serv` as peers."""

import re
import tempfile

import process
import suites
from report import Report


def priority(suite, etm):
    """The one suite, its version, and everything that keys and groups need; None: the program's own choice."""
    if suite is None:
        return "NORMAL"
    cipher, mac = suites.gnutls_parts(suite)
    version = ["+VERS-TLS1.3"] if suites.is_tls13(suite) else ["+VERS-TLS1.2", f"+{suites.key_exchange(suite)}"]
    parts = ["NONE", *version, f"+{cipher}", f"+{mac}", "+SIGN-ALL",
             "+GROUP-ALL", "+CTYPE-X509"]
    return ":".join(parts if etm else parts + ["%NO_ETM"])


def read_report(text, suite):
    """"- Description: (TLS1.2-X.509)-(ECDHE-X25519)-(RSA-PSS-RSAE-SHA256)-(AES-128-GCM)" and "- Options: ..., EtM,"."""
    report = Report()
    description = re.search(r"- Description: (\S+)", text)
    if description:
        parts = description.group(1).strip("()").split(")-(")
        report.version = parts[0].split("-")[0]
        report.encrypt_then_mac = report.extended_master_secret = False
        report.suite = suite if suite and matches(parts, suite) else "-".join(parts)
    options = re.search(r"- Options: (.*)", text)
    if options:
        report.encrypt_then_mac = "EtM" in options.group(1)
        report.extended_master_secret = "extended master secret" in options.group(1)
    return report


def matches(parts, suite):
    """Whether a description names exactly this suite: "RSA" or "ECDHE-<group>" and the signature, cipher, MAC."""
    cipher, mac = suites.gnutls_parts(suite)
    if suites.is_tls13(suite):
        return parts[1].startswith("ECDHE-") and parts[3:] == [cipher]
    exchange = suites.key_exchange(suite)
    tail = [cipher] if mac == "AEAD" else [cipher, mac]
    if exchange == "RSA":
        return parts[1:] == ["RSA", *tail]
    signature = {"ECDHE-RSA": ("RSA",), "ECDHE-ECDSA": ("ECDSA", "EdDSA", "Ed25519")}[exchange]
    return parts[1].startswith("ECDHE-") and parts[2].startswith(signature) and parts[3:] == tail


def client(world, port, suite, payload, etm=True, credential=None, more=()):
    with tempfile.NamedTemporaryFile(mode="r") as log:
        argv = ["gnutls-cli", "127.0.0.1", "--port", port, "--verify-hostname", "localhost", "--sni-hostname",
                "localhost", "--x509cafile", world.ca, "--logfile", log.name, "--priority", priority(suite, etm), *more]
        if credential:
            argv += ["--x509certfile", world.cert(credential), "--x509keyfile", world.key(credential)]
        code, received, errors = process.converse(argv, payload, len(payload))
        text = log.read()
    report = read_report(text, suite)
    report.code, report.received, report.errors = code, received, text + errors
    report.command = process.shell(argv)
    return report


class EchoServer(process.Server):
    """gnutls-serv --echo: sends back lines, so payloads are text of short lines."""

    def __init__(self, world, key, suite, payload, etm=True, client_auth=False, more=()):
        self.suite = suite
        auth = ["--require-client-cert", "--verify-client-cert", "--x509cafile", world.ca] if client_auth else \
            ["--disable-client-cert"]
        super().__init__(lambda port: ["gnutls-serv", "--echo", "--nodb", "--port", port, "--x509certfile",
                                       world.cert(key), "--x509keyfile", world.key(key), "--priority",
                                       priority(suite, etm), *auth, *more])

    def report(self):
        text = self.output()
        report = read_report(text, self.suite)
        report.code, report.errors = 0, text
        report.peer_subject = next(iter(re.findall(r"Subject: (.*)", text)), None)
        return report
