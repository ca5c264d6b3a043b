//! HTTP dates in their three forms (RFC 9110 section 5.6.7).

use crate::base::env::Timestamp;

/// Parses an HTTP date. `None` for anything else, and for years before 1970.
///
/// A two-digit year (the obsolete RFC 850 form) is taken to be in 1970 to 2069.
pub(crate) fn parse(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    let (day, month, year, time) = if let Some((_, rest)) = text.split_once(", ") {
        if rest.contains('-') {
            // Sunday, 06-Nov-94 08:49:37 GMT
            let (date, time) = rest.strip_suffix(" GMT")?.split_once(' ')?;
            let [day, month, year] = parts(date, '-')?;
            let year: u64 = digits(year, 2)?;
            (digits(day, 2)?, month, if year < 70 { 2000 + year } else { 1900 + year }, time)
        } else {
            // Sun, 06 Nov 1994 08:49:37 GMT
            let [day, month, year, time, zone] = parts(rest, ' ')?;
            (zone == "GMT").then_some(())?;
            (digits(day, 2)?, month, digits(year, 4)?, time)
        }
    } else {
        // Sun Nov  6 08:49:37 1994
        let (_, rest) = text.split_once(' ')?;
        let (month, rest) = rest.split_once(' ')?;
        let [day, time, year] = parts(rest.trim_start(), ' ')?;
        (day.parse().ok()?, month, digits(year, 4)?, time)
    };
    const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let month = MONTHS.iter().zip(1_u64..).find_map(|(name, number)| (*name == month).then_some(number))?;
    let [hour, minute, second] = parts(time, ':')?;
    let (hour, minute, second) = (digits(hour, 2)?, digits(minute, 2)?, digits(second, 2)?);
    // A leap second is counted as the second after it.
    if year < 1970 || !(1..=31).contains(&day) || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    Some(Timestamp::from_unix_seconds(((days(year, month, day) * 24 + hour) * 60 + minute) * 60 + second))
}

/// Days from 1970-01-01 to a date of the Gregorian calendar, by counting years that begin in March.
fn days(year: u64, month: u64, day: u64) -> u64 {
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    // 719,468 days lie between 0000-03-01 and 1970-01-01.
    year * 365 + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day - 1 - 719_468
}

fn parts<const N: usize>(text: &str, separator: char) -> Option<[&str; N]> {
    let mut out = [""; N];
    let mut pieces = text.split(separator);
    for slot in &mut out {
        *slot = pieces.next()?;
    }
    pieces.next().is_none().then_some(out)
}

fn digits(text: &str, length: usize) -> Option<u64> {
    (text.len() == length && text.bytes().all(|byte| byte.is_ascii_digit())).then(|| text.parse().ok())?
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_three_forms_and_what_is_none() {
        for (text, expected) in [
            ("Sun, 06 Nov 1994 08:49:37 GMT", Some(784_111_777)),
            ("Sunday, 06-Nov-94 08:49:37 GMT", Some(784_111_777)),
            ("Sun Nov  6 08:49:37 1994", Some(784_111_777)),
            ("Thu, 01 Jan 1970 00:00:00 GMT", Some(0)),
            ("Tue, 29 Feb 2028 23:59:60 GMT", Some(1_835_481_600)),
            ("Fri, 31 Dec 9999 23:59:59 GMT", Some(253_402_300_799)),
            ("0", None),
            ("", None),
            ("-1", None),
            ("Sun, 06 Nov 1994 08:49:37 CET", None),
            ("Sun, 06 Nov 1969 08:49:37 GMT", None),
            ("Sun, 32 Nov 1994 08:49:37 GMT", None),
            ("Sun, 06 Now 1994 08:49:37 GMT", None),
            ("Sun, 06 Nov 1994 8:49:37 GMT", None),
            ("Sun, 06 Nov 1994 24:00:00 GMT", None),
            ("Sun, 06 Nov 1994 08:49:37 GMT extra", None),
        ] {
            assert_eq!(parse(text), expected.map(Timestamp::from_unix_seconds), "{text}");
        }
    }
    const DAYS: [&str; 7] = ["Thursday", "Friday", "Saturday", "Sunday", "Monday", "Tuesday", "Wednesday"];
    const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

    /// A date by counting one year and one month after the other.
    struct Date {
        weekday: &'static str,
        year: u64,
        month: &'static str,
        day: u64,
        time: String,
    }

    fn date(second: u64) -> Date {
        let (mut days, time) = (second / 86_400, second % 86_400);
        let weekday = DAYS[usize::try_from(days % 7).unwrap()];
        let mut year = 1970;
        let is_leap = |year: u64| year.is_multiple_of(4) && !year.is_multiple_of(100) || year.is_multiple_of(400);
        while days >= 365 + u64::from(is_leap(year)) {
            days -= 365 + u64::from(is_leap(year));
            year += 1;
        }
        let february = 28 + u64::from(is_leap(year));
        let mut month = 0;
        for length in [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] {
            if days < length {
                break;
            }
            days -= length;
            month += 1;
        }
        let time = format!("{:02}:{:02}:{:02}", time / 3600, time / 60 % 60, time % 60);
        Date { weekday, year, month: MONTHS[month], day: days + 1, time }
    }

    proptest! {
        #[test]
        fn http_dates_in_their_three_forms(second in 0..253_402_300_800_u64) {
            let Date { weekday, year, month, day, time } = date(second);
            let short = &weekday[..3];
            let read = |text: String| parse(&text).map(Timestamp::unix_seconds);
            prop_assert_eq!(read(format!("{short}, {day:02} {month} {year} {time} GMT")), Some(second));
            prop_assert_eq!(read(format!("{short} {month} {day:2} {time} {year}")), Some(second));
            if (1970..2070).contains(&year) {
                prop_assert_eq!(read(format!("{weekday}, {day:02}-{month}-{:02} {time} GMT", year % 100)), Some(second));
            }
        }

        #[test]
        fn other_text_is_no_date_and_no_panic(text in any::<String>(), at in any::<prop::sample::Index>(), with in any::<char>()) {
            let _ = parse(&text);
            let mut characters: Vec<char> = "Sun, 06 Nov 1994 08:49:37 GMT".chars().collect();
            let at = at.index(characters.len());
            characters[at] = with;
            let _ = parse(&String::from_iter(characters));
        }
    }
}
