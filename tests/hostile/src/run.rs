// SPDX-License-Identifier: GPL-2.0

//! Sessions side by side until the time is up or something is wrong.

use crate::client::Client;
use crate::server;
use contract::lane;
use contract::wire::Wire;
use fastrand::Rng;
use std::fmt;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// What a session's connection is made of; PDUs that come over TCP are taken as they arrive.
pub const WIRES: [Wire; 2] = [Wire::Unix, Wire::Tcp];
/// Every so many sessions of a lane an honest peer has its turn.
const CHECK: u64 = 16;
/// How often a line tells how far it is.
const PROGRESS: Duration = Duration::from_secs(10);

/// Which driver is lied to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The stub, by clients.
    Client,
    /// The virtual host controller, by servers.
    Server,
}

/// What is to be run.
#[derive(Clone, Copy)]
pub struct Plan {
    /// Which driver is lied to.
    pub side: Side,
    /// What all sessions depend on.
    pub seed: u64,
    /// How long.
    pub time: Duration,
    /// The only session, or all.
    pub only: Option<u64>,
}

/// What has been sent and received so far.
#[derive(Default)]
pub struct Counts {
    sessions: AtomicU64,
    sent: AtomicUsize,
    mutated: AtomicUsize,
    answered: AtomicUsize,
}

/// What should not have happened.
#[derive(Clone, Debug)]
pub struct Failure(String);

impl Failure {
    /// A failure that says so.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Counts {
    /// PDUs have been sent.
    pub fn add(&self, sent: usize, mutated: usize) {
        self.sent.fetch_add(sent, Ordering::Relaxed);
        self.mutated.fetch_add(mutated, Ordering::Relaxed);
    }

    /// The driver has said something: bytes to a client, requests to a server.
    pub fn add_answered(&self, count: usize) {
        self.answered.fetch_add(count, Ordering::Relaxed);
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [sent, mutated, answered] =
            [&self.sent, &self.mutated, &self.answered].map(|count| count.load(Ordering::Relaxed));
        let sessions = self.sessions.load(Ordering::Relaxed);
        write!(
            f,
            "sessions={sessions} pdus={sent} mutated={mutated} answered={answered}"
        )
    }
}

/// Runs a plan; prints how far it is. The failure is the first there was.
pub fn run(plan: Plan) -> (Arc<Counts>, Option<Failure>) {
    let counts = Arc::new(Counts::default());
    let first = Mutex::new(None);
    let begin = Instant::now();
    thread::scope(|scope| {
        let lanes: Vec<_> = (0..lane::COUNT)
            .map(|lane| {
                let (counts, first) = (&counts, &first);
                scope.spawn(move || {
                    lane::enter(lane);
                    let over = || begin.elapsed() > plan.time || failed(first);
                    if let Err(failure) = sessions(plan, lane, counts, over) {
                        let mut first = first.lock().unwrap_or_else(PoisonError::into_inner);
                        first.get_or_insert(failure);
                    }
                })
            })
            .collect();
        let mut shown = begin;
        while !lanes.iter().all(|lane| lane.is_finished()) {
            thread::sleep(Duration::from_millis(100));
            if shown.elapsed() > PROGRESS {
                shown = Instant::now();
                println!("{} s {counts}", begin.elapsed().as_secs());
            }
        }
    });
    let failure = first.into_inner().unwrap_or_else(PoisonError::into_inner);
    (counts, failure)
}

fn failed(first: &Mutex<Option<Failure>>) -> bool {
    first
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .is_some()
}

/// The sessions of a lane: every number that leaves its own as a rest.
fn sessions(
    plan: Plan,
    lane: u32,
    counts: &Arc<Counts>,
    over: impl Fn() -> bool,
) -> Result<(), Failure> {
    let mine = |number: &u64| number % u64::from(lane::COUNT) == u64::from(lane);
    let numbers: Box<dyn Iterator<Item = u64>> = match plan.only {
        Some(number) => Box::new(std::iter::once(number)),
        None => Box::new(0..),
    };
    let client = match plan.side {
        Side::Client => Some(Client::new()?),
        Side::Server => None,
    };
    for number in numbers.filter(mine) {
        if over() {
            break;
        }
        let mut rng = Rng::with_seed(plan.seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ number);
        counts.sessions.fetch_add(1, Ordering::Relaxed);
        let result = match &client {
            Some(client) => client.session(&mut rng, counts),
            None => server::session(&mut rng, counts),
        };
        result.map_err(|failure| Failure::new(format!("session {number}: {failure}")))?;
        if number / u64::from(lane::COUNT) % CHECK == CHECK - 1 {
            check(client.as_ref(), number)?;
        }
    }
    check(client.as_ref(), u64::MAX)
}

fn check(client: Option<&Client>, number: u64) -> Result<(), Failure> {
    let result = match client {
        Some(client) => client.check(),
        None => server::check(),
    };
    result.map_err(|failure| match number {
        u64::MAX => Failure::new(format!("in the end: {failure}")),
        number => Failure::new(format!("after session {number}: {failure}")),
    })
}
