//! Passwords of users where there is no provider: Argon2id, and only so many at a
//! time, and so many in line, that guessing can't take the machine's memory.

use std::sync::LazyLock;

use argon2::{Algorithm, Argon2, Params, PasswordHasher, PasswordVerifier, Version};
use gate_protocol::problem::ProblemCode;
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::problem::Failure;

/// The fewest and the most characters of a password. Length is what counts
/// against guessing; no rule asks for signs of any kind (NIST SP 800-63B, 5.1.1).
pub(crate) const PASSWORD_CHARS: std::ops::RangeInclusive<usize> = 12..=256;

/// 19 MiB, two passes, one lane: the second choice of the OWASP Password Storage
/// Cheat Sheet, at about 40 ms of one core.
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;

/// How many are computed at a time.
static AT_A_TIME: Semaphore = Semaphore::const_new(2);

/// How many are computed or wait for it: a second or two of work. Whoever comes
/// beyond is sent away at once, as a line without an end keeps everybody out.
static IN_LINE: Semaphore = Semaphore::const_new(18);
/// When who was sent away may come again, in seconds.
const AGAIN_SECONDS: u64 = 2;

/// What an unknown user's password is held against, so that it takes as long as
/// that of a known one.
static NOBODY: LazyLock<String> =
    LazyLock::new(|| hash_now("nobody has this password").unwrap_or_default());

fn argon2() -> Option<Argon2<'static>> {
    let params = Params::new(MEMORY_KIB, PASSES, 1, None).ok()?;
    Some(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

fn hash_now(password: &str) -> Option<String> {
    let mut salt = [0; 16];
    getrandom::fill(&mut salt).ok()?;
    let hash = argon2()?.hash_password_with_salt(password.as_bytes(), &salt);
    hash.ok().map(|hash| hash.to_string())
}

fn verify_now(password: &str, hash: &str) -> bool {
    let Ok(hash) = argon2::PasswordHash::new(hash) else {
        return false;
    };
    argon2().is_some_and(|argon2| argon2.verify_password(password.as_bytes(), &hash).is_ok())
}

/// Returns the hash of a password with a salt of its own, as a PHC string.
///
/// # Errors
/// `unavailable`, where too many wait already.
pub(crate) async fn hash(password: String) -> Result<String, Failure> {
    let hashed = computed(move || hash_now(&password)).await?;
    hashed.ok_or_else(|| Failure::internal(&HashError))
}

/// Tells whether a password has this hash; where there is none it takes as long,
/// and it has not.
///
/// # Errors
/// `unavailable`, where too many wait already.
pub(crate) async fn verify(password: String, hash: Option<String>) -> Result<bool, Failure> {
    computed(move || {
        let is_known = hash.is_some();
        let fits = verify_now(&password, hash.as_deref().unwrap_or(&NOBODY));
        is_known && fits
    })
    .await
}

/// Runs it off the threads that answer.
async fn computed<T: Send + 'static>(
    compute: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Failure> {
    let _place = in_line(&IN_LINE)?;
    let _permit = AT_A_TIME
        .acquire()
        .await
        .map_err(|error| Failure::internal(&error))?;
    let task = tokio::task::spawn_blocking(compute);
    task.await.map_err(|error| Failure::internal(&error))
}

/// Takes a place in the line while there is one.
fn in_line(line: &Semaphore) -> Result<SemaphorePermit<'_>, Failure> {
    line.try_acquire().map_err(|_| {
        Failure::new(
            ProblemCode::Unavailable,
            "too many passwords are being looked at; try again in a moment",
        )
        .retry_after(AGAIN_SECONDS)
    })
}

#[derive(Debug, thiserror::Error)]
#[error("a password can't be hashed")]
struct HashError;

#[cfg(test)]
mod tests {
    use super::*;
    use axum::response::IntoResponse as _;

    #[tokio::test]
    async fn a_password_fits_its_own_hash_only_and_no_two_hashes_are_alike() {
        let one = hash("correct horse battery".to_owned()).await.unwrap();
        let two = hash("correct horse battery".to_owned()).await.unwrap();
        assert!(one.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{one}");
        assert_ne!(one, two);
        let fits = async |password: &str, hash: Option<&String>| {
            verify(password.to_owned(), hash.cloned()).await.unwrap()
        };
        assert!(fits("correct horse battery", Some(&one)).await);
        assert!(!fits("correct horse batterz", Some(&one)).await);
        assert!(!fits("", Some(&one)).await);
        assert!(!fits("correct horse battery", Some(&"nonsense".to_owned())).await);
        assert!(!fits("nobody has this password", None).await);
    }

    #[tokio::test]
    async fn the_line_has_an_end_and_whoever_comes_beyond_it_is_told_when_to_come_again() {
        let line = Semaphore::new(1);
        let place = in_line(&line).unwrap();
        let sent_away = in_line(&line).unwrap_err().into_response();
        assert_eq!(sent_away.status(), 503);
        assert_eq!(sent_away.headers()["retry-after"], "2");
        drop(place);
        assert!(in_line(&line).is_ok());
    }
}
