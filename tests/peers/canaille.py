"""Canaille, from PyPI, in an environment of its own: the program `canaille/app.py`.

    python3 canaille.py [--obtain]

Prints `ready ISSUER ROTATE`; a request to the second URL replaces the keys. It ends with its standard input.
"""

import server

if __name__ == "__main__":
    server.python_program("canaille")
