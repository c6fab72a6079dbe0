//! Tokens that are known by how they start.
//!
//! The starts are those that the issuers document, so that scanners can find
//! what was leaked (GitHub, "Secret scanning patterns"; gitleaks keeps a list).

use std::ops::Range;

use super::looks;
use super::text::Text;

/// A token that is known by how it starts and what may follow.
struct Shape {
    kind: &'static str,
    prefix: &'static [u8],
    /// The fewest bytes behind the prefix.
    least: usize,
    body: Body,
}

/// What stands behind the prefix.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Body {
    /// Letters, digits and `_`.
    Plain,
    /// Also `-` and `.`.
    Wide,
    /// Also `-` and `.`, and as random as a resource's name is not: the prefix
    /// alone is too common.
    Random,
    /// Capitals and digits, and nothing else directly behind them.
    Capitals,
}

const fn shape(kind: &'static str, prefix: &'static str, least: usize, body: Body) -> Shape {
    Shape {
        kind,
        prefix: prefix.as_bytes(),
        least,
        body,
    }
}

/// The shortest token of all.
pub(super) const LEAST: usize = 14;
/// How much of a body is looked at to tell whether it is random.
const JUDGED: usize = 64;
/// How often one run is tried for a JWT behind a `-` or `_`.
const TRIES: usize = 4;

const SHAPES: &[Shape] = &[
    shape("age-key", "AGE-SECRET-KEY-1", 40, Body::Plain),
    shape("aws-access-key", "ABIA", 16, Body::Capitals),
    shape("aws-access-key", "ACCA", 16, Body::Capitals),
    shape("aws-access-key", "AKIA", 16, Body::Capitals),
    shape("aws-access-key", "ASIA", 16, Body::Capitals),
    shape("google-key", "AIza", 30, Body::Wide),
    shape("artifactory-token", "AKCp", 60, Body::Plain),
    shape("atlassian-token", "ATATT3", 40, Body::Wide),
    shape("gitlab-token", "GR1348941", 20, Body::Wide),
    shape("google-secret", "GOCSPX-", 20, Body::Wide),
    shape("heroku-key", "HRKU-", 20, Body::Wide),
    shape("newrelic-key", "NRAK-", 20, Body::Plain),
    shape("postman-key", "PMAK-", 20, Body::Wide),
    shape("sendgrid-key", "SG.", 40, Body::Random),
    shape("terraform-token", "atlasv1.", 20, Body::Wide),
    shape("databricks-token", "dapi", 32, Body::Random),
    shape("docker-token", "dckr_pat_", 20, Body::Wide),
    shape("digitalocean-token", "doo_v1_", 20, Body::Plain),
    shape("digitalocean-token", "dop_v1_", 20, Body::Plain),
    shape("digitalocean-token", "dor_v1_", 20, Body::Plain),
    shape("doppler-token", "dp.ct.", 20, Body::Wide),
    shape("doppler-token", "dp.pt.", 20, Body::Wide),
    shape("doppler-token", "dp.st.", 20, Body::Wide),
    shape("figma-token", "figd_", 20, Body::Wide),
    shape("fly-token", "fm2_", 40, Body::Random),
    shape("github-token", "gho_", 20, Body::Plain),
    shape("github-token", "ghp_", 20, Body::Plain),
    shape("github-token", "ghr_", 20, Body::Plain),
    shape("github-token", "ghs_", 20, Body::Plain),
    shape("github-token", "ghu_", 20, Body::Plain),
    shape("github-token", "github_pat_", 20, Body::Plain),
    shape("gitlab-token", "glagent-", 16, Body::Random),
    shape("gitlab-token", "glcbt-", 16, Body::Wide),
    shape("gitlab-token", "gldt-", 16, Body::Wide),
    shape("gitlab-token", "glft-", 16, Body::Wide),
    shape("gitlab-token", "glimt-", 16, Body::Wide),
    shape("gitlab-token", "gloas-", 16, Body::Wide),
    shape("gitlab-token", "glpat-", 16, Body::Wide),
    shape("gitlab-token", "glptt-", 16, Body::Wide),
    shape("gitlab-token", "glrt-", 16, Body::Wide),
    shape("gitlab-token", "glsoat-", 16, Body::Wide),
    shape("grafana-token", "glc_", 20, Body::Plain),
    shape("grafana-token", "glsa_", 20, Body::Plain),
    shape("huggingface-token", "hf_", 30, Body::Random),
    shape("vault-token", "hvb.", 20, Body::Wide),
    shape("vault-token", "hvr.", 20, Body::Wide),
    shape("vault-token", "hvs.", 20, Body::Wide),
    shape("mailgun-key", "key-", 32, Body::Random),
    shape("linear-key", "lin_api_", 20, Body::Plain),
    shape("npm-token", "npm_", 36, Body::Random),
    shape("notion-token", "ntn_", 30, Body::Random),
    shape("planetscale-token", "pscale_pw_", 20, Body::Wide),
    shape("planetscale-token", "pscale_tkn_", 20, Body::Wide),
    shape("pulumi-token", "pul-", 40, Body::Random),
    shape("pypi-token", "pypi-AgE", 30, Body::Wide),
    shape("stripe-key", "rk_live_", 10, Body::Plain),
    shape("stripe-key", "rk_test_", 10, Body::Plain),
    shape("rubygems-key", "rubygems_", 30, Body::Random),
    shape("supabase-token", "sbp_", 30, Body::Random),
    shape("shopify-token", "shpat_", 20, Body::Plain),
    shape("shopify-token", "shpca_", 20, Body::Plain),
    shape("shopify-token", "shppa_", 20, Body::Plain),
    shape("shopify-token", "shpss_", 20, Body::Plain),
    shape("anthropic-key", "sk-ant-", 20, Body::Wide),
    shape("openai-key", "sk-", 32, Body::Random),
    shape("stripe-key", "sk_live_", 10, Body::Plain),
    shape("stripe-key", "sk_test_", 10, Body::Plain),
    shape("sentry-token", "sntrys_", 20, Body::Plain),
    shape("sentry-token", "sntryu_", 20, Body::Plain),
    shape("square-token", "sq0csp-", 20, Body::Wide),
    shape("tailscale-key", "tskey-", 20, Body::Random),
    shape("stripe-secret", "whsec_", 20, Body::Plain),
    shape("slack-token", "xapp-", 10, Body::Wide),
    shape("slack-token", "xoxa-", 10, Body::Wide),
    shape("slack-token", "xoxb-", 10, Body::Wide),
    shape("slack-token", "xoxe-", 10, Body::Wide),
    shape("slack-token", "xoxe.", 10, Body::Wide),
    shape("slack-token", "xoxp-", 10, Body::Wide),
    shape("slack-token", "xoxr-", 10, Body::Wide),
    shape("slack-token", "xoxs-", 10, Body::Wide),
    shape("google-token", "ya29.", 20, Body::Wide),
];

/// Finds the first token inside a run of name bytes.
pub(super) fn find(text: &Text<'_>, run: Range<usize>) -> Option<(Range<usize>, &'static str)> {
    if run.len() < LEAST {
        return None;
    }
    let mut start = run.start;
    let mut tries = 0;
    while run.end.saturating_sub(start) >= LEAST {
        let rest = text.slice(start..run.end);
        if rest.starts_with(b"eyJ") && (tries < TRIES || text.before(start) == Some(b'.')) {
            tries += 1;
            if let Some(length) = jwt(rest) {
                return Some((start..start + length, "jwt"));
            }
        }
        if let Some((length, kind)) = known(rest) {
            // This prefix stands in the middle: `ID.atlasv1.SECRET`.
            let from = if kind == "terraform-token" {
                run.start
            } else {
                start
            };
            return Some((from..start + length, kind));
        }
        let sign = text.seek(start, |byte| !byte.is_ascii_alphanumeric());
        start = text.seek(sign, |byte| byte.is_ascii_alphanumeric());
    }
    None
}

/// For each byte of ASCII the first shape whose prefix starts with it, and the one behind the last:
/// most words start like none or few of them.
static STARTS: [(u8, u8); 128] = {
    let mut starts = [(0, 0); 128];
    let mut rest = SHAPES;
    let mut index = 0;
    while let [shape, behind @ ..] = rest {
        // A prefix that is empty or no ASCII has no place here; a test knows of none.
        if let [byte @ 0..0x80, ..] = shape.prefix
            && let (_, [(first, end), ..]) = starts.as_mut_slice().split_at_mut(*byte as usize)
        {
            if *end == 0 {
                *first = index;
            }
            *end = index + 1;
        }
        index += 1;
        rest = behind;
    }
    starts
};

/// Returns the length of the token of a known shape that stands here.
fn known(rest: &[u8]) -> Option<(usize, &'static str)> {
    let (first, end) = STARTS.get(usize::from(*rest.first()?))?;
    let shapes = SHAPES.get(usize::from(*first)..usize::from(*end))?;
    shapes.iter().find_map(|shape| {
        let body = rest.strip_prefix(shape.prefix)?;
        looks::add(JUDGED);
        let length = shape.body.length(body);
        let body = body.get(..length)?;
        let fits = length >= shape.least && (shape.body != Body::Random || is_mixed(body));
        fits.then_some((shape.prefix.len() + length, shape.kind))
    })
}

impl Body {
    /// Returns how far the body goes. A random one that does not look so is cut
    /// short: a run full of prefixes must not be looked at again and again.
    fn length(self, text: &[u8]) -> usize {
        match self {
            Self::Plain => stretch(text, |byte| byte.is_ascii_alphanumeric() || byte == b'_'),
            Self::Wide => stretch(text, |byte| byte < 0x80),
            Self::Random if is_mixed(text) => stretch(text, |byte| byte < 0x80),
            Self::Random => 0,
            Self::Capitals => {
                let head = text.get(..17).unwrap_or(text);
                let length = stretch(head, |byte| {
                    byte.is_ascii_uppercase() || byte.is_ascii_digit()
                });
                let goes_on = head.get(length).is_some_and(u8::is_ascii_alphanumeric);
                if length == 16 && !goes_on { 16 } else { 0 }
            }
        }
    }
}

fn stretch(text: &[u8], is_part: impl Fn(u8) -> bool) -> usize {
    let end = text.iter().position(|byte| !is_part(*byte));
    end.unwrap_or(text.len())
}

/// Three parts of base64url, the first of which is a JSON object; or five,
/// where the token is encrypted (RFC 7519, RFC 7516).
fn jwt(token: &[u8]) -> Option<usize> {
    let lengths = token.split(|byte| *byte == b'.').map(<[u8]>::len);
    let mut ends = [0; 5];
    let mut parts = 0;
    for (end, length) in ends.iter_mut().zip(lengths) {
        *end = length;
        parts += 1;
    }
    let mut sum = 0;
    for end in &mut ends {
        sum += *end;
        *end = sum;
        sum += 1;
    }
    looks::add(sum.min(token.len()));
    let [first, _, third, _, fifth] = ends;
    let second = token.get(first + 1..).unwrap_or_default();
    if parts == 5 && first >= 15 && !second.starts_with(b"eyJ") {
        return Some(fifth);
    }
    let end = if parts >= 3 { third } else { token.len() };
    (parts >= 2 && first >= 8 && second.starts_with(b"eyJ")).then_some(end)
}

/// Tells whether at least two digits stand among the letters, and not only
/// behind a `-`, as in `sk-learn-serving-7d9f8b6c5d`.
fn is_mixed(body: &[u8]) -> bool {
    let body = body.get(..JUDGED).unwrap_or(body);
    let digits = body.iter().filter(|byte| byte.is_ascii_digit()).count();
    let longest = body
        .split(|byte| matches!(byte, b'-' | b'.' | b'_'))
        .map(<[u8]>::len)
        .max();
    digits >= 2 && longest.is_some_and(|length| length >= 16)
}

#[cfg(test)]
mod tests {
    use super::{LEAST, SHAPES, Text, find};

    fn found(text: &str) -> Option<(&str, &'static str)> {
        let (range, kind) = find(&Text::new(text.as_bytes()), 0..text.len())?;
        Some((text.get(range)?, kind))
    }

    #[test]
    fn no_shape_is_shorter_than_the_shortest() {
        for shape in SHAPES {
            assert!(shape.prefix.len() + shape.least >= LEAST, "{}", shape.kind);
        }
    }

    #[test]
    fn each_shape_finds_its_own_token_behind_another_word() {
        for shape in SHAPES {
            let prefix = std::str::from_utf8(shape.prefix).unwrap();
            let token = format!("{prefix}{}", "A1B2C3D4E5F6G7H8".repeat(6));
            let length = if prefix.len() == 4 && shape.kind == "aws-access-key" {
                20
            } else {
                token.len()
            };
            let token = token.get(..length).unwrap();
            let text = format!("x-{token}");
            let (cut, kind) = found(&text).unwrap();
            assert!(cut.ends_with(token), "{text}: {cut}");
            assert_eq!(kind, shape.kind);
        }
    }

    #[test]
    fn a_name_that_starts_like_a_token_is_none() {
        for text in [
            "sk-learn-serving-deployment-7d9f8b6c5d-x2k4q",
            "npm_config_registry_with_a_long_name_here",
            "pypi-server-helm-chart-with-a-long-name",
            "key-rotation-controller-manager-config",
            "AKIA-short",
            "eyJub3R0b2tlbiI6MX0",
            "ghp_short",
        ] {
            assert_eq!(found(text), None, "{text}");
        }
    }
}
