#!/usr/bin/env python3
"""NSS as the peer: both directions, TLS 1.2 and 1.3, suites, HelloRetryRequest, client authentication, large transfers and
tiny records.
"""

import argparse
import pathlib
import re
import tempfile

import cells
import handfast_peer
import nss_peer
import process
import suites
import world as worlds
from cells import expect

SMALL, LARGE = 40_000, 4 * 1024 * 1024
NUMBERS = {suite: f":{number}" for suite, number in (
    ("TLS_AES_128_GCM_SHA256", "1301"), ("TLS_AES_256_GCM_SHA384", "1302"), ("TLS_CHACHA20_POLY1305_SHA256", "1303"),
    ("TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", "C02F"), ("TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", "C030"),
    ("TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256", "CCA8"), ("TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA", "C013"),
    ("TLS_RSA_WITH_AES_128_GCM_SHA256", "009C"))}
VERSIONS = ("1.2", "1.3")


class Nss:
    def __init__(self, args):
        self.world, self.program = worlds.World(args.world), args.handfast
        self.folder = tempfile.TemporaryDirectory()
        self.path = pathlib.Path(self.folder.name)
        self.database = nss_peer.make_database(self.world, self.path / "db", ("rsa", "p256", "client-p256"))
        (self.path / "large").write_bytes(worlds.binary_payload(LARGE))

    # ---- serve ----

    def tstclnt(self, key, version, size=SMALL, serve=(), suite=None, **options):
        payload = worlds.binary_payload(size)
        if suite:
            options["more"] = ["-c", NUMBERS[suite]]
        with handfast_peer.Serve(self.world, self.program, [key], more=("--explain", *serve)) as server:
            received, errors = nss_peer.client(self.database, server.port, version, payload, **options)
            expect(received == payload, f"{len(received)} of {size} bytes came back\n{errors[-2000:]}")
            text = server.output()
        chose = re.search(r"chose TLS (1\.\d), (\w+)", text)
        expect(chose and chose.group(1) == version and suite in (None, chose.group(2)), text)
        return text

    def serve_cells(self):
        for suite in NUMBERS:
            version = "1.3" if suites.is_tls13(suite) else "1.2"
            yield f"tstclnt to serve: {suite}", lambda s=suite, v=version: self.tstclnt("rsa", v, suite=s)
        for version in VERSIONS:
            yield f"tstclnt to serve: P-256, TLS {version}", lambda v=version: self.tstclnt("p256", v)
            yield f"tstclnt to serve: 4 MiB, TLS {version}", lambda v=version: self.tstclnt("rsa", v, LARGE)
            yield f"tstclnt with a certificate to serve: TLS {version}", lambda v=version: self.client_auth(v)
        yield "tstclnt to serve: HelloRetryRequest", self.serve_retry

    def client_auth(self, version):
        text = self.tstclnt("p256", version, serve=("--client-ca", self.world.ca), credential="client-p256")
        expect("CN=client-p256" in text, text)

    def serve_retry(self):
        text = self.tstclnt("p256", "1.3", serve=("--groups", "P-384"), more=["-I", "x25519,P384"])
        expect(text.count("received ClientHello") == 2, text)

    # ---- connect ----

    def selfserv(self, key, version, path="/", more=(), server_more=(), client_key=None, size=1):
        request = f"GET {path} HTTP/1.0\r\n\r\n".encode()
        with nss_peer.WebServer(self.database, key, version, server_more) as server:
            code, received, errors, command = handfast_peer.connect(
                self.world, self.program, server.port, None, request, key=client_key, expect=size, more=more)
            text = server.output()
        expect(code == 0 and received.startswith(b"HTTP/1.0 200 OK"), f"{command}: {code} {errors}\n{text[-2000:]}")
        expect(f"connected: TLS {version}, " in errors, errors)
        return received, errors, text

    def large(self, version, more=()):
        received, _, _ = self.selfserv("rsa", version, self.path / "large", more, size=LARGE)
        expect(worlds.binary_payload(LARGE) in received, f"{len(received)} bytes, not the file")

    def connect_auth(self, version):
        _, _, text = self.selfserv("rsa", version, server_more=["-rr"], client_key="client-p256")
        expect("CN=client-p256" in text, text)

    def connect_retry(self):
        _, errors, _ = self.selfserv("rsa", "1.3", more=["--explain"], server_more=["-I", "P384"])
        expect(errors.count("sent ClientHello") == 2 and "P-384" in errors, errors)

    def connect_cells(self):
        for version in VERSIONS:
            for key in ("rsa", "p256"):
                yield f"connect to selfserv: {key}, TLS {version}", lambda k=key, v=version: self.selfserv(k, v)
            yield f"connect to selfserv: 4 MiB, TLS {version}", lambda v=version: self.large(v)
            yield (f"connect to selfserv: tiny records, TLS {version}",
                   lambda v=version: self.selfserv("rsa", v, more=["--record-size-limit", "64"]))
            yield f"connect with a token's certificate to selfserv: TLS {version}", lambda v=version: self.connect_auth(v)
        yield "connect to selfserv: HelloRetryRequest", self.connect_retry

    def run(self):
        return cells.run_all({**dict(self.serve_cells()), **dict(self.connect_cells())}, at_least=25)


def main():
    parser = argparse.ArgumentParser()
    handfast_peer.program_argument(parser)
    cells.finish(Nss(parser.parse_args()).run())


if __name__ == "__main__":
    main()
