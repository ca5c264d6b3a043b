//! The course at one provider: discovery, registration, login, userinfo, two refreshes, logout.

use oidc_proto::flow::{Registration, ServerMetadataFetch};
use oidc_proto::jose::{Algorithm, PrivateKey};
use oidc_proto::testing::RegisteredClient;
use oidc_proto::{
    AuthMethod, AuthorizationRequest, Client, ClientAuth, Deviation, Endpoint, ErrorCode, Issuer, Provider,
    ProviderOptions, Registered, RelyingParty, Schemes, Scope,
};
use serde_json::{Map, Value};

use super::table::{After, Choice, Row, Who};
use crate::hostile::logout_token;
use crate::hostile::strong::{CLIENT_SEED, key};
use crate::hostile::world::{At, LOGOUT_REDIRECT, Login, REDIRECT, Refusal, User, World, metadata, redirect};

const CLIENT_ID: &str = "app";

const SECRET: &str = "a secret of thirty-two bytes, or more";

/// What is known when it is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Outcome {
    pub(crate) after: After,
    pub(crate) has_id_token: bool,
    /// Whether a refresh brings one.
    pub(crate) has_new_id_token: bool,
    /// What came of a refresh token that is not good any more.
    pub(crate) dead: Option<ErrorCode>,
    pub(crate) is_pushed: bool,
    pub(crate) userinfo: bool,
    pub(crate) revokes: bool,
    pub(crate) signs_out: bool,
    /// Whether a logout token of the provider was accepted, if it sends any.
    pub(crate) back_channel: Option<bool>,
}

type What = (At, ErrorCode);

pub(crate) struct Course {
    row: &'static Row,
    choices: Vec<Choice>,
    key: bool,
    /// A member that is left out of the metadata by hand.
    lacking: Option<&'static str>,
    pub(crate) world: World,
}

impl Course {
    /// With all choices of the row, or all but one.
    pub(crate) fn new(row: &'static Row, left_out: Option<usize>) -> Self {
        let chosen = row.choices.iter().enumerate().filter(|(at, _)| Some(*at) != left_out);
        Self::with(row, chosen.map(|(_, choice)| *choice).collect(), false)
    }

    /// With all choices of the row, and without this member of its metadata by hand.
    pub(crate) fn lacking(row: &'static Row, member: &'static str) -> Self {
        Self { lacking: Some(member), ..Self::new(row, None) }
    }

    /// With a key that the provider knows.
    pub(crate) fn with_key(row: &'static Row, deviation: Option<Deviation>) -> Self {
        let choices = row.choices.iter().copied().chain(deviation.map(Choice::Accept));
        Self::with(row, choices.collect(), true)
    }

    fn with(row: &'static Row, choices: Vec<Choice>, key: bool) -> Self {
        let mut world = World::new();
        (world.op, world.issuer) = (row.habits.provider().with_seed(1001), row.habits.issuer().to_owned());
        world.metadata = metadata().with_client_uri("https://app.example.org/");
        let mut scope = row.scope.to_owned();
        let mut options = ProviderOptions::new();
        for choice in &choices {
            match choice {
                Choice::Accept(deviation) => options = options.with_deviation(*deviation),
                Choice::Scope(words) => scope = format!("{scope} {words}"),
                Choice::ClientIdInScope => scope = format!("{scope} {CLIENT_ID}"),
                _ => {}
            }
        }
        world.options = options;
        world.request = AuthorizationRequest::new(redirect(), Scope::new(&scope).unwrap());
        for choice in &choices {
            if let Choice::Parameter(name, value) = choice {
                world.request = world.request.clone().with_parameter(*name, *value);
            }
        }
        let mut course = Self { row, choices, key, lacking: None, world };
        course.world.op = course.world.op.clone().with_client(course.known());
        course
    }

    /// The client as the provider knows it.
    fn known(&self) -> RegisteredClient {
        let named = self.row.choices.iter().find_map(|choice| match choice {
            Choice::Method(method) => Some(*method),
            _ => None,
        });
        let document = self.row.habits.document();
        let form_alone = document.contains("client_secret_post") && !document.contains("client_secret_basic");
        let method = named.unwrap_or(match form_alone {
            true => AuthMethod::ClientSecretPost,
            false => AuthMethod::ClientSecretBasic,
        });
        let client = match (self.key, self.row.client) {
            (true, _) => {
                let jwk = key(Algorithm::Es256, CLIENT_SEED).public_key().to_jwk(Algorithm::Es256, Some("own"));
                RegisteredClient::with_key(CLIENT_ID, serde_json::from_str(&jwk).unwrap(), REDIRECT)
            }
            (_, Who::Public) => RegisteredClient::public(CLIENT_ID, REDIRECT),
            _ => RegisteredClient::confidential(CLIENT_ID, SECRET, REDIRECT).with_auth_method(method.name()),
        };
        client.with_post_logout_redirect_uri(LOGOUT_REDIRECT)
    }

    fn discover(&mut self) -> Result<Provider, Refusal> {
        let (at, habits) = (At::ServerMetadataFetch, self.row.habits);
        let issuer = Issuer::new(habits.issuer(), Schemes::HttpsOnly).map_err(Refusal::new(at))?;
        for choice in &self.choices {
            match choice {
                Choice::ByHand(more) => {
                    let mut document: Map<String, Value> = serde_json::from_str(habits.document()).unwrap();
                    for (name, value) in more.iter().filter(|(name, _)| Some(*name) != self.lacking) {
                        document.insert((*name).to_owned(), serde_json::from_str(value).unwrap());
                    }
                    let document = Value::Object(document).to_string();
                    return Provider::from_json(document.as_bytes(), &issuer, self.world.options)
                        .map_err(Refusal::new(at));
                }
                Choice::MetadataUrl => {
                    let url = Endpoint::new(habits.metadata_url().unwrap(), Schemes::HttpsOnly).unwrap();
                    let step = ServerMetadataFetch::start_at(&url, issuer, self.world.options);
                    return Ok(self.world.run(Ok(step)).map_err(Refusal::new(at))?.provider);
                }
                _ => {}
            }
        }
        self.world.discover()
    }

    fn client(&mut self, provider: &Provider) -> Result<Client, Refusal> {
        let secret = || SECRET.into();
        let by_hand = |auth| Ok(Client::new(CLIENT_ID).with_auth(auth).with_redirect_uri(redirect()));
        if self.key {
            return by_hand(ClientAuth::PrivateKeyJwt(PrivateKey::local(key(Algorithm::Es256, CLIENT_SEED))));
        }
        match self.row.client {
            Who::Public => by_hand(ClientAuth::None),
            Who::Secret => {
                let named = self.choices.iter().find_map(|choice| match choice {
                    Choice::Method(method) => Some(ClientAuth::new(*method, Some(secret())).unwrap()),
                    _ => None,
                });
                by_hand(named.unwrap_or_else(|| ClientAuth::for_secret(secret(), provider)))
            }
            Who::Registers => {
                let token = self.choices.iter().any(|choice| matches!(choice, Choice::InitialAccessToken));
                let metadata = self.world.metadata.clone();
                let step = match token {
                    true => Registration::start_with_token(provider, metadata, "initial-access-token".into()),
                    false => Registration::start(provider, metadata),
                };
                let registered: Registered = self.world.run(step).map_err(Refusal::new(At::Registration))?;
                assert!(registered.flaws().is_empty(), "{:?}", registered.flaws());
                Ok(registered.client(&[redirect()]))
            }
        }
    }

    pub(crate) fn party(&mut self) -> Result<RelyingParty, Refusal> {
        let provider = self.discover()?;
        let mut client = self.client(&provider)?;
        for choice in &self.choices {
            match choice {
                Choice::Hs256 => client = client.with_registered_algorithm(Algorithm::Hs256),
                Choice::Audience(audience) => client = client.with_trusted_audience(*audience),
                _ => {}
            }
        }
        Ok(RelyingParty::new(provider, client))
    }

    pub(crate) fn outcome(&mut self) -> Result<Outcome, What> {
        self.go().map_err(|refusal| refusal.what())
    }

    /// What comes of the code of another login of the same client, which somebody puts into the callback.
    pub(crate) fn injected(&mut self) -> What {
        let party = self.party().unwrap();
        let [own, other] = [(); 2].map(|()| self.world.login_with(&party).unwrap());
        let code = self.world.visit(&other).param("code").unwrap();
        self.world.op.edit_callback(move |callback| {
            let sent = callback.params.iter_mut().find(|(name, _)| name == "code");
            sent.unwrap().1.clone_from(&code);
        });
        self.world.finish(own).err().unwrap().what()
    }

    fn go(&mut self) -> Result<Outcome, Refusal> {
        let party = self.party()?;
        let (user, is_pushed) = self.log_in(&party)?;
        let metadata = party.provider().metadata();
        let (has_userinfo, revokes) = (metadata.userinfo_endpoint.is_some(), metadata.revocation_endpoint.is_some());
        let signs_out = metadata.end_session_endpoint.is_some();
        let has_back_channel = self.row.habits.document().contains(r#""backchannel_logout_supported": true"#);
        let has_id_token = user.tokens.id_token().is_some();
        if has_userinfo && has_id_token {
            self.world.userinfo(&user)?;
        }
        let first = user.tokens.id_token().map(|token| token.expose().to_owned());
        let (user, after) = self.refresh(user)?;
        let has_new_id_token = user.tokens.id_token().map(|token| token.expose()) != first.as_deref();
        let back_channel = has_back_channel.then(|| {
            let body = logout_token::request(&self.world, &party);
            logout_token::take(&mut self.world, &party, &body).is_ok()
        });
        if signs_out {
            self.world.sign_out(&user)?;
        }
        if revokes {
            self.world.revoke(&user)?;
        } else {
            self.world.op.end_grants();
        }
        let again =
            (after != After::Nothing).then(|| self.world.refresh(&user).err().map(|refusal| refusal.error.code()));
        Ok(Outcome {
            after,
            has_id_token,
            has_new_id_token,
            dead: again.flatten(),
            is_pushed,
            userinfo: has_userinfo && has_id_token,
            revokes,
            signs_out,
            back_channel,
        })
    }

    /// By a pushed request where the provider takes one.
    fn log_in(&mut self, party: &RelyingParty) -> Result<(User, bool), Refusal> {
        let step = party.push_if_possible(self.world.request.clone(), &mut self.world.env);
        let started = self.world.run(step).map_err(Refusal::new(At::Request))?;
        let is_pushed = started.url.as_str().contains("request_uri=");
        let login = Login { party: party.clone(), url: started.url, pending: started.pending };
        Ok((self.world.finish(login)?, is_pushed))
    }

    /// Twice, because what comes of the first is used by the second.
    fn refresh(&mut self, user: User) -> Result<(User, After), Refusal> {
        let Some(first) = user.tokens.refresh_token().cloned() else { return Ok((user, After::Nothing)) };
        let subject = user.tokens.subject().map(str::to_owned);
        self.world.pass(120);
        let user = self.world.refresh(&user)?;
        self.world.pass(120);
        let user = self.world.refresh(&user)?;
        assert_eq!(user.tokens.subject(), subject.as_deref());
        let is_same = user.tokens.refresh_token().unwrap().expose() == first.expose();
        Ok((user, if is_same { After::SameRefreshToken } else { After::NewRefreshToken }))
    }
}
