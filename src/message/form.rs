//! `application/x-www-form-urlencoded` (RFC 6749 appendix B): written into one buffer that was measured beforehand.

use std::borrow::Cow;

use url::form_urlencoded::byte_serialize;

/// Appends the pairs, joined by `&`, to a buffer that has or gets room for all of them.
pub(crate) fn append<'a>(out: &mut String, pairs: impl IntoIterator<Item = (&'a str, &'a str), IntoIter: Clone>) {
    let pairs = pairs.into_iter();
    // Exact, so that the buffer does not move and leave copies of secrets behind.
    out.reserve_exact(pairs.clone().map(|(name, value)| encoded_len(name) + encoded_len(value) + 2).sum());
    for (i, (name, value)) in pairs.enumerate() {
        if i > 0 {
            out.push('&');
        }
        encode(out, name);
        out.push('=');
        encode(out, value);
    }
}

/// Appends one encoded name or value.
pub(crate) fn encode(out: &mut String, text: &str) {
    out.extend(byte_serialize(text.as_bytes()));
}

fn encoded_len(text: &str) -> usize {
    byte_serialize(text.as_bytes()).map(str::len).sum()
}

/// The pairs of a form, decoded. Invalid percent escapes stay as they are, as the URL Standard has it.
pub(crate) fn pairs(form: &str) -> impl Iterator<Item = (Cow<'_, str>, Cow<'_, str>)> {
    url::form_urlencoded::parse(form.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_writer_agrees_with_the_url_crate_and_its_own_measure() {
        let text: String = (0..=255_u8).map(char::from).chain("€ 😀".chars()).collect();
        let mut ours = String::new();
        append(&mut ours, [("a b", text.as_str()), ("", "")]);
        let theirs =
            url::form_urlencoded::Serializer::new(String::new()).append_pair("a b", &text).append_pair("", "").finish();
        assert_eq!(ours, theirs);
        assert_eq!(encoded_len(&text), ours.len() - "a+b=&=".len());
    }
}
