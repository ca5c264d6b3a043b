"""A fresh Synapse in a temporary folder, which ends with its standard input.

    python homeserver.py PORT [SERVICE]

With SERVICE, the issuer of an authentication service (op.mjs), that is where its users log in; MAS_SECRET is what the two
share. Without it, there is no OAuth 2.0 API. Prints `ready URL`; the log goes to the standard error output.
"""

import json
import os
import socket
import sys
import tempfile
import threading
import time

from synapse.app import homeserver
from twisted.internet import reactor


def config(folder, port, service):
    at = lambda name: os.path.join(folder, name)
    with open(at("log.json"), "w") as file:
        json.dump({
            "version": 1,
            "formatters": {"precise": {"format": "%(name)s %(levelname)s %(request)s %(message)s"}},
            "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "precise"}},
            "root": {"level": os.environ.get("LOG_LEVEL", "WARNING"), "handlers": ["console"]},
        }, file)
    settings = {
        "server_name": "hs.test",
        "public_baseurl": f"http://127.0.0.1:{port}/",
        "listeners": [{
            "port": port, "bind_addresses": ["127.0.0.1"], "tls": False, "type": "http",
            "resources": [{"names": ["client"], "compress": False}],
        }],
        "database": {"name": "sqlite3", "args": {"database": at("homeserver.db")}},
        "pid_file": at("homeserver.pid"),
        "log_config": at("log.json"),
        "media_store_path": at("media"),
        "signing_key_path": at("signing.key"),
        "macaroon_secret_key": "for-tests-only",
        "form_secret": "for-tests-only",
        "report_stats": False,
        "trusted_key_servers": [],
        "suppress_key_server_warning": True,
    }
    if service:
        settings["password_config"] = {"enabled": False}
        settings["matrix_authentication_service"] = {
            "enabled": True, "endpoint": service, "secret": os.environ["MAS_SECRET"],
        }
        settings["experimental_features"] = {"msc4108_enabled": True}
    # JSON is YAML, too.
    with open(at("homeserver.yaml"), "w") as file:
        json.dump(settings, file)
    return at("homeserver.yaml")


def main(port, service=None):
    # The ready line is all that goes there.
    out, sys.stdout = sys.stdout, sys.stderr
    with tempfile.TemporaryDirectory(prefix="synapse-") as folder:
        path = config(folder, int(port), service)
        sys.argv = ["synapse", "-c", path, "--generate-keys"]
        try:
            homeserver.main()
        except SystemExit as done:
            if done.code:
                raise

        def ready():
            while True:
                try:
                    socket.create_connection(("127.0.0.1", int(port))).close()
                    break
                except OSError:
                    time.sleep(0.05)
            out.write(f"ready http://127.0.0.1:{port}\n")
            out.flush()

        def until_the_input_ends():
            sys.stdin.read()
            reactor.callFromThread(reactor.stop)

        for task in [ready, until_the_input_ends]:
            threading.Thread(target=task, daemon=True).start()
        sys.argv = ["synapse", "-c", path]
        homeserver.main()


if __name__ == "__main__":
    main(*sys.argv[1:])
