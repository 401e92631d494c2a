#!/usr/bin/env python3
"""`handfast-bench server` loads handfast serve and the peers that are installed, and tells those that are not."""

import os
import shutil

from bench import Bench

WORKS = {"files": "nginx", "forward": "haproxy"}
FIELDS = {"bench", "server", "software", "work", "version", "cipher", "body_bytes", "clients", "requests_per_cpu_s",
          "gbytes_per_cpu_s", "requests_per_s", "server_busy", "client_busy", "p50_ms", "p99_ms", "handfast_times",
          "spread"}


def installed(name):
    return shutil.which(name, path=os.environ["PATH"] + ":/usr/sbin:/usr/local/sbin:/usr/bin") is not None


def check_rows(bench, rows, wanted):
    seen = [(row["work"], row["body_bytes"], row["server"]) for row in rows]
    bench.check(seen == wanted, f"rows: {seen}, not {wanted}")
    for row in rows:
        bench.check(set(row) == FIELDS, f"fields: {sorted(set(row) ^ FIELDS)}")
        bench.positive(row, "requests_per_cpu_s", "gbytes_per_cpu_s", "requests_per_s", "server_busy", "client_busy",
                       "p50_ms", "p99_ms", "handfast_times")
        bench.check(row["software"] not in ("", "unknown"), f"no version: {row}")
        each = row["requests_per_cpu_s"] * row["body_bytes"] / 1e9
        bench.check(abs(row["gbytes_per_cpu_s"] - each) < 1e-4 * each, f"units: {row}")


def check_without_load(bench):
    """Without the load generator nothing can be measured; that is told."""
    if not installed("wrk"):
        code, _, err = bench.run("server", "--quick", "--server", bench.args.server)
        bench.check(code == 1 and "wrk is not installed" in err and "install-deps bench" in err, f"no wrk: {code} {err}")
        bench.finish(at_least=1)


def main():
    bench = Bench("server")
    check_without_load(bench)
    wanted = []
    for work, peer in WORKS.items():
        if work == "forward" and not installed("nginx"):  # the backend
            continue
        body = {"files": 1048576, "forward": 256}[work]
        wanted.append((work, body, "handfast"))
        if installed(peer):
            wanted.append((work, body, peer))
    _, rows = bench.measure("server", "--quick", "--work", "files-bulk", "--work", "forward-small", "--server",
                            bench.args.server)
    check_rows(bench, rows, wanted)
    bench.finish(at_least=30)


if __name__ == "__main__":
    main()
