//! Candidates with a name in place of an address: how browsers hide where they are from pages that may not use the camera
//! (draft-ietf-mmusic-mdns-ice-candidates).

use std::net::IpAddr;

/// Where the address stands in a candidate's line (RFC 8839 §5.1).
const ADDRESS: usize = 4;

/// A candidate of a peer whose address is to be asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HiddenCandidate {
    /// What to ask for: `….local`, letters, digits and hyphens.
    pub name: String,
    line: String,
}

impl HiddenCandidate {
    /// A line of UDP, `candidate:…`, that has a name; `None` for any other.
    pub(super) fn read(line: &str) -> Option<Self> {
        let mut fields = line.split_ascii_whitespace();
        let is_udp = fields.nth(2)?.eq_ignore_ascii_case("udp");
        let name = fields.nth(1).filter(|_| is_udp)?;
        let label = name.strip_suffix(".local")?;
        let is_plain = label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        ((1..=63).contains(&label.len()) && is_plain).then(|| Self { name: name.into(), line: line.into() })
    }

    /// The same with its address, as [`Session::add_candidates`](crate::Session::add_candidates) takes it.
    pub fn at(&self, ip: IpAddr) -> String {
        let (ip, mut line) = (ip.to_string(), String::from("a="));
        for (index, field) in self.line.split_ascii_whitespace().enumerate() {
            let field = if index == ADDRESS { &ip } else { field };
            line = line + if index == 0 { "" } else { " " } + field;
        }
        line + "\r\n"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_gets_its_address() {
        let name = "3bd3eea8-1f99-44b5-9a58-392f7d2cf254.local";
        let line = format!("candidate:3275577626 1 udp 2113937151 {name} 56178 typ host generation 0");
        let hidden = HiddenCandidate::read(&line).unwrap();
        assert_eq!(hidden.name, name);
        let whole = "a=candidate:3275577626 1 udp 2113937151 192.0.2.9 56178 typ host generation 0\r\n";
        assert_eq!(hidden.at([192, 0, 2, 9].into()), whole);
    }

    #[test]
    fn what_is_no_such_name_is_left() {
        let long = "a".repeat(64) + ".local";
        for address in ["192.0.2.9", "example.net", "a.b.local", ".local", "local", "a_b.local", &long] {
            assert_eq!(HiddenCandidate::read(&format!("candidate:1 1 udp 5 {address} 9 typ host")), None);
        }
        assert_eq!(HiddenCandidate::read("candidate:1 1 tcp 5 a.local 9 typ host"), None);
        assert_eq!(HiddenCandidate::read("candidate:1 1"), None);
    }
}
