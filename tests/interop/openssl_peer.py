"""`openssl s_client` and `openssl s_server` as peers."""

import re
import tempfile

import process
import suites
from report import Report

EXTENSION_ENCRYPT_THEN_MAC = 22
EXTENSION_EXTENDED_MASTER_SECRET = 23


def server_hello_extensions(messages):
    """Extension numbers of the ServerHello in the text of -msg."""
    found = re.search(r", ServerHello\n((?:\s+[0-9a-f ]+\n)+)", messages)
    if not found:
        return set()
    hello = bytes.fromhex(found.group(1).replace("\n", " "))
    at = 4 + 2 + 32
    at += 1 + hello[at] + 2 + 1  # session id, cipher suite, compression
    numbers, at = set(), at + 2
    while at + 4 <= len(hello):
        numbers.add(int.from_bytes(hello[at:at + 2], "big"))
        at += 4 + int.from_bytes(hello[at + 2:at + 4], "big")
    return numbers


def read_report(errors, messages):
    """What OpenSSL says was negotiated (-brief on stderr, -msg in a file)."""
    version = re.search(r"Protocol version: (\S+)", errors)
    suite = re.search(r"Ciphersuite: (\S+)", errors)
    extensions = server_hello_extensions(messages)
    return Report(messages=messages, version=version.group(1) if version else None,
                  suite=suites.IANA_OF_OPENSSL.get(suite.group(1), suite.group(1)) if suite else None,
                  encrypt_then_mac=EXTENSION_ENCRYPT_THEN_MAC in extensions,
                  extended_master_secret=EXTENSION_EXTENDED_MASTER_SECRET in extensions)


def common(suite, etm):
    """suite None: whatever the program offers by itself, TLS 1.3 included."""
    pinned = []
    if suite and suites.is_tls13(suite):
        pinned = ["-tls1_3", "-ciphersuites", suite]
    elif suite:
        pinned = ["-tls1_2", "-cipher", suites.OPENSSL[suite] + ":@SECLEVEL=0"]
    return [*pinned, "-brief", "-msg", *([] if etm else ["-no_etm"])]


def client(world, port, suite, payload, etm=True, credential=None, more=()):
    """Connects, sends payload, takes it back from an echo server. Returns (Report, command)."""
    with tempfile.NamedTemporaryFile(mode="r") as messages:
        argv = ["openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-servername", "localhost",
                "-CAfile", world.ca, "-verify_return_error", "-verify_hostname", "localhost", "-nocommands",
                "-msgfile", messages.name, *common(suite, etm), *more]
        if credential:
            argv += ["-cert", world.cert(credential), "-key", world.key(credential)]
        code, received, errors = process.converse(argv, payload, len(payload))
        report = read_report(errors, messages.read())
    report.code, report.received, report.errors, report.command = code, received, errors, process.shell(argv)
    return report


class EchoServer(process.Server):
    """s_server that takes one connection; sends `payload`, and keeps what it receives.

    s_server has no echo of bytes, so each direction has its own payload: the same in both, sent at the same time.
    """

    def __init__(self, world, key, suite, payload, etm=True, client_auth=False, more=()):
        self.messages = tempfile.NamedTemporaryFile(mode="r")

        def argv(port):
            words = ["openssl", "s_server", "-accept", f"127.0.0.1:{port}", "-naccept", "1",
                     "-cert", world.cert(key), "-key", world.key(key), "-msgfile", self.messages.name,
                     *common(suite, etm), *more]
            return words + ["-CAfile", world.ca, "-Verify", "3", "-verify_return_error"] if client_auth else words

        # s_server that finds input before the handshake makes it inside of a write, and then reports nothing.
        super().__init__(argv, payload=payload, expect=len(payload), after="Ciphersuite:")

    def report(self):
        """What the server saw; waits for its one connection to end."""
        code, received, errors = self.conversation.finish()
        self.messages.seek(0)
        report = read_report(errors, self.messages.read())
        report.code, report.received, report.errors = code, received, errors
        report.peer_subject = next(iter(re.findall(r"Peer certificate: (.*)", errors)), None)
        return report
