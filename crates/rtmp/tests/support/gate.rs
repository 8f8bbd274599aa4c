//! A server's side of the challenges of Adobe and Limelight: what it says to each attempt to connect.
//! Written apart from the client's side, so that neither agrees with the other by sharing a mistake.

use std::collections::HashMap;

use base64ct::{Base64, Encoding};
use brooklet_rtmp::ConnectRequest;
use md5::{Digest, Md5};

const SALT: &str = "Zm9vYmFy";
const OPAQUE: &str = "b3BhcXVl";
const NONCE: &str = "4f1d8a22";

/// A server that knows one user.
#[derive(Clone, Debug)]
pub struct Gate {
    /// `adobe` or `llnw`.
    pub scheme: &'static str,
    /// The user that it knows.
    pub user: &'static str,
    /// The user's password.
    pub password: &'static str,
}

impl Gate {
    /// `None` lets the client in; else the words of the refusal.
    pub fn refusal(&self, request: &ConnectRequest) -> Option<String> {
        let scheme = self.scheme;
        let said: HashMap<&str, &str> =
            request.query.split('&').filter_map(|pair| pair.split_once('=')).collect();
        let reject = |demand: String| {
            Some(format!("[ AccessManager.Reject ] : [ authmod={scheme} ] : ?reason={demand}"))
        };
        let Some(user) = said.get("user") else {
            return Some(format!("[ AccessManager.Reject ] : [ code=403 need auth; authmod={scheme} ] : "));
        };
        if said.get("authmod") != Some(&scheme) || *user != self.user {
            return reject(format!("nosuchuser&user={user}"));
        }
        let Some(response) = said.get("response") else {
            return reject(if scheme == "adobe" {
                format!("needauth&user={user}&salt={SALT}&challenge={OPAQUE}&opaque={OPAQUE}")
            } else {
                format!("needauth&user={user}&nonce={NONCE}")
            });
        };
        let right = if scheme == "adobe" { self.adobe(&said) } else { self.limelight(&said, &request.app) };
        if right.as_deref() == Some(*response) { None } else { reject(format!("authfailed&user={user}")) }
    }

    fn adobe(&self, said: &HashMap<&str, &str>) -> Option<String> {
        let theirs = said.get("challenge")?;
        let stored = Base64::encode_string(&Md5::digest(format!("{}{SALT}{}", self.user, self.password)));
        Some(Base64::encode_string(&Md5::digest(format!("{stored}{OPAQUE}{theirs}"))))
    }

    fn limelight(&self, said: &HashMap<&str, &str>, app: &str) -> Option<String> {
        if said.get("nonce") != Some(&NONCE) {
            return None;
        }
        let (cnonce, count) = (said.get("cnonce")?, said.get("nc")?);
        let instance = if app.contains('/') { String::new() } else { "/_definst_".to_owned() };
        let stored = format!("{:x}", Md5::digest(format!("{}:live:{}", self.user, self.password)));
        let request = format!("{:x}", Md5::digest(format!("publish:/{app}{instance}")));
        let all = format!("{stored}:{NONCE}:{count}:{cnonce}:auth:{request}");
        Some(format!("{:x}", Md5::digest(all)))
    }
}
