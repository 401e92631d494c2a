#!/usr/bin/env python3
"""`handfast-bench token` puts the fault module before the token, and its latency is felt; `scale` walks over many keys."""

import os
import shutil

from bench import Bench

FIELDS = {"bench", "server", "software", "version", "key", "clients", "latency_ms", "sessions", "handshakes_per_s",
          "sessions_per_latency", "server_cpus", "server_cpu_s", "client_cpu_s", "p50_ms", "p99_ms",
          "request_quiet_p50_ms", "request_quiet_p99_ms", "request_quiet_n", "request_p50_ms", "request_p99_ms",
          "request_n", "handfast_times", "spread"}
SCALE_FIELDS = {"bench", "provider", "cipher", "direction", "bytes", "batch", "keys", "key_state_bytes",
                "ns_per_record", "touch_ns", "explained_ns", "beyond_explained", "spread"}
ENGINES = ("/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib64", "/usr/lib")


def servers():
    nginx = shutil.which("nginx", path=os.environ["PATH"] + ":/usr/sbin:/usr/local/sbin:/usr/bin")
    engine = any(os.path.exists(f"{place}/engines-3/pkcs11.so") for place in ENGINES)
    return ["handfast", *(["nginx"] if nginx and engine else [])]


def check_token(bench):
    check_token_on(bench, "one")
    check_token_on(bench, "all", "--all-cpus")


def check_token_on(bench, cpus, *words):
    _, rows = bench.measure("token", "--quick", "--latency", 150, "--clients", 3, "--key-threads", 4, "--server",
                            bench.args.server, "--fault-module", bench.args.fault, *words)
    bench.check([row["server"] for row in rows] == servers(), f"servers: {[row['server'] for row in rows]}")
    for row in rows:
        bench.check(row["server_cpus"] == cpus, f"processors: {row}")
        bench.check(set(row) == FIELDS, f"fields: {sorted(set(row) ^ FIELDS)}")
        bench.positive(row, *(name for name in FIELDS if name.endswith(("_ms", "_s", "_n"))))
        sessions = 4 if row["server"] == "handfast" else 1
        bench.check(row["sessions"] == sessions and row["clients"] == 3 and row["latency_ms"] == 150, f"set-up: {row}")
        bench.check(abs(row["sessions_per_latency"] - sessions * 1000 / 150) < 0.01, f"the bound: {row}")
        # Not a matter of speed: a signature cannot come before the latency that stands before it.
        bench.check(row["p50_ms"] >= 150, f"the latency is not felt: {row}")


def check_scale(bench):
    _, rows = bench.measure("scale", "--quick", "--keys", "1,5,300", "--batch", 4, "--size", 100)
    for cipher in ("AES-128-GCM", "ChaCha20-Poly1305", "AES-128-CBC-HMAC-SHA256"):
        some = [row for row in rows if row["cipher"] == cipher]
        bench.check([row["keys"] for row in some] == [1, 5, 300], f"{cipher}: {some}")
        for row in some:
            bench.check(set(row) == SCALE_FIELDS, f"fields: {sorted(set(row) ^ SCALE_FIELDS)}")
            bench.positive(row, "ns_per_record", "touch_ns", "explained_ns", "beyond_explained", "key_state_bytes")
            bench.check((row["bytes"], row["batch"], row["provider"]) == (100, 4, "auto"), f"set-up: {row}")


def main():
    bench = Bench("server", "fault")
    check_token(bench)
    check_scale(bench)
    bench.finish(at_least=60)


if __name__ == "__main__":
    main()
