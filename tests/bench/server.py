#!/usr/bin/env python3
"""`handfast-bench handshakes` and `memory` start handfast serve and its peers, do what they say, and end them."""

import os
import shutil

from bench import Bench

PSS = {"sign-pkcs1-sha256", "sign-pss-sha256"}
KINDS = {"rsa": ("TLS 1.2 RSA transport", "RSA-2048", {"decrypt"}),
         "ecdhe-ecdsa": ("TLS 1.2 ECDHE-ECDSA", "P-256", {"sign-ecdsa-sha256"}),
         "tls13-rsa": ("TLS 1.3 RSA", "RSA-2048", PSS),
         "tls13-resumed": ("TLS 1.3 resumed", "RSA-2048", PSS)}
FIELDS = {"bench", "server", "software", "version", "key", "clients", "latency_ms", "handshakes_per_s", "server_cpu_s",
          "client_cpu_s", "server_busy", "client_busy", "p50_ms", "p99_ms", "token_operation", "token_ops_per_s",
          "token_cpu_s", "ratio_to_token", "cpu_ratio_to_token", "handfast_times", "spread"}
ENGINES = ("/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib64", "/usr/lib")


def peers(kind):
    """The servers beside ours that this machine has, for a kind of handshake."""
    if not shutil.which("nginx", path=os.environ["PATH"] + ":/usr/sbin:/usr/local/sbin:/usr/bin"):
        return []
    engine = any(os.path.exists(f"{place}/engines-3/pkcs11.so") for place in ENGINES)
    return [*(["nginx"] if engine and kind != "rsa" else []), "nginx-file-key"]


def check_handshakes(bench):
    words = [word for kind in KINDS for word in ("--kind", kind)]
    out, rows = bench.measure("handshakes", "--quick", "--clients", 5, "--server", bench.args.server, *words)
    for kind, (version, key, operations) in KINDS.items():
        some = [row for row in rows if row["version"] == version]
        servers = [row["server"] for row in some]
        wanted = [name for name in ("handfast", *peers(kind))
                  if f"({version}: {name} is left out: it gives no session to resume)" not in out]
        bench.check(servers == wanted, f"{version}: {servers}, not {wanted}")
        bench.check("resumed" in version or servers[0] == "handfast", f"{version}: no handfast")
        for row in some:
            bench.check(row["key"] == key and row["token_operation"] in operations, f"key and its operation: {row}")
    bench.check(len(rows) >= len(KINDS) - 1, f"{len(rows)} rows")
    for row in rows:
        bench.check(set(row) == FIELDS, f"fields: {sorted(set(row) ^ FIELDS)}")
        bench.check(row["clients"] == 5 and row["latency_ms"] == 0, f"set-up: {row}")
        bench.positive(row, "handshakes_per_s", "server_cpu_s", "client_cpu_s", "p50_ms", "p99_ms", "token_ops_per_s",
                       "token_cpu_s", "ratio_to_token", "cpu_ratio_to_token", "server_busy", "client_busy")
        bench.check(row["p50_ms"] <= row["p99_ms"], f"quantiles: {row}")
        bench.check(row["version"] in out, f"{row['version']} is not on stdout")
    return rows


def check_alone(bench):
    _, rows = bench.measure("handshakes", "--quick", "--kind", "ecdhe-rsa", "--no-peers", "--server", bench.args.server)
    bench.check([row["server"] for row in rows] == ["handfast"], f"--no-peers: {rows}")


def check_isolated(bench):
    _, rows = bench.measure("handshakes", "--quick", "--kind", "tls13-rsa", "--isolate", "--no-peers",
                            "--server", bench.args.server)
    bench.check([row["server"] for row in rows] == ["handfast", "handfast-isolated"], f"--isolate: {rows}")
    for row in rows:  # a signature of RSA is most of either, and in one of them another process makes it
        bench.check(row["server_cpu_s"] > row["token_cpu_s"] / 2, f"the key's process is not counted: {row}")


VERSIONS = ("TLS 1.2 ECDHE-RSA", "TLS 1.3 RSA")
ATTEMPTS = 6


def bytes_each(rows):
    return {(row["version"], row["state"]): row["bytes_each"] for row in rows}


def settled(rows):
    """What a server's pages are while it is still at work for those before says nothing; on a busy machine it may be."""
    each = bytes_each(rows)
    return all(each.get((version, "busy"), 0) > each.get((version, "idle"), 0) > 0 for version in VERSIONS)


def check_memory(bench):
    # So many that what they hold is more than what the server's heap gives back meanwhile.
    connections = 200 if bench.args.sanitized else 1000
    for _attempt in range(ATTEMPTS):
        _, rows = bench.measure("memory", "--quick", "--connections", connections, "--server", bench.args.server)
        if bench.args.sanitized or settled(rows):
            break
    made = [(row["version"], row["state"]) for row in rows]
    bench.check(made == [(version, state) for version in VERSIONS
                         for state in ("idle", "handshaking", "busy")], f"rows: {made}")
    for row in rows:
        bench.check(row["connections"] == (16 if row["state"] == "busy" else connections) and
                    "kernel_bytes_both_ends" in row, f"fields: {row}")
        # During handshakes the heap also gives back, more than they hold: only the sign of the other two is sure.
        if not bench.args.sanitized and row["state"] != "handshaking":
            bench.positive(row, "bytes_each")
        if row["state"] == "idle":
            bench.positive(row, "client_engine_bytes")
    if bench.args.sanitized:
        return  # a sanitizer's own memory is most of it
    each = {(row["version"], row["state"]): row["bytes_each"] for row in rows}
    for version in VERSIONS:
        bench.check(each[version, "busy"] > each[version, "idle"], f"{version}: busy costs no more than idle: {each}")


def main():
    bench = Bench("server")
    check_handshakes(bench)
    check_alone(bench)
    check_isolated(bench)
    check_memory(bench)
    bench.finish(at_least=60)


if __name__ == "__main__":
    main()
