#!/usr/bin/env python3
"""The matrix of `handfast connect` against `openssl s_server` or `gnutls-serv`: every key of the server, every TLS 1.2
suite, CBC with and without encrypt-then-MAC, client certificates whose keys live in the token, and refusals.

--every N takes each Nth exchange, and all refusals: for sanitizers, under which a start of the program is most of a cell.
"""

import argparse
import time

import cells
import gnutls_peer
import handfast_peer
import openssl_peer
import process
import suites
import world as worlds
from cells import expect
from matrix_serve import AUTH_SUITES, LARGE, LARGE_SUITES, SMALL, etm_modes, label
from report import digest


class Matrix:
    def __init__(self, args):
        self.world = worlds.World(args.world)
        self.program, self.peer = args.handfast, args.peer
        self.server = {"openssl": openssl_peer.EchoServer, "gnutls": gnutls_peer.EchoServer}[args.peer]

    def connect(self, port, suite, payload, **options):
        return handfast_peer.connect(self.world, self.program, port, suite, payload, **options)

    def exchange(self, key, suite, size, etm=True, client_key=None):
        """One connection; both sides must have seen the same thing."""
        payload = worlds.text_payload(size)
        with self.server(self.world, key, suite, payload, etm, client_auth=client_key is not None) as server:
            code, received, errors, command = self.connect(server.port, suite, payload, key=client_key)
            expect(code == 0 and digest(received) == digest(payload),
                   f"{command}: exit code {code}, {len(received)} of {len(payload)} bytes\n{errors}\n{server.output()}")
            report = server.report()
        report.command = command
        if self.peer == "gnutls":
            report.received = payload  # the echo came back whole, so it arrived whole
        report.expect(suite, payload, etm and suites.is_cbc(suite))
        if client_key:
            expect(client_key in (report.peer_subject or ""), f"server saw {report.peer_subject}, not {client_key}")

    def exchanges(self):
        for key in worlds.SERVER_KEYS:
            for suite in suites.for_key(key):
                for etm in etm_modes(suite):
                    yield (label(key, suite, etm=etm),
                           lambda key=key, suite=suite, etm=etm: self.exchange(key, suite, SMALL, etm))
        for suite in LARGE_SUITES["openssl"]:
            for etm in etm_modes(suite):
                yield label("10 MiB", suite, etm=etm), lambda suite=suite, etm=etm: self.exchange("rsa", suite, LARGE, etm)
        for client_key in worlds.CLIENT_KEYS:
            for suite in AUTH_SUITES:
                yield (label(suite, "with", client_key, "in the token"),
                       lambda suite=suite, client_key=client_key:
                       self.exchange("rsa", suite, SMALL, client_key=client_key))

    def refusals(self):
        yield "certificate of an unknown CA", lambda: self.refuses("impostor", ["localhost"], "unknown_ca")
        yield "certificate of another name", lambda: self.refuses("p256", ["elsewhere.test"], "bad_certificate")
        yield "server wants a certificate, there is none", self.without_certificate

    def refuses(self, key, names, alert):
        """The client must not accept this server, and must say why; nothing of the payload may reach the server."""
        suite = "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"
        with self.server(self.world, key, suite, b"") as server:
            code, received, errors, command = self.connect(server.port, suite, b"secret", more=["--name", names[0]])
            expect(code == 1 and not received, f"{command}: exit code {code}, received {received}")
            expect(errors.startswith("handfast: ") and errors.count("\n") == 1, f"{command} said: {errors!r}")
            # gnutls-serv says that an alert came, not which; and when it comes to it.
            word = alert if self.peer == "openssl" else "alert"
            end = time.monotonic() + process.PATIENCE
            while word not in self.seen(server) and time.monotonic() < end:
                time.sleep(0.02)
            expect(word in self.seen(server), f"the server saw no {alert}: {server.output()}")
            expect("secret" not in server.output(), "the server got application data")

    @staticmethod
    def seen(server):
        return server.output().lower().replace(" ", "_")

    def without_certificate(self):
        suite = AUTH_SUITES[1]
        with self.server(self.world, "rsa", suite, b"", client_auth=True) as server:
            code, received, errors, command = self.connect(server.port, suite, b"")
            expect(code == 1 and not received and errors.startswith("handfast: "),
                   f"{command}: exit code {code}, {errors}\n{server.output()}")


def main():
    parser = argparse.ArgumentParser()
    handfast_peer.program_argument(parser)
    parser.add_argument("--peer", required=True, choices=("openssl", "gnutls"))
    parser.add_argument("--every", type=int, default=1)
    args = parser.parse_args()
    matrix = Matrix(args)
    exchanges = list(matrix.exchanges())[::args.every]
    cells.finish(cells.run_all(dict(exchanges) | dict(matrix.refusals()), at_least=80 // args.every))


if __name__ == "__main__":
    main()
