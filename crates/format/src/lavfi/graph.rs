//! The text of a graph to sources and their options.

use brooklet_media::{Error, Result};

/// A filter of a graph and the text of its options.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Filter<'a> {
    pub(super) name: &'a str,
    options: &'a str,
}

/// The chains of a graph, each a source and the filters after it. Labels are left out: outputs count in order.
pub(super) fn parse(text: &str) -> Vec<Vec<Filter<'_>>> {
    let chains = split(text, ';').into_iter().map(|chain| {
        split(chain, ',').into_iter().map(filter).filter(|filter| !filter.name.is_empty()).collect()
    });
    chains.filter(|chain: &Vec<_>| !chain.is_empty()).collect()
}

/// The options of one filter, each under its full name.
#[derive(Debug)]
pub(super) struct Options {
    values: Vec<(&'static str, String)>,
}

impl Options {
    /// Reads `key=value` and plain values, which stand for the options in the order of `known`. Each entry of
    /// that is an option's names, the full one first.
    ///
    /// # Errors
    ///
    /// [`Error::Usage`] for an option that is not known, or too many plain values.
    pub(super) fn parse(filter: Filter<'_>, known: &[&[&'static str]]) -> Result<Self> {
        let full_names: Vec<&'static str> = known.iter().filter_map(|names| names.first().copied()).collect();
        let (mut values, mut plain) = (Vec::new(), full_names.iter());
        for part in split(filter.options, ':').into_iter().filter(|part| !part.is_empty()) {
            let named = part.split_once('=').filter(|(key, _)| is_name(key));
            let name = match named {
                Some((key, _)) => known
                    .iter()
                    .find(|names| names.contains(&key.trim()))
                    .and_then(|names| names.first())
                    .ok_or_else(|| unknown(filter.name, key, &full_names))?,
                None => plain.next().ok_or_else(|| {
                    Error::Usage(format!("too many options for {}: {}", filter.name, full_names.join(":")))
                })?,
            };
            values.push((*name, unescape(named.map_or(part, |(_, value)| value))));
        }
        Ok(Self { values })
    }

    /// What an option was set to, read by `parse`; the last counts where there are several.
    ///
    /// # Errors
    ///
    /// What `parse` says.
    pub(super) fn value<T>(&self, name: &str, parse: impl Fn(&str) -> Result<T>) -> Result<Option<T>> {
        self.values.iter().rev().find(|(known, _)| *known == name).map(|(_, value)| parse(value)).transpose()
    }
}

fn unknown(filter: &str, option: &str, known: &[&str]) -> Error {
    Error::Usage(format!("{filter} has no option '{option}'; it has {}", known.join(", ")))
}

fn is_name(text: &str) -> bool {
    text.trim().bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

fn filter(text: &str) -> Filter<'_> {
    let text = without_labels(text.trim());
    let (name, options) = text.split_once('=').unwrap_or((text, ""));
    Filter { name: name.trim(), options }
}

/// Without `[label]` at either end.
fn without_labels(mut text: &str) -> &str {
    while let Some((_, rest)) = text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        text = rest.trim();
    }
    while let Some((rest, _)) = text.strip_suffix(']').and_then(|rest| rest.rsplit_once('[')) {
        text = rest.trim();
    }
    text
}

/// Parts between `separator`s that are neither quoted, escaped nor in a label.
fn split(text: &str, separator: char) -> Vec<&str> {
    let (mut parts, mut start, mut quoted, mut escaped, mut label) = (Vec::new(), 0, false, false, false);
    for (at, letter) in text.char_indices() {
        let plain = !quoted && !escaped && !label;
        match letter {
            '\'' if !escaped => quoted = !quoted,
            '[' if plain => label = true,
            ']' if !quoted && !escaped => label = false,
            _ if letter == separator && plain => {
                parts.push(&text[start..at]);
                start = at + letter.len_utf8();
            }
            _ => {}
        }
        escaped = letter == '\\' && !escaped && !quoted;
    }
    parts.push(&text[start..]);
    parts
}

/// Without quotes and backslashes.
fn unescape(text: &str) -> String {
    let (mut out, mut quoted, mut letters) = (String::new(), false, text.trim().chars());
    while let Some(letter) = letters.next() {
        match letter {
            '\'' => quoted = !quoted,
            '\\' if !quoted => out.extend(letters.next()),
            _ => out.push(letter),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_escapes_labels_and_chains() {
        let graph = parse("[in] a=x='1,2':y=3\\;4 , b [o]; c[out1];");
        let names: Vec<Vec<_>> = graph.iter().map(|chain| chain.iter().map(|f| f.name).collect()).collect();
        assert_eq!(names, [vec!["a", "b"], vec!["c"]]);
        let options = Options::parse(graph[0][0], &[&["x"], &["y"]]).unwrap();
        let text = |name| options.value(name, |text| Ok(text.to_owned())).unwrap();
        assert_eq!((text("x"), text("y")), (Some("1,2".into()), Some("3;4".into())));
    }

    #[test]
    fn plain_values_go_in_order_and_times_may_have_colons() {
        let graph = parse("s=2:r=00\\:01:last='1:2'");
        let known: [&[&str]; 3] = [&["first", "f"], &["rate", "r"], &["last"]];
        let options = Options::parse(graph[0][0], &known).unwrap();
        let text = |name| options.value(name, |text| Ok(text.to_owned())).unwrap().unwrap_or_default();
        assert_eq!([text("first"), text("rate"), text("last")], ["2", "00:01", "1:2"]);
    }
}
