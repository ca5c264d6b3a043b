"""What the start scripts of the providers share: where downloads are kept, a free port, and how a server begins and ends."""

import contextlib
import fcntl
import hashlib
import os
import pathlib
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
import venv

PEERS = pathlib.Path(__file__).resolve().parent
START_TIMEOUT = 300


def folder(name):
    """Where this provider's downloads are kept, under the target folder."""
    target = pathlib.Path(os.environ.get("CARGO_TARGET_DIR") or PEERS.parent.parent / "target")
    found = target.absolute() / "providers" / name
    found.mkdir(parents=True, exist_ok=True)
    return found


def version(source):
    """What is in these sources, as a version."""
    files = sorted(path for path in source.rglob("*") if path.is_file())
    return hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()


@contextlib.contextmanager
def obtaining(where, version):
    """Yields whether this version has to be obtained. One process obtains it; the others wait."""
    with open(where / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        mark = where / "obtained"
        wanted = not mark.exists() or mark.read_text() != version
        yield wanted
        if wanted:
            mark.write_text(version)


def run(*command, **options):
    """Runs a command to its end; what it prints goes to the standard error output."""
    subprocess.run([str(part) for part in command], check=True, stdin=subprocess.DEVNULL, stdout=sys.stderr, **options)


def environment(where, requirements):
    """A Python environment in this folder with these packages. Returns its interpreter."""
    python = where / "environment" / "bin" / "python"
    with obtaining(where, requirements.read_text()) as wanted:
        if wanted:
            venv.create(where / "environment", clear=True, with_pip=True)
            run(python, "-m", "pip", "install", "-q", "--disable-pip-version-check", "-r", requirements)
    return python


def reserve():
    """A port that nobody else is given: it is bound, and not listened at. A server that allows the address to be used again
    can bind it."""
    held = socket.socket()
    held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    held.bind(("127.0.0.1", 0))
    return held, held.getsockname()[1]


def answers(url):
    try:
        with urllib.request.urlopen(url, timeout=10) as response:
            return response.status == 200
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        return False


def serve(name, command, ready, probe, prepare=lambda: None, **options):
    """Starts the server, prepares it once `probe` answers, prints `ready` and what the tests are told, and ends the server with its own
    standard input. The server's output goes to the file `log` in its folder. The server is the leader of a process group,
    which ends as a whole."""
    command, log = [str(part) for part in command], folder(name) / "log"
    with open(log, "w") as output:
        child = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True, **options
        )

    def end(*_):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGTERM)
        try:
            child.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(child.pid, signal.SIGKILL)
            child.wait()

    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    try:
        deadline = time.monotonic() + START_TIMEOUT
        while not answers(probe):
            if child.poll() is not None or time.monotonic() > deadline:
                sys.exit(f"the server did not start: {child.poll()}\n{log.read_text()[-4000:]}")
            time.sleep(0.2)
        prepare()
        print(f"ready {ready}", flush=True)
        gone = threading.Thread(target=sys.stdin.read, daemon=True)
        gone.start()
        while gone.is_alive() and child.poll() is None:
            gone.join(0.2)
        if gone.is_alive():
            sys.exit(f"the server ended by itself: {child.poll()}\n{log.read_text()[-4000:]}")
    finally:
        end()


def main(obtain, start):
    """What each script does: it obtains the server, and starts it unless `--obtain` is given."""
    obtain()
    if sys.argv[1:] != ["--obtain"]:
        start()


def python_program(name, path=""):
    """The script of a Python program, `NAME/app.py`, with the packages of its `requirements.txt`. The issuer is at this path,
    and a request to `/rotate` replaces the keys."""
    source = PEERS / name

    def python():
        return environment(folder(name), source / "requirements.txt")

    def start():
        held, port = reserve()
        url = f"http://127.0.0.1:{port}"
        with held:
            probe = f"{url}{path}/.well-known/openid-configuration"
            serve(name, [python(), source / "app.py", port], f"{url}{path} {url}/rotate", probe)

    main(python, start)


def serve_at_two_ports(name, command):
    """Starts a server that takes requests to `/rotate`, which replaces its key, at a port of their own. `command` makes the
    command from both ports."""
    (held, port), (other, rotation) = reserve(), reserve()
    url = f"http://127.0.0.1:{port}"
    with held, other:
        ready = f"{url} http://127.0.0.1:{rotation}/rotate"
        serve(name, command(port, rotation), ready, f"{url}/.well-known/openid-configuration")
