"""serve and SIGHUP: what the options name is read again and served; what is wrong changes nothing."""
import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
import threading
import time
import unittest

from token_support import FAULT, MODULE, TokenTest, status_of
from support import WAIT, ask_metrics, until

SWAPS = 20


class ReloadTest(TokenTest):
    isolate = []

    def put(self, source, target):
        """Replaces a file as a careful tool does."""
        shutil.copy(self.file(source), self.file("new"))
        os.chmod(self.file("new"), 0o600)
        os.rename(self.file("new"), self.file(target))

    def put_pair(self, name, live="live"):
        self.put(f"{name}.pem", f"{live}.pem")
        self.put(f"{name}.key", f"{live}.key")

    def serve_live(self, *arguments, name="server", **options):
        self.put_pair(name)
        server = self.serve("--echo", "--metrics", "127.0.0.1:0", *self.isolate, *arguments, cert="live", **options)
        self.learn_metrics(server)
        return server

    def learn_metrics(self, server):
        line = server.process.stdout.readline().decode()
        server.metrics = int(re.fullmatch(r"metrics on 127\.0\.0\.1:(\d+)\n", line).group(1))

    def counts(self, server):
        text = ask_metrics(server, "/metrics")[2]
        return tuple(int(re.search(rf'handfast_reloads_total{{result="{result}"}} (\d+)', text).group(1))
                     for result in ("ok", "failed"))

    def reload(self, server, good=True):
        """SIGHUP, and until it is over."""
        before = self.counts(server)
        server.process.send_signal(signal.SIGHUP)
        until("the end of the reload", lambda: self.counts(server) != before)
        self.assertEqual(self.counts(server), (before[0] + good, before[1] + (not good)), server.errors())

    def served(self, server, name="localhost"):
        """The subject and the staple that openssl s_client sees."""
        text = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{server.port}", "-servername", name,
                               "-status"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              timeout=WAIT).stdout.decode()
        found = re.search(r"^subject=CN ?= ?(\S+)", text, re.M)
        self.assertTrue(found, text)
        return found.group(1), "OCSP Response Status: successful" in text

    def socket(self, server):
        return socket.create_connection(("127.0.0.1", server.port), timeout=WAIT)

    def echo(self, connection, data=b"still here"):
        connection.sendall(data)
        self.assertEqual(connection.recv(len(data)), data)


class Reload(ReloadTest):
    def test_swaps_under_load(self):
        server = self.serve_live()
        established = self.tls(server)
        stop, bad, good = threading.Event(), [], [0] * 3

        def storm(i):
            context = self.context()
            while not stop.is_set():
                try:
                    with self.socket(server) as raw, context.wrap_socket(raw, server_hostname="localhost") as tls:
                        self.echo(tls, b"x")
                    good[i] += 1
                except (OSError, AssertionError) as error:
                    bad.append(error)

        threads = [threading.Thread(target=storm, args=(i,)) for i in range(len(good))]
        for thread in threads:
            thread.start()
        try:
            for swap in range(SWAPS):
                name = ("server-ec", "server")[swap % 2]
                self.put_pair(name)
                before = sum(good)
                self.reload(server)
                self.assertEqual(self.served(server)[0], name)
                until("handshakes", lambda: sum(good) > before)
        finally:
            stop.set()
            for thread in threads:
                thread.join()
        self.assertEqual(bad, [])
        self.echo(established)
        self.assertEqual(self.counts(server), (SWAPS, 0))
        told = re.findall(r"^handfast: reloaded: certificate \S+/live\.pem: CN=(\S+), serial ([0-9A-F]+), "
                          r"valid until \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ; key \S+/live\.key$", server.errors(), re.M)
        self.assertEqual([subject for subject, _ in told], ["server-ec", "server"] * (SWAPS // 2))
        for name, (_, serial) in zip(("server-ec", "server"), told):
            said = subprocess.run(["openssl", "x509", "-noout", "-serial", "-in", self.file(f"{name}.pem")],
                                  stdout=subprocess.PIPE, check=True).stdout.decode().strip()
            self.assertEqual(said, f"serial={serial}")

    def test_what_is_wrong_changes_nothing(self):
        self.put("ca.pem", "anchors.pem")
        server = self.serve_live("--client-ca", self.file("anchors.pem"), "--client-auth", "optional")

        def wrong(words, *files):
            for source, target in files:
                self.put(source, target)
            lines = len(server.errors().splitlines())
            self.reload(server, good=False)
            told = server.errors().splitlines()[lines:]
            self.assertEqual(len(told), 1, told)
            self.assertRegex(told[0], "^handfast: reload failed, the old configuration stays: .*" + words)
            self.assertEqual(self.served(server)[0], "server")
            self.put_pair("server")
            self.put("ca.pem", "anchors.pem")

        self.write("garbage", "no certificate\n")
        wrong("another key|does not belong|not the key", ("server-ec.key", "live.key"))
        wrong("live.key", ("garbage", "live.key"))
        wrong("live.pem", ("garbage", "live.pem"))
        wrong("anchors.pem", ("garbage", "anchors.pem"))
        os.remove(self.file("live.pem"))
        wrong("live.pem: No such file")
        self.reload(server)
        self.assertEqual(self.counts(server), (1, 5))

    def test_a_session_goes_on_and_the_new_policy_judges_it(self):
        self.put("ca.pem", "anchors.pem")
        server = self.serve_live("--client-ca", self.file("anchors.pem"))
        context = self.context(cert="client")
        context.maximum_version = ssl.TLSVersion.TLSv1_2

        def connect(session=None):
            with context.wrap_socket(self.socket(server), server_hostname="localhost", session=session) as tls:
                self.echo(tls)
                return tls.session, tls.session_reused

        session, reused = connect()
        self.assertFalse(reused)
        self.put_pair("server-ec")
        self.reload(server)
        self.assertEqual(self.served_by(context, server), "server-ec")
        _, reused = connect(session)
        self.assertTrue(reused, "a reload forgot the ticket keys")
        self.put("other-ca.pem", "anchors.pem")
        self.reload(server)
        with self.assertRaises(OSError):  # the session's certificate is none of these anchors' any more
            connect(session)

    def served_by(self, context, server):
        with context.wrap_socket(self.socket(server), server_hostname="localhost") as tls:
            return dict(part[0] for part in tls.getpeercert()["subject"])["commonName"]

    def test_several_credentials_and_keys_in_a_token(self):
        self.tool("keygen", "ec:p256", "--token", "t", "--label", "second")
        self.tool("selfsign", "--token", "t", "--label", "second", "--subject", "CN=second.example", "--san",
                  "dns:second.example", "--out", self.file("second.pem"))
        self.put("second.pem", "token.pem")
        server = self.serve_live("--cert", self.file("token.pem"), "--key", "pkcs11:token=t;object=second",
                                 *self.use)
        self.assertEqual(self.served(server, "second.example")[0], "second.example")
        self.tool("selfsign", "--token", "t", "--label", "second", "--subject", "CN=renewed", "--san",
                  "dns:second.example", "--out", self.file("renewed.pem"))
        self.put("renewed.pem", "token.pem")
        self.reload(server)
        self.assertEqual(self.served(server, "second.example")[0], "renewed")
        self.assertEqual(self.served(server)[0], "server")
        lines = len(server.errors().splitlines())
        self.put("site.pem", "token.pem")  # of another key in the same token
        self.reload(server, good=False)
        self.assertEqual(len(server.errors().splitlines()), lines + 1, server.errors())
        self.assertEqual(self.served(server, "second.example")[0], "renewed")

    def make_key(self, algorithm, subject):
        """A key by the name "live" in the token, instead of the one that was there, and its certificate in live.pem."""
        for kind in ("privkey", "pubkey", "cert"):
            subprocess.run(["pkcs11-tool", "--module", MODULE, "--login", "--pin", self.pin, "--token-label", "t",
                            "--delete-object", "--type", kind, "--label", "live"], stdout=subprocess.DEVNULL,
                           stderr=subprocess.DEVNULL)
        self.tool("keygen", algorithm, "--token", "t", "--label", "live")
        self.tool("selfsign", "--token", "t", "--label", "live", "--subject", f"CN={subject}", "--san",
                  "dns:localhost", "--out", self.file("new.pem"))
        os.rename(self.file("new.pem"), self.file("live.pem"))

    def holder(self, server):
        """The process that has the keys."""
        return server.process.pid

    def threads(self, server):
        return int(status_of(self.holder(server))["Threads"])

    def test_a_key_in_the_token_is_replaced(self):
        """By another one of the same URI, RSA after EC and so on; those before are let go."""
        self.make_key("ec:p256", "first")
        server = self.serve("--echo", "--metrics", "127.0.0.1:0", "--key", "pkcs11:token=t;object=live", "--cert",
                            self.file("live.pem"), "--key-threads", "2", "--handshake-timeout", "1", "--key-timeout",
                            "500", *self.use, *self.isolate, cert=None)
        self.learn_metrics(server)
        self.assertEqual(self.served(server)[0], "first")
        with open(self.file("live.pem")) as f, open(self.file("now.pem"), "w") as trust:
            trust.write(f.read())
        context = ssl.create_default_context(cafile=self.file("now.pem"))
        established = context.wrap_socket(self.socket(server), server_hostname="localhost")
        self.addCleanup(established.close)
        before = self.threads(server)
        for algorithm, subject in (("rsa:2048", "second"), ("ec:p384", "third")):
            self.make_key(algorithm, subject)
            self.reload(server)
            self.assertEqual(self.served(server)[0], subject, server.errors())
            self.echo(established)
        self.assertGreater(self.threads(server), before, "this test would not see that keys stay")
        self.echo(established)
        established.close()  # a connection holds what it began with
        until("the end of the old keys", lambda: self.threads(server) == before)
        self.put("site.pem", "live.pem")  # of another key
        self.reload(server, good=False)
        until("the end of the new keys", lambda: self.threads(server) == before)

    def test_signals_that_come_close_together(self):
        server = self.serve_live()
        for _ in range(50):
            server.process.send_signal(signal.SIGHUP)
        until("a reload", lambda: self.counts(server)[0] >= 1)
        self.reload_settles(server)
        self.assertEqual(self.served(server)[0], "server")
        for _ in range(5):
            server.process.send_signal(signal.SIGHUP)
        server.terminate()
        self.assertEqual(server.process.wait(WAIT), 0)

    def reload_settles(self, server):
        last = None
        while last != (last := self.counts(server)):
            time.sleep(0.3)

    def faulty(self, *lines):
        with open(self.file("fault.new"), "w") as f:
            f.write("\n".join((f"module = {MODULE}", *lines)) + "\n")
        os.rename(self.file("fault.new"), self.file("fault.conf"))

    def serve_faulty(self):
        self.faulty()
        os.environ["HANDFAST_FAULT_CONF"] = self.file("fault.conf")
        self.addCleanup(os.environ.pop, "HANDFAST_FAULT_CONF")
        server = self.serve("--echo", "--metrics", "127.0.0.1:0", "--key", "pkcs11:token=t;object=site", "--module",
                            FAULT, "--pin-source", self.file("pin"), *self.isolate, cert=None)
        self.learn_metrics(server)
        return server

    def test_the_token_is_down(self):
        server = self.serve_faulty()
        connection = self.tls(server)
        self.faulty("token = absent")
        self.reload(server, good=False)
        self.echo(connection)
        self.assertIn("reload failed, the old configuration stays", server.errors())
        self.faulty()
        until("the token's return", lambda: self.connect(server, "--name", "localhost").returncode == 0)
        self.reload(server)
        self.assertEqual(self.connect(server, "--name", "localhost").returncode, 0)

    def test_the_end_comes_while_a_reload_hangs_in_the_token(self):
        server = self.serve_faulty()
        connection = self.tls(server)
        self.faulty("hang C_FindObjectsInit = forever")
        server.process.send_signal(signal.SIGHUP)
        time.sleep(0.5)
        self.echo(connection)
        self.assertEqual(self.counts(server), (0, 0))
        self.assertEqual(self.connect(server, "--name", "localhost").returncode, 0)  # signatures do not hang
        connection.close()
        server.terminate()
        self.assertEqual(server.process.wait(WAIT), 0)


class ReloadIsolated(Reload):
    """The same with a key process, which has the keys, and a supervisor, which opens the files."""
    isolate = ["--isolate"]

    def holder(self, server):
        return self.key_process(server)

    def replaced(self, server):
        """The key process dies and the next one has come."""
        victim = self.key_process(server)
        os.kill(victim, signal.SIGKILL)
        until("the next key process", lambda: self.key_process(server) not in (None, victim))

    def test_files_that_the_network_process_may_not_read(self):
        if os.geteuid() != 0:
            return  # then there is no other user; what it may open is the filter's affair, which the others see
        self.put("ca.pem", "anchors.pem")
        server = self.serve_live("--user", "nobody", "--client-ca", self.file("anchors.pem"), "--client-auth",
                                 "optional")
        self.assertNotEqual(status_of(self.network_process(server))["Uid"].split()[0], "0")
        self.assertEqual(os.stat(self.folder).st_mode & 0o77, 0)
        self.put_pair("server-ec")
        self.reload(server)
        self.assertEqual(self.served(server)[0], "server-ec")
        folder = f"/proc/{self.network_process(server)}/fd"
        still_open = [os.readlink(f"{folder}/{fd}") for fd in os.listdir(folder)]
        self.assertEqual([name for name in still_open if self.folder in name and ".log" not in name], [])

    def test_only_the_operator_reloads(self):
        server = self.serve_live()
        self.put_pair("server-ec")
        for process in (self.network_process(server), self.key_process(server)):
            os.kill(process, signal.SIGHUP)
        time.sleep(0.5)
        self.assertEqual(self.counts(server), (0, 0))
        self.assertEqual(self.served(server)[0], "server")

    def test_a_key_process_that_dies_has_the_keys_of_the_reload(self):
        server = self.serve_live()
        self.put_pair("server-ec")
        self.reload(server)
        self.replaced(server)
        self.assertEqual(self.served(server)[0], "server-ec")
        self.put_pair("server")
        self.reload(server)
        self.assertEqual(self.served(server)[0], "server")
        self.put_pair("server-ec")  # its keys are not those of the certificates any more
        self.replaced(server)
        server.await_error("came back with other keys; it is not used")
        self.reload(server)
        self.assertEqual(self.served(server)[0], "server-ec")


class Staples(ReloadTest):
    """OCSP responses in a file that changes."""

    def respond(self, name, out, state="V"):
        serial = subprocess.run(["openssl", "x509", "-noout", "-serial", "-in", self.file(f"{name}.pem")],
                                stdout=subprocess.PIPE, check=True).stdout.decode().strip().split("=")[1]
        if state == "R":
            state += "\t" + time.strftime("%y%m%d%H%M%SZ", time.gmtime(time.time() - 3600))
        else:
            state += "\t"
        with open(self.file("index"), "w") as f:
            f.write(f"{state[0]}\t351231235959Z\t{state[2:]}\t{serial}\tunknown\t/CN=any\n")
        subprocess.run(["openssl", "ocsp", "-index", self.file("index"), "-CA", self.file("only-ca.pem"), "-rsigner",
                        self.file("only-ca.pem"), "-rkey", self.file("ca.key"), "-issuer", self.file("only-ca.pem"),
                        "-cert", self.file(f"{name}.pem"), "-respout", self.file(out), "-noverify", "-ndays", "1"],
                       check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def test_staples(self):
        subprocess.run(["openssl", "x509", "-in", self.file("ca.pem"), "-out", self.file("only-ca.pem")], check=True)
        for name in ("server", "server-ec"):
            with open(self.file(f"{name}.pem")) as end, open(self.file("only-ca.pem")) as ca:
                text = end.read() + ca.read()
            self.write(f"{name}-chain.pem", text)
            shutil.copy(self.file(f"{name}.key"), self.file(f"{name}-chain.key"))
        self.respond("server", "good")
        self.respond("server", "gone", state="R")
        self.respond("server-ec", "other")
        self.put("good", "ocsp")
        server = self.serve_live("--ocsp", self.file("ocsp"), "--ocsp-check", "1", name="server-chain")
        self.assertEqual(self.served(server), ("server", True))
        for bad in ("gone", "other"):
            told = server.errors().count("is not stapled")
            self.put(bad, "ocsp")
            until("its refusal", lambda: self.served(server) == ("server", False))
            self.assertEqual(server.errors().count("is not stapled"), told + 1, server.errors())
            self.put("good", "ocsp")
            until("a good one", lambda: self.served(server) == ("server", True))
        os.remove(self.file("ocsp"))
        until("a warning", lambda: "cannot be read any more" in server.errors())
        self.assertEqual(self.served(server), ("server", True))
        self.put("other", "ocsp")
        until("its refusal", lambda: self.served(server) == ("server", False))
        self.assertEqual(self.counts(server), (0, 0))
        self.put_pair("server-ec-chain")
        self.reload(server)
        self.assertEqual(self.served(server), ("server-ec", True))


class StaplesIsolated(Staples):
    """The same where the process that staples may open no file."""

    isolate = ["--isolate"]


if __name__ == "__main__":
    unittest.main()
