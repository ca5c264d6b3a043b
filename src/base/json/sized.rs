//! JSON that is written into a buffer of its length: one that grew would leave copies behind, which nobody wipes.
#![allow(dead_code, reason = "for what stores secrets: the stores of sessions, the browser, the QR code")]

use std::io;

use serde::Serialize;

/// How many bytes the JSON has.
pub(crate) fn length(value: &impl Serialize) -> Result<usize, serde_json::Error> {
    let mut count = Count(0);
    serde_json::to_writer(&mut count, value)?;
    Ok(count.0)
}

/// Appends the JSON, for which there is room.
pub(crate) fn append(out: &mut String, value: &impl Serialize) -> Result<(), serde_json::Error> {
    struct Text<'a>(&'a mut String);

    impl io::Write for Text<'_> {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.push_str(std::str::from_utf8(bytes).map_err(io::Error::other)?);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    serde_json::to_writer(Text(out), value)
}

/// Counts the bytes that are written.
struct Count(usize);

impl io::Write for Count {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
