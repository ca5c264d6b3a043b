"""Spring Authorization Server with Spring Boot's defaults: the application in `spring/`.

    python3 spring.py [--obtain]

Prints `ready ISSUER ROTATE`; a request to the second URL replaces the key. It ends with its standard input. It needs Java
and Maven.
"""

import sys

import server

SOURCE = server.PEERS / "spring"
FOLDER = server.folder("spring")
ARCHIVE = FOLDER / "build" / "spring-1.jar"


def obtain():
    with server.obtaining(FOLDER, server.version(SOURCE)) as wanted:
        if wanted:
            server.run("mvn", "-q", "-B", f"-Dbuild={FOLDER / 'build'}", "package", cwd=SOURCE)


def main():
    obtain()
    if sys.argv[1:] == ["--obtain"]:
        return
    (held, port), (other, rotation) = server.reserve(), server.reserve()
    url = f"http://127.0.0.1:{port}"
    command = [
        "java", "-Xmx256m", "-XX:TieredStopAtLevel=1", "-jar", ARCHIVE, f"--server.port={port}", f"--rotation.port={rotation}",
    ]
    with held, other:
        ready = f"{url} http://127.0.0.1:{rotation}/rotate"
        server.serve("spring", command, ready, f"{url}/.well-known/openid-configuration")


if __name__ == "__main__":
    main()
