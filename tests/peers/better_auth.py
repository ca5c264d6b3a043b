"""better-auth with its OAuth provider, from npm: the program `better_auth/app.mjs`. The user is alice@example.org.

    python3 better_auth.py [--obtain]

Prints `ready ISSUER ROTATE`; a request to the second URL replaces the key. It ends with its standard input. It needs
Node.js.
"""

import shutil

import server

SOURCE = server.PEERS / "better_auth"
FOLDER = server.folder("better_auth")


def obtain():
    with server.obtaining(FOLDER, server.version(SOURCE)) as wanted:
        if wanted:
            for file in SOURCE.iterdir():
                shutil.copy(file, FOLDER)
            # The provider's package names an older version of a package that it shares with the other one.
            server.run("npm", "ci", "--legacy-peer-deps", "--no-audit", "--no-fund", "--silent", cwd=FOLDER)


def start():
    held, port = server.reserve()
    url = f"http://127.0.0.1:{port}"
    with held:
        probe = f"{url}/api/auth/.well-known/openid-configuration"
        server.serve("better_auth", ["node", "app.mjs", port], f"{url}/api/auth {url}/rotate", probe, cwd=FOLDER)


if __name__ == "__main__":
    server.main(obtain, start)
