"""Canaille, from PyPI, in an environment of its own: the program `canaille/app.py`.

    python3 canaille.py [--obtain]

Prints `ready ISSUER ROTATE`; a request to the second URL replaces the keys. It ends with its standard input.
"""

import sys

import server

SOURCE = server.PEERS / "canaille"
FOLDER = server.folder("canaille")


def main():
    python = server.environment(FOLDER, SOURCE / "requirements.txt")
    if sys.argv[1:] == ["--obtain"]:
        return
    held, port = server.reserve()
    url = f"http://127.0.0.1:{port}"
    with held:
        probe = f"{url}/.well-known/openid-configuration"
        server.serve("canaille", [python, SOURCE / "app.py", port], f"{url} {url}/rotate", probe)


if __name__ == "__main__":
    main()
