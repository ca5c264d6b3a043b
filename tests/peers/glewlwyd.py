"""Glewlwyd, from Debian, unpacked into the target folder, with a fresh database: the users admin and alice.

    python3 glewlwyd.py [--obtain]

Prints `ready ISSUER ROTATE`; a request to the second URL replaces the key. It ends with its standard input. It needs apt,
sqlite3 and openssl.
"""

import gzip
import http.server
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import threading
import urllib.error
import urllib.request

import server

VERSION = "2.7.5"
FOLDER = server.folder("glewlwyd")
ROOT = FOLDER / "root"
SECRET = "a secret+with%every/thing: of 40 bytes &="


def obtain():
    with server.obtaining(FOLDER, VERSION) as wanted:
        if not wanted:
            return
        packages = FOLDER / "packages"
        for folder in (packages, ROOT):
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
        server.run("apt-get", "update", "-q")
        # What it needs and this machine lacks. Nothing is installed.
        command = ["apt-get", "install", "-s", "--no-install-recommends", "glewlwyd", "dbconfig-no-thanks"]
        plan = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        names = [line.split()[1] for line in plan.splitlines() if line.startswith("Inst ")]
        server.run("apt-get", "download", "-q", *(names or ["glewlwyd", "glewlwyd-common"]), cwd=packages)
        if not list(packages.glob(f"glewlwyd_{VERSION}-*")):
            sys.exit(f"Debian has another version than {VERSION}")
        for package in sorted(packages.glob("*.deb")):
            server.run("dpkg", "-x", package, ROOT)


def configuration(folder, port):
    """Its settings, for http on loopback."""
    (library,) = ROOT.glob("usr/lib/**/glewlwyd/plugin")
    modules = library.parent
    path = folder / "glewlwyd.conf"
    path.write_text(f'''
port={port}
bind_address="127.0.0.1"
external_url="http://127.0.0.1:{port}"
login_url="login.html"
api_prefix="api"
static_files_path="{ROOT}/usr/share/glewlwyd/webapp/"
log_mode="console"
log_level="INFO"
cookie_domain="127.0.0.1"
cookie_secure=0
session_expiration=2419200
session_key="GLEWLWYD2_SESSION_ID"
admin_scope="g_admin"
profile_scope="g_profile"
user_module_path="{modules}/user"
user_middleware_module_path="{modules}/user_middleware"
client_module_path="{modules}/client"
user_auth_scheme_module_path="{modules}/scheme"
plugin_module_path="{modules}/plugin"
hash_algorithm="SHA512"
database = {{ type = "sqlite3" path = "{folder}/glewlwyd.db" }};
static_files_mime_types = ( {{ extension = ".html" mime_type = "text/html" compress = 0 }} )
''')
    database = sqlite3.connect(folder / "glewlwyd.db")
    (schema,) = ROOT.glob("usr/share/doc/glewlwyd/database/init.sqlite3.sql*")
    with (gzip.open if schema.suffix == ".gz" else open)(schema, "rt") as script:
        database.executescript(script.read())
    database.close()
    return path


class Admin:
    """What its administrator does, by the API."""

    def __init__(self, url):
        self.url, self.cookie = url, ""

    def send(self, method, path, body=None):
        headers = {"content-type": "application/json", "cookie": self.cookie}
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.url}/api{path}", data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=30) as response:
                if cookie := response.headers.get("set-cookie"):
                    self.cookie = cookie.split(";")[0]
        except urllib.error.HTTPError as error:
            sys.exit(f"{method} {path}: {error} {error.read()}")

    def plugin(self):
        private = subprocess.run(
            ["openssl", "genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"],
            check=True, capture_output=True, text=True,
        ).stdout
        public = subprocess.run(
            ["openssl", "pkey", "-pubout"], input=private, check=True, capture_output=True, text=True,
        ).stdout
        return {
            "module": "oidc", "name": "oidc", "display_name": "OIDC",
            "parameters": {
                "iss": f"{self.url}/api/oidc", "jwt-type": "rsa", "jwt-key-size": "256", "key": private, "cert": public,
                "access-token-duration": 300, "refresh-token-duration": 3600, "code-duration": 600,
                "refresh-token-rolling": True, "refresh-token-one-use": "always", "allow-non-oidc": False,
                "auth-type-code-enabled": True, "auth-type-token-enabled": False, "auth-type-id-token-enabled": True,
                "auth-type-password-enabled": False, "auth-type-client-enabled": True, "auth-type-device-enabled": True,
                "auth-type-refresh-enabled": True, "pkce-allowed": True, "pkce-method-plain-allowed": False,
                "introspection-revocation-allowed": True, "introspection-revocation-allow-target-client": True,
                "session-management-allowed": True, "jwks-show": True, "oauth-dpop-allowed": True,
                "oauth-dpop-iat-duration": 30, "session-cookie-name": "OIDC_SID", "session-cookie-expiration": 40320,
                "request-parameter-allow": True, "client-pubkey-parameter": "pubkey", "client-jwks-parameter": "jwks",
                "device-authorization-expiration": 600, "device-authorization-interval": 5,
                "register-client-allowed": True, "register-client-auth-scope": [], "register-client-credentials-scope": ["openid"],
                "allowed-scope": ["openid"], "name-claim": "mandatory", "email-claim": "on-demand",
                "subject-type": "public",
            },
        }

    def prepare(self):
        self.send("POST", "/auth/", {"username": "admin", "password": "password"})
        self.send("POST", "/mod/plugin/", self.plugin())
        alice = {
            "username": "alice", "name": "Alice Test", "email": "alice@example.org", "password": "correct horse battery",
            "scope": ["openid", "g_profile"], "enabled": True,
        }
        self.send("POST", "/user/?source=database", alice)
        common = {
            "redirect_uri": ["http://127.0.0.1:7878/callback", "http://127.0.0.1:7879/callback"], "enabled": True,
            "authorization_type": ["code", "refresh_token", "client_credentials", "device_authorization"],
            "scope": ["openid"],
        }
        self.send("POST", "/client/?source=database", common | {"client_id": "native", "name": "native", "confidential": False})
        self.send("POST", "/client/?source=database", common | {
            "client_id": "web", "name": "web", "confidential": True, "client_secret": SECRET,
            "token_endpoint_auth_method": ["client_secret_basic", "client_secret_post", "client_secret_jwt"],
        })

    def rotate(self):
        self.send("PUT", "/mod/plugin/oidc", self.plugin())
        self.send("PUT", "/mod/plugin/oidc/reset")


def rotation(admin):
    """The other port."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            admin.rotate()
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_):
            pass

    listener = http.server.HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=listener.serve_forever, daemon=True).start()
    return listener.server_address[1]


def start():
    held, port = server.reserve()
    url = f"http://127.0.0.1:{port}"
    admin = Admin(url)
    libraries = {str(path.parent) for path in ROOT.glob("**/*.so.*")}
    environment = os.environ | {"LD_LIBRARY_PATH": ":".join(sorted(libraries))}
    with held, tempfile.TemporaryDirectory(prefix="glewlwyd-") as folder:
        path = configuration(server.pathlib.Path(folder), port)
        ready = f"{url}/api/oidc http://127.0.0.1:{rotation(admin)}/rotate"
        command = [ROOT / "usr" / "bin" / "glewlwyd", f"--config-file={path}"]
        server.serve("glewlwyd", command, ready, f"{url}/config", admin.prepare, env=environment)


if __name__ == "__main__":
    server.main(obtain, start)
