//! What a login by browser and one on another device have in common: how they begin, and how they end.

use std::sync::Arc;

use oidc_proto::jose::Algorithm;
use oidc_proto::{
    Client, ClientMetadata, Error, ErrorCode as Core, Provider, RedirectUri, RelyingParty, Schemes, TokenOutcome,
    UnverifiedTokens,
};

use super::{ask_userinfo, granted, replaced};
use crate::args::{self, BeginningArgs, IdTokenChoice, ReloginArgs};
use crate::clients::{self, Choice, Found, Identity};
use crate::context::{Context, trust};
use crate::event::Event;
use crate::failure::{Code, Failure};
use crate::keys::BindingKey;
use crate::session::{Choices, Session};
use crate::store::Draft;
use crate::tokens::{self, Settled};
use crate::wish::Wish;

/// A login that can go on: the store is whole, the provider is known.
pub(super) struct Beginning {
    pub(super) identity: Identity,
    pub(super) provider: Provider,
    schemes: Schemes,
    id_token: IdTokenChoice,
    dpop: bool,
    keep_replaced: bool,
    id_token_algorithm: Option<Algorithm>,
    userinfo_algorithm: Option<Algorithm>,
}

/// A login under way.
pub(super) struct Login {
    pub(super) party: RelyingParty,
    pub(super) wish: Wish,
    choices: Choices,
    /// The session in whose place the new one comes, which is the same user's.
    of: Option<String>,
}

/// The provider has no such endpoint, or names it by a URL that cannot be used.
pub(super) fn lacking(provider: &Provider, name: &'static str, code: Core) -> Failure {
    let unusable = provider.metadata().unusable().find(|(own, _)| *own == name);
    let error = Error::new(code).at(name);
    match unusable.and_then(|(_, error)| error.found()) {
        Some(found) => error.with_found(found.clone()).into(),
        None => error.into(),
    }
}

impl Beginning {
    pub(super) fn new(context: &mut Context, issuer: &str, args: &BeginningArgs) -> Result<Self, Failure> {
        let identity = Identity::read(&args.client)?;
        let grant = &args.grant;
        // Nothing is begun whose outcome could not be kept.
        drop(context.store.session_files()?);
        let schemes = context.options.schemes();
        let metadata_url = args.place.metadata_url.as_deref();
        let provider = context.discover(args::issuer(issuer, schemes)?, metadata_url, schemes)?;
        if grant.id_token == IdTokenChoice::TrustTls && !provider.metadata().token_endpoint.is_https() {
            return Err(Error::from(Core::ID_TOKEN_TRUST_TLS_OVER_HTTP).into());
        }
        Ok(Self {
            identity,
            provider,
            schemes,
            id_token: grant.id_token,
            dpop: grant.dpop,
            keep_replaced: args.keep_replaced,
            id_token_algorithm: grant.id_token_algorithm,
            userinfo_algorithm: grant.userinfo_algorithm,
        })
    }

    /// A client at the provider that makes the login's request and does not send it: what the request must not have, and
    /// what the provider or the client's credentials cannot serve, is refused before a client is registered for it.
    pub(super) fn rehearsing(
        &self,
        context: &mut Context,
        wish: &Wish,
        redirect_uris: &[RedirectUri],
    ) -> Result<RelyingParty, Failure> {
        let client = match self.identity.named(&self.provider)? {
            Some(named) => named.client(redirect_uris),
            None => redirect_uris.iter().cloned().fold(Client::new("nobody"), Client::with_redirect_uri),
        };
        let mut client = wish.client(client.with_id_token_trust(trust(self.id_token)));
        if self.dpop {
            client = client.with_dpop(Arc::clone(BindingKey::generate(&mut context.env)?.dpop()));
        }
        Ok(RelyingParty::new(self.provider.clone(), client))
    }

    /// Why a request cannot be made. Credentials that do not fit are the command line's.
    pub(super) fn refused(error: Error) -> Failure {
        if error.code() == Core::TOKEN_CLIENT_AUTH { Failure::of_option(error) } else { error.into() }
    }

    /// Finds the client, and makes the key that the tokens are to be bound to.
    pub(super) fn login(&self, context: &mut Context, metadata: ClientMetadata, wish: Wish) -> Result<Login, Failure> {
        let wish = wish.accepting(&context.options.accept);
        let mut metadata = metadata;
        if let Some(algorithm) = self.id_token_algorithm {
            metadata = metadata.with_id_token_signed_response_alg(algorithm);
        }
        if let Some(algorithm) = self.userinfo_algorithm {
            metadata = metadata.with_userinfo_signed_response_alg(algorithm);
        }
        let Found { client, key_file, named, is_for_dpop, is_by_hand, .. } =
            self.identity.client(context, &self.provider, metadata, Choice::Reuse)?;
        let wish = if is_by_hand { wish.naming(self.id_token_algorithm, self.userinfo_algorithm) } else { wish };
        if is_for_dpop && !self.dpop {
            clients::warn_of_dpop(context);
        }
        let mut client = wish.client(client.with_id_token_trust(trust(self.id_token)));
        let dpop_key = self.dpop.then(|| BindingKey::generate(&mut context.env)).transpose()?;
        if let Some(key) = &dpop_key {
            client = client.with_dpop(Arc::clone(key.dpop()));
        }
        let Self { schemes, id_token, keep_replaced, .. } = *self;
        let wished = Some(wish.clone());
        let has_own_client = false;
        let choices =
            Choices { schemes, id_token, key_file, dpop_key, wish: wished, named, keep_replaced, has_own_client };
        let party = RelyingParty::new(self.provider.clone(), client);
        granted::expect(context, &party, &wish);
        Ok(Login { party, wish, choices, of: None })
    }
}

impl Login {
    /// Carries out a login as the one that began the session was, with what is said anew. If the provider does not know
    /// the client any more, which registered itself, it is carried out once more with a new registration.
    pub(super) fn again(
        context: &mut Context,
        args: &ReloginArgs,
        session: &Session,
        run: impl Fn(&mut Context, Self) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        // Nothing is begun whose outcome could not be kept.
        drop(context.store.room()?);
        let wish = session.wish().again(args);
        let (issuer, client_id) = (session.tokens.issuer(), session.tokens.client_id());
        let registrations = context.store.registrations()?;
        let is_known = registrations.by_client_id(issuer, client_id).is_some();
        if !is_known || registrations.is_retired(issuer, client_id) {
            // Without a client to ask with, the provider is asked as it was.
            let provider = context.provider_of(session)?;
            let login = Self::anew(context, args, provider, wish, session)?;
            run(context, login)?;
            return clients::let_go(context, issuer, client_id);
        }
        clients::warn_of_other(context, session, &Self::metadata(&wish)?)?;
        let party = context.connect(session)?;
        let login = Self::of(context, args, party, wish.clone(), session);
        let party = login.party.clone();
        let failure = match run(context, login) {
            Err(failure) if failure.is(Core::TOKEN_INVALID_CLIENT) => failure,
            outcome => return outcome,
        };
        if !clients::forget(context, &party)? {
            return Err(failure);
        }
        let failure = failure.with_hint("The registration is forgotten; the client registers anew.");
        context.out.emit(&Event::warning(&failure));
        let login = Self::anew(context, args, party.provider().clone(), wish, session)?;
        run(context, login)?;
        clients::let_go(context, issuer, client_id)
    }

    /// What a client for this says about itself.
    fn metadata(wish: &Wish) -> Result<ClientMetadata, Failure> {
        if wish.by_device {
            return Ok(clients::device_metadata());
        }
        let named = wish.redirect_uri.as_deref().map(RedirectUri::new).transpose()?;
        Ok(clients::metadata(clients::redirect_uris(named.as_ref(), &wish.redirect_ports())?))
    }

    /// The login with the client that logins use now, or with a new one.
    fn anew(
        context: &mut Context,
        args: &ReloginArgs,
        provider: Provider,
        wish: Wish,
        session: &Session,
    ) -> Result<Self, Failure> {
        let metadata = Self::metadata(&wish)?;
        let identity = Identity::of(session.key_file());
        let found = identity.client(context, &provider, metadata, Choice::Reuse);
        let Found { client, key_file, .. } = found.map_err(|failure| session.explain_key(failure))?;
        let client = wish.client(client.with_id_token_trust(trust(session.id_token())));
        let client = match session.dpop_key() {
            Some(key) => client.with_dpop(Arc::clone(key.dpop())),
            None => client,
        };
        let login = Self::of(context, args, RelyingParty::new(provider, client), wish, session);
        Ok(Self { choices: Choices { key_file, ..login.choices }, ..login })
    }

    fn of(context: &Context, args: &ReloginArgs, party: RelyingParty, wish: Wish, session: &Session) -> Self {
        granted::expect(context, &party, &wish);
        let choices = Choices { wish: Some(wish.clone()), keep_replaced: args.keep_replaced, ..session.choices() };
        Self { party, wish, choices, of: Some(session.id().to_owned()) }
    }

    /// Keeps the tokens if they can be trusted, and asks who logged in. `claims` are those that were checked.
    pub(super) fn finish(
        self,
        context: &mut Context,
        exchanged: TokenOutcome,
        draft: Result<Draft, Failure>,
        claims: &str,
    ) -> Result<(), Failure> {
        let tokens = match tokens::settle(context, exchanged)? {
            Settled::Trusted(tokens) => tokens,
            Settled::Untrusted(failure, tokens) => {
                revoke(context, tokens);
                return Err(failure);
            }
        };
        context.out.checked(match self.choices.id_token {
            IdTokenChoice::Verify => "the ID token: signed by the provider's keys with an algorithm that was agreed on",
            IdTokenChoice::TrustTls => "the ID token: came straight from the provider over TLS",
        });
        context.out.checked(&format!("the ID token: {claims}"));
        if self.choices.dpop_key.is_some() {
            context.out.checked("the tokens are bound to the key that was made for them");
        }

        let (named, keep_replaced) = (self.choices.named.clone(), self.choices.keep_replaced);
        let session = Session::new(tokens, self.choices);
        if self.of.as_deref().is_some_and(|of| of != session.id()) {
            let failure = Code::OtherUser.because(session.subject().escape_debug());
            let step = self.party.revoke(&session.tokens, &mut context.env).map_err(Failure::from);
            if let Err(failure) = step.and_then(|step| context.run("revoking the tokens", step)) {
                context.out.emit(&Event::warning(&not_stored(failure)));
            }
            return Err(failure);
        }
        let replaced = replaced::save(context, &self.party, &session, draft)?;
        let named = named.map(|client| clients::keep_named(context, session.tokens.issuer(), client));
        context.out.checked("the session is in the store");
        context.out.emit(&Event::LoggedIn { session: session.summary(context.now()) });
        granted::compare(context, &session);
        context.keep_metadata(&session);
        if !keep_replaced {
            replaced.revoke(context, &session);
        }
        named.transpose()?;
        if self.party.provider().metadata().userinfo_endpoint.is_some()
            && let Err(failure) = ask_userinfo(context, &self.party, &session)
        {
            context.out.emit(&Event::warning(&failure));
        }
        session.keep_nonces(&context.store)
    }
}

/// Tokens that cannot be trusted are not left lying around. That they are revoked is all that can be done.
fn revoke(context: &mut Context, tokens: UnverifiedTokens) {
    let step = tokens.revoke(&mut context.env).map_err(Failure::from);
    let revoked = step.and_then(|step| context.run("revoking", step));
    if let Err(failure) = revoked {
        context.out.emit(&Event::warning(&not_stored(failure)));
    }
}

/// Why tokens that nobody keeps could not be revoked.
pub(super) fn not_stored(failure: Failure) -> Failure {
    let hint = format!("The tokens of this failed login are not stored, and could not be revoked. {}", failure.hint);
    failure.with_hint(hint)
}
