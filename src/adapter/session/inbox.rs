//! Where events wait for one reader, who reads them in a task or on a thread.

use std::sync::{Condvar, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use super::lock::lock;

/// Events that were not read yet.
pub(super) trait Unread: Default {
    type Event;

    fn pop(&mut self) -> Option<Self::Event>;
}

#[derive(Debug, Default)]
pub(super) struct Inbox<U> {
    mail: Mutex<Mail<U>>,
    arrived: Condvar,
}

#[derive(Debug, Default)]
struct Mail<U> {
    unread: U,
    waker: Option<Waker>,
    is_closed: bool,
}

impl<U: Unread> Inbox<U> {
    /// The next event; `None` if nothing comes any more.
    pub(super) fn poll_next(&self, cx: &mut Context<'_>) -> Poll<Option<U::Event>> {
        let mut mail = lock(&self.mail);
        match mail.unread.pop() {
            Some(event) => Poll::Ready(Some(event)),
            None if mail.is_closed => Poll::Ready(None),
            None => {
                mail.waker = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }

    /// Blocks this thread until the next event; `None` if no event comes within `patience`.
    pub(super) fn wait(&self, patience: Duration) -> Option<U::Event> {
        let mail = lock(&self.mail);
        let mut event = None;
        let waits = |mail: &mut Mail<U>| {
            event = mail.unread.pop();
            event.is_none() && !mail.is_closed
        };
        drop(self.arrived.wait_timeout_while(mail, patience, waits).unwrap_or_else(PoisonError::into_inner));
        event
    }

    /// Looks at what was not read.
    pub(super) fn look<T>(&self, look: impl FnOnce(&U) -> T) -> T {
        look(&lock(&self.mail).unread)
    }

    /// Puts something in, and says whom to wake.
    pub(super) fn put(&self, put: impl FnOnce(&mut U)) -> Option<Waker> {
        self.change(|mail| put(&mut mail.unread))
    }

    /// Nothing comes any more. Says whom to wake.
    pub(super) fn close(&self) -> Option<Waker> {
        self.change(|mail| mail.is_closed = true)
    }

    fn change(&self, change: impl FnOnce(&mut Mail<U>)) -> Option<Waker> {
        let mut mail = lock(&self.mail);
        change(&mut mail);
        self.arrived.notify_all();
        mail.waker.take()
    }
}
