"""Keycloak, from its zip on Maven Central, with its database in memory. The administrator is admin, the password admin.

    python3 keycloak.py [--obtain]

Prints `ready URL`; realms are made by the admin API. It ends with its standard input. It needs Java and Maven.
"""

import os
import zipfile

import server

VERSION = "26.7.3"
FOLDER = server.folder("keycloak")
HOME = FOLDER / f"keycloak-{VERSION}"
HEAP = {"JAVA_OPTS_KC_HEAP": "-Xms64m -Xmx512m"}


def obtain():
    with server.obtaining(FOLDER, VERSION) as wanted:
        if not wanted:
            return
        archive = FOLDER / f"keycloak-quarkus-dist-{VERSION}.zip"
        if not archive.exists():
            server.run(
                "mvn", "-q", "-B", "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy",
                f"-Dartifact=org.keycloak:keycloak-quarkus-dist:{VERSION}:zip", f"-DoutputDirectory={FOLDER}", cwd=FOLDER,
            )
        with zipfile.ZipFile(archive) as files:
            files.extractall(FOLDER)
        script = HOME / "bin" / "kc.sh"
        script.chmod(0o755)
        server.run(script, "build", "--db=dev-mem", env=os.environ | HEAP)


def start():
    held, port = server.reserve()
    url = f"http://127.0.0.1:{port}"
    admin = {"KC_BOOTSTRAP_ADMIN_USERNAME": "admin", "KC_BOOTSTRAP_ADMIN_PASSWORD": "admin"}
    command = [
        HOME / "bin" / "kc.sh", "start", "--optimized", "--http-enabled=true", "--hostname-strict=false",
        "--http-host=127.0.0.1", f"--http-port={port}",
    ]
    probe = f"{url}/realms/master/.well-known/openid-configuration"
    with held:
        server.serve("keycloak", command, url, probe, env=os.environ | HEAP | admin)


if __name__ == "__main__":
    server.main(obtain, start)
