#!/usr/bin/env python3
"""The matrix of `handfast serve`, its keys in the token, against one foreign client: every key, every suite of
that key, CBC with and without encrypt-then-MAC. What was negotiated is what the foreign program reports.
"""

import argparse
import http.server
import re
import threading

import cells
import curl_peer
import gnutls_peer
import handfast_peer
import openssl_peer
import suites
import world as worlds
from cells import expect

SMALL, LARGE = 40_000, 10 * 1024 * 1024  # SMALL: several records
# One suite of each kind of record protection carries 10 MiB each way.
LARGE_SUITES = {
    "openssl": ["TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", "TLS_RSA_WITH_AES_256_GCM_SHA384",
                "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256", "TLS_RSA_WITH_AES_128_CBC_SHA",
                "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256", "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA384"],
    # gnutls-cli writes each byte with a system call of its own: seconds of CPU for 10 MiB, whoever its peer is.
    "gnutls": ["TLS_RSA_WITH_AES_128_GCM_SHA256"],
}
AUTH_SUITES = ["TLS_RSA_WITH_AES_128_GCM_SHA256", "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", "TLS_AES_128_GCM_SHA256"]


def etm_modes(suite):
    return (True, False) if suites.is_cbc(suite) else (True,)


def label(*words, etm=True):
    return " ".join(words) + ("" if etm else " without EtM")


class Matrix:
    def __init__(self, args):
        self.world = worlds.World(args.world)
        self.program, self.peer = args.handfast, args.peer
        self.client = {"openssl": openssl_peer.client, "gnutls": gnutls_peer.client}.get(args.peer)

    def serve(self, keys, **options):
        return handfast_peer.Serve(self.world, self.program, keys, **options)

    def echo(self, port, suite, size, etm=True, **options):
        payload = worlds.text_payload(size)
        report = self.client(self.world, port, suite, payload, etm, **options)
        report.expect(suite, payload, etm and suites.is_cbc(suite))
        return report

    # ---- s_client and gnutls-cli against --echo ----

    def echo_cells(self, key, port):
        for suite in suites.for_key(key):
            for etm in etm_modes(suite):
                yield (label(key, suite, etm=etm),
                       lambda suite=suite, etm=etm: self.echo(port, suite, SMALL, etm))
        for suite in LARGE_SUITES[self.peer] if key == "rsa" else []:
            for etm in etm_modes(suite):
                yield (label("10 MiB", suite, etm=etm),
                       lambda suite=suite, etm=etm: self.echo(port, suite, LARGE, etm))

    def auth_cells(self, port):
        for credential in worlds.CLIENT_KEYS:
            for suite in AUTH_SUITES:
                yield (label(suite, "with", credential),
                       lambda suite=suite, credential=credential: self.echo(port, suite, SMALL, credential=credential))
        for suite in AUTH_SUITES:
            missing = "certificate" if suites.is_tls13(suite) else "handshake"  # ..._required, ..._failure
            yield (label(suite, "without certificate"),
                   lambda suite=suite, missing=missing: self.refused(port, suite, None, "alert " + missing))
            yield (label(suite, "with a stranger's certificate"),
                   lambda suite=suite: self.refused(port, suite, "stranger", "unknown ca"))

    def refused(self, port, suite, credential, alert):
        """The client ends with the alert and without a byte of data."""
        report = self.client(self.world, port, suite, b"x" * 1000, credential=credential)
        said = report.errors.lower()
        in_gnutls = {"alert handshake": "handshake failed", "alert certificate": "certificate is required",
                     "unknown ca": "ca is unknown"}[alert]
        if not (alert in said or re.search(rf"received alert \[\d+\]: {in_gnutls}", said)) or report.received:
            raise report.explain(f"expected the alert '{alert}' and no data")

    # ---- curl against --root and --backend ----

    def curl(self, port, suite, path, payload, upload=None, credential=None):
        report = curl_peer.client(self.world, port, suite, path, upload, credential)
        report.expect(suite, payload)

    def curl_cells(self, key, port):
        for suite in suites.for_key(key):
            yield label("GET", key, suite), lambda suite=suite: self.curl(port, suite, "/small", self.small)
        if key == "rsa":
            for suite in LARGE_SUITES["openssl"]:
                yield label("GET 10 MiB", suite), lambda suite=suite: self.curl(port, suite, "/large", self.large)

    def curl_backend_cells(self, port):
        for suite in LARGE_SUITES["openssl"]:
            yield (label("PUT 10 MiB through --backend", suite),
                   lambda suite=suite: self.curl(port, suite, "/echo", self.large, upload=self.root / "large"))

    def curl_auth_cells(self, port):
        for suite in AUTH_SUITES:
            for credential in ("client-rsa", "client-p256"):
                yield (label("GET", suite, "with", credential),
                       lambda suite=suite, credential=credential:
                       self.curl(port, suite, "/small", self.small, credential=credential))
            yield label("GET", suite, "without certificate"), lambda suite=suite: self.curl_refused(port, suite)

    def curl_refused(self, port, suite):
        report = curl_peer.client(self.world, port, suite, "/small")
        expect(report.code != 0 and not report.received, f"{report.command} was served without a certificate")

    # ---- all of it ----

    def run_curl(self):
        self.root = self.world.folder / "www"
        self.root.mkdir(exist_ok=True)
        self.small, self.large = worlds.binary_payload(SMALL), worlds.binary_payload(LARGE)
        (self.root / "small").write_bytes(self.small)
        (self.root / "large").write_bytes(self.large)
        failed = []
        app = ("--root", self.root)
        for key in worlds.SERVER_KEYS:
            with self.serve([key], app=app) as server:
                failed += cells.run_all(dict(self.curl_cells(key, server.port)), at_least=7)
        with EchoBackend() as backend:
            with self.serve(["rsa"], app=("--backend", f"127.0.0.1:{backend.port}")) as server:
                failed += cells.run_all(dict(self.curl_backend_cells(server.port)), at_least=6)
        with self.serve(["rsa"], app=app, more=("--client-ca", self.world.ca)) as server:
            failed += cells.run_all(dict(self.curl_auth_cells(server.port)), at_least=6)
        return failed

    def run_echo(self):
        failed = []
        for key in worlds.SERVER_KEYS:
            with self.serve([key]) as server:
                failed += cells.run_all(dict(self.echo_cells(key, server.port)), at_least=11)
        with self.serve(["rsa"], more=("--client-ca", self.world.ca)) as server:
            failed += cells.run_all(dict(self.auth_cells(server.port)), at_least=10)
        return failed


class EchoBackend:
    """A plain HTTP service that answers a PUT with its body."""

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_PUT(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    def __enter__(self):
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), self.Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()


def main():
    parser = argparse.ArgumentParser()
    handfast_peer.program_argument(parser)
    parser.add_argument("--peer", required=True, choices=("openssl", "gnutls", "curl"))
    args = parser.parse_args()
    matrix = Matrix(args)
    cells.finish(matrix.run_curl() if args.peer == "curl" else matrix.run_echo())


if __name__ == "__main__":
    main()
