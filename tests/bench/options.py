#!/usr/bin/env python3
"""Wrong usage of handfast-bench is refused with exit code 2 and one line that says what and where to look."""

from bench import Bench

WRONG = [
    [],
    ["nosuch"],
    ["records", "--nosuch"],
    ["records", "word"],
    ["records", "--cipher"],
    ["records", "--cipher", "AES-512-GCM"],
    ["records", "--provider", "nosuch"],
    ["records", "--size", "0"],
    ["records", "--size", "16385"],
    ["records", "--size", "12x"],
    ["records", "--size", "-1"],
    ["records", "--batch", "0"],
    ["records", "--batch", "100000"],
    ["records", "--batch", "1,,2"],
    ["records", "--batch", "1,2,"],
    ["records", "--size", ",".join(["1"] * 17)],
    ["report"],
    ["report", "--from", "x.json"],
    ["report", "--html", "x.html"],
    ["report", "--from", "x.json", "--html", "x.html", "--quick"],
    ["report", *["--from", "x.json"] * 17, "--html", "x.html"],
    ["records", "--direction", "sideways"],
    ["records", "--time", "0"],
    ["records", "--repetitions", "1001"],
    ["records", "--cpu", "99999"],
    ["records", *["--size", "1"] * 17],
    ["keys", "--threads", "0"],
    ["keys", "--threads", "65"],
    ["handshakes", "--kind", "dh"],
    ["handshakes", "--clients", "0"],
    ["handshakes", "--key-threads", "99"],
    ["memory", "--connections", "1"],
    ["server", "--work", "idle"],
    ["server", "word"],
    ["token", "--latency", "0"],
    ["token", "--latency", "5,1001"],
    ["token", "--clients", "5000"],
    ["token", "--kind", "dh"],
    ["scale", "--keys", "5,5"],
    ["scale", "--keys", "0"],
    ["scale", "--provider", "nosuch"],
    ["scale", "--cipher", "nosuch"],
    ["memory", "word"],
    ["handshakes", "--kind", "tls13"],
]
FAILING = [
    ["records", "--quick", "--json", "/nonexistent/folder/report.json"],
    ["records", "--quick", "--html", "/nonexistent/folder/page.html"],
    ["records", "--quick", "--compare", "/nonexistent/old.json"],
    ["report", "--from", "/nonexistent/old.json", "--html", "/dev/null"],
    ["keys", "--quick", "--module", "/nonexistent/module.so"],
    ["handshakes", "--quick", "--server", "/nonexistent/program"],
    ["memory", "--quick", "--server", "/nonexistent/program"],
    ["token", "--quick", "--fault-module", "/nonexistent/fault.so"],
    ["scale", "--quick", "--json", "/nonexistent/folder/report.json"],
]


def main():
    bench = Bench()
    for words in WRONG:
        code, out, err = bench.run(*words)
        bench.check(code == 2, f"{words}: exit code {code}, not 2")
        bench.check(out == "", f"{words}: prints on stdout")
        bench.check(err.count("\n") == 1 and "--help" in err, f"{words}: stderr is not one line with a hint: {err!r}")
    for words in FAILING:
        code, _, err = bench.run(*words)
        bench.check(code == 1, f"{words}: exit code {code}, not 1")
        bench.check("nonexistent" in err, f"{words}: stderr does not name the culprit: {err!r}")
    for name in ("records", "keys", "handshakes", "server", "memory", "token", "scale", "report"):
        code, out, err = bench.run(name, "--help")
        bench.check(code == 0 and out.startswith(f"usage: handfast-bench {name}") and err == "", f"{name} --help")
    code, out, _ = bench.run("--help")
    bench.check(code == 0 and all(name in out for name in ("records", "keys", "handshakes", "server", "memory", "token", "scale", "report")), "--help")
    bench.finish(at_least=80)


if __name__ == "__main__":
    main()
