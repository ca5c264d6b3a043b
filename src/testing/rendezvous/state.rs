//! What the rendezvous server knows, and what it responds.

use std::collections::BTreeMap;
use std::time::Duration;

use http::{Response, header};
use serde_json::json;

use super::content::{Content, Incoming};
use super::forms::{BOXES, CREATE_4108, CREATE_4388, Form, Said, refusal, without};
use super::trick::{Meet, Trick};
use crate::base::env::Timestamp;
use crate::testing::http::{empty, json as json_response, set, with_body};

pub(super) struct State {
    pub(super) base: String,
    /// Where the rendezvous are, if not here.
    pub(super) other_host: Option<String>,
    pub(super) lifetime: Duration,
    /// Texts do not extend it.
    pub(super) is_lifetime_fixed: bool,
    pub(super) is_for_users: bool,
    pub(super) lacks_msc4388: bool,
    pub(super) limit: usize,
    pub(super) boxes: BTreeMap<String, Content>,
    made: u64,
    pub(super) tricks: Vec<(Meet, Trick, usize)>,
    pub(super) requests: Vec<Meet>,
    pub(super) texts: Vec<String>,
}

impl State {
    pub(super) fn new(base: &str) -> Self {
        Self {
            base: base.trim_end_matches('/').to_owned(),
            other_host: None,
            lifetime: Duration::from_secs(60),
            is_lifetime_fixed: false,
            is_for_users: false,
            lacks_msc4388: false,
            limit: 4096,
            boxes: BTreeMap::new(),
            made: 0,
            tricks: Vec::new(),
            requests: Vec::new(),
            texts: Vec::new(),
        }
    }

    /// The path of a URL of this server, and whether it is the other host's. A URL without host, as servers get it, is
    /// this host's.
    pub(super) fn path<'a>(&self, uri: &'a str) -> Option<(&'a str, bool)> {
        let own = uri.strip_prefix(&self.base).or(uri.starts_with('/').then_some(uri));
        let other = || uri.strip_prefix(self.other_host.as_deref()?);
        own.map(|path| (path, false)).or_else(|| Some((other()?, true)))
    }

    pub(super) fn next_trick(&mut self, meet: Meet) -> Option<Trick> {
        let (_, trick, left) = self.tricks.iter_mut().find(|(kind, _, left)| *kind == meet && *left > 0)?;
        *left = left.saturating_sub(1);
        Some(trick.clone())
    }

    pub(super) fn intrude(&mut self, text: &str) {
        for content in self.boxes.values_mut() {
            content.texts.push(text.as_bytes().to_vec());
            content.version += 1;
        }
    }

    pub(super) fn respond(&mut self, request: &Incoming<'_>, trick: Option<&Trick>) -> Response<Vec<u8>> {
        self.boxes.retain(|_, content| content.expires_at > request.now);
        let said = Said::of(request);
        match trick {
            Some(Trick::TooLarge) => return refusal(413, "M_TOO_LARGE"),
            Some(Trick::Expire) => drop(self.boxes.remove(&said.id)),
            _ => {}
        }
        if said.form == Form::Msc4388 && self.lacks_msc4388 {
            return refusal(404, "M_UNRECOGNIZED");
        }
        let is_allowed = !self.is_for_users || request.headers.contains_key(header::AUTHORIZATION);
        let mut response = match request.meet {
            Meet::Check => json_response(200, &json!({ "create_available": is_allowed })),
            Meet::Create if request.path == CREATE_4388 && !is_allowed => refusal(403, "M_FORBIDDEN"),
            Meet::Create if request.path == CREATE_4108 || request.path == CREATE_4388 => {
                self.create(&said, request, trick)
            }
            Meet::Create => return refusal(404, "M_UNRECOGNIZED"),
            Meet::Delete => match self.boxes.remove(&said.id) {
                Some(_) => return empty(204),
                None => return refusal(404, "M_NOT_FOUND"),
            },
            Meet::Send => self.send(said, request.now, trick),
            Meet::Receive => self.receive(&said, request.now, trick),
        };
        match trick {
            Some(Trick::NoEtag) => {
                response.headers_mut().remove(header::ETAG);
                without(&mut response, "sequence_token");
            }
            Some(Trick::NoDates) => {
                for name in [header::EXPIRES, header::LAST_MODIFIED, header::DATE] {
                    response.headers_mut().remove(name);
                }
                without(&mut response, "expires_in_ms");
            }
            Some(Trick::ContentType(value)) => set(&mut response, header::CONTENT_TYPE, value),
            _ => {}
        }
        response
    }

    fn create(&mut self, said: &Said, request: &Incoming<'_>, trick: Option<&Trick>) -> Response<Vec<u8>> {
        if let (Form::Msc4108, Some(other), false) = (said.form, &self.other_host, request.is_other_host) {
            let mut response = empty(307);
            set(&mut response, header::LOCATION, &format!("{other}{CREATE_4108}"));
            return response;
        }
        if said.text.len() > self.limit {
            return refusal(413, "M_TOO_LARGE");
        }
        self.made += 1;
        let id = format!("box{}", self.made);
        let expires_at = request.now.saturating_add(self.lifetime);
        let content = Content { texts: vec![said.text.clone()], version: 1, expires_at };
        let base = if request.is_other_host { self.other_host.as_deref().unwrap_or_default() } else { &self.base };
        let place = match (trick, said.form) {
            (Some(Trick::Url(url)), _) => (*url).to_owned(),
            (_, Form::Msc4108) => format!("{base}{BOXES}{id}"),
            (_, Form::Msc4388) => id.clone(),
        };
        let response = said.form.created(&place, &content, request.now);
        self.boxes.insert(id, content);
        response
    }

    fn send(&mut self, said: Said, now: Timestamp, trick: Option<&Trick>) -> Response<Vec<u8>> {
        if said.text.len() > self.limit {
            return refusal(413, "M_TOO_LARGE");
        }
        let Some(content) = self.boxes.get_mut(&said.id) else { return refusal(404, "M_NOT_FOUND") };
        if said.seen != Some(said.form.revision(content)) || trick == Some(&Trick::Conflict) {
            return said.form.conflict(content, now);
        }
        if !self.is_lifetime_fixed {
            content.expires_at = now.saturating_add(self.lifetime);
        }
        if trick == Some(&Trick::Withhold) {
            return said.form.written(content, now);
        }
        self.texts.push(String::from_utf8_lossy(&said.text).into_owned());
        content.texts.push(said.text);
        content.version += 1;
        said.form.written(content, now)
    }

    fn receive(&mut self, said: &Said, now: Timestamp, trick: Option<&Trick>) -> Response<Vec<u8>> {
        let Some(content) = self.boxes.get_mut(&said.id) else { return refusal(404, "M_NOT_FOUND") };
        let before = |back: usize| content.texts.iter().rev().nth(back).cloned().unwrap_or_default();
        let text = match trick {
            Some(Trick::Repeat) => before(2),
            Some(Trick::Echo) => before(0),
            Some(Trick::Empty) => Vec::new(),
            Some(Trick::Replace(text)) => text.as_bytes().to_vec(),
            Some(Trick::Truncate) => before(0).iter().take(content.text().len() / 2).copied().collect(),
            Some(Trick::Change) => {
                let mut text = before(0);
                let middle = text.len() / 2;
                text.iter_mut().skip(middle).take(1).for_each(|byte| *byte = if *byte == b'A' { b'B' } else { b'A' });
                text
            }
            _ => before(0),
        };
        if matches!(trick, Some(Trick::Repeat | Trick::Echo | Trick::Replace(_))) {
            content.version += 1;
        }
        match trick {
            Some(Trick::Withhold) => said.form.read(None, content, now),
            Some(Trick::Insist) if said.form == Form::Msc4108 => {
                let mut response = said.form.read(None, content, now);
                let headers = std::mem::take(response.headers_mut());
                response = with_body(200, "text/plain", text);
                response.headers_mut().extend(headers);
                response
            }
            _ if said.form == Form::Msc4108 && said.seen == Some(said.form.revision(content)) => {
                said.form.read(None, content, now)
            }
            _ => said.form.read(Some(&text), content, now),
        }
    }
}
