#!/usr/bin/env python3
"""`handfast-bench records` writes a row for every provider, cipher, direction and size, and a table that agrees."""

from bench import Bench

SIZES = [64, 256, 1400, 4096, 16384]
BATCHES = [1, 8]  # of --quick
FIELDS = {"bench", "provider", "cipher", "direction", "bytes", "batch", "gbps", "cycles_per_byte", "times_portable",
          "spread"}
LIMIT_FIELDS = {"bench", "cipher", "software", "gbps", "cycles_per_byte", "spread"}


def check_row(bench, row, batches):
    bench.check(set(row) == FIELDS, f"fields: {sorted(row)}")
    bench.positive(row, "gbps")
    bench.check(row["cycles_per_byte"] is None or row["cycles_per_byte"] > 0, f"cycles_per_byte in {row}")
    bench.check(row["spread"] >= 0, f"spread in {row}")
    bench.check(row["batch"] in batches, f"batch in {row}")
    if row["provider"] == "portable":
        bench.check(row["times_portable"] == 1, f"portable is not once itself: {row}")


def without_limits(bench, rows):
    """The rows of records; those of the CPU's own limit are checked here."""
    for row in rows:
        if row["bench"] == "limits":
            bench.check(set(row) == LIMIT_FIELDS and row["cipher"] in ("AES-128-GCM", "AES-256-GCM"), f"limit: {row}")
            bench.positive(row, "gbps")
    return [row for row in rows if row["bench"] == "records"]


def check_all(bench):
    out, rows = bench.measure("records", "--quick")
    rows = without_limits(bench, rows)
    seen = {(row["provider"], row["cipher"], row["direction"], row["bytes"], row["batch"]) for row in rows}
    bench.check(len(seen) == len(rows), "a measurement has two rows")
    for row in rows:
        check_row(bench, row, BATCHES)
        bench.positive(row, "times_portable")
    for provider, cipher, direction in {(row["provider"], row["cipher"], row["direction"]) for row in rows}:
        for size in SIZES:
            for batch in BATCHES:
                bench.check((provider, cipher, direction, size, batch) in seen,
                            f"no {provider} {cipher} {direction} {size} {batch}")
    for provider in ("auto", "portable", "libcrypto", "libcrypto-evp"):
        for direction in ("seal", "open"):
            bench.check((provider, "AES-128-GCM", direction, 64, 1) in seen, f"no AES-128-GCM of {provider}")
    for cipher in {row["cipher"] for row in rows}:
        for direction in ("seal", "open"):
            for batch in BATCHES:
                bench.check(f"{cipher} {direction}, batch {batch}:" in out, f"no table of {cipher} {direction}")


def check_choice(bench):
    _, rows = bench.measure("records", "--quick", "--cipher", "aes-256-gcm", "--provider", "libcrypto", "--size", 100,
                            "--size", 2000, "--direction", "open", "--batch", "4,2")
    rows = without_limits(bench, rows)
    made = [(row["provider"], row["cipher"], row["direction"], row["bytes"]) for row in rows]
    bench.check(made == 2 * [("libcrypto", "AES-256-GCM", "open", 100), ("libcrypto", "AES-256-GCM", "open", 2000)],
                f"chose one cipher, provider, direction, two sizes and two batches, and got {made}")
    for row in rows:
        check_row(bench, row, [4, 2])
        bench.check(row["times_portable"] is None, f"a multiple of portable, which did not run: {row}")


def main():
    bench = Bench()
    check_all(bench)
    check_choice(bench)
    bench.finish(at_least=300)


if __name__ == "__main__":
    main()
