package peer;

import com.nimbusds.jose.jwk.JWKSet;
import com.nimbusds.jose.jwk.RSAKey;
import com.nimbusds.jose.jwk.gen.RSAKeyGenerator;
import com.nimbusds.jose.jwk.source.JWKSource;
import com.nimbusds.jose.proc.SecurityContext;
import com.sun.net.httpserver.HttpServer;
import java.net.InetSocketAddress;
import java.util.UUID;
import org.springframework.beans.factory.annotation.Value;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.autoconfigure.SpringBootApplication;
import org.springframework.context.annotation.Bean;

/** An authorization server with Spring's defaults. A request to the other port gives it another key. */
@SpringBootApplication
public class Server {
    private volatile RSAKey key = generate();

    public static void main(String[] arguments) {
        SpringApplication.run(Server.class, arguments);
    }

    private static RSAKey generate() {
        try {
            return new RSAKeyGenerator(2048).keyID(UUID.randomUUID().toString()).generate();
        } catch (Exception error) {
            throw new IllegalStateException(error);
        }
    }

    @Bean
    JWKSource<SecurityContext> keys() {
        return (selector, context) -> selector.select(new JWKSet(key));
    }

    @Bean(destroyMethod = "")
    HttpServer rotation(@Value("${rotation.port}") int port) throws Exception {
        HttpServer server = HttpServer.create(new InetSocketAddress("127.0.0.1", port), 0);
        server.createContext("/rotate", exchange -> {
            key = generate();
            exchange.sendResponseHeaders(200, -1);
            exchange.close();
        });
        server.start();
        return server;
    }
}
