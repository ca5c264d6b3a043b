//! The time that this thread has run: what other processes take of the machine does not count.

use std::time::Duration;

#[cfg(target_os = "linux")]
mod clock {
    use std::time::Duration;

    /// As 64-bit Linux has it.
    #[repr(C)]
    struct Timespec {
        seconds: i64,
        nanoseconds: i64,
    }

    const CLOCK_THREAD_CPUTIME_ID: i32 = 3;

    unsafe extern "C" {
        fn clock_gettime(clock: i32, time: *mut Timespec) -> i32;
    }

    pub fn now() -> Duration {
        let mut time = Timespec { seconds: 0, nanoseconds: 0 };
        // SAFETY: the structure is the one of this platform, and outlives the call.
        let failed = unsafe { clock_gettime(CLOCK_THREAD_CPUTIME_ID, &mut time) };
        assert_eq!(failed, 0, "the clock of the thread");
        Duration::new(time.seconds as u64, time.nanoseconds as u32)
    }
}

#[cfg(not(target_os = "linux"))]
mod clock {
    use std::sync::LazyLock;
    use std::time::{Duration, Instant};

    static START: LazyLock<Instant> = LazyLock::new(Instant::now);

    /// There is none: the time of day's.
    pub fn now() -> Duration {
        START.elapsed()
    }
}

/// A moment of this thread.
pub struct ThreadTime(Duration);

impl ThreadTime {
    pub fn now() -> Self {
        Self(clock::now())
    }

    /// How long this thread has run since.
    pub fn elapsed(&self) -> Duration {
        clock::now().saturating_sub(self.0)
    }
}
