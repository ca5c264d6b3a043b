"""django-oauth-toolkit, from PyPI, in an environment of its own: the program `django/app.py`.

    python3 django.py [--obtain]

Prints `ready ISSUER ROTATE`; a request to the second URL replaces the key. It ends with its standard input.
"""

import sys

import server

SOURCE = server.PEERS / "django"
FOLDER = server.folder("django")


def main():
    python = server.environment(FOLDER, SOURCE / "requirements.txt")
    if sys.argv[1:] == ["--obtain"]:
        return
    held, port = server.reserve()
    url = f"http://127.0.0.1:{port}"
    with held:
        probe = f"{url}/o/.well-known/openid-configuration"
        server.serve("django", [python, SOURCE / "app.py", port], f"{url}/o {url}/rotate", probe)


if __name__ == "__main__":
    main()
