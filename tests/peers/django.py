"""django-oauth-toolkit, from PyPI, in an environment of its own: the program `django/app.py`.

    python3 django.py [--obtain]

Prints `ready ISSUER ROTATE`; a request to the second URL replaces the key. It ends with its standard input.
"""

import server

if __name__ == "__main__":
    server.python_program("django", "/o")
