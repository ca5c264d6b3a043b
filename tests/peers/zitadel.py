"""The example server of zitadel/oidc: the program in `zitadel/`.

    python3 zitadel.py [--obtain]

Prints `ready ISSUER ROTATE`; a request to the second URL replaces the key. It ends with its standard input. It needs Go.
"""

import sys

import server

SOURCE = server.PEERS / "zitadel"
FOLDER = server.folder("zitadel")
PROGRAM = FOLDER / "server"


def obtain():
    with server.obtaining(FOLDER, server.version(SOURCE)) as wanted:
        if wanted:
            server.run("go", "build", "-mod=readonly", "-o", PROGRAM, ".", cwd=SOURCE)


def main():
    obtain()
    if sys.argv[1:] == ["--obtain"]:
        return
    (held, port), (other, rotation) = server.reserve(), server.reserve()
    url = f"http://127.0.0.1:{port}"
    with held, other:
        ready = f"{url} http://127.0.0.1:{rotation}/rotate"
        server.serve("zitadel", [PROGRAM, port, rotation], ready, f"{url}/.well-known/openid-configuration")


if __name__ == "__main__":
    main()
