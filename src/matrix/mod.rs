//! The Matrix profile: logging in at a homeserver by its OAuth 2.0 API (client-server API 1.18), and what comes after.
//!
//! The rest of this crate is a client for any OpenID Provider. This module contains what Matrix adds.
//!
//! | you want | look at |
//! |---|---|
//! | to find a homeserver by what a user typed in | [`Address`], [`HomeserverDiscovery`] |
//! | to know whether and where users log in there | [`AuthMetadataFetch`], [`AuthServer`]; both at once: [`SupportCheck`] |
//! | client IDs at any number of providers | [`Application`] |
//! | to keep the application at a homeserver in one object | [`Party`] |
//! | to log a user in | [`LoginRequest`], [`PendingLogin`]; by another device: [`PendingDeviceLogin`] |
//! | to store and restore what a login yields | [`UserSession`] |
//! | tokens that stay good | [`Session`]; driven by an adapter: [`Binding`], [`SoftLogout`] |
//! | to know whose tokens they are, or whether a device exists | [`Whoami`], [`DeviceCheck`] |
//! | to send the user to their account's page | [`AccountManagement`] |
//! | to know what a homeserver's error means | [`ErrorBody`]; when to ask again: [`Retries`] |
//! | to know which login to offer where there are two | [`LoginFlows`] |
//! | to let the user allow a request at the provider's page | [`OAuthStage`] |
//! | to move over from the OIDC module of `matrix-sdk` | [`moving`]; its stored values: [`SdkSession`], [`Application::import`] |

mod account;
mod application;
mod auth_metadata_fetch;
mod auth_server;
mod awaited;
mod binding;
mod client_rules;
pub(crate) mod codes;
mod completion;
mod device_check;
mod device_login;
pub(crate) mod error_body;
mod homeserver;
mod homeserver_discovery;
mod id;
mod list;
mod login;
mod login_flows;
mod login_request;
mod login_start;
mod party;
mod redirect;
mod retries;
mod scope;
mod sdk_session;
mod session;
mod session_event;
mod support;
mod uia;
mod user_session;
mod whoami;

#[doc = include_str!("../../docs/matrix.md")]
pub mod moving {}

pub use account::{AccountAction, AccountManagement, AccountUrl};
pub use application::Application;
pub use auth_metadata_fetch::{AuthMetadataFetch, Support};
pub use auth_server::{AuthServer, MetadataSource};
pub use binding::Binding;
pub use completion::{Completion, Login, LoginOutcome, RefusedTokens};
pub use device_check::DeviceCheck;
pub use device_login::{DeviceLogin, PendingDeviceLogin};
pub use error_body::{Errcode, ErrorBody};
pub use homeserver::{Address, Homeserver};
pub use homeserver_discovery::{FoundHomeserver, HomeserverDiscovery};
pub use id::{DeviceId, ServerName, UserId};
pub use login::PendingLogin;
pub use login_flows::{LoginFlows, SsoAction};
pub use login_request::LoginRequest;
pub use login_start::PushedLogin;
pub use party::Party;
pub use retries::Retries;
pub use scope::{ScopeForm, login_scope};
pub use sdk_session::SdkSession;
pub use session::Session;
pub use session_event::{SessionEvent, SoftLogout};
pub use support::{Checkup, SupportCheck};
pub use uia::OAuthStage;
pub use user_session::UserSession;
pub use whoami::{Identity, Whoami};
