//! What a login at a provider asks for: it is kept with the session, so that the login can be repeated.

use oidc_proto::{Prompt, Scope};
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
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) redirect_port: Option<u16>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) redirect_uri: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) parameters: Vec<(String, String)>,
}

impl Wish {
    pub(crate) fn of_login(args: &LoginArgs) -> Result<Self, Failure> {
        Ok(Self {
            by_device: false,
            scope: args.beginning.grant.openid_scope()?,
            prompt: names(&args.prompt),
            no_prompt: args.no_prompt,
            login_hint: args.login_hint.clone(),
            response_mode: args.response_mode.map(|mode| mode.name().to_owned()),
            par: args.par,
            redirect_port: args.meeting.redirect_port,
            redirect_uri: text_of(&args.meeting),
            parameters: args.parameter.clone(),
        })
    }

    pub(crate) fn of_device(args: &BeginningArgs) -> Result<Self, Failure> {
        Ok(Self { by_device: true, scope: args.grant.openid_scope()?, ..Self::default() })
    }

    /// The same login once more, with what is said anew.
    pub(crate) fn again(self, args: &ReloginArgs) -> Self {
        let is_anew = !args.prompt.is_empty();
        Self {
            scope: args.scope.clone().unwrap_or(self.scope),
            prompt: if is_anew { names(&args.prompt) } else { self.prompt },
            no_prompt: self.no_prompt && !is_anew,
            redirect_port: args.meeting.redirect_port.or(self.redirect_port),
            redirect_uri: text_of(&args.meeting).or(self.redirect_uri).filter(|_| args.meeting.redirect_port.is_none()),
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
