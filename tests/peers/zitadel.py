"""The example server of zitadel/oidc: the program in `zitadel/`.

    python3 zitadel.py [--obtain]

Prints `ready ISSUER ROTATE`; a request to the second URL replaces the key. It ends with its standard input. It needs Go.
"""

import server

SOURCE = server.PEERS / "zitadel"
FOLDER = server.folder("zitadel")
PROGRAM = FOLDER / "server"


def obtain():
    with server.obtaining(FOLDER, server.version(SOURCE)) as wanted:
        if wanted:
            server.run("go", "build", "-mod=readonly", "-o", PROGRAM, ".", cwd=SOURCE)


if __name__ == "__main__":
    server.main(obtain, lambda: server.serve_at_two_ports("zitadel", lambda *ports: [PROGRAM, *ports]))
