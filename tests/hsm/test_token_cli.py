"""`handfast token` as an operator meets it: outputs, exit codes, one-line errors, the prompt on a terminal.

usage: test_token_cli.py HANDFAST SOFTHSM_MODULE
"""
import os
import pty
import re
import select
import shutil
import subprocess
import sys
import tempfile

handfast, module = sys.argv[1:3]
folder = tempfile.mkdtemp(prefix="handfast-token-")
PIN, SO_PIN = "471100", "081500"
failures = 0


def path(name):
    return os.path.join(folder, name)


def write(name, text, mode=0o600):
    with open(path(name), "w") as f:
        f.write(text)
    os.chmod(path(name), mode)
    return path(name)


def expect(good, what):
    global failures
    if not good:
        failures += 1
        print("FAILED:", what)


def run(*args, code=0, says=(), wants_pin=True):
    """Runs an action; checks the exit code, words of the output, and that errors are one line without a PIN."""
    command = [handfast, "token", *args]
    if args and not args[0].startswith("-") and wants_pin:
        command += ["--module", module, "--pin-source", path("pin")]
    done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, start_new_session=True)
    text = done.stdout + done.stderr
    expect(done.returncode == code, f"{args}: exit code {done.returncode}, not {code}: {text}")
    for word in says:
        expect(word in text, f"{args}: no {word!r} in {text!r}")
    expect(PIN not in text and SO_PIN not in text, f"{args}: a PIN in the output")
    expect(code == 0 or done.stderr.count("\n") == 1, f"{args}: not one line: {done.stderr!r}")
    expect(code != 0 or done.stderr == "", f"{args}: {done.stderr!r}")
    return text


def openssl(*args):
    done = subprocess.run(["openssl", *args], capture_output=True, text=True)
    expect(done.returncode == 0, f"openssl {args}: {done.stderr}")
    return done.stdout


def wrong_usage():
    run(code=2, says=["name an action"])
    run("frobnicate", code=2, says=["no such action"])
    run("list", "--nonsense", code=2, says=["--nonsense", "--help"])
    run("list", "--token", code=2, says=["needs a value"], wants_pin=False)
    run("list", "pkcs11:token=t", "--token", "t", code=2, says=["exclude"])
    run("list", "a", "b", code=2, says=["too many"])
    for action in ("list", "csr", "check", "import", "selfsign"):
        run(action, "--token", "t", "nothing", code=2, says=["only a pkcs11: URI"])
    run("check", "--token", "t", "--load", "4", code=2, says=["only a pkcs11: URI"])
    run("init", "--token", "t", code=2, says=["--module"], wants_pin=False)
    run("keygen", "--token", "t", "--label", "x", code=2, says=["algorithm"])
    run("keygen", "rsa:2048", "--token", "t", code=2, says=["--label"])
    run("keygen", "rsa:2048", "--id", "abc", "--label", "x", code=2, says=["hexadecimal"])
    run("selfsign", "--token", "t", code=2, says=["--subject"])
    run("selfsign", "--token", "t", "--subject", "CN=x", "--days", "0", code=2, says=["--days"])
    run("import", "--token", "t", code=2, says=["--cert"])
    run("import", "--token", "t", "--key", "k", code=2, says=["--label"])
    run("init", "--token", "", code=2, says=["1 to 32"])
    for help_args in (["--help"], ["list", "--help"]):
        run(*help_args, says=["usage: handfast token", "--so-pin-source"])


def life_of_a_token():
    for so_pin in ([], ["--so-pin-source", path("nothing")]):
        said = run("init", "--token", "t", *so_pin, code=1, says=["--so-pin-source"])
        expect(" --pin-source" not in said, f"the other option is named: {said}")
    run("init", "--token", "t", "--so-pin-source", path("so-pin"), says=["pkcs11:token=t\n"])
    run("init", "--token", "t", "--so-pin-source", path("so-pin"), code=1, says=["exists already"])
    run("list", "--token", "t", says=["the token is empty"])
    uri = run("keygen", "rsa:2048", "--token", "t", "--label", "server", "--id", "0a0b").strip()
    expect(uri == "pkcs11:token=t;id=%0A%0B;object=server;type=private", uri)
    listed = run("list", "--token", "t", says=["RSA-2048", "sensitive (always)", "never extractable", uri])
    expect("NOT SENSITIVE" not in listed and "EXTRACTABLE" not in listed, listed)
    ticket_key = run("keygen", "hmac", "--token", "t", "--label", "tickets").strip()
    listed = run("list", "--token", "t", says=["secret key   HMAC      \"tickets\"", f"URI         {ticket_key}\n"])
    expect("EXTRACTABLE" not in listed, listed)
    run("selfsign", uri, "--subject", "CN=a.example", "--san", "dns:a.example", "--out", path("cert"))
    openssl("verify", "-CAfile", path("cert"), path("cert"))
    write("csr", run("csr", uri, "--subject", "CN=a.example"))
    openssl("req", "-in", path("csr"), "-verify", "-noout")
    run("check", uri, "--cert", path("cert"), says=["ok      sign rsa_pss_rsae_sha256", "decrypt", "belongs to the key"])
    run("check", "--token", "t", "--label", "server", "--id", "0A0B")


def imports():
    openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", path("key"))
    openssl("req", "-x509", "-key", path("key"), "-subj", "/CN=i", "-days", "2", "-out", path("i-cert"))
    run("import", "--token", "t", "--cert", path("i-cert"), code=1, says=["no private key of the token"])
    run("import", "--token", "t", "--key", path("key"), "--label", "i", says=["object=i"])
    run("import", "--token", "t", "--cert", path("i-cert"), says=["1 certificate stored"])
    run("import", "--token", "t", "--cert", path("i-cert"), says=["0 certificates stored"])
    run("check", "--token", "t", "--label", "i", "--cert", path("i-cert"), says=["not extractable (imported)"])
    run("check", "--token", "t", "--label", "i", "--cert", path("cert"), code=1,
        says=["FAILED  certificate in the file", "did not pass"])
    run("import", "--token", "t", "--cert", path("nothing"), code=1, says=["No such file"])


def failures_have_a_line():
    run("list", "--token", "other", code=1, says=['"other"', '"t"'])
    run("check", "--token", "t", "--label", "none", code=1, says=["matches", "object=server"])
    run("check", "--token", "t", code=1, says=["2 private keys match", "object=i"])
    run("check", "pkcs11:token=t;object=server?pin-value=999", code=1, says=["pin-value"])
    run("selfsign", "--token", "t", "--label", "i", "--subject", "CN=x", "--out", "/nowhere/x", code=1, says=["--out"])
    os.chmod(path("pin"), 0o644)
    run("list", "--token", "t", code=1, says=["chmod 600"])
    os.chmod(path("pin"), 0o600)
    run("list", "--token", "t", "--module", module, code=1, says=["--pin-source"], wants_pin=False)
    run("list", "--token", "t", "--module", "/nowhere.so", "--pin-source", path("pin"), code=1, says=["/nowhere.so"],
        wants_pin=False)
    write("pin", "wrong-pin\n")
    run("list", "--token", "t", code=1, says=["PIN is wrong", "not tried again"])
    write("pin", PIN + "\n")


def read_until(fd, end):
    """What the terminal shows up to `end`, or until its other side is closed; a silent minute is a failure."""
    seen = b""
    while end is None or end not in seen:
        if not select.select([fd], [], [], 60)[0]:
            raise SystemExit(f"FAILED: the terminal hangs after {seen!r}")
        try:
            chunk = os.read(fd, 1024)
        except OSError:
            break
        if not chunk:
            break
        seen += chunk
    return seen


def under_load():
    text = run("check", "--token", "t", "--label", "server", "--load=2", says=["load    2 at once", "failed  0"])
    expect(re.search(r"load .*: [1-9][0-9]* (signatures|decryptions)/s", text), text)
    expect(re.search(r"latency p50 [0-9.]+ ms, p90 [0-9.]+ ms, p99 [0-9.]+ ms, longest", text), text)
    expect(re.search(r'token   "t": breaker closed, [1-9][0-9]* of at most', text), text)
    expect(re.search(r"up to +[0-9.]+ ms in the token: [1-9]", text), text)
    for bad in ("0", "257", "x", "-1"):
        run("check", "--token", "t", "--label", "server", f"--load={bad}", code=2, says=["1 to 256"])


def at_a_terminal(keys, code, says):
    pid, fd = pty.fork()
    if pid == 0:
        os.execv(handfast, [handfast, "token", "list", "--token", "t", "--module", module])
    seen = read_until(fd, b": ")
    os.write(fd, keys)
    seen += read_until(fd, None)
    result = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    text = seen.decode()
    expect(result == code, f"terminal {keys}: exit code {result}: {text}")
    expect(says in text, f"terminal {keys}: no {says!r} in {text!r}")
    expect(PIN not in text, "the PIN was echoed")


def main():
    os.mkdir(path("tokens"))
    os.environ["SOFTHSM2_CONF"] = write(
        "softhsm2.conf", f"directories.tokendir = {path('tokens')}\nobjectstore.backend = file\nlog.level = ERROR\n")
    os.environ.pop("CREDENTIALS_DIRECTORY", None)
    write("pin", PIN + "\n")
    write("so-pin", SO_PIN + "\n")
    wrong_usage()
    life_of_a_token()
    imports()
    failures_have_a_line()
    under_load()
    at_a_terminal(PIN.encode() + b"\r", 0, 'PIN of token "t": ')
    at_a_terminal(b"xx\x7f\x7f" + PIN.encode() + b"\r", 0, "object=server")
    at_a_terminal(b"junk\x15" + PIN.encode() + b"\r", 0, "object=server")
    at_a_terminal(b"47\x03", 1, "no PIN was typed")


try:
    main()
finally:
    shutil.rmtree(folder)
sys.exit(1 if failures else 0)
