#!/usr/bin/env python3
"""The page of --html: well-formed, complete, and loading nothing; from a run, and from reports written before."""

import json
import pathlib
import re
import xml.etree.ElementTree as tree

from bench import Bench

ENVIRONMENT = {"handfast": "0", "cpu": "A <b>\"CPU\"</b> & more", "cpus": 2, "cpu_features": "", "microcode": "0x1",
               "governor": "unknown", "core_ghz": 3, "tsc_ghz": 2.5, "kernel": "k", "compiler": "c", "load": "0",
               "date": "2026-01-01T00:00:00Z", "libraries": {"libcrypto": "OpenSSL <3>"}}


def records():
    for cipher in ("AES-128-GCM", "AES-128-CBC-HMAC-SHA256"):
        for direction in ("seal", "open"):
            for size in (64, 16384):
                for batch in (1, 16):
                    for times, provider in enumerate(("portable", "auto", "libcrypto", "bearssl-ct64"), 1):
                        yield {"bench": "records", "provider": provider, "cipher": cipher, "direction": direction,
                               "bytes": size, "batch": batch, "gbps": times, "cycles_per_byte": None,
                               "times_portable": times, "spread": 0.01}


def rows():
    yield from records()
    yield {"bench": "limits", "cipher": "AES-128-GCM", "software": "units", "gbps": 16, "cycles_per_byte": 0.2,
           "spread": 0}
    for server in ("handfast", "nginx", "evil<script>alert(1)</script>"):
        for body in (256, 1048576):
            yield {"bench": "server", "server": server, "work": "files", "body_bytes": body, "clients": 64,
                   "requests_per_cpu_s": 1000, "handfast_times": 3.25, "spread": 0.1}
            yield {"bench": "server", "server": server, "work": "forward", "body_bytes": body, "clients": 64,
                   "requests_per_cpu_s": 10, "handfast_times": 0.125, "spread": 0.1}
        yield {"bench": "handshakes", "server": server, "version": "TLS 1.3 RSA", "handshakes_per_s": 1000,
               "server_cpu_s": 0.001, "token_cpu_s": 0.0005, "token_ops_per_s": 2000}
        yield {"bench": "token", "server": server, "latency_ms": 5, "clients": 32, "handshakes_per_s": 1000,
               "request_p99_ms": 2}
    for keys in (1, 50000):
        yield {"bench": "scale", "cipher": "AES-128-GCM", "bytes": 256, "batch": 16, "keys": keys, "ns_per_record": 50,
               "explained_ns": 60, "touch_ns": 10}
    yield {"bench": "memory", "server": "handfast", "version": "TLS 1.3", "state": "idle", "bytes_each": 3000}


def check_page(bench, text, headings, plots):
    """What every page must keep."""
    bench.check(text.startswith("<!DOCTYPE html>"), "no doctype")
    try:
        root = tree.fromstring(text.split("\n", 1)[1])
    except tree.ParseError as error:
        bench.check(False, f"not well-formed: {error}")
        return
    bench.check(not re.search(r"https?:|\burl\(|@import|<script|<link|<iframe|\bsrc=", text),
                "the page loads something, or runs something")
    found = ["".join(h.itertext()) for h in root.iter("h2")]
    for heading in headings:
        bench.check(any(heading in one for one in found), f"no section {heading!r} in {found}")
    figures = [figure for figure in root.iter("figure")]
    bench.check(len(figures) >= plots, f"{len(figures)} plots, not {plots}")
    for figure in figures:
        title = figure.find("figcaption").text
        bench.check(figure.find("svg").get("aria-label") == title, f"{title}: the plot is not named")
        shapes = [*figure.iter("rect"), *figure.iter("circle")]
        bench.check(shapes and all(shape.find("title") is not None for shape in shapes), f"{title}: no values")
        for shape in figure.iter():
            for name in ("x", "y", "cx", "cy", "width", "height"):
                number = shape.get(name)
                bench.check(number is None or -1 <= float(number) < 4000, f"{title}: {name}={number}")
    bench.check("nan" not in text.lower().replace("nanosecond", ""), "a figure is no number")


def check_from_files(bench):
    folder = pathlib.Path(bench.folder.name)
    every = list(rows())
    half = len(every) // 2
    stale = {**every[0], "gbps": 777}
    for name, some in (("a.json", [*every[:half], stale]), ("b.json", [every[0], *every[half:]])):
        (folder / name).write_text(json.dumps({"environment": ENVIRONMENT, "results": some}))
    code, out, err = bench.run("report", "--from", folder / "a.json", "--from", folder / "b.json", "--html",
                               folder / "page.html")
    bench.check(code == 0 and err == "" and out == "", f"report: {code} {err}")
    text = (folder / "page.html").read_text()
    check_page(bench, text, ["throughput by size", "in batches", "portable C", "own limit", "nginx", "Handshakes",
                             "far away", "50 000", "Memory", "Machine", "Method", "Every figure"], 16)
    bench.check("A &lt;b&gt;&quot;CPU&quot;&lt;/b&gt; &amp; more" in text, "the CPU's name is not escaped")
    bench.check(text.count("<b>3.25<small>") == 2, "the headline is not that of files beside nginx")
    bench.check("777" not in text, "a row that a later report replaces is still there")
    for row in every:
        bench.check(row["bench"] in text, f"no {row['bench']}")


def check_from_run(bench):
    path = pathlib.Path(bench.folder.name, "run.html")
    bench.measure("records", "--quick", "--cipher", "AES-128-GCM", "--size", "64,1024", "--batch", "1,2", "--html", path)
    check_page(bench, path.read_text(), ["throughput by size", "in batches", "Machine", "Method"], 6)


def check_compare(bench):
    folder = pathlib.Path(bench.folder.name)
    base = list(records())
    changed = [{**row, "gbps": row["gbps"] * (2 if row["provider"] == "auto" else 1)} for row in base]
    for name, some in (("old.json", base), ("new.json", changed)):
        (folder / name).write_text(json.dumps({"environment": ENVIRONMENT, "results": some}))
    code, out, err = bench.run("report", "--from", folder / "new.json", "--compare", folder / "old.json")
    bench.check(code == 0 and err == "", f"compare: {code} {err}")
    lines = out.splitlines()
    bench.check(f"{len(base)} rows compared: {len(base) // 4} better and 0 worse" in lines[-1], lines[-1])
    bench.check(sum(line.endswith("x 2.000  BETTER") for line in lines) == len(base) // 4, "not every change is marked")
    out, _ = bench.measure("records", "--quick", "--cipher", "AES-128-GCM", "--provider", "libcrypto", "--size", 64,
                           "--batch", 1, "--compare", folder / "old.json")
    bench.check("2 rows compared" in out, f"a run does not compare: {out[-300:]}")


def check_refused(bench):
    folder = pathlib.Path(bench.folder.name)
    for number, text in enumerate(("", "{", "[]", "{\"results\": []}", "{\"environment\": {}}", "\x00")):
        path = folder / f"bad{number}.json"
        path.write_text(text)
        code, _, err = bench.run("report", "--from", path, "--html", folder / "bad.html")
        bench.check(code == 1 and err.count("\n") == 1 and path.name in err, f"{text!r}: {code} {err!r}")
    bench.check(not (folder / "bad.html").exists(), "a page without a report is left")


def main():
    bench = Bench()
    check_from_files(bench)
    check_from_run(bench)
    check_compare(bench)
    check_refused(bench)
    bench.finish(at_least=300)


if __name__ == "__main__":
    main()
