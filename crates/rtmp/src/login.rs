//! Logging in: answers to the challenges by which servers ask for a user and a password.
//!
//! No specification says this; it is what Adobe's Flash Media Live Encoder (`authmod=adobe`) and Limelight's
//! servers (`authmod=llnw`) began and everybody took over. A server refuses `connect` with a description that holds
//! what the next attempt, in a new connection, must know:
//!
//! | attempt | query of the application | the refusal's description |
//! |---|---|---|
//! | 1 | | `… code=403 need auth; authmod=adobe …` |
//! | 2 | `authmod=adobe&user=me` | `… authmod=adobe … ?reason=needauth&user=me&salt=…&challenge=…&opaque=…` |
//! | 3 | `authmod=adobe&user=me&challenge=…&response=…` | none, or `?reason=authfailed`, `?reason=nosuchuser` |
//!
//! Both schemes are built on MD5: whoever can listen can guess the password. RTMPS is better.

use alloc::format;
use alloc::string::String;

use base64ct::{Base64, Encoding};
use md5::{Digest, Md5};

use crate::error::{Error, LoginFailure, Result};
use crate::url::RtmpUrl;

/// A client's way through a challenge, over the connections that it takes.
///
/// ```
/// use brooklet_rtmp::{Login, RtmpUrl};
///
/// let url = RtmpUrl::parse("rtmp://me:secret@localhost/live/key")?;
/// let mut login = Login::new(&url);
/// // From `Error::Authentication`, at the first connection:
/// let next = login.answer("[ code=403 need auth; authmod=adobe ] : ", 0x1234_5678)?;
/// assert_eq!(next.app, "live?authmod=adobe&user=me");
/// # Ok::<(), brooklet_rtmp::Error>(())
/// ```
#[derive(Debug)]
pub struct Login {
    url: RtmpUrl,
    /// The user was named, and the challenge was answered.
    named: bool,
    answered: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Scheme {
    Adobe,
    Limelight,
}

impl Login {
    /// A login with the user and password of a URL.
    pub fn new(url: &RtmpUrl) -> Self {
        Self { url: url.clone(), named: false, answered: false }
    }

    /// The URL for the next connection, given the description of [`Error::Authentication`]. `nonce` should be hard
    /// to guess, no more.
    ///
    /// # Errors
    ///
    /// [`Error::Login`] where there is nothing more to try.
    pub fn answer(&mut self, description: &str, nonce: u32) -> Result<RtmpUrl> {
        self.next_query(description, nonce).map(|query| self.with_query(&query)).map_err(Error::Login)
    }

    fn next_query(&mut self, description: &str, nonce: u32) -> Result<String, LoginFailure> {
        let Some(name) = scheme_name(description) else {
            return Err(LoginFailure::UnknownScheme { scheme: "none".into() });
        };
        let scheme = match name {
            "adobe" => Scheme::Adobe,
            "llnw" => Scheme::Limelight,
            other => return Err(LoginFailure::UnknownScheme { scheme: other.into() }),
        };
        let (Some(user), Some(password)) = (&self.url.user, &self.url.password) else {
            return Err(LoginFailure::NoCredentials);
        };
        if user.is_empty() {
            return Err(LoginFailure::NoCredentials);
        }
        let demand = description.split_once("?reason=").map(|(_, demand)| demand.trim_end());
        let encoded = encode(user);
        match demand.map(|demand| demand.split('&').next().unwrap_or(demand)) {
            Some("nosuchuser") => Err(LoginFailure::NoSuchUser { user: user.clone() }),
            Some("authfailed") => Err(LoginFailure::WrongPassword { user: user.clone() }),
            Some("needauth") if !self.answered => {
                self.answered = true;
                let demand = Demand::read(demand.unwrap_or_default());
                Ok(match scheme {
                    Scheme::Adobe => adobe(user, &encoded, password, &demand, nonce),
                    Scheme::Limelight => limelight(user, &encoded, password, &self.url.app, &demand, nonce),
                })
            }
            // Asked again after the answer, without a reason.
            _ if self.answered || self.named => Err(LoginFailure::WrongPassword { user: user.clone() }),
            _ => {
                self.named = true;
                Ok(format!("authmod={name}&user={encoded}"))
            }
        }
    }

    fn with_query(&self, query: &str) -> RtmpUrl {
        let append = |text: &str| format!("{text}{}{query}", if text.contains('?') { '&' } else { '?' });
        RtmpUrl { app: append(&self.url.app), tc_url: append(&self.url.tc_url), ..self.url.clone() }
    }
}

/// What stands behind `authmod=` in a refusal: it asks for a login, or says what is wrong with one.
pub(crate) fn scheme_name(description: &str) -> Option<&str> {
    let (_, rest) = description.split_once("authmod=")?;
    let end = rest.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(rest.len());
    Some(&rest[..end])
}

/// The server's part of a challenge.
#[derive(Debug, Default)]
struct Demand<'a> {
    salt: &'a str,
    challenge: Option<&'a str>,
    opaque: Option<&'a str>,
    nonce: &'a str,
}

impl<'a> Demand<'a> {
    fn read(query: &'a str) -> Self {
        let mut demand = Self::default();
        for (name, value) in query.split('&').filter_map(|pair| pair.split_once('=')) {
            match name {
                "salt" => demand.salt = value,
                "challenge" => demand.challenge = Some(value),
                "opaque" => demand.opaque = Some(value),
                "nonce" => demand.nonce = value,
                _ => {}
            }
        }
        demand
    }
}

/// Two rounds of MD5 in base64: the password salted, then what the two sides made up.
fn adobe(user: &str, encoded: &str, password: &str, demand: &Demand<'_>, nonce: u32) -> String {
    let theirs = demand.opaque.or(demand.challenge).unwrap_or_default();
    let ours = format!("{nonce:08x}");
    let salted = Base64::encode_string(&md5(&[user, demand.salt, password]));
    let response = Base64::encode_string(&md5(&[&salted, theirs, &ours]));
    let opaque = demand.opaque.map(|opaque| format!("&opaque={opaque}")).unwrap_or_default();
    format!("authmod=adobe&user={encoded}&challenge={ours}&response={response}{opaque}")
}

/// The digest of RFC 2617 with `qop=auth`, over a method and a path of their own.
fn limelight(
    user: &str,
    encoded: &str,
    password: &str,
    app: &str,
    demand: &Demand<'_>,
    nonce: u32,
) -> String {
    const COUNT: &str = "00000001";
    let app = app.split('?').next().unwrap_or(app);
    let instance = if app.contains('/') { "" } else { "/_definst_" };
    let (theirs, ours) = (demand.nonce, format!("{nonce:08x}"));
    let secret = hex(&md5(&[user, ":live:", password]));
    let request = hex(&md5(&["publish:/", app, instance]));
    let response = hex(&md5(&[&secret, ":", theirs, ":", COUNT, ":", &ours, ":auth:", &request]));
    format!("authmod=llnw&user={encoded}&nonce={theirs}&cnonce={ours}&nc={COUNT}&response={response}")
}

fn md5(parts: &[&str]) -> [u8; 16] {
    let mut digest = Md5::new();
    parts.iter().for_each(|part| digest.update(part));
    digest.finalize().into()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A user as it can stand in a query: only what would end it there is encoded, for servers rarely decode.
fn encode(user: &str) -> String {
    let ends_it = |c: char| matches!(c, '&' | '=' | '?' | '#' | '%') || c.is_whitespace() || c.is_control();
    let mut encoded = String::with_capacity(user.len());
    for c in user.chars() {
        if ends_it(c) {
            let mut bytes = [0; 4];
            c.encode_utf8(&mut bytes).bytes().for_each(|byte| encoded += &format!("%{byte:02X}"));
        } else {
            encoded.push(c);
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    const NONCE: u32 = 0xDEAD_C0DE;

    fn login(url: &str) -> Login {
        Login::new(&RtmpUrl::parse(url).unwrap())
    }

    fn me() -> Login {
        login("rtmp://me:p%40ss@h/live/key")
    }

    fn failure(login: &mut Login, description: &str) -> String {
        login.answer(description, NONCE).unwrap_err().to_string()
    }

    // The responses below were computed with Python's hashlib and base64.

    #[test]
    fn adobe_is_answered_in_two_steps() {
        let mut login = me();
        let named = login.answer("[ AccessManager.Reject ] : [ code=403 need auth; authmod=adobe ] : ", 0);
        let named = named.unwrap();
        assert_eq!(named.app, "live?authmod=adobe&user=me");
        assert_eq!(named.tc_url, "rtmp://h:1935/live?authmod=adobe&user=me");
        let description = "[ AccessManager.Reject ] : [ authmod=adobe ] : \
            ?reason=needauth&user=me&salt=G6XbNw==&challenge=uvQAAA==&opaque=uvQAAA==";
        let answered = login.answer(description, NONCE).unwrap();
        assert_eq!(
            answered.app,
            "live?authmod=adobe&user=me&challenge=deadc0de&response=zyYQYwz5hXBKbR0zFs1EYA==&opaque=uvQAAA=="
        );
        assert_eq!((answered.stream.as_str(), &answered.tc_url[..22]), ("key", "rtmp://h:1935/live?aut"));
        assert!(failure(&mut login, description).contains("password of the user \"me\""));
    }

    #[test]
    fn adobe_without_opaque_takes_the_challenge() {
        let description = "[ authmod=adobe ] : ?reason=needauth&user=me&salt=abc&challenge=12345678";
        let answered = me().answer(description, NONCE).unwrap();
        assert_eq!(
            answered.app,
            "live?authmod=adobe&user=me&challenge=deadc0de&response=63ytIuKkuPWHqw6TZFrkmw=="
        );
    }

    #[test]
    fn limelight_is_answered_for_apps_with_and_without_an_instance() {
        let description = "[ AccessManager.Reject ] : [ authmod=llnw ] : \
            ?reason=needauth&user=me&nonce=0a1b2c3d4e5f";
        for (url, app, response) in [
            ("rtmp://me:p%40ss@h/live/key", "live", "4bcf9f2c3136dcd79194663a83f6f4a2"),
            ("rtmp://me:p%40ss@h/live/inst/key", "live/inst", "4939af4edfd7e028f6217ed0481685ca"),
        ] {
            let mut login = login(url);
            let named = login.answer("[ code=403 need auth; authmod=llnw ]", NONCE).unwrap();
            assert_eq!(named.app, format!("{app}?authmod=llnw&user=me"));
            let answered = login.answer(description, NONCE).unwrap();
            let answer = "authmod=llnw&user=me&nonce=0a1b2c3d4e5f&cnonce=deadc0de&nc=00000001";
            assert_eq!(answered.app, format!("{app}?{answer}&response={response}"));
        }
    }

    #[test]
    fn what_cannot_be_answered_is_said() {
        let need = "[ code=403 need auth; authmod=adobe ]";
        assert!(failure(&mut login("rtmp://h/live/key"), need).contains("rtmp://user:password@host"));
        assert!(failure(&mut login("rtmp://:x@h/live/key"), need).contains("rtmp://user:password@host"));
        assert!(failure(&mut me(), "[ authmod=adobe ] : ?reason=nosuchuser").contains("no user \"me\""));
        assert!(failure(&mut me(), "[ authmod=llnw ] : ?reason=authfailed&x=1").contains("the password of"));
        let unknown = failure(&mut me(), "[ code=403 need auth; authmod=kerberos ]");
        assert!(unknown.contains("\"kerberos\"") && unknown.contains("adobe and llnw"), "{unknown}");
        let mut twice = me();
        assert!(twice.answer(need, NONCE).is_ok());
        assert!(failure(&mut twice, need).contains("the password of"), "asked for the same again");
    }

    proptest::proptest! {
        #[test]
        fn whatever_a_server_says_is_answered_or_refused_in_three_steps(
            words in "(need auth; authmod=(adobe|llnw) )?\\PC{0,20}([?]reason=(needauth|x)[&=a-z]{0,40})?",
        ) {
            let mut login = me();
            let answers = (0..4).filter(|_| login.answer(&words, NONCE).is_ok()).count();
            proptest::prop_assert!(answers <= 2, "{answers} answers to {words}");
        }
    }

    #[test]
    fn a_user_cannot_break_out_of_the_query_and_the_apps_own_query_stays() {
        let mut login = login("rtmp://a%26b%3D%25%20%C3%A9:x@h/live?t=1/key");
        let named = login.answer("[ code=403 need auth; authmod=adobe ]", NONCE).unwrap();
        assert_eq!(named.app, "live?t=1&authmod=adobe&user=a%26b%3D%25%20é");
    }
}
