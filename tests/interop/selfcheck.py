#!/usr/bin/env python3
"""The peers against each other, without Handfast: proves that the drivers see what they claim to see.

A cell passes with honest expectations and must fail with a false one (other suite, other encrypt-then-MAC, other bytes).
"""

import argparse

import cells
import gnutls_peer
import openssl_peer
import process
import world as worlds

CBC = "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256"
SUITES = {
    "rsa": ["TLS_RSA_WITH_AES_128_GCM_SHA256", "TLS_RSA_WITH_AES_128_CBC_SHA", CBC,
            "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256"],
    "ed25519": ["TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384"],
}


def must_fail(report, suite, payload, etm):
    try:
        report.expect(suite, payload, etm)
    except process.PeerError:
        return
    raise process.PeerError("a false expectation was accepted")


def gnutls_to_gnutls(world, key, suite, etm):
    payload = worlds.text_payload(100_000)
    with gnutls_peer.EchoServer(world, key, suite, payload, etm) as server:
        report = gnutls_peer.client(world, server.port, suite, payload, etm)
        report.expect(suite, payload, etm and "_CBC_" in suite)
        must_fail(report, "TLS_RSA_WITH_AES_256_CBC_SHA", payload, None)
        must_fail(report, suite, payload + b"x", None)
        must_fail(report, suite, payload, not (etm and "_CBC_" in suite))


def openssl_to_openssl(world, key, suite, etm):
    payload = worlds.binary_payload(100_000)
    with openssl_peer.EchoServer(world, key, suite, payload, etm) as server:
        client = openssl_peer.client(world, server.port, suite, payload, etm)
        client.expect(suite, payload, etm and "_CBC_" in suite)
        seen = server.report()
        seen.expect(suite, payload, etm and "_CBC_" in suite)
        must_fail(seen, suite, payload[:-1], None)
        must_fail(seen, suite, payload, not (etm and "_CBC_" in suite))
        must_fail(seen, "TLS_RSA_WITH_AES_256_CBC_SHA", payload, None)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--world", required=True)
    world = worlds.World(parser.parse_args().world)
    matrix = {}
    for key, names in SUITES.items():
        for suite in names:
            for etm in (True, False) if "_CBC_" in suite else (True,):
                for run in (gnutls_to_gnutls, openssl_to_openssl):
                    name = f"{run.__name__} {key} {suite}{'' if etm else ' without EtM'}"
                    matrix[name] = lambda run=run, key=key, suite=suite, etm=etm: run(world, key, suite, etm)
    cells.finish(cells.run_all(matrix, at_least=14))


if __name__ == "__main__":
    main()
