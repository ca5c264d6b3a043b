//! One operation of one contestant.

/// An operation, ready to be carried out as often as it was prepared for.
pub type Operation = Box<dyn FnMut()>;

/// What a contestant does for a work item.
pub struct Case {
    pub work: &'static str,
    pub who: &'static str,
    prepare: Box<dyn Fn(usize) -> Operation>,
}

impl Case {
    /// An operation that needs nothing but what it captured.
    pub fn new(work: &'static str, who: &'static str, run: impl Fn() + Clone + 'static) -> Self {
        Self { work, who, prepare: Box::new(move |_| Box::new(run.clone())) }
    }

    /// An operation that uses up an input each time. The inputs are made beforehand and not measured.
    pub fn consuming<T: 'static>(
        work: &'static str,
        who: &'static str,
        input: impl Fn() -> T + 'static,
        run: impl Fn(T) + Clone + 'static,
    ) -> Self {
        let prepare = move |times| -> Operation {
            let mut inputs: Vec<T> = std::iter::repeat_with(&input).take(times).collect();
            let run = run.clone();
            Box::new(move || run(inputs.pop().expect("prepared for so many times")))
        };
        Self { work, who, prepare: Box::new(prepare) }
    }

    /// The operation, to be carried out `times` times at most.
    pub fn prepare(&self, times: usize) -> Operation {
        (self.prepare)(times)
    }

    /// Whether a word of the command line names it.
    pub fn matches(&self, filter: &str) -> bool {
        self.work.contains(filter) || self.who.contains(filter)
    }
}

/// How large a value is that an application keeps.
#[derive(Clone)]
pub struct Held {
    pub who: String,
    /// `size_of` of the value itself, which for an `Arc` is what it points to, and for a handle the handle.
    pub size: usize,
    /// Bytes on the heap; for a value behind an `Arc` or a handle with the value itself.
    pub heap: usize,
    /// Allocations to make it, those already freed again included.
    pub allocations: u64,
}

/// Many sessions through a day of virtual time.
pub struct Soak {
    pub sessions: usize,
    pub refreshes: u64,
    pub elapsed: std::time::Duration,
    /// Of one session in the end, its tokens included.
    pub bytes: usize,
    pub allocations: u64,
}
