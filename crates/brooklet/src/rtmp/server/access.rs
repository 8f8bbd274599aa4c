//! Who may publish, and who may play.

use crate::{Error, Result};

/// Who may do something.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Access {
    /// Whoever comes.
    #[default]
    Anyone,
    /// Who shows this token.
    Token(Token),
    /// Nobody.
    Nobody,
}

/// A secret that stands in the URL: `rtmp://host/live/app?token=…`.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

impl Token {
    /// A token of letters, digits and `-._~`, which stand in a URL as they are.
    ///
    /// # Errors
    ///
    /// [`Error::Usage`] where there is another character, or none.
    pub fn new(text: &str) -> Result<Self> {
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "-._~".contains(c);
        if text.is_empty() || !text.chars().all(is_plain) {
            let what = "a token has letters, digits and -._~, which stand in a URL as they are";
            return Err(Error::Usage(what.into()));
        }
        Ok(Self(text.into()))
    }
}

/// Without the secret.
impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Token(…)")
    }
}

impl Access {
    /// Whether somebody may who shows this token, or none.
    pub fn admits(&self, shown: Option<&str>) -> bool {
        match self {
            Self::Anyone => true,
            Self::Token(expected) => {
                shown.is_some_and(|shown| is_same(expected.0.as_bytes(), shown.as_bytes()))
            }
            Self::Nobody => false,
        }
    }

    /// Whether somebody with these queries may; else why not.
    pub(super) fn check(&self, queries: [&str; 2]) -> Result<(), &'static str> {
        if !matches!(self, Self::Token(_)) {
            return if self.admits(None) { Ok(()) } else { Err("this is not offered here") };
        }
        let mut shown = queries.into_iter().flat_map(|query| query.split('&')).filter_map(|option| {
            option.split_once('=').filter(|(name, _)| *name == "token").map(|(_, value)| value)
        });
        match shown.next_back() {
            None => Err("a token is needed: write ?token=... behind the name of the stream"),
            Some(shown) if self.admits(Some(shown)) => Ok(()),
            Some(_) => Err("the token is wrong"),
        }
    }
}

/// Takes as long wherever the two differ: from its time nobody learns how much of a guess was right.
fn is_same(secret: &[u8], shown: &[u8]) -> bool {
    let mut different = u8::from(secret.len() != shown.len());
    for (byte, secret) in shown.iter().zip(secret.iter().cycle()) {
        different |= std::hint::black_box(byte ^ secret);
    }
    different == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_looked_for_in_both_queries() {
        let access = Access::Token(Token::new("s3cret").unwrap());
        for queries in [["token=s3cret", ""], ["", "a=b&token=s3cret&c"], ["token=no", "token=s3cret"]] {
            assert_eq!(access.check(queries), Ok(()), "{queries:?}");
        }
        let wrong = ["", "token", "tokens=s3cret", "x=token"];
        assert!(
            wrong.iter().all(|query| access.check([query, ""]).is_err_and(|why| why.contains("?token=")))
        );
        let wrong =
            ["token=", "token=s3cre", "token=s3crets", "token=s3cret1", "token=S3cret", "token=s3crets3cret"];
        assert!(wrong.iter().all(|query| access.check([query, ""]) == Err("the token is wrong")));
        assert!(access.check(["token=s3cret", "token=no"]).is_err(), "the last counts");
        assert_eq!(Access::Anyone.check(["", ""]), Ok(()));
        assert!(Access::Nobody.check(["token=s3cret", ""]).is_err());
    }

    #[test]
    fn tokens_are_plain_and_not_shown() {
        assert!(["", "a b", "a&b", "ä", "a\n"].iter().all(|text| Token::new(text).is_err()));
        assert!(!format!("{:?}", Access::Token(Token::new("s3cret").unwrap())).contains("s3cret"));
    }
}
