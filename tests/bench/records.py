#!/usr/bin/env python3
"""`handfast-bench records` writes a row for every provider, cipher, direction and size, and a table that agrees."""

from bench import Bench

SIZES = [64, 256, 1400, 4096, 16384]
FIELDS = {"bench", "provider", "cipher", "direction", "bytes", "batch", "gbps", "cycles_per_byte", "spread"}


def check_row(bench, row, batch):
    bench.check(set(row) == FIELDS, f"fields: {sorted(row)}")
    bench.positive(row, "gbps")
    bench.check(row["cycles_per_byte"] is None or row["cycles_per_byte"] > 0, f"cycles_per_byte in {row}")
    bench.check(row["spread"] >= 0, f"spread in {row}")
    bench.check(row["batch"] == batch, f"batch in {row}")


def check_all(bench):
    out, rows = bench.measure("records", "--quick")
    seen = {(row["provider"], row["cipher"], row["direction"], row["bytes"]) for row in rows}
    bench.check(len(seen) == len(rows), "a measurement has two rows")
    for row in rows:
        check_row(bench, row, 1)
    for provider, cipher in {(row["provider"], row["cipher"]) for row in rows}:
        for direction in ("seal", "open"):
            for size in SIZES:
                bench.check((provider, cipher, direction, size) in seen, f"no {provider} {cipher} {direction} {size}")
    for provider in ("portable", "libcrypto"):
        bench.check((provider, "AES-128-GCM", "seal", 64) in seen, f"no AES-128-GCM of {provider}")
    for cipher in {row["cipher"] for row in rows}:
        for direction in ("seal", "open"):
            bench.check(f"{cipher} {direction}, batch 1:" in out, f"no table of {cipher} {direction}")


def check_choice(bench):
    _, rows = bench.measure("records", "--quick", "--cipher", "aes-256-gcm", "--provider", "libcrypto", "--size", 100,
                            "--size", 2000, "--direction", "open", "--batch", 4)
    made = [(row["provider"], row["cipher"], row["direction"], row["bytes"]) for row in rows]
    bench.check(made == [("libcrypto", "AES-256-GCM", "open", 100), ("libcrypto", "AES-256-GCM", "open", 2000)],
                f"chose one cipher, provider, direction and two sizes, and got {made}")
    for row in rows:
        check_row(bench, row, 4)


def main():
    bench = Bench()
    check_all(bench)
    check_choice(bench)
    bench.finish(at_least=300)


if __name__ == "__main__":
    main()
