#!/usr/bin/env python3
"""Exported keying material (RFC 5705, RFC 8446 section 7.5): what --export prints is what openssl and gnutls-cli print of
the same connection. Nothing comes out of TLS 1.2 without extended master secret (RFC 7627).
"""

import argparse
import re
import time

import cells
import gnutls_peer
import handfast_peer
import process
import suites
import world as worlds
from cells import expect

LABEL, SIZE = "EXPORTER-handfast", 40
ECDHE_RSA = "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384"
SUITES = [suites.TLS13[0], suites.TLS13[1], ECDHE_RSA]
OPENSSL = ["-keymatexport", LABEL, "-keymatexportlen", str(SIZE)]
OURS = re.compile(rf"exported {LABEL} \({SIZE} bytes\): ([0-9A-F]+)$", re.M)


class Exporter:
    def __init__(self, args):
        self.world, self.program = worlds.World(args.world), args.handfast

    def serve(self, more=()):
        return handfast_peer.Serve(self.world, self.program, ["rsa"], more=("--export", f"{LABEL}:{SIZE}", *more))

    @staticmethod
    def await_ours(server, pattern=OURS):
        end = time.monotonic() + process.PATIENCE
        while not pattern.search(server.output()):
            expect(time.monotonic() < end, f"the server does not say {pattern.pattern}:\n{server.output()}")
            time.sleep(0.02)
        return pattern.search(server.output())

    @staticmethod
    def theirs(text, pattern):
        found = re.search(pattern, text)
        expect(found, f"the peer exports nothing:\n{text}")
        return found.group(1).upper()

    def openssl_client(self, suite):
        with self.serve() as server:
            argv = ["openssl", "s_client", "-connect", f"127.0.0.1:{server.port}", "-CAfile", self.world.ca,
                    *(["-tls1_3", "-ciphersuites", suite] if suites.is_tls13(suite) else ["-tls1_2"]), *OPENSSL]
            code, received, errors = process.converse(argv, b"", 0)
            theirs = self.theirs(received.decode(errors="replace") + errors, r"Keying material: ([0-9A-F]+)")
            ours = self.await_ours(server).group(1)
        expect(len(ours) == 2 * SIZE and ours == theirs, f"{ours} is not {theirs}")

    def gnutls_client(self, suite):
        with self.serve() as server:
            report = gnutls_peer.client(self.world, server.port, suite, b"x\n",
                                        more=["--keymatexport", LABEL, "--keymatexportsize", str(SIZE)])
            theirs = self.theirs(report.errors, r"- Key material: ([0-9a-fA-F]+)")
            ours = self.await_ours(server).group(1)
        expect(ours == theirs, f"{ours} is not {theirs}")

    def no_extended_master_secret(self):
        with self.serve() as server:
            argv = ["gnutls-cli", "127.0.0.1", "--port", server.port, "--x509cafile", self.world.ca, "--verify-hostname",
                    "localhost", "--priority", "NORMAL:-VERS-ALL:+VERS-TLS1.2:%NO_SESSION_HASH"]
            code, received, errors = process.converse(argv, b"x\n", 2)
            expect(code == 0, errors)
            self.await_ours(server, re.compile("--export .*without extended master secret exports nothing"))
            expect(not OURS.search(server.output()), server.output())

    def openssl_server(self, suite):
        def argv(port):
            return ["openssl", "s_server", "-accept", f"127.0.0.1:{port}", "-cert", self.world.cert("rsa"), "-key",
                    self.world.key("rsa"), *OPENSSL]

        # no -brief, which would keep the material silent; its standard input stays open
        with process.Server(argv, payload=b"", expect=10 ** 9) as server:
            code, received, errors, command = handfast_peer.connect(
                self.world, self.program, server.port, suite, b"", more=["--export", f"{LABEL}:{SIZE}"])
            expect(code == 0, f"{command}: {errors}")
            theirs = self.theirs(server.conversation.text(), r"Keying material: ([0-9A-F]+)")
        found = OURS.search(errors)
        expect(found and found.group(1) == theirs, f"{errors} does not tell {theirs}")
        expect(received == b"", "standard output is the server's alone")

    def cells(self):
        for suite in SUITES:
            yield f"serve exports what openssl does: {suite}", lambda s=suite: self.openssl_client(s)
            yield f"serve exports what gnutls-cli does: {suite}", lambda s=suite: self.gnutls_client(s)
            yield f"connect exports what openssl does: {suite}", lambda s=suite: self.openssl_server(s)
        yield "nothing without extended master secret", self.no_extended_master_secret

    def run(self):
        return cells.run_all(dict(self.cells()), at_least=10)


def main():
    parser = argparse.ArgumentParser()
    handfast_peer.program_argument(parser)
    cells.finish(Exporter(parser.parse_args()).run())


if __name__ == "__main__":
    main()
