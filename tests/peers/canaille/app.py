"""Canaille on loopback with its data in memory, the user alice, and keys that are replaced by a request to /rotate.

    python app.py PORT
"""

import sys

from canaille import create_app
from canaille.app import models
from canaille.backends import Backend
from joserfc.jwk import OKPKey, RSAKey
from werkzeug.serving import make_server


def keys():
    return [
        key.as_dict(private=True, kid=key.thumbprint())
        for key in (RSAKey.generate_key(2048), OKPKey.generate_key("Ed25519"))
    ]


def main(port):
    app = create_app({
        "SECRET_KEY": "for-tests-only",
        "SERVER_NAME": f"127.0.0.1:{port}",
        "PREFERRED_URL_SCHEME": "http",
        "CANAILLE": {"DATABASE": "memory", "JAVASCRIPT": False, "HTMX": False},
        "CANAILLE_OIDC": {"DYNAMIC_CLIENT_REGISTRATION_OPEN": True, "ACTIVE_JWKS": keys(), "TRUSTED_DOMAINS": []},
    })

    @app.route("/rotate", methods=["GET"])
    def rotate():
        app.config["CANAILLE_OIDC"]["ACTIVE_JWKS"] = keys()
        return ""

    with app.app_context():
        alice = models.User(
            user_name="alice", family_name="Test", given_name="Alice", emails=["alice@example.org"],
            password="correct horse battery",
        )
        Backend.instance.save(alice)
    make_server("127.0.0.1", port, app, threaded=True).serve_forever()


if __name__ == "__main__":
    main(int(sys.argv[1]))
