"""django-oauth-toolkit on loopback with its data in memory, the user alice, and a key that is replaced by a request to
/rotate. Clients can register, which is off by default; a user's access token is the permission for it.

    python app.py PORT
"""

import sys
from wsgiref.simple_server import WSGIRequestHandler, make_server

import django
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from django.conf import settings

SECRET = "a secret+with%every/thing: of 40 bytes &="
LOGIN_PAGE = '<form method="post">{% csrf_token %}{{ form }}<input type="submit" value="Log in"></form>'


def key():
    return rsa.generate_private_key(65537, 2048).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


def configure():
    settings.configure(
        SECRET_KEY="for-tests-only",
        ALLOWED_HOSTS=["127.0.0.1"],
        ROOT_URLCONF=__name__,
        LOGIN_URL="/login",
        AUTHENTICATION_BACKENDS=[
            "django.contrib.auth.backends.ModelBackend", "oauth2_provider.backends.OAuth2Backend",
        ],
        USE_TZ=True,
        DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
        INSTALLED_APPS=[
            "django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions", "django.contrib.messages",
            "oauth2_provider",
        ],
        MIDDLEWARE=[
            "django.contrib.sessions.middleware.SessionMiddleware", "django.middleware.csrf.CsrfViewMiddleware",
            "django.contrib.auth.middleware.AuthenticationMiddleware",
            "django.contrib.messages.middleware.MessageMiddleware",
            "oauth2_provider.middleware.OAuth2TokenMiddleware",
        ],
        TEMPLATES=[{
            "BACKEND": "django.template.backends.django.DjangoTemplates",
            "OPTIONS": {
                "context_processors": [
                    "django.template.context_processors.request", "django.contrib.auth.context_processors.auth",
                    "django.contrib.messages.context_processors.messages",
                ],
                "loaders": [
                    ("django.template.loaders.locmem.Loader", {"registration/login.html": LOGIN_PAGE}),
                    "django.template.loaders.app_directories.Loader",
                ],
            },
        }],
        OAUTH2_PROVIDER={
            "OIDC_ENABLED": True,
            "OIDC_RSA_PRIVATE_KEY": key(),
            "OIDC_RP_INITIATED_LOGOUT_ENABLED": True,
            "DCR_ENABLED": True,
            "SCOPES": {"openid": "OpenID Connect", "profile": "The profile", "email": "The address"},
            "DEFAULT_SCOPES": ["openid"],
        },
    )


urlpatterns = []


def main(port):
    configure()
    django.setup()
    from django.contrib.auth.models import User
    from django.contrib.auth.views import LoginView
    from django.core.handlers.wsgi import WSGIHandler
    from django.core.management import call_command
    from django.db.models.signals import pre_save
    from django.http import HttpResponse
    from django.urls import include, path
    from oauth2_provider.models import Application
    from oauth2_provider.settings import oauth2_settings
    from oauth2_provider.urls import metadata_urlpatterns

    def rotate(_request):
        oauth2_settings.OIDC_RSA_PRIVATE_KEY = key()
        return HttpResponse("")

    def choose_algorithm(instance, **_):
        # A client that registers gets none by default, and then no ID token: its token request is a 500.
        if instance.registration_source == Application.RegistrationSource.DCR:
            instance.algorithm = Application.RS256_ALGORITHM

    pre_save.connect(choose_algorithm, sender=Application, weak=False)
    urlpatterns.extend([
        *metadata_urlpatterns,
        path("o/", include("oauth2_provider.urls", namespace="oauth2_provider")),
        path("login", LoginView.as_view()),
        path("rotate", rotate),
    ])
    call_command("migrate", verbosity=0)
    alice = User.objects.create_user("alice", "alice@example.org", "correct horse battery")
    common = {
        "user": alice, "algorithm": Application.RS256_ALGORITHM,
        "redirect_uris": "http://127.0.0.1/callback http://127.0.0.1:7878/callback",
        "post_logout_redirect_uris": "http://127.0.0.1:7878/bye",
    }
    Application.objects.create(
        client_id="native", client_type="public", authorization_grant_type="authorization-code", client_secret="", **common
    )
    Application.objects.create(
        client_id="web", client_type="confidential", authorization_grant_type="authorization-code", client_secret=SECRET,
        **common
    )
    make_server("127.0.0.1", port, WSGIHandler(), handler_class=WSGIRequestHandler).serve_forever()


if __name__ == "__main__":
    main(int(sys.argv[1]))
