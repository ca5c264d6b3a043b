package peer;

import static org.springframework.security.config.Customizer.withDefaults;

import java.util.Set;
import org.springframework.beans.factory.annotation.Value;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.context.annotation.Profile;
import org.springframework.core.annotation.Order;
import org.springframework.http.MediaType;
import org.springframework.security.config.annotation.web.builders.HttpSecurity;
import org.springframework.security.oauth2.server.authorization.client.RegisteredClient;
import org.springframework.security.oauth2.server.authorization.oidc.authentication.OidcClientRegistrationAuthenticationProvider;
import org.springframework.security.oauth2.server.authorization.oidc.converter.OidcClientRegistrationRegisteredClientConverter;
import org.springframework.security.web.SecurityFilterChain;
import org.springframework.security.web.authentication.LoginUrlAuthenticationEntryPoint;
import org.springframework.security.web.util.matcher.MediaTypeRequestMatcher;

/**
 * Turns the registration endpoint of OpenID Connect on, which is off by default. The two chains are those of Spring Boot
 * otherwise. Registered clients get these scopes: the endpoint takes none of a client by default.
 */
@Configuration
@Profile("registration")
class Registration {
    @Value("${registration.scopes:}")
    private Set<String> scopes;

    @Bean
    @Order(1)
    SecurityFilterChain protocol(HttpSecurity http) throws Exception {
        var html = new MediaTypeRequestMatcher(MediaType.TEXT_HTML);
        http.oauth2AuthorizationServer(server -> {
            http.securityMatcher(server.getEndpointsMatcher());
            server.oidc(oidc -> oidc.clientRegistrationEndpoint(endpoint -> endpoint.authenticationProviders(all ->
                all.forEach(each -> {
                    if (each instanceof OidcClientRegistrationAuthenticationProvider registering) {
                        registering.setRegisteredClientConverter(registration -> {
                            var client = new OidcClientRegistrationRegisteredClientConverter().convert(registration);
                            return RegisteredClient.from(client).scopes(own -> own.addAll(scopes)).build();
                        });
                    }
                }))));
        });
        return http.authorizeHttpRequests(requests -> requests.anyRequest().authenticated())
            .oauth2ResourceServer(resources -> resources.jwt(withDefaults()))
            .exceptionHandling(failures ->
                failures.defaultAuthenticationEntryPointFor(new LoginUrlAuthenticationEntryPoint("/login"), html))
            .build();
    }

    @Bean
    @Order(2)
    SecurityFilterChain login(HttpSecurity http) throws Exception {
        return http.authorizeHttpRequests(requests -> requests.anyRequest().authenticated())
            .formLogin(withDefaults())
            .build();
    }
}
