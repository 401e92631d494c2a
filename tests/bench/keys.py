#!/usr/bin/env python3
"""`handfast-bench keys` measures every operation both ways in a token of its own, and removes the token; and
the check of our own signatures, by libcrypto and, where there is one, by the prepared verifier."""

from bench import Bench

OPERATIONS = {("RSA-2048", "decrypt"), ("RSA-2048", "sign-pkcs1-sha256"), ("RSA-2048", "sign-pss-sha256"),
              ("P-256", "sign-ecdsa-sha256")}


def main():
    bench = Bench()
    _, rows = bench.measure("keys", "--quick", "--threads", 1, "--threads", 3)
    seen = {(row["provider"], row["key"], row["operation"], row["threads"]) for row in rows}
    wanted = {(way, key, operation, threads) for way in ("handfast", "pkcs11-loop") for key, operation in OPERATIONS
              for threads in (1, 3)}
    wanted.add(("libcrypto", "P-256", "verify-own-ecdsa", 1))
    prepared = ("p256", "P-256", "verify-own-ecdsa", 1)
    bench.check(seen - {prepared} == wanted and len(rows) == len(seen), f"rows: {sorted(seen ^ wanted)}")
    for row in rows:
        bench.positive(row, "ops_per_s", "cpu_s_each")
    bench.finish(at_least=30)


if __name__ == "__main__":
    main()
