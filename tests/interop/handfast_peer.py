"""`handfast serve` and `handfast connect` under test, with their keys in the token."""

import pathlib
import re
import shutil
import tempfile

import process


class OwnToken:
    """A copy of the token for one process. SoftHSM2 rewrites a token's file at each login, and whoever starts in that
    moment finds no token; so no two processes share one."""

    def __init__(self, world):
        self.folder = tempfile.TemporaryDirectory()
        path = pathlib.Path(self.folder.name)
        shutil.copytree(world.folder / "tokens", path / "tokens")
        (path / "softhsm2.conf").write_text(f"directories.tokendir = {path}/tokens\nobjectstore.backend = file\n"
                                            "log.level = ERROR\n")
        self.environment = process.clean_environment(SOFTHSM2_CONF=path / "softhsm2.conf")

    def cleanup(self):
        self.folder.cleanup()


class Serve(process.Server):
    """`handfast serve` with token keys; leaving the context expects exit code 0 after SIGTERM."""

    def __init__(self, world, program, keys, app=("--echo",), policy="compatible", p11kit_modules=False, more=()):
        def argv(_):
            words = [program, "serve", "--listen", "127.0.0.1:0", "--policy", policy, *app]
            for key in keys:
                words += ["--cert", world.token_cert(key), "--key", world.token_key(key, module=not p11kit_modules)]
            return words + list(more)

        self.token = OwnToken(world)
        super().__init__(argv, env=self.token.environment)

    def _is_listening(self):
        """It says so itself, with the port that the system chose."""
        said = re.search(r"^listening on 127\.0\.0\.1:(\d+)$", self.output(), re.M)
        if said:
            self.port = int(said.group(1))
        return said is not None

    def __exit__(self, kind, value, trace):
        super().__exit__(kind, value, trace)
        self.token.cleanup()
        if kind is None and self.exit_code != 0:
            raise process.PeerError(f"serve ended with {self.exit_code}: {process.shell(self.argv)}\n{self.output()}")


def connect(world, program, port, suite, payload, key=None, expect=None, more=(), policy="compatible"):
    """`handfast connect`, payload on stdin, the peer's bytes from stdout. key: a client key in the token."""
    argv = [program, "connect", f"127.0.0.1:{port}", "--name", "localhost", "--policy", policy]
    if "--insecure" not in more:
        argv += ["--ca", world.ca]
    if suite:
        argv += ["--suites", suite]
    if key:
        argv += ["--cert", world.token_cert(key), "--key", world.token_key(key)]
    argv += list(more)
    expect = len(payload) if expect is None else expect
    token = OwnToken(world)
    code, received, errors = process.converse(argv, payload, expect, env=token.environment)
    token.cleanup()
    return code, received, errors, process.shell(argv)


def program_argument(parser):
    parser.add_argument("--world", required=True)
    parser.add_argument("--handfast", required=True, type=pathlib.Path)
