"""serve --metrics: the text against a strict reading of Prometheus' format, the numbers against what was done."""
import os
import re
import signal
import socket
import time
import unittest

from token_support import TokenTest
from support import WAIT, ask_metrics, run, until

NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
LABEL = r'[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\["\\n])*"'
SAMPLE = re.compile(rf"({NAME})(?:\{{({LABEL}(?:,{LABEL})*)\}})? (-?\d+(?:\.\d+)?)")


def parse(text):
    """{(name, labels): value}; fails on whatever the format or its conventions do not allow."""
    samples, types, metric = {}, {}, None
    assert text.endswith("\n")
    lines = text[:-1].split("\n")
    for i, line in enumerate(lines):
        if line.startswith("# HELP "):
            name = line.split(" ")[2]
            assert name not in types, f"{name} is told twice"
            assert lines[i + 1].startswith(f"# TYPE {name} "), f"{name}: no TYPE after its HELP"
            assert len(line.split(" ", 3)[3]) > 10, line
            continue
        if line.startswith("# TYPE "):
            _, _, metric, kind = line.split(" ")
            assert kind in ("counter", "gauge", "histogram"), line
            assert lines[i - 1].startswith(f"# HELP {metric} "), line
            assert (kind == "counter") == metric.endswith("_total"), f"{metric} is a {kind}"
            types[metric] = kind
            continue
        match = SAMPLE.fullmatch(line)
        assert match, f"no sample: {line!r}"
        name, labels, value = match.groups()
        family = re.sub("_(bucket|sum|count)$", "", name) if types.get(metric) == "histogram" else name
        assert family == metric, f"{name} stands below {metric}"
        key = (name, labels or "")
        assert key not in samples, f"{key} is told twice"
        samples[key] = float(value)
    check_histograms(samples, [name for name, kind in types.items() if kind == "histogram"])
    return samples


def check_histograms(samples, names):
    for name in names:
        series = {}
        for (sample, labels), value in samples.items():
            if sample == name + "_bucket":
                rest, bound = re.fullmatch(r'(.*),le="([^"]*)"', labels).groups()
                series.setdefault(rest, []).append((float(bound.replace("+Inf", "inf")), value))
        for rest, buckets in series.items():
            bounds, values = zip(*buckets)
            assert list(bounds) == sorted(bounds) and bounds[-1] == float("inf"), f"{name}: bounds {bounds}"
            assert list(values) == sorted(values), f"{name}: not cumulated"
            assert samples[(name + "_count", rest)] == values[-1]
            assert samples[(name + "_sum", rest)] >= 0


class Metrics(TokenTest):
    def watched(self, *arguments):
        server = self.serve_token("--echo", "--metrics", "127.0.0.1:0", *arguments)
        line = server.process.stdout.readline().decode()
        server.metrics = int(re.fullmatch(r"metrics on 127\.0\.0\.1:(\d+)\n", line).group(1))
        return server

    def scrape(self, server):
        status, kind, text = ask_metrics(server, "/metrics")
        self.assertEqual(status, 200)
        self.assertTrue(kind.startswith("text/plain; version=0.0.4"))
        return parse(text)

    def scrape_token(self, server):
        """With what the key process says of its token; it is waited for a second, then it is left out."""
        return until("the token's numbers", lambda: (samples := self.scrape(server)) and
                     ("handfast_token_up", 'token="t"') in samples and samples)

    def until_sum(self, server, name, part, value):
        """Waits until the samples with this part of labels are `value` together (records are as of the last tick)."""
        until(f"{name}{{...{part}...}} reaches {value}", lambda: value <= sum(
            v for (n, labels), v in self.scrape(server).items() if n == name and part in labels))

    def check(self, *arguments):
        server = self.watched(*arguments)
        before = self.scrape_token(server)
        self.assertEqual(before[("handfast_handshakes_total", 'version="1.3",resumed="no"')], 0)
        connections = [self.tls(server) for _ in range(3)]
        for connection in connections:
            connection.sendall(b"x" * 1000)
            connection.recv(1000)
        with self.assertRaises(OSError):
            self.context().wrap_socket(socket.create_connection(("127.0.0.1", server.port)),
                                       server_hostname="localhost.invalid")
        self.until_sum(server, "handfast_handshake_failures_total", 'side="alert_received",reason="bad_certificate"', 1)
        after = self.scrape_token(server)
        self.assertEqual(after[("handfast_connections_open", "")], 3)
        self.assertEqual(after[("handfast_connections_total", "")], 4)
        self.assertEqual(after[("handfast_handshakes_total", 'version="1.3",resumed="no"')], 3)
        ok = ("handfast_token_operations_total", 'token="t",result="ok"')
        self.assertGreaterEqual(after[ok] - before.get(ok, 0), 3)
        self.assertEqual(after[("handfast_token_up", 'token="t"')], 1)
        self.assertEqual(after[("handfast_token_breaker_state", 'token="t",state="closed"')], 1)
        self.assertGreaterEqual(after[("handfast_token_sessions", 'token="t"')], 1)
        count = ("handfast_token_latency_seconds_count", 'token="t"')
        self.assertGreaterEqual(after[count] - before.get(count, 0), 3)
        self.until_sum(server, "handfast_record_bytes_total", 'direction="open"', 3000)
        self.until_sum(server, "handfast_records_total", 'direction="seal"', 3)
        (build,) = [labels for name, labels in after if name == "handfast_build_info"]
        self.assertRegex(build, r'^version="\d+\.\d+\.\d+"$')
        self.assertLess(after[("handfast_uptime_seconds", "")], 1000)
        self.assertLess(abs(time.time() - after[("process_start_time_seconds", "")]), 1000)
        until("good health", lambda: ask_metrics(server, "/healthz")[0] == 200)
        return server, after

    def test_in_one_process(self):
        _, samples = self.check()
        self.assertNotIn(("handfast_key_process_up", ""), samples)
        self.assertNotIn(("handfast_audit_failed", ""), samples)

    def test_isolated_with_audit(self):
        server, samples = self.check("--isolate", "--audit", self.file("audit"))
        self.assertEqual(samples[("handfast_key_process_up", "")], 1)
        self.assertEqual(samples[("handfast_key_process_restarts_total", "")], 0)
        self.assertGreaterEqual(samples[("handfast_audit_lines_total", "")], 4)
        self.assertEqual(samples[("handfast_audit_failed", "")], 0)
        os.kill(self.key_process(server), signal.SIGKILL)
        self.until_sum(server, "handfast_key_process_restarts_total", "", 1)
        self.until_sum(server, "handfast_key_process_up", "", 1)

    def test_no_health_without_a_key(self):
        server = self.watched("--isolate")
        try:
            self.write("pin", "99999999\n")
            os.kill(self.key_process(server), signal.SIGKILL)
            server.await_error("the PIN is not tried again by itself")
            status, _, text = ask_metrics(server, "/healthz")
            self.assertEqual(status, 503, text)
            self.assertEqual(self.scrape(server)[("handfast_key_process_up", "")], 0)
        finally:
            self.write("pin", self.pin + "\n")

    def test_nothing_else_is_served(self):
        server = self.watched()
        self.assertEqual(ask_metrics(server, "/")[0], 404)
        self.assertEqual(ask_metrics(server, "/metrics/../etc")[0], 404)
        self.assertEqual(ask_metrics(server, "/metrics", "POST")[0], 405)
        self.assertEqual(ask_metrics(server, "/metrics", "HEAD")[2], "")
        for garbage in (b"\x16\x03\x01\x02\x00", b"GET /metrics HTTP/9.9\r\n\r\n", b"A" * 9000, b"\r\n\r\n"):
            with socket.create_connection(("127.0.0.1", server.metrics), timeout=WAIT) as raw:
                try:
                    raw.sendall(garbage)
                    raw.shutdown(socket.SHUT_WR)
                    self.assertNotIn(b" 200 ", raw.recv(65536))
                except OSError:
                    pass  # it has hung up on us already
        # As many as it takes who say nothing: they lose their places, others get theirs.
        silent = [socket.create_connection(("127.0.0.1", server.metrics), timeout=WAIT) for _ in range(8)]
        self.scrape(server)
        for raw in silent:
            raw.close()


class TokensOfOneName(TokenTest):
    """Two tokens whose labels are the same, as pairs of HSMs often have them: told apart by their serial numbers."""
    watched = Metrics.watched
    scrape = Metrics.scrape

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30",
            "-keyout", f"{cls.folder}/both.key", "-out", f"{cls.folder}/both.pem", "-subj", "/CN=localhost")
        os.chmod(f"{cls.folder}/both.key", 0o600)
        before = set(os.listdir(f"{cls.folder}/tokens"))
        for token in ("one", "two"):
            cls.tool("init", "--token", token, "--so-pin-source", f"{cls.folder}/so-pin")
            cls.tool("import", "--key", f"{cls.folder}/both.key", "--token", token, "--label", "both")
        cls.serials = []
        for folder in sorted(set(os.listdir(f"{cls.folder}/tokens")) - before):
            cls.serials.append(folder.replace("-", "")[16:])  # SoftHSM2's way
            with open(f"{cls.folder}/tokens/{folder}/token.object", "r+b") as f:
                data = f.read()
                f.seek(0)
                f.write(data.replace(b"one".ljust(32), b"pair".ljust(32)).replace(b"two".ljust(32), b"pair".ljust(32)))

    def test_both_are_told(self):
        keys = [word for serial in self.serials
                for word in ("--key", f"pkcs11:token=pair;serial={serial};object=both")]
        self.token = [*self.use, "--cert", self.file("both.pem"), *keys]
        samples = self.scrape(self.watched())
        for serial in self.serials:
            labels = f'token="pair",serial="{serial}"'
            self.assertEqual(samples[("handfast_token_up", labels)], 1)
            self.assertIn(("handfast_token_operations_total", f'{labels},result="ok"'), samples)
            self.assertIn(("handfast_token_latency_seconds_count", labels), samples)


if __name__ == "__main__":
    unittest.main()
