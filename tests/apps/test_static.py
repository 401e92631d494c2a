"""serve --root: HTTP/1.1 for a folder, and no byte outside of it."""
import hashlib
import os
import time
import unittest

from support import ProgramTest


class Static(ProgramTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.root = f"{cls.folder}/root"
        os.makedirs(f"{cls.root}/sub/deep")
        os.makedirs(f"{cls.root}/.well-known")
        files = {"index.html": b"<p>front</p>", "page.txt": b"text", "empty": b"", "big": os.urandom(5000001),
                 "a b.css": b"body{}", "sub/index.html": b"sub front", ".hidden": b"secret", ".well-known/x": b"known"}
        for name, content in files.items():
            with open(f"{cls.root}/{name}", "wb") as f:
                f.write(content)
        with open(f"{cls.folder}/outside", "wb") as f:
            f.write(b"outside")
        os.symlink("../outside", f"{cls.root}/link")
        os.symlink("..", f"{cls.root}/up")
        os.mkfifo(f"{cls.root}/fifo")
        cls.files = files

    def setUp(self):
        self.server = self.serve("--root", self.root)

    def ask(self, request):
        """Sends bytes, reads to the end: (status, header fields, body)."""
        connection = self.tls(self.server)
        connection.sendall(request)
        return self.parse(self.read_all(connection))

    def parse(self, answer):
        head, body = answer.split(b"\r\n\r\n", 1)
        lines = head.decode().split("\r\n")
        fields = dict(line.lower().split(": ", 1) for line in lines[1:])
        return int(lines[0].split()[1]), fields, body

    def get(self, path, extra="", method="GET"):
        return self.ask(f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{extra}\r\n".encode())

    def test_pages(self):
        for path, name, kind in (("/", "index.html", "text/html"), ("/page.txt?x=1", "page.txt", "text/plain"),
                                 ("/empty", "empty", "application/octet-stream"), ("/a%20b.css", "a b.css", "text/css"),
                                 ("/sub/", "sub/index.html", "text/html"), ("/big", "big", "application/octet-stream"),
                                 ("https://localhost/page.txt", "page.txt", "text/plain"),
                                 ("/.well-known/x", ".well-known/x", "application/octet-stream")):
            status, fields, body = self.get(path)
            self.assertEqual((status, body), (200, self.files[name]), path)
            self.assertEqual(int(fields["content-length"]), len(body))
            self.assertTrue(fields["content-type"].startswith(kind), fields)

    def test_get_by_our_client(self):
        result = self.connect(self.server, "--get", "/big", "--quiet")
        self.assertEqual((result.returncode, result.stderr), (0, b""))
        self.assertEqual(hashlib.sha256(result.stdout).digest(), hashlib.sha256(self.files["big"]).digest())
        result = self.connect(self.server, "--get", "/nothing", "--quiet")
        self.assertEqual(result.returncode, 1)
        self.assertIn(b"404", result.stderr)

    def test_a_kept_file_that_changes(self):
        """Small files are kept in memory; after a second the folder counts, whatever the file's times say."""
        path = f"{self.root}/kept"

        def put(text):
            with open(path, "wb") as f:
                f.write(text)

        put(b"one")
        time.sleep(3.2)  # old enough that its times are trusted
        times = os.stat(path)
        for _ in range(3):
            self.assertEqual(self.get("/kept")[2], b"one")
            time.sleep(0.6)
        put(b"two")
        os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
        time.sleep(1.1)
        self.assertEqual(self.get("/kept")[2], b"two")
        os.remove(path)
        time.sleep(1.1)
        self.assertEqual(self.get("/kept")[0], 404)

    def test_head_has_no_body(self):
        status, fields, body = self.get("/big", method="HEAD")
        self.assertEqual((status, fields["content-length"], body), (200, "5000001", b""))
        status, _, body = self.get("/none", method="HEAD")
        self.assertEqual((status, body), (404, b""))
        for request in (b"HEAD / HTTP/1.1\r\n\r\n", b"HEAD /%zz HTTP/1.1\r\nHost: localhost\r\n\r\n"):
            status, _, body = self.ask(request)
            self.assertEqual((status, body), (400, b""), request)

    def test_folder_is_redirected(self):
        status, fields, _ = self.get("/sub")
        self.assertEqual((status, fields["location"]), (301, "/sub/"))

    def test_no_way_out(self):
        for path in ("/../outside", "/sub/../../outside", "/%2e%2e/outside", "/..%2foutside", "/sub/%2e%2e/%2e%2e/outside",
                     "/link", "/up/outside", "/.hidden", "/sub/.hidden", "//outside", "/./page.txt", "/sub//index.html",
                     "/etc/passwd", "//etc/passwd", "/..", "/sub/..", "/page.txt/", "/page.txt/x", "/..\\outside",
                     "/" + "a/" * 100):
            status, _, body = self.get(path)
            self.assertEqual(status, 404, path)
            self.assertNotIn(b"outside", body)
            self.assertNotIn(b"secret", body)
        self.assertEqual(self.get("/fifo")[0], 403)
        self.assertEqual(self.get("/sub/deep/")[0], 404)

    def test_refusals(self):
        host = "Host: localhost\r\n"
        for status, request in (
                (405, f"POST / HTTP/1.1\r\n{host}Content-Length: 3\r\n\r\nabc"),
                (405, f"DELETE /page.txt HTTP/1.1\r\n{host}\r\n"),
                (400, "GET / HTTP/1.1\r\n\r\n"),
                (400, f"GET / HTTP/1.1\r\n{host}{host}\r\n"),
                (400, f"GET page.txt HTTP/1.1\r\n{host}\r\n"),
                (400, f"GET /%zz HTTP/1.1\r\n{host}\r\n"),
                (400, f"GET /%00 HTTP/1.1\r\n{host}\r\n"),
                (400, f"GET /a b HTTP/1.1\r\n{host}\r\n"),
                (400, f"GET / HTTP/1.1\r\n{host} folded: x\r\n\r\n"),
                (400, f"GET / HTTP/1.1\r\n{host}Bad : x\r\n\r\n"),
                (400, f"GET / HTTP/1.1\n{host}\r\n\r\n"),
                (505, f"GET / HTTP/2.0\r\n{host}\r\n"),
                (414, f"GET /{'a' * 3000} HTTP/1.1\r\n{host}\r\n"),
                (414, f"GET /{'a' * 9000}"),
                (431, f"GET / HTTP/1.1\r\n{host}X: {'a' * 9000}"),
                (431, f"GET / HTTP/1.1\r\n{host}" + "A: b\r\n" * 200 + "\r\n")):
            got, fields, _ = self.ask(request.encode())
            self.assertEqual(got, status, request[:60])
            self.assertEqual(fields["connection"], "close")
        self.assertEqual(self.ask(f"PUT / HTTP/1.1\r\n{host}\r\n".encode())[1]["allow"], "get, head")

    def test_many_requests_on_one_connection(self):
        connection = self.tls(self.server)
        one = b"GET /page.txt HTTP/1.1\r\nHost: localhost\r\n\r\n"
        last = b"GET /page.txt HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
        connection.sendall(one * 20 + last)  # all at once
        answer = self.read_all(connection)
        self.assertEqual(answer.count(b"HTTP/1.1 200 OK"), 21)
        self.assertEqual(answer.count(b"\r\n\r\ntext"), 21)

    def test_request_in_small_pieces(self):
        connection = self.tls(self.server)
        for byte in b"GET /page.txt HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n":
            connection.send(bytes([byte]))
        self.assertEqual(self.parse(self.read_all(connection))[::2], (200, b"text"))

    def test_body_is_not_taken_for_a_request(self):
        smuggled = b"GET /page.txt HTTP/1.1\r\nHost: localhost\r\n\r\n"
        answer = self.ask(b"GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n" % len(smuggled) + smuggled)
        self.assertEqual((answer[0], answer[2]), (200, self.files["index.html"]))


if __name__ == "__main__":
    unittest.main()
