"""Spring Authorization Server with Spring Boot's defaults: the application in `spring/`.

    python3 spring.py [--obtain]

Prints `ready ISSUER ROTATE`; a request to the second URL replaces the key. It ends with its standard input. It needs Java
and Maven.
"""

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
    return [*java, f"--server.port={port}", f"--rotation.port={rotation}"]


if __name__ == "__main__":
    server.main(obtain, lambda: server.serve_at_two_ports("spring", command))
