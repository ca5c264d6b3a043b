//! The events of a session, for an application that subscribes to them.

use std::future::poll_fn;
use std::sync::{Arc, Weak};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use super::feed::Feed;
use super::inbox::{Inbox, Unread};
use crate::adapter::trace;
use crate::session::{Event, Events, Session};

/// Receives a session's events, from its subscription on. The first listener also gets the earlier events that were not
/// read.
///
/// At most one event of each kind waits to be read, as in [`Session`](crate::session::Session). It does not keep the
/// session alive.
#[derive(Debug)]
pub struct Listener(Arc<Inbox<Events>>);

impl Unread for Events {
    type Event = Event;

    fn pop(&mut self) -> Option<Event> {
        Events::pop(self)
    }
}

impl Listener {
    /// The next event; `None` if the session was dropped.
    pub async fn next(&mut self) -> Option<Event> {
        poll_fn(|cx| self.poll_next(cx)).await
    }

    /// The same as a poll function, for a `Stream`.
    pub fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Event>> {
        self.0.poll_next(cx)
    }

    /// Blocks this thread until the next event; `None` if no event comes within `patience`.
    pub fn wait(&mut self, patience: Duration) -> Option<Event> {
        self.0.wait(patience)
    }
}

/// The next event of the session. It is traced when it is read.
pub(super) fn next_event(session: &mut Session) -> Option<Event> {
    let event = session.poll_event()?;
    trace::session(session.issuer(), &event);
    Some(event)
}

/// All who listen to a session.
#[derive(Debug, Default)]
pub(super) struct Listeners {
    inboxes: Vec<Weak<Inbox<Events>>>,
    /// The session's name, and where its registry reads all events.
    named: Option<Box<(Arc<str>, Arc<Feed>)>>,
}

impl Listeners {
    pub(super) fn subscribe(&mut self) -> Listener {
        self.inboxes.retain(|inbox| inbox.strong_count() > 0);
        let inbox = Arc::new(Inbox::default());
        self.inboxes.push(Arc::downgrade(&inbox));
        Listener(inbox)
    }

    /// Those of a session that a registry has by this name.
    pub(super) fn named(name: Arc<str>, feed: Arc<Feed>) -> Self {
        Self { inboxes: Vec::new(), named: Some(Box::new((name, feed))) }
    }

    /// Where the session gives back what is to be revoked when it goes.
    pub(super) fn feed(&self) -> Option<&Feed> {
        self.named.as_ref().map(|named| &*named.1)
    }

    /// Hands on what happened, and says whom to wake. Nobody there: it waits where it is.
    pub(super) fn publish(&mut self, mut next: impl FnMut() -> Option<Event>) -> Vec<Waker> {
        self.inboxes.retain(|inbox| inbox.strong_count() > 0);
        let named = self.named.as_deref().filter(|(_, feed)| feed.has_readers());
        let mut wakers = Vec::new();
        while (!self.inboxes.is_empty() || named.is_some())
            && let Some(event) = next()
        {
            wakers.extend(named.iter().flat_map(|(name, feed)| feed.publish(name, &event)));
            let inboxes = self.inboxes.iter().filter_map(Weak::upgrade);
            wakers.extend(inboxes.filter_map(|inbox| inbox.put(|events| events.push(event.clone()))));
        }
        wakers
    }
}

impl Drop for Listeners {
    fn drop(&mut self) {
        let inboxes = self.inboxes.iter().filter_map(Weak::upgrade);
        inboxes.filter_map(|inbox| inbox.close()).for_each(Waker::wake);
    }
}
