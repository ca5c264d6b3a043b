"""Spring Authorization Server with Spring Boot's defaults: the application in `spring/`.

    python3 spring.py [--obtain | --registration SCOPES]

Prints `ready ISSUER ROTATE`; a request to the second URL replaces the key. It ends with its standard input. It needs Java
and Maven. With --registration clients can register, with a token for the scope `client.create`, and get these scopes, which
have commas between them.
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


def command(port, rotation):
    java = ["java", "-Xmx256m", "-XX:TieredStopAtLevel=1", "-jar", ARCHIVE]
    started = [*java, f"--server.port={port}", f"--rotation.port={rotation}"]
    match sys.argv[1:]:
        case ["--registration", scopes]:
            started += ["--spring.profiles.active=registration", f"--registration.scopes={scopes}"]
    return started


if __name__ == "__main__":
    server.main(obtain, lambda: server.serve_at_two_ports("spring", command))
