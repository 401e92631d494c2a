#!/usr/bin/env python3
"""OCSP stapling (RFC 6066 section 8, RFC 8446 section 4.4.2.1) in TLS 1.2 and 1.3: `serve --ocsp` before openssl and
gnutls-cli, `connect --ocsp` and `--require-ocsp` before openssl's server. The responses are made by `openssl ocsp`.
"""

import argparse
import pathlib
import tempfile

import cells
import gnutls_peer
import handfast_peer
import process
import suites
import world as worlds
from cells import expect

ECDHE_RSA = "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"
SUITES = [suites.TLS13[0], ECDHE_RSA]


def make_response(world, folder, cert, name, revoked=False):
    """DER of a response about `cert` in folder/name."""
    serial = worlds.call("openssl", "x509", "-noout", "-serial", "-in", cert).strip().split("=")[1]
    state = "R\t491231235959Z\t240101000000Z" if revoked else "V\t491231235959Z\t"
    index, out = folder / f"{name}.txt", folder / name
    index.write_text(f"{state}\t{serial}\tunknown\t/CN=any\n")
    worlds.call("openssl", "ocsp", "-index", index, "-CA", world.ca, "-rsigner", world.ca, "-rkey",
                world.folder / "ca.key", "-issuer", world.ca, "-cert", cert, "-respout", out, "-noverify", "-ndays",
                "1")
    return out


class Ocsp:
    def __init__(self, args):
        self.world, self.program = worlds.World(args.world), args.handfast
        self.folder = tempfile.TemporaryDirectory()
        path = pathlib.Path(self.folder.name)
        token, files = self.world.token_cert("rsa"), self.world.cert("rsa")
        self.ours = make_response(self.world, path, token, "ours")
        self.other = make_response(self.world, path, self.world.token_cert("p256"), "other")
        self.our_end = make_response(self.world, path, token, "our-end", revoked=True)
        self.good = make_response(self.world, path, files, "good")
        self.revoked = make_response(self.world, path, files, "revoked", revoked=True)

    # ---- serve ----

    def serve(self, response):
        return handfast_peer.Serve(self.world, self.program, ["rsa"], more=("--ocsp", response))

    def openssl_status(self, port, suite):
        argv = ["openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-CAfile", self.world.ca, "-status",
                *(["-tls1_3"] if suites.is_tls13(suite) else ["-tls1_2", "-cipher", suites.OPENSSL[suite]])]
        code, received, errors = process.converse(argv, b"", 0)
        return received.decode(errors="replace") + errors

    def openssl_client(self, suite):
        with self.serve(self.ours) as server:
            text = self.openssl_status(server.port, suite)
            expect("OCSP Response Status: successful" in text and "Cert Status: good" in text, text)

    def gnutls_client(self, suite):
        with self.serve(self.ours) as server:
            report = gnutls_peer.client(self.world, server.port, suite, b"x\n")
            report.expect(suite, b"x\n")
            expect("OCSP status request" in report.errors and "The certificate is trusted" in report.errors,
                   report.errors)

    def not_stapled(self, response, why):
        with self.serve(response) as server:
            expect("is not stapled" in server.output() and why in server.output(), server.output())
            for suite in SUITES:
                text = self.openssl_status(server.port, suite)
                expect("OCSP response: no response sent" in text, text)

    # ---- connect ----

    def connect(self, suite, response, option, want):
        """want None: good; else a word of the error."""
        def argv(port):
            return ["openssl", "s_server", "-accept", f"127.0.0.1:{port}", "-cert", self.world.cert("rsa"), "-key",
                    self.world.key("rsa"), *(["-status_file", response] if response else [])]

        with process.Server(argv, payload=b"", expect=10 ** 9) as server:
            code, _, errors, command = handfast_peer.connect(self.world, self.program, server.port, suite, b"",
                                                             more=option)
        if want is None:
            expect(code == 0 and ("OCSP good" in errors) == bool(response and option), f"{command}: {code} {errors}")
        else:
            expect(code == 1 and want in errors, f"{command}: {code} {errors}")

    def cells(self):
        for suite in SUITES:
            yield f"openssl asks serve: {suite}", lambda s=suite: self.openssl_client(s)
            yield f"gnutls-cli asks serve: {suite}", lambda s=suite: self.gnutls_client(s)
            for option in ([], ["--ocsp"], ["--require-ocsp"]):
                yield (f"connect {option} to a good one: {suite}",
                       lambda s=suite, o=option: self.connect(s, self.good, o, None))
            for option in ("--ocsp", "--require-ocsp"):
                yield (f"connect {option} to a revoked one: {suite}",
                       lambda s=suite, o=option: self.connect(s, self.revoked, [o], "revoked"))
                yield (f"connect {option} to another's: {suite}", lambda s=suite, o=option:
                       self.connect(s, self.other, [o], "bad_certificate_status_response"))
            yield f"connect --ocsp to none: {suite}", lambda s=suite: self.connect(s, None, ["--ocsp"], None)
            yield (f"connect --require-ocsp to none: {suite}", lambda s=suite:
                   self.connect(s, None, ["--require-ocsp"], "bad_certificate_status_response"))
        yield "serve: a revocation", lambda: self.not_stapled(self.our_end, "revoked")
        yield "serve: another certificate's", lambda: self.not_stapled(self.other, "another certificate")
        yield "serve: no response at all", lambda: self.not_stapled(self.world.ca, "no OCSP response")

    def run(self):
        return cells.run_all(dict(self.cells()), at_least=25)


def main():
    parser = argparse.ArgumentParser()
    handfast_peer.program_argument(parser)
    cells.finish(Ocsp(parser.parse_args()).run())


if __name__ == "__main__":
    main()
