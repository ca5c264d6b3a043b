//! Events for people: readable lines in colour.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};
use serde_json::Value;

use crate::event::{Event, Problem, Summary, Words};

const GOOD: Style = AnsiColor::Green.on_default().bold();
const BAD: Style = AnsiColor::Red.on_default().bold();
const CARE: Style = AnsiColor::Yellow.on_default().bold();
const HEAD: Style = Style::new().bold();
const FAINT: Style = Style::new().dimmed();
const LINK: Style = AnsiColor::Cyan.on_default();

/// Where a line belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stream {
    Out,
    Diagnostics,
    /// Beside the results, unless it is part of the story.
    Progress,
    /// Where the narration goes.
    Narration,
}

/// The event as lines, without the last line's end.
pub(crate) fn lines(event: &Event<'_>) -> (Stream, String) {
    let mut out = String::new();
    // Writing to a string does not fail.
    let stream = write(event, &mut out).unwrap_or(Stream::Out);
    (stream, out.trim_end().to_owned())
}

fn write(event: &Event<'_>, out: &mut String) -> Result<Stream, std::fmt::Error> {
    match event {
        Event::Serving { issuer, users, consent } => {
            writeln!(out, "{GOOD}Serving{GOOD:#} the embedded provider at {LINK}{issuer}{LINK:#}")?;
            served(users, *consent, out)?;
            writeln!(out, "{FAINT}oidc_cli login --insecure-loopback --issuer {issuer}{FAINT:#}")?;
            write!(out, "{FAINT}oidc_cli login --insecure-loopback --homeserver {issuer}{FAINT:#}")?;
        }
        Event::Homeserver { homeserver, versions, metadata } => {
            writeln!(out, "{GOOD}Homeserver{GOOD:#} {}", plain(homeserver))?;
            writeln!(out, "  versions: {}", plain(&versions.join(" ")))?;
            let found = metadata.map_or("no".to_owned(), |found| format!("yes (metadata found by: {found})"));
            write!(out, "  OAuth 2.0 API: {found}")?;
        }
        Event::Discovered { issuer, endpoints, pkce, callback_iss, needs, unusable, notes } => {
            writeln!(out, "{GOOD}Discovered{GOOD:#} {}", plain(issuer))?;
            for (name, url) in endpoints {
                let is_its = |problem: &&Problem<'_>| {
                    problem.field.is_some_and(|field| {
                        [format!("{name}_endpoint"), format!("{name}_uri")].contains(&field.to_owned())
                    })
                };
                match (url.as_str(), unusable.iter().find(is_its)) {
                    (None, Some(problem)) => {
                        let found = plain(problem.found.unwrap_or("a value"));
                        writeln!(out, "  {name}: {found} cannot be used: {}", plain(problem.message))?;
                    }
                    (url, _) => writeln!(out, "  {name}: {}", plain(url.unwrap_or("-")))?,
                }
            }
            writeln!(out, "  PKCE: {}", if *pkce { "S256" } else { "not advertised" })?;
            write!(out, "  iss in callbacks: {}", if *callback_iss { "promised" } else { "not promised" })?;
            for option in needs.iter() {
                write!(out, "\n  a login seems to need: {}", plain(option))?;
            }
            for note in notes.iter() {
                write!(out, "\n  note: {}", plain(note))?;
            }
        }
        Event::Registered { issuer, client_id, auth_method, known } => {
            let what = if *known { "Known client" } else { "Registered" };
            write!(out, "{GOOD}{what}{GOOD:#} {} at {} ({auth_method})", plain(client_id), plain(issuer))?;
        }
        Event::AuthorizationUrl { url } => {
            writeln!(out, "{HEAD}Log in here:{HEAD:#}")?;
            write!(out, "{LINK}{}{LINK:#}", plain(url))?;
        }
        Event::DeviceCode {
            verification_uri,
            verification_uri_complete,
            user_code,
            expires_in,
            deadline,
            by_qr_code,
        } => {
            let left = expires_in.min(deadline);
            let where_to = if *by_qr_code {
                "The other device opens this page, where the new login is to be allowed:"
            } else {
                "On another device, go to:"
            };
            writeln!(out, "{HEAD}{where_to}{HEAD:#} {LINK}{}{LINK:#}", plain(verification_uri))?;
            let type_it =
                if *by_qr_code { "If that page asks for a code, type this there:" } else { "Type this code:" };
            write!(out, "{HEAD}{type_it}{HEAD:#} {GOOD}{}{GOOD:#} (within {left} s)", plain(user_code))?;
            if let Some(complete) = verification_uri_complete {
                write!(out, "\nOr go straight to {LINK}{}{LINK:#}", plain(complete))?;
            }
        }
        Event::LoggedIn { session } => {
            writeln!(out, "{GOOD}Logged in{GOOD:#} as {}", plain(session.subject))?;
            summary(session, out)?;
        }
        Event::Session { session } => {
            writeln!(out, "{HEAD}Session {}{HEAD:#} of {}", session.session, plain(session.subject))?;
            summary(session, out)?;
        }
        Event::Refreshed { session } => {
            writeln!(out, "{GOOD}Refreshed{GOOD:#} the tokens of {}", plain(session.subject))?;
            summary(session, out)?;
        }
        Event::Kept { doubtful, expires_in, .. } => {
            let lifetime = lifetime(*expires_in);
            if *doubtful {
                write!(out, "{CARE}The access token is kept, but the provider may have ended it{CARE:#}: {lifetime}")?;
            } else {
                write!(out, "{GOOD}The access token is kept, and still good{GOOD:#}: {lifetime}")?;
            }
        }
        Event::Seen { kind, problem: reason, seconds, .. } => {
            write!(out, "{}", seen(kind))?;
            if let Some(seconds) = seconds {
                write!(out, " in {seconds} s")?;
            }
            if let Some(reason) = reason {
                write!(out, ": ")?;
                problem(reason, out)?;
            }
        }
        Event::Token { access_token: Some(access_token), .. } => write!(out, "{access_token}")?,
        Event::Token { expires_in, doubtful: true, .. } => {
            let lifetime = lifetime(*expires_in);
            write!(
                out,
                "{CARE}The provider may have ended the access token{CARE:#}, {lifetime}; --show-tokens prints it"
            )?;
        }
        Event::Token { expires_in, .. } => {
            let lifetime = lifetime(*expires_in);
            write!(out, "{GOOD}The access token is good{GOOD:#}, {lifetime}; --show-tokens prints it")?;
        }
        Event::Userinfo { claims } => {
            write!(out, "{HEAD}Userinfo{HEAD:#}")?;
            for (name, value) in *claims {
                let value = match value {
                    Value::String(text) => plain(text),
                    other => plain(&other.to_string()),
                };
                write!(out, "\n  {}: {value}", plain(name))?;
            }
        }
        Event::Whoami { user_id, device_id } => {
            write!(out, "{GOOD}{}{GOOD:#} on device {}", plain(user_id), plain(device_id.unwrap_or("-")))?;
        }
        Event::AccountUrl { url, actions } => {
            writeln!(out, "{HEAD}The account is managed here:{HEAD:#}")?;
            write!(out, "{LINK}{}{LINK:#}", plain(url))?;
            if !actions.is_empty() {
                write!(out, "\n{FAINT}actions: {}{FAINT:#}", plain(&actions.join(", ")))?;
            }
        }
        Event::Progress { progress, rendezvous_expires_in } => {
            write!(out, "{FAINT}{}", progress.replace('_', " "))?;
            if let Some(seconds) = rendezvous_expires_in {
                write!(out, " (the devices can talk to each other for {seconds} s)")?;
            }
            write!(out, "{FAINT:#}")?;
            return Ok(Stream::Progress);
        }
        Event::QrCode { text, symbol } => {
            writeln!(out, "{HEAD}Scan this with the other device:{HEAD:#}")?;
            writeln!(out, "{symbol}")?;
            write!(out, "{FAINT}or give it this text: {text}{FAINT:#}")?;
        }
        Event::CheckCode { digits } => {
            write!(out, "{HEAD}Type this in at the other device:{HEAD:#} {GOOD}{digits}{GOOD:#}")?;
        }
        Event::Question { question, .. } => write!(out, "{HEAD}{question}:{HEAD:#}")?,
        Event::NewDevice { device_id, url } => {
            writeln!(out, "{CARE}A new device{CARE:#} wants to log in: {}", plain(device_id))?;
            write!(out, "{HEAD}If you say yes, allow it here:{HEAD:#} {LINK}{}{LINK:#}", plain(url))?;
        }
        Event::LetIn { device_id, secrets } => {
            let secrets = if *secrets { "it has the account's secrets" } else { "it got no secrets" };
            write!(out, "{GOOD}Let in{GOOD:#} {}; {secrets}", plain(device_id))?;
        }
        Event::Secrets { backup, kept } => {
            let backup = if *backup { "and the backup's key " } else { "" };
            let kept = if *kept { "are in the file" } else { "are forgotten; --secrets keeps them" };
            write!(out, "{GOOD}The account's secrets{GOOD:#} {backup}came, and {kept}")?;
        }
        Event::LoggedOut { session, subject, revoked, .. } => {
            let grant = if *revoked { "its tokens are revoked" } else { "its tokens are NOT revoked" };
            write!(out, "{GOOD}Logged out{GOOD:#} {}; {grant}", plain(subject.unwrap_or(session)))?;
        }
        Event::EndSessionUrl { url } => {
            writeln!(out, "{HEAD}The provider's own session ends here:{HEAD:#}")?;
            write!(out, "{LINK}{}{LINK:#}", plain(url))?;
        }
        Event::Step { name } => {
            write!(out, "\n{HEAD}{name}{HEAD:#}")?;
            return Ok(Stream::Narration);
        }
        Event::Exchange { method, url, status } => {
            let status = status.map_or("no response".to_owned(), |status| status.to_string());
            write!(out, "  {method} {LINK}{}{LINK:#} {FAINT}->{FAINT:#} {status}", plain(url))?;
            return Ok(Stream::Narration);
        }
        Event::Checked { what } => {
            write!(out, "  {GOOD}ok{GOOD:#} {what}")?;
            return Ok(Stream::Narration);
        }
        Event::Warning(warning) => {
            write!(out, "{CARE}Warning:{CARE:#} ")?;
            problem(warning, out)?;
            return Ok(Stream::Diagnostics);
        }
        Event::Error(error) => {
            write!(out, "{BAD}Error{BAD:#} ({}): ", error.fault)?;
            problem(error, out)?;
            return Ok(Stream::Diagnostics);
        }
    }
    Ok(Stream::Out)
}

fn summary(session: &Summary<'_>, out: &mut String) -> std::fmt::Result {
    writeln!(out, "  provider: {}", plain(session.issuer))?;
    writeln!(out, "  scope: {}", plain(session.scope))?;
    let doubt = if session.doubtful { ", but the provider may have ended it" } else { "" };
    writeln!(out, "  access token: {}{doubt}", lifetime(session.expires_in))?;
    let refresh = match session.refresh_expires_in {
        _ if !session.refreshable => "no".to_owned(),
        None => "yes".to_owned(),
        ends => lifetime(ends),
    };
    writeln!(out, "  refresh token: {refresh}")?;
    if let Some(code) = session.needs_login {
        writeln!(out, "  {CARE}the provider wants a new login{CARE:#} ({})", plain(code))?;
    }
    if let Some(hint) = &session.hint {
        writeln!(out, "    {}", plain(hint))?;
    }
    if let Some(thumbprint) = session.dpop_thumbprint {
        writeln!(out, "  bound to the key: {}", plain(thumbprint))?;
    }
    if let (Some(homeserver), Some(device_id)) = (session.homeserver, session.device_id) {
        writeln!(out, "  homeserver: {}", plain(homeserver))?;
        writeln!(out, "  device: {}", plain(device_id))?;
    }
    write!(out, "  session: {}", session.session)
}

fn lifetime(expires_in: Option<u64>) -> String {
    match expires_in {
        Some(0) => "expired".to_owned(),
        Some(seconds) => format!("for {seconds} s more"),
        None => "of unknown lifetime".to_owned(),
    }
}

/// What went wrong, the status where that is no success and the message does not tell it, and the provider's words.
fn problem(problem: &Problem<'_>, out: &mut String) -> std::fmt::Result {
    write!(out, "{}", plain(problem.message))?;
    let is_told = |status: &u16| problem.message.contains(&format!("HTTP status {status}"));
    if let Some(status) = problem.status.filter(|status| !(200..300).contains(status) && !is_told(status)) {
        write!(out, " [HTTP {status}]")?;
    }
    match problem.retry_after {
        Some(seconds @ 0..=86_400) => write!(out, " [again in {seconds} s]")?,
        Some(_) => out.push_str(" [again in more than a day]"),
        None => {}
    }
    words(problem.provider.as_ref(), out)
}

fn words(provider: Option<&Words<'_>>, out: &mut String) -> std::fmt::Result {
    let Some(Words { error, description, uri, suberror }) = provider else { return Ok(()) };
    write!(out, "\n  {FAINT}the provider's own words:{FAINT:#}")?;
    for part in [error, suberror, description, uri].into_iter().flatten() {
        write!(out, " \"{part}\"")?;
    }
    Ok(())
}

/// Text of strangers for a terminal: nothing in it moves the cursor or hides a character.
pub(crate) fn plain(text: &str) -> String {
    text.chars().fold(String::with_capacity(text.len()), |mut out, c| {
        if deceives(c) {
            out.extend(c.escape_unicode())
        } else {
            out.push(c)
        }
        out
    })
}

/// Control characters, and those that turn the direction of a text, hide in it or are not seen.
pub(crate) fn deceives(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}'
            | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}'
            | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

/// What happened to a session, in words.
fn seen(kind: &str) -> String {
    let words = match kind {
        "tokens_refreshed" => "the tokens were refreshed",
        "backing_off" => "the refresh failed, and is tried again",
        "not_saved" => "the tokens could not be saved, which is tried again",
        "stalled" => "the access token is not good any more, and refreshing it goes on failing",
        "needs_login" => "the user has to log in again",
        "client_rejected" => "the provider does not accept this client",
        "unverified" => "the new tokens cannot be trusted, and the old ones are kept",
        "orphaned" => "the session does not use some tokens any more, and revokes them",
        "tokens_refused" => "the server refuses each new access token",
        "replaced" => "the session in the store now belongs to another user or client",
        "ended" => "the session was logged out",
        "logged_out_elsewhere" => "the session is gone from the store: another command has logged it out",
        kind => return kind.replace('_', " "),
    };
    words.to_owned()
}

/// Who can log in at the served provider, and how.
fn served(users: &[String], consent: bool, out: &mut String) -> std::fmt::Result {
    let names = users.iter().map(|user| plain(user).to_string()).collect::<Vec<_>>().join(", ");
    let Some((first, more)) = users.split_first() else { return Ok(()) };
    if consent {
        return writeln!(out, "A page asks who logs in, and whether the login is allowed. The users: {names}.");
    }
    write!(out, "Its user {} logs in without being asked; ", plain(first))?;
    for user in more {
        write!(out, "{0} with --login-hint {0}; ", plain(user))?;
    }
    writeln!(out, "--login-hint deny:{} refuses.", plain(first))
}
