#!/usr/bin/env python3
"""What the big matrix keeps fixed: several credentials in one server, groups, signature schemes, policies, providers,
the way to the token, and clients that may or may not show a certificate.
"""

import argparse
import re

import cells
import curl_peer
import gnutls_peer
import handfast_peer
import openssl_peer
import process
import world as worlds
from cells import expect

ECDHE_RSA = "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"
ECDHE_ECDSA = "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"
RSA = "TLS_RSA_WITH_AES_128_GCM_SHA256"

GROUPS = {"X25519": "X25519", "P-256": "ECDH, prime256v1", "P-384": "ECDH, secp384r1", "P-521": "ECDH, secp521r1"}
# OpenSSL's name of the kind of signature, up to 3.2 and since.
SCHEMES = {f"{name}+SHA{bits}": (f"SHA{bits}", f"({old}|{new}{bits})")
           for name, old, new in (("RSA", "RSA", "rsa_pkcs1_sha"), ("RSA-PSS", "RSA-PSS", "rsa_pss_rsae_sha"))
           for bits in (256, 384, 512)}


class Variants:
    def __init__(self, args):
        self.world = worlds.World(args.world)
        self.program = args.handfast

    def serve(self, keys, **options):
        return handfast_peer.Serve(self.world, self.program, keys, **options)

    def good(self, port, suite, more=(), credential=None):
        payload = worlds.binary_payload(5000)
        report = openssl_peer.client(self.world, port, suite, payload, credential=credential, more=more)
        report.expect(suite, payload)
        return report

    def bad(self, port, suite, alert, more=(), credential=None):
        report = openssl_peer.client(self.world, port, suite, b"x", credential=credential, more=more)
        if report.code == 0 or report.received or alert not in report.errors:
            raise report.explain(f"expected '{alert}'")

    def two_credentials(self):
        """One server, an RSA and a P-256 key: the client's suite decides which one answers."""
        with self.serve(["rsa", "p256"]) as server:
            for suite, subject in ((RSA, "rsa"), (ECDHE_RSA, "rsa"), (ECDHE_ECDSA, "p256")):
                report = self.good(server.port, suite)
                expect(re.search(f"Peer certificate: CN ?= ?{subject}\n", report.errors), f"{suite}: {report.errors}")

    def groups(self):
        with self.serve(["rsa"]) as server:
            for group, reported in GROUPS.items():
                report = self.good(server.port, ECDHE_RSA, more=["-groups", group])
                expect(re.search(f"(Server|Peer) Temp Key: {reported}", report.errors), f"{group}: {report.errors}")
            self.bad(server.port, ECDHE_RSA, "handshake failure", more=["-groups", "X448"])

    def schemes(self):
        with self.serve(["rsa"]) as server:
            for scheme, (digest, kind) in SCHEMES.items():
                report = self.good(server.port, ECDHE_RSA, more=["-sigalgs", scheme])
                expect(f"Hash used: {digest}\n" in report.errors and
                       re.search(f"Signature type: {kind}\n", report.errors), f"{scheme}: {report.errors}")

    def intermediate(self):
        """The default policy: neither RSA key transport nor CBC."""
        with self.serve(["rsa"], policy="intermediate") as server:
            self.good(server.port, ECDHE_RSA)
            self.bad(server.port, RSA, "handshake failure")
            self.bad(server.port, "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256", "handshake failure")

    def default_clients(self):
        """Clients as they come, that speak TLS 1.3: they get it, and the server's first choice."""
        payload = worlds.text_payload(5000)
        with self.serve(["rsa"]) as server:
            for peer in (openssl_peer, gnutls_peer):
                report = peer.client(self.world, server.port, None, payload)
                expect(report.version in ("TLSv1.3", "TLS1.3") and report.received == payload and report.code == 0 and
                       re.search("AES-128-GCM", report.suite.replace("_", "-")),
                       f"{report.command}: {report.version} {report.suite}\n{report.errors}")
        with self.serve(["rsa"], app=("--root", self.world.folder)) as server:
            report = curl_peer.client(self.world, server.port, None, "/ca.pem")
            expect(report.version == "TLSv1.3" and report.suite == "TLS_AES_128_GCM_SHA256" and report.code == 0 and
                   report.received == self.world.ca.read_bytes(), f"{report.command}: {report.errors}")

    def default_servers(self):
        """Servers as they come, that speak TLS 1.3."""
        payload = worlds.text_payload(5000)
        for peer in (openssl_peer, gnutls_peer):
            with peer.EchoServer(self.world, "rsa", None, payload) as server:
                code, received, errors, command = handfast_peer.connect(self.world, self.program, server.port, None,
                                                                        payload, policy="intermediate")
                expect(code == 0 and received == payload, f"{command}: {code} {errors}\n{server.output()}")
                report = server.report()
                expect(report.version in ("TLSv1.3", "TLS1.3"), f"{command}: {report.version}\n{report.errors}")

    def configured_modules(self):
        """No module is named anywhere: p11-kit's configuration leads to the token."""
        with self.serve(["rsa", "p256"], p11kit_modules=True) as server:
            for suite in (RSA, ECDHE_RSA, ECDHE_ECDSA):
                self.good(server.port, suite)

    def provider(self, name):
        with self.serve(["rsa"], more=["--provider", name]) as server:
            for suite in (RSA, ECDHE_RSA, "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256", "TLS_RSA_WITH_AES_256_CBC_SHA256"):
                self.good(server.port, suite)

    def optional_certificate(self):
        with self.serve(["rsa"], more=["--client-ca", self.world.ca, "--client-auth", "optional"]) as server:
            self.good(server.port, ECDHE_RSA)
            self.good(server.port, ECDHE_RSA, credential="client-p256")
            self.bad(server.port, ECDHE_RSA, "unknown ca", credential="stranger")

    def explain(self):
        """`connect --explain` tells all ten steps, for key transport and for ECDHE."""
        with self.serve(["rsa"]) as server:
            for suite in (RSA, ECDHE_RSA):
                code, received, errors, command = handfast_peer.connect(
                    self.world, self.program, server.port, suite, b"hello\n", more=["--explain"])
                expect(code == 0 and received == b"hello\n", f"{command}: exit code {code}\n{errors}")
                steps = set(map(int, re.findall(r"^\((\d+)\)", errors, re.M)))
                expect(steps >= set(range(1, 11)) - {5}, f"{command}: steps {sorted(steps)}\n{errors}")

    def explain_with_certificate(self):
        with self.serve(["rsa"], more=["--client-ca", self.world.ca, "--explain"]) as server:
            code, _, errors, command = handfast_peer.connect(self.world, self.program, server.port, RSA, b"hello\n",
                                                             key="client-rsa", more=["--explain"])
            steps = re.findall(r"^\((\d+)\)", errors, re.M)
            expect(code == 0 and set(map(int, steps)) == set(range(1, 11)), f"{command}: {code}, {steps}\n{errors}")
            told = server.output()
        # Step 3 happens inside of the client.
        expect(all(f"({step})" in told for step in range(1, 11) if step != 3), f"serve --explain told:\n{told}")
        expect("token" in told, f"serve --explain does not say that the token held the key:\n{told}")


def providers(program):
    """The record providers of this build, from the program itself."""
    code, text, errors = process.converse([program, "providers"])
    names = [name for name in ("portable", "libcrypto", "ipsecmb") if re.search(rf"\b{name}\b", text.decode())]
    expect(code == 0 and "portable" in names, f"handfast providers: {code} {text} {errors}")
    return names


def main():
    parser = argparse.ArgumentParser()
    handfast_peer.program_argument(parser)
    args = parser.parse_args()
    variants = Variants(args)
    matrix = {name.replace("_", " "): getattr(variants, name) for name in
              ("two_credentials", "default_clients", "default_servers", "groups", "schemes", "intermediate",
               "configured_modules", "optional_certificate", "explain", "explain_with_certificate")}
    for name in providers(args.handfast):
        matrix[f"provider {name}"] = lambda name=name: variants.provider(name)
    cells.finish(cells.run_all(matrix, at_least=12))


if __name__ == "__main__":
    main()
