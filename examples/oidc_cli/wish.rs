//! What a login at a provider asks for: it is kept with the session, so that the login can be repeated.

use oidc_proto::jose::Algorithm;
use oidc_proto::{Client, Deviation, Prompt, Scope};
use serde::{Deserialize, Serialize};

use crate::args::{BeginningArgs, LoginArgs, MeetingArgs, ParChoice, ReloginArgs};
use crate::failure::Failure;

/// What a login at a provider asks for, so that it can be repeated.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Wish {
    /// On another device, by a code.
    #[serde(default)]
    pub(crate) by_device: bool,
    pub(crate) scope: Scope,
    /// By name.
    #[serde(default)]
    pub(crate) prompt: Vec<String>,
    #[serde(default)]
    pub(crate) no_prompt: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) login_hint: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) response_mode: Option<String>,
    #[serde(default)]
    pub(crate) par: ParChoice,
    /// One port, as earlier versions of this program kept it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) redirect_port: Option<u16>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) redirect_ports: Vec<u16>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) redirect_uri: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) parameters: Vec<(String, String)>,
    /// For each token request.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) token_parameters: Vec<(String, String)>,
    /// Deviations, by name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) accept: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) metadata_url: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) trusted_audiences: Vec<String>,
    /// What a client that was registered by hand is registered for, by name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) id_token_algorithm: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) userinfo_algorithm: Option<String>,
}

impl Wish {
    pub(crate) fn of_login(args: &LoginArgs) -> Result<Self, Failure> {
        Ok(Self {
            prompt: names(&args.prompt),
            no_prompt: args.no_prompt,
            login_hint: args.login_hint.clone(),
            response_mode: args.response_mode.map(|mode| mode.name().to_owned()),
            par: args.par,
            redirect_ports: args.meeting.redirect_port.clone(),
            redirect_uri: text_of(&args.meeting),
            parameters: args.parameter.clone(),
            ..Self::of_beginning(&args.beginning)?
        })
    }

    pub(crate) fn of_device(args: &BeginningArgs) -> Result<Self, Failure> {
        Ok(Self { by_device: true, ..Self::of_beginning(args)? })
    }

    fn of_beginning(args: &BeginningArgs) -> Result<Self, Failure> {
        // What a client that registers itself is registered for, the registration says.
        let is_by_hand = args.client.client_id.is_some();
        let named =
            |algorithm: Option<Algorithm>| algorithm.filter(|_| is_by_hand).map(|known| known.name().to_owned());
        Ok(Self {
            scope: args.grant.openid_scope()?,
            token_parameters: args.grant.token_parameter.clone(),
            metadata_url: args.place.metadata_url.clone(),
            trusted_audiences: args.grant.trust_audience.clone(),
            id_token_algorithm: named(args.grant.id_token_algorithm),
            userinfo_algorithm: named(args.grant.userinfo_algorithm),
            ..Self::default()
        })
    }

    /// The same with the deviations that the command line accepts.
    pub(crate) fn accepting(mut self, accepted: &[Deviation]) -> Self {
        let names = accepted.iter().map(|deviation| deviation.name().to_owned());
        self.accept.extend(names);
        self.accept.sort();
        self.accept.dedup();
        self
    }

    /// The same for a client that was registered by hand, with these algorithms where they are named.
    pub(crate) fn naming(self, id_token: Option<Algorithm>, userinfo: Option<Algorithm>) -> Self {
        let named = |algorithm: Option<Algorithm>| algorithm.map(|known| known.name().to_owned());
        Self {
            id_token_algorithm: named(id_token).or(self.id_token_algorithm),
            userinfo_algorithm: named(userinfo).or(self.userinfo_algorithm),
            ..self
        }
    }

    /// The client, with what the login says of it.
    pub(crate) fn client(&self, client: Client) -> Client {
        let client = self
            .trusted_audiences
            .iter()
            .fold(client, |client, audience| client.with_trusted_audience(audience.as_str()));
        let algorithm = |name: &Option<String>| name.as_deref().and_then(Algorithm::from_name);
        let client = match algorithm(&self.id_token_algorithm) {
            Some(known) => client.with_registered_algorithm(known),
            None => client,
        };
        let client = match algorithm(&self.userinfo_algorithm) {
            Some(known) => client.with_registered_userinfo_algorithm(known),
            None => client,
        };
        let own = self.token_parameters.iter();
        own.fold(client, |client, (name, value)| client.with_token_parameter(name.as_str(), value.as_str()))
    }

    pub(crate) fn redirect_ports(&self) -> Vec<u16> {
        if self.redirect_ports.is_empty() {
            self.redirect_port.into_iter().collect()
        } else {
            self.redirect_ports.clone()
        }
    }

    pub(crate) fn deviations(&self) -> Vec<Deviation> {
        self.accept.iter().filter_map(|name| Deviation::from_name(name)).collect()
    }

    /// The same login once more, with what is said anew.
    pub(crate) fn again(self, args: &ReloginArgs) -> Self {
        let is_anew = !args.prompt.is_empty();
        let (named, kept) = (args.meeting.redirect_port.clone(), self.redirect_ports());
        Self {
            scope: args.scope.clone().unwrap_or(self.scope),
            prompt: if is_anew { names(&args.prompt) } else { self.prompt },
            no_prompt: self.no_prompt && !is_anew,
            redirect_port: None,
            redirect_uri: text_of(&args.meeting).or(self.redirect_uri).filter(|_| named.is_empty()),
            redirect_ports: if named.is_empty() { kept } else { named },
            ..self
        }
    }

    /// Whether the request names prompts, or none, and not `consent`.
    pub(crate) fn sends_no_consent(&self) -> bool {
        self.no_prompt || !self.prompt.is_empty() && !self.prompt.iter().any(|prompt| prompt == "consent")
    }
}

fn text_of(meeting: &MeetingArgs) -> Option<String> {
    meeting.redirect_uri.as_ref().map(|uri| uri.as_str().to_owned())
}

fn names(prompts: &[Prompt]) -> Vec<String> {
    prompts.iter().map(|prompt| prompt.name().to_owned()).collect()
}
