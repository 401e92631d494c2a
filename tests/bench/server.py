#!/usr/bin/env python3
"""`handfast-bench handshakes` and `memory` start handfast serve, do what they say, and end it."""

from bench import Bench

KINDS = {"TLS 1.2 RSA transport": ("RSA-2048", {"decrypt"}),
         "TLS 1.2 ECDHE-RSA": ("RSA-2048", {"sign-pkcs1-sha256", "sign-pss-sha256"}),
         "TLS 1.2 ECDHE-ECDSA": ("P-256", {"sign-ecdsa-sha256"})}
DESIGN = ("server", "version", "key", "clients", "latency_ms", "handshakes_per_s", "server_cpu_s", "p50_ms", "p99_ms")


def check_handshakes(bench):
    out, rows = bench.measure("handshakes", "--quick", "--clients", 5, "--server", bench.args.server)
    bench.check([row["version"] for row in rows] == list(KINDS), f"kinds: {[row['version'] for row in rows]}")
    for row in rows:
        key, operations = KINDS[row["version"]]
        bench.check(all(name in row for name in DESIGN), f"fields: {sorted(row)}")
        bench.check(row["key"] == key and row["token_operation"] in operations, f"key and its operation: {row}")
        bench.check(row["clients"] == 5 and row["latency_ms"] == 0 and row["server"] == "handfast", f"set-up: {row}")
        bench.positive(row, "handshakes_per_s", "server_cpu_s", "client_cpu_s", "p50_ms", "p99_ms", "token_ops_per_s",
                       "token_cpu_s", "ratio_to_token", "cpu_ratio_to_token")
        bench.check(row["p50_ms"] <= row["p99_ms"], f"quantiles: {row}")
        bench.check(row["version"] in out, f"{row['version']} is not on stdout")


def check_memory(bench):
    _, rows = bench.measure("memory", "--quick", "--connections", 200, "--server", bench.args.server)
    bench.check([row["version"] for row in rows] == list(KINDS), f"kinds: {[row['version'] for row in rows]}")
    for row in rows:
        bench.check(row["connections"] == 200, f"connections: {row}")
        bench.positive(row, "client_engine_bytes", "bytes_each")


def main():
    bench = Bench("server")
    check_handshakes(bench)
    check_memory(bench)
    bench.finish(at_least=50)


if __name__ == "__main__":
    main()
