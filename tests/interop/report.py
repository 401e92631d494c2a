"""What a peer says of one connection, and the comparison with what was asked for."""

import hashlib
from dataclasses import dataclass

import suites
from process import PeerError


def digest(data):
    return hashlib.sha256(data).hexdigest()


@dataclass
class Report:
    version: str = None
    suite: str = None
    encrypt_then_mac: bool = None
    extended_master_secret: bool = None
    peer_subject: str = None
    code: object = None
    received: bytes = b""
    errors: str = ""
    messages: str = ""  # openssl -msg
    command: str = ""

    def explain(self, what):
        return PeerError(f"{what}\n  {self.command}\n  exit code {self.code}\n{indent(self.errors)}")

    def expect(self, suite, payload, etm=None):
        """Everything that a good connection must show, as the foreign program reports it."""
        version = "1.3" if suites.is_tls13(suite) else "1.2"
        if self.version not in (f"TLSv{version}", f"TLS{version}"):
            raise self.explain(f"version is {self.version}, not TLS {version}")
        if self.suite != suite:
            raise self.explain(f"suite is {self.suite}, not {suite}")
        if etm is not None and self.encrypt_then_mac != etm:
            raise self.explain(f"encrypt-then-MAC is {self.encrypt_then_mac}, not {etm}")
        if len(self.received) != len(payload) or digest(self.received) != digest(payload):
            raise self.explain(f"{len(self.received)} bytes came back, hash {digest(self.received)}; "
                               f"{len(payload)} were sent, hash {digest(payload)}")
        if self.code != 0:
            raise self.explain("the program did not end well")


def indent(text, limit=3000):
    return "".join(f"  | {line}\n" for line in text[-limit:].splitlines())
