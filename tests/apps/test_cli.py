"""Command lines: wrong usage is 2, failure is 1, each with one line that says what to do."""
import os
import socket
import subprocess
import unittest

from support import HANDFAST, WAIT, ProgramTest, run

COLUMNS = 80  # of a terminal


class CommandLine(ProgramTest):
    def run_program(self, *arguments, patience=WAIT):
        return subprocess.run([HANDFAST, *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, timeout=patience, text=True)

    def fails(self, code, pattern, *arguments):
        result = self.run_program(*arguments)
        self.assertEqual(result.returncode, code, (arguments, result.stderr))
        lines = [line for line in result.stderr.splitlines() if "warning" not in line]
        self.assertEqual(len(lines), 1, (arguments, result.stderr))
        self.assertRegex(lines[0], r"^handfast: .*" + pattern)
        self.assertEqual(result.stdout, "")

    def server(self, *arguments):
        return ("serve", "--listen", "127.0.0.1:0", *arguments)

    def pair(self):
        return "--cert", self.file("server.pem"), "--key", self.file("server.key")

    def test_help(self):
        for command in ("help", "--help", "version", "--version", "serve --help", "connect --help", "providers --help",
                        "token --help", "audit --help"):
            result = self.run_program(*command.split())
            self.assertEqual((result.returncode, result.stderr), (0, ""), command)
            self.assertTrue(result.stdout)
            wide = [line for line in result.stdout.splitlines() if len(line) > COLUMNS]
            self.assertEqual(wide, [], f"{command}: wider than a terminal")
        result = self.run_program()
        self.assertEqual((result.returncode, result.stdout), (2, ""))
        self.assertIn("usage", result.stderr)

    def test_wrong_usage(self):
        listen, pair = ("serve", "--listen", "127.0.0.1:0"), self.pair()
        for pattern, arguments in (
                ("no such command", ("dance",)),
                ("--dance: unknown option", ("serve", "--dance")),
                ("value is missing", ("serve", "--listen")),
                ("--listen HOST:PORT is missing", ("serve", "--echo", *pair)),
                ("not HOST:PORT", ("serve", "--listen", "localhost", "--echo", *pair)),
                ("not HOST:PORT", ("serve", "--listen", "::1:443", "--echo", *pair)),
                ("not HOST:PORT", ("serve", "--listen", "localhost:65536", "--echo", *pair)),
                ("only one is possible", (*listen, "--listen", "127.0.0.1:0", "--echo", *pair)),
                ("no service has port 0", (*listen, "--backend", "127.0.0.1:0", *pair)),
                ("--backend, --root and --echo is missing", (*listen, *pair)),
                ("choose one", (*listen, *pair, "--echo", "--root", "/tmp")),
                ("--key .* is missing", (*listen, "--echo")),
                ("has no --key", (*listen, "--echo", *pair, "--cert", "x")),
                ("has no --cert", (*listen, "--echo", *pair, "--key", "x")),
                ("--cert must name", (*listen, "--echo", "--key", self.file("server.key"))),
                ("neither auto nor a number in 64..16384", (*listen, "--echo", *pair, "--record-size", "63")),
                ("neither auto nor a number in 64..16384", (*listen, "--echo", *pair, "--record-size", "16385")),
                ("not a number in 1", (*listen, "--echo", *pair, "--threads", "0")),
                ("not a number in 1", (*listen, "--echo", *pair, "--threads", "1x")),
                ("not a number in 1", (*listen, "--echo", *pair, "--idle-timeout", "-1")),
                ("not a number in 1", (*listen, "--echo", *pair, "--max-connections", "99999999999999999999")),
                ("choose none, request", (*listen, "--echo", *pair, "--client-auth", "maybe")),
                ("need --client-ca", (*listen, "--echo", *pair, "--client-auth", "required")),
                ("no such argument", (*listen, "--echo", *pair, "surplus")),
                ("unknown cipher suite TLS_NULL; see: handfast providers", (*listen, "--echo", *pair, "--suites",
                                                                            "TLS_AES_128_GCM_SHA256,TLS_NULL")),
                ("a name is missing", (*listen, "--echo", *pair, "--suites", "")),
                ("a name is missing", (*listen, "--echo", *pair, "--suites", "TLS_AES_128_GCM_SHA256,")),
                ("unknown group P-1; choose of", (*listen, "--echo", *pair, "--groups", "P-1")),
                ("a name is missing", (*listen, "--echo", *pair, "--groups", "")),
                ("more than 8 groups", (*listen, "--echo", *pair, "--groups", ",".join(["P-256"] * 9))),
                ("choose modern", (*listen, "--echo", *pair, "--policy", "lax")),
                ("1 to 16 names of 1 to 255 bytes", (*listen, "--echo", *pair, "--alpn", "h2,")),
                ("1 to 16 names of 1 to 255 bytes", (*listen, "--echo", *pair, "--alpn", 256 * "a")),
                ("1 to 16 names of 1 to 255 bytes", (*listen, "--echo", *pair, "--alpn", ",".join(["h2"] * 17))),
                ("--min-version is above", (*listen, "--echo", *pair, "--min-version", "1.3", "--max-version", "1.2")),
                ("HOST:PORT is missing", ("connect",)),
                ("only one HOST:PORT", ("connect", "a:1", "b:1")),
                ("not HOST:PORT", ("connect", ":443")),
                ("not HOST:PORT", ("connect", "a:0")),
                ("a host name of 1 to 255 bytes", ("connect", "a:1", "--name", "")),
                ("a host name of 1 to 255 bytes", ("connect", "a:1", "--name", 256 * "a")),
                ("--get PATH", ("connect", "a:1", "--get", "x")),
                ("--get PATH", ("connect", "a:1", "--get", "/a b")),
                ("--get PATH", ("connect", "a:1", "--get", "/\r\nX: y")),
                ("choose 512", ("connect", "a:1", "--max-fragment-length", "700")),
                ("not a number in 64", ("connect", "a:1", "--record-size-limit", "63")),
                ("no such argument", ("providers", "x"))):
            self.fails(2, pattern, *arguments)

    def test_files_that_are_not_right(self):
        with open(self.file("junk"), "w") as f:
            f.write("junk\n")
        os.chmod(self.file("junk"), 0o600)
        with open(self.file("huge"), "wb") as f:
            f.truncate(2 << 20)
        key, cert = self.file("server.key"), self.file("server.pem")
        for pattern, arguments in (
                ("No such file", ("--cert", "/nonexistent", "--key", key)),
                ("No such file", ("--cert", cert, "--key", "/nonexistent")),
                ("not a regular file", ("--cert", self.folder, "--key", key)),
                ("larger than the limit", ("--cert", self.file("huge"), "--key", key)),
                ("larger than the limit", ("--cert", cert, "--key", self.file("huge"))),
                ("PEM file .* is needed", ("--cert", self.file("junk"), "--key", key)),
                ("PEM key .* is needed", ("--cert", cert, "--key", self.file("junk"))),
                ("certificate .* and key .*", ("--cert", self.file("client.pem"), "--key", key)),
                ("handfast providers", (*self.pair(), "--provider", "magic")),
                ("No such file", (*self.pair(), "--client-ca", "/nonexistent")),
                ("", (*self.pair(), "--client-ca", self.file("junk"))),
                ("cannot open key log", (*self.pair(), "--keylog", "/nonexistent/x")),
                ("pkcs11|PKCS|module|token", ("--key", "pkcs11:token=none", "--module", "/nonexistent.so"))):
            self.fails(1, pattern, *self.server("--echo", *arguments))
        self.fails(1, "cannot open --root", *self.server("--root", "/nonexistent", *self.pair()))

    def test_pid_file(self):
        path = self.file("pid")
        server = self.serve("--echo", "--pid-file", path)
        self.tls(server).close()
        with open(path) as f:
            self.assertEqual(int(f.read()), server.process.pid)
        server.terminate()
        server.process.wait(WAIT)
        self.assertFalse(os.path.exists(path))

    def test_open_key_file_is_warned_of(self):
        os.chmod(self.file("server.key"), 0o644)
        self.addCleanup(os.chmod, self.file("server.key"), 0o600)
        self.assertIn("chmod 600", self.serve("--echo").errors())

    def test_certificate_out_of_time(self):
        for name, start, end in (("old", "20200101000000Z", "20210101000000Z"),
                                 ("early", "20480101000000Z", "20490101000000Z")):
            self.certificate_between(name, start, end)
        for name, word in (("old", "has expired"), ("early", "is not valid yet")):
            server = self.serve("--echo", "--cert", self.file(f"{name}.pem"), "--key", self.file("server.key"),
                                cert=None)
            self.assertRegex(server.errors(), rf"^handfast: warning: certificate .*{name}.pem {word}, .*CN={name},")
        self.assertNotIn("certificate", self.serve("--echo").errors())

    def certificate_between(self, name, start, end):
        with open(self.file(f"{name}.cnf"), "w") as f:
            f.write(f"[ca]\ndefault_ca=one\n[one]\nnew_certs_dir={self.folder}\ndatabase={self.folder}/{name}.db\n"
                    "rand_serial=yes\ndefault_md=sha256\npolicy=any\n[any]\ncommonName=supplied\n")
        open(self.file(f"{name}.db"), "w").close()
        run("openssl", "req", "-new", "-key", self.file("server.key"), "-subj", f"/CN={name}", "-out",
            self.file(f"{name}.csr"))
        run("openssl", "ca", "-config", self.file(f"{name}.cnf"), "-batch", "-selfsign", "-keyfile",
            self.file("server.key"), "-in", self.file(f"{name}.csr"), "-notext", "-startdate", start, "-enddate", end,
            "-out", self.file(f"{name}.pem"))

    def test_audit_file_that_cannot_be_read(self):
        self.fails(1, "cannot read .*Is a directory", "audit", "verify", self.folder)
        self.fails(1, "cannot read .*No such file", "audit", "verify", "/nonexistent")

    def test_port_in_use_by_another_program(self):
        with socket.create_server(("127.0.0.1", 0)) as other:
            port = other.getsockname()[1]
            self.fails(1, "cannot listen on .*in use", "serve", "--listen", f"127.0.0.1:{port}", "--echo", *self.pair())

    def test_port_in_use_by_another_server(self):
        port = self.serve("--echo").port
        self.fails(1, f"cannot listen on 127.0.0.1:{port}: .*in use", "serve", "--listen", f"127.0.0.1:{port}", "--echo",
                   *self.pair())
        self.fails(1, f"cannot listen on 127.0.0.1:{port}: .*in use", *self.server(), "--metrics", f"127.0.0.1:{port}",
                   "--echo", *self.pair())

    def test_nobody_there(self):
        with socket.socket() as nobody:  # bound, so that no other test's server takes the port, but not listening
            nobody.bind(("127.0.0.1", 0))
            self.fails(1, "cannot connect", "connect", f"127.0.0.1:{nobody.getsockname()[1]}", "--ca",
                       self.file("ca.pem"))
        label_too_long = 64 * "a"  # a name that no resolver is asked for: where there is none, the answer takes minutes
        self.fails(1, "cannot find the address", "connect", f"{label_too_long}.example:1", "--ca", self.file("ca.pem"))

    def test_server_that_says_nothing(self):
        with socket.create_server(("127.0.0.1", 0)) as other:
            port = other.getsockname()[1]
            self.fails(1, "longer than --timeout", "connect", f"127.0.0.1:{port}", "--ca", self.file("ca.pem"),
                       "--timeout", "1")

    def test_several_credentials(self):
        server = self.serve("--echo", "--cert", self.file("server-ec.pem"), "--key", self.file("server-ec.key"))
        for suite, algorithm in (("TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", b"rsa_"),
                                 ("TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", b"ecdsa_")):
            result = self.connect(server, "--suites", suite)
            self.assertEqual(result.returncode, 0, result.stderr)
            self.assertIn(algorithm, result.stderr)

    def test_providers(self):
        result = self.run_program("providers")
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        for word in ("cpu\n", "providers\n", "chosen\n", "AES-128-GCM", "X25519", "portable", "libcrypto",
                     "suites\n  TLS_AES_128_GCM_SHA256\n"):
            self.assertIn(word, result.stdout)
        self.assertRegex(result.stdout, r"(?s)paths\n.*AES-128-CBC-HMAC-SHA256 +seal +more +\w+")
        forced = self.run_program("providers", "--provider", "portable")
        self.assertRegex(forced.stdout, r"cipher +AES-128-GCM +portable +forced")
        unknown = self.run_program("providers", "--provider", "magic")
        self.assertEqual(unknown.returncode, 1)
        self.assertRegex(unknown.stderr, "^handfast: .*magic.*\n$")
        self.assertNotIn("chosen", unknown.stdout)

    def test_provider_table(self):
        measured = self.run_program("providers", "--measure", "--time", "1", patience=10 * WAIT)  # it computes all along
        self.assertEqual((measured.returncode, measured.stderr), (0, ""))
        path = self.file("paths")
        with open(path, "w") as f:
            f.write(measured.stdout)
        self.assertEqual(self.run_program("providers", "--provider-table", path).returncode, 0)
        with open(path, "w") as f:
            f.write("AES-128-GCM seal 128 libcrypto" + 5 * " portable" + "\n")
        mixed = self.run_program("providers", "--provider-table", path)
        self.assertRegex(mixed.stdout, r"cipher +AES-128-GCM +mixed")
        self.assertRegex(mixed.stdout, r"AES-128-GCM +seal +128 +libcrypto +portable")
        server = self.serve("--echo", "--provider-table", path)
        result = self.connect(server, "--suites", "TLS_AES_128_GCM_SHA256", "--explain", "--provider-table", path)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn(b"mixed", result.stderr)
        with open(path, "w") as f:
            f.write("AES-128-GCM seal 128 libcrypto\n")
        for command in (("providers",), ("serve", "--listen", "127.0.0.1:0", "--echo", *self.pair())):
            wrong = self.run_program(*command, "--provider-table", path)
            self.assertEqual(wrong.returncode, 1)
            self.assertRegex(wrong.stderr, "^handfast: provider table .*paths: line 1: six providers .*--measure\n$")

    def test_process_leaves_no_core(self):
        server = self.serve("--echo")
        with open(f"/proc/{server.process.pid}/limits") as f:
            core = [line.split()[4:6] for line in f if line.startswith("Max core file size")]
        self.assertEqual(core, [["0", "0"]])


if __name__ == "__main__":
    unittest.main()
