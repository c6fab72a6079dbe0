//! Patterns over bytes: `*` for any bytes, `?` for one, everything else for
//! itself. In a path pattern `*` stops at `/` and `**` does not.

/// Tells whether a text matches a pattern in which `*` stands for any bytes.
pub(crate) fn matches(pattern: &[u8], text: &[u8]) -> bool {
    run(pattern, text, false)
}

/// Tells whether a path matches a pattern: `*` stays inside one component,
/// `**` crosses them, and `/a/**` matches `/a` too.
pub(crate) fn path_matches(pattern: &[u8], path: &[u8]) -> bool {
    let root = pattern.strip_suffix(b"/**");
    root.is_some_and(|root| run(root, path, true)) || run(pattern, path, true)
}

/// Where to go on after a mismatch: the pattern behind a star, and the text
/// that the star has not taken yet.
struct Retry<'t> {
    pattern: &'t [u8],
    text: &'t [u8],
    crosses: bool,
}

/// Goes back to the last star, and from a star that must not cross `/` to the
/// `**` before it: two places to go back to keep this free of exponential time.
fn run<'t>(mut pattern: &'t [u8], mut text: &'t [u8], is_path: bool) -> bool {
    let mut near: Option<Retry<'_>> = None;
    let mut far: Option<Retry<'_>> = None;
    loop {
        if let Some(rest) = pattern.strip_prefix(b"*") {
            let crosses = !is_path || rest.first() == Some(&b'*');
            pattern = rest
                .iter()
                .position(|byte| *byte != b'*')
                .map_or(&[], |at| rest.get(at..).unwrap_or_default());
            let retry = Retry {
                pattern,
                text,
                crosses,
            };
            if crosses {
                far = Some(retry);
                near = None;
            } else {
                near = Some(retry);
            }
            continue;
        }
        match (pattern.split_first(), text.split_first()) {
            (None, None) => return true,
            (Some((wanted, more)), Some((byte, rest)))
                if wanted == byte || (*wanted == b'?' && !(is_path && *byte == b'/')) =>
            {
                (pattern, text) = (more, rest);
            }
            _ => {
                let Some(next) = go_back(&mut near).or_else(|| go_back(&mut far)) else {
                    return false;
                };
                (pattern, text) = next;
            }
        }
    }
}

/// Lets the star take one more byte.
fn go_back<'t>(place: &mut Option<Retry<'t>>) -> Option<(&'t [u8], &'t [u8])> {
    let retry = place.as_mut()?;
    match retry.text.split_first() {
        Some((byte, rest)) if retry.crosses || *byte != b'/' => {
            retry.text = rest;
            Some((retry.pattern, rest))
        }
        _ => {
            *place = None;
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_any_bytes() {
        for (pattern, text) in [
            ("*", ""),
            ("prod-*", "prod-eu"),
            ("*-eu-*", "prod-eu-1"),
            ("a?c", "abc"),
            ("**", "a/b"),
            ("s3://*", "s3://b/k"),
        ] {
            assert!(
                matches(pattern.as_bytes(), text.as_bytes()),
                "{pattern} {text}"
            );
        }
        for (pattern, text) in [("prod-*", "dev-eu"), ("a?c", "ac"), ("", "a"), ("*x", "xa")] {
            assert!(
                !matches(pattern.as_bytes(), text.as_bytes()),
                "{pattern} {text}"
            );
        }
    }

    #[test]
    fn a_path_star_stays_inside_its_component() {
        assert!(path_matches(b"/srv/*/prod", b"/srv/a/prod"));
        assert!(!path_matches(b"/srv/*/prod", b"/srv/a/b/prod"));
        assert!(path_matches(b"/srv/**/prod", b"/srv/a/b/prod"));
        assert!(path_matches(b"/srv/**", b"/srv"));
        assert!(path_matches(b"/srv/**", b"/srv/a/b"));
        assert!(!path_matches(b"/srv/**", b"/srvx"));
    }

    #[test]
    fn many_stars_end_in_time() {
        let text = vec![b'a'; 4000];
        assert!(!matches(
            &b"a*"
                .repeat(200)
                .into_iter()
                .chain(*b"b")
                .collect::<Vec<_>>(),
            &text
        ));
    }
}
