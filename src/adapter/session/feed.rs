//! The events of many sessions in one stream, each with the name of its session.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use super::inbox::{Inbox, Unread};
use super::lock::lock;
use super::ordered::Ordered;
use crate::error::Error;
use crate::flow::Revocation;
use crate::session::{Event, Events};
use crate::step::Step;

/// Of how many sessions the unread events are kept for one reader.
const SESSIONS: usize = 65_536;

/// How many revocations wait for somebody who drives them.
const REVOCATIONS: usize = 1024;

/// An event of a session, with the session's name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedEvent {
    name: Arc<str>,
    event: Event,
}

impl NamedEvent {
    /// The name of the session.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The event.
    pub fn event(&self) -> &Event {
        &self.event
    }

    /// The event, without the name.
    pub fn into_event(self) -> Event {
        self.event
    }
}

/// Receives the events of all sessions of a [`Registry`](super::Registry), from its subscription on.
///
/// At most one event of each kind waits for each session. The events of at most 65,536 sessions wait: after that, those
/// of the session that waits longest are dropped, and [`missed`](Self::missed) counts them.
#[derive(Debug)]
pub struct NamedListener {
    inbox: Arc<Inbox<Mail>>,
    feed: Weak<Feed>,
}

#[derive(Debug, Default)]
struct Mail {
    events: Ordered<Arc<str>, Events>,
    /// Names that have events, the one that waits longest first.
    order: VecDeque<Arc<str>>,
    missed: u64,
}

impl Mail {
    fn push(&mut self, name: &Arc<str>, event: Event) {
        if let Some(events) = self.events.get_mut(name) {
            return events.push(event);
        }
        if self.order.len() >= SESSIONS
            && let Some(mut dropped) = self.order.pop_front().and_then(|first| self.events.remove(&first))
        {
            self.missed += std::iter::from_fn(|| dropped.pop()).map(|_| 1).sum::<u64>();
        }
        let mut events = Events::default();
        events.push(event);
        self.events.insert(name.clone(), events);
        self.order.push_back(name.clone());
    }
}

impl Unread for Mail {
    type Event = NamedEvent;

    fn pop(&mut self) -> Option<NamedEvent> {
        let name = self.order.pop_front()?;
        let mut events = self.events.remove(&name)?;
        let event = events.pop()?;
        if !events.is_empty() {
            // Others come first.
            self.events.insert(name.clone(), events);
            self.order.push_back(name.clone());
        }
        Some(NamedEvent { name, event })
    }
}

impl NamedListener {
    /// The next event; `None` if nothing does the work of the sessions any more.
    pub async fn next(&mut self) -> Option<NamedEvent> {
        poll_fn(|cx| self.poll_next(cx)).await
    }

    /// The same as a poll function, for a `Stream`.
    pub fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<NamedEvent>> {
        self.inbox.poll_next(cx)
    }

    /// Blocks this thread until the next event; `None` if no event comes within `patience`.
    pub fn wait(&mut self, patience: Duration) -> Option<NamedEvent> {
        self.inbox.wait(patience)
    }

    /// How many events were dropped because nobody read them.
    pub fn missed(&self) -> u64 {
        self.inbox.look(|mail| mail.missed)
    }
}

impl Drop for NamedListener {
    fn drop(&mut self) {
        if let Some(feed) = self.feed.upgrade() {
            feed.readers.fetch_sub(1, Ordering::AcqRel);
        }
    }
}

/// Where the sessions of a registry put their events, and what they give back when they go.
#[derive(Default)]
pub(super) struct Feed {
    /// How many listen. Most registries have no listener: then the inboxes are not locked.
    readers: AtomicUsize,
    inboxes: Mutex<Vec<Weak<Inbox<Mail>>>>,
    given_back: Mutex<VecDeque<Result<Step<Revocation>, Error>>>,
}

impl std::fmt::Debug for Feed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Feed(…)")
    }
}

impl Feed {
    pub(super) fn subscribe(self: &Arc<Self>) -> NamedListener {
        let inbox = Arc::new(Inbox::default());
        let mut inboxes = lock(&self.inboxes);
        inboxes.retain(|inbox| inbox.strong_count() > 0);
        inboxes.push(Arc::downgrade(&inbox));
        self.readers.fetch_add(1, Ordering::AcqRel);
        NamedListener { inbox, feed: Arc::downgrade(self) }
    }

    pub(super) fn has_readers(&self) -> bool {
        self.readers.load(Ordering::Acquire) > 0
    }

    /// Puts an event in all inboxes, and says whom to wake.
    pub(super) fn publish(&self, name: &Arc<str>, event: &Event) -> Vec<Waker> {
        self.each(|inbox| inbox.put(|mail| mail.push(name, event.clone())))
    }

    /// Nothing comes any more.
    pub(super) fn close(&self) {
        self.each(Inbox::close).into_iter().for_each(Waker::wake);
    }

    fn each(&self, change: impl Fn(&Inbox<Mail>) -> Option<Waker>) -> Vec<Waker> {
        let inboxes: Vec<_> = lock(&self.inboxes).iter().filter_map(Weak::upgrade).collect();
        inboxes.iter().filter_map(|inbox| change(inbox)).collect()
    }

    /// Takes a revocation of a session that goes. If nobody drives them, the oldest are dropped.
    pub(super) fn give_back(&self, revocation: Result<Step<Revocation>, Error>) {
        let mut given_back = lock(&self.given_back);
        if given_back.len() >= REVOCATIONS {
            given_back.pop_front();
        }
        given_back.push_back(revocation);
    }

    pub(super) fn poll_revocation(&self) -> Option<Result<Step<Revocation>, Error>> {
        lock(&self.given_back).pop_front()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_who_does_not_read_costs_bounded_memory() {
        let feed = Arc::new(Feed::default());
        assert!(!feed.has_readers());
        let mut reader = feed.subscribe();
        for number in 0..SESSIONS + 10 {
            let name = Arc::from(number.to_string());
            for event in [Event::Locked, Event::TokensRefreshed, Event::Locked] {
                feed.publish(&name, &event);
            }
        }
        let waiting = reader.inbox.look(|mail| mail.order.len());
        assert_eq!((waiting, reader.missed()), (SESSIONS, 20));
        // One of each session, and then the next of each.
        let first = reader.wait(Duration::ZERO).unwrap();
        assert_eq!((first.name(), first.event()), ("10", &Event::TokensRefreshed));
        assert_eq!(reader.wait(Duration::ZERO).unwrap().name(), "11");
        feed.close();
        assert_eq!(std::iter::from_fn(|| reader.wait(Duration::ZERO)).count(), 2 * SESSIONS - 2);
        drop(reader);
        assert!(!feed.has_readers());
    }
}
