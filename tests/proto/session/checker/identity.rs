//! Which states of the world are the same.
//!
//! A session is a function of what went into it, and when: it has no clock, no randomness and no global of its own. So two
//! states of a process are the same if it began with the same record and the same generator, and the same inputs came in the
//! same order, at the same times. That is what a process notes down; nothing is asked of the session, and no text of it is
//! compared. What it has asked for and not got follows from its inputs.
//!
//! Orders of steps that do not concern each other lead to the same state only if the times are the same, too. So each process
//! has a clock of its own. It goes on by a millisecond with each input, and never behind what the input tells: a record, a
//! lock and a response have times. (These are Lamport's clocks.) Whatever does not hear of something does not see its time.
//!
//! The two processes are alike, and so are two states that differ only in which is which.
//!
//! States are told apart more often than they must be: two stories of inputs may lead to the same session. They are never
//! taken for the same if they are not, but for 128 bits of a hash.

use std::fmt::Write as _;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use super::world::{Process, Provider, World, number, stored};

impl World {
    pub(super) fn identity(&self) -> u128 {
        let looks = self.looks([0, 1]).min(self.looks([1, 0]));
        let half = |salt: u8| {
            let mut hasher = DefaultHasher::new();
            (salt, &looks).hash(&mut hasher);
            u128::from(hasher.finish())
        };
        half(0) << 64 | half(1)
    }

    /// Everything, with the processes in this order.
    fn looks(&self, order: [usize; 2]) -> String {
        let Self { record, begun, lock, written_at, locked_at, provider, mishaps, is_erased, processes, .. } = self;
        // Of those that were killed it matters only that they are not there any more.
        let who = |(process, life): (usize, u32)| {
            let is_alive = processes[process].life == life && processes[process].session.is_some();
            is_alive.then(|| order.iter().position(|own| *own == process))
        };
        let mut makers: Vec<_> = begun.iter().copied().map(who).collect();
        makers.sort_unstable();
        makers.dedup();
        let Provider { habit: _, newest, before, issued, lives, newest_for, served_at } = provider;
        let (record, lock, newest_for) = (record.as_ref().map(stored), lock.map(who), newest_for.map(who));
        let mut looks = format!("{record:?} {makers:?} {lock:?} {written_at} {locked_at} {newest} {before:?} {issued}");
        let _ = write!(looks, " {lives} {newest_for:?} {served_at}");
        let _ = write!(looks, " {mishaps:?} {is_erased}");
        for Process { history, requests, responses, life, logout_life, .. } in order.map(|own| &processes[own]) {
            let requests =
                requests.iter().map(|sent| (sent.life == *life, number(&sent.request, "refresh_token"), sent.at));
            let responses = responses.iter().map(|came| (came.life == *life, came.response.body(), came.at));
            let has_left = logout_life.map(|left| left == *life);
            let (requests, responses) = (requests.collect::<Vec<_>>(), responses.collect::<Vec<_>>());
            let _ = write!(looks, "\n{history} {requests:?} {responses:?} {has_left:?}");
        }
        looks
    }
}
