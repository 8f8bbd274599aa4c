//! The grammar of a chain: `name=value:key=value,name`, with `'quotes'` and `\escapes`.

use brooklet_media::{Error, Result};

/// The most filters in one chain.
const MAX_FILTERS: usize = 64;

/// One filter of a chain.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct FilterArgs {
    pub(crate) name: String,
    /// Values, some with the key that they were given for.
    values: Vec<(Option<String>, String)>,
}

/// Splits a chain into its filters. An empty chain has none.
pub(crate) fn parse_chain(chain: &str) -> Result<Vec<FilterArgs>> {
    if chain.trim().is_empty() {
        return Ok(Vec::new());
    }
    let parts = split(chain, ',')?;
    Error::check_limit(
        "filters",
        "the number of filters in a chain",
        parts.len() as u64,
        MAX_FILTERS as u64,
    )?;
    parts.into_iter().map(parse_filter).collect()
}

fn parse_filter(text: &str) -> Result<FilterArgs> {
    let text = text.trim();
    if text.contains(';') || text.starts_with('[') || text.ends_with(']') {
        return Err(Error::unsupported(
            "a filter graph with labels or ';'",
            "chains of filters joined by ','",
        ));
    }
    let (name, rest) = text.split_once('=').map_or((text, None), |(name, rest)| (name, Some(rest)));
    if name.is_empty() {
        return Err(Error::Usage("a filter without a name: two commas, or one at an end".into()));
    }
    let mut values = Vec::new();
    for value in rest.map_or(Ok(Vec::new()), |rest| split(rest, ':'))? {
        // An option's key is a word: `gt(a,b)=1` has none.
        let (key, value) = match value.split_once('=') {
            Some((key, value)) if key.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') => {
                (Some(key.trim().to_owned()), value)
            }
            _ => (None, value),
        };
        values.push((key, unquote(value)));
    }
    Ok(FilterArgs { name: name.trim().to_owned(), values })
}

impl FilterArgs {
    /// Gives each value the option that it is for: values without a key in the order of `options`, each of which
    /// is its name and aliases: `["w", "width"]`.
    ///
    /// # Errors
    ///
    /// [`Error::Unsupported`] for a key that is none of them, or for a value too many.
    pub(crate) fn bind(&self, options: &[&[&str]]) -> Result<Bound<'_>> {
        let mut bound = Bound { filter: &self.name, values: vec![None; options.len()] };
        let mut unnamed = 0..options.len();
        let all = || options.iter().map(|names| names[0]).collect::<Vec<_>>().join(", ");
        for (key, value) in &self.values {
            let option = match key {
                Some(key) => options.iter().position(|names| names.contains(&key.as_str())),
                None => unnamed.next(),
            };
            let slot = option.and_then(|option| bound.values.get_mut(option)).ok_or_else(|| {
                let option = key.as_deref().unwrap_or(value);
                let all = if options.is_empty() { "none".into() } else { all() };
                Error::unsupported(format!("option '{option}' of the filter {}", self.name), all)
            })?;
            *slot = Some(value.as_str());
        }
        Ok(bound)
    }
}

/// The values of one filter, by the number of their option.
pub(crate) struct Bound<'a> {
    filter: &'a str,
    values: Vec<Option<&'a str>>,
}

impl<'a> Bound<'a> {
    /// The value of an option, where it has one that is not empty.
    pub(crate) fn value(&self, option: usize) -> Option<&'a str> {
        self.values.get(option).copied().flatten().filter(|value| !value.is_empty())
    }

    /// What `parse` makes of the value.
    pub(crate) fn parsed<T>(&self, option: usize, parse: impl Fn(&str) -> Result<T>) -> Result<Option<T>> {
        self.value(option).map(parse).transpose()
    }

    /// A clear word for a value that can't be used.
    pub(crate) fn bad(&self, value: &str, wanted: &str) -> Error {
        Error::Usage(format!("{}: '{value}' is not {wanted}", self.filter))
    }
}

/// A filter that is not known, with the nearest that is.
pub(crate) fn unknown(name: &str, known: &[&str]) -> Error {
    let nearest = known.iter().map(|other| (distance(name, other), other)).min();
    let hint = match nearest {
        Some((distance, other)) if distance <= 2 => format!(" (did you mean '{other}'?)"),
        _ => String::new(),
    };
    Error::unsupported(format!("filter '{name}'{hint}"), known.join(", "))
}

/// Splits at `separator` where it is not quoted, escaped or in parentheses.
fn split(text: &str, separator: char) -> Result<Vec<&str>> {
    let (mut parts, mut start, mut quoted, mut escaped, mut depth) = (Vec::new(), 0, false, false, 0u32);
    for (at, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\'' => quoted = !quoted,
            _ if quoted => {}
            '\\' => escaped = true,
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ if c == separator && depth == 0 => {
                parts.push(&text[start..at]);
                start = at + c.len_utf8();
            }
            _ => {}
        }
    }
    if quoted {
        return Err(Error::Usage(format!("a quote that does not end in the filter '{text}'")));
    }
    parts.push(&text[start..]);
    Ok(parts)
}

fn unquote(text: &str) -> String {
    let (mut out, mut quoted, mut escaped) = (String::new(), false, false);
    for c in text.chars() {
        match c {
            _ if escaped => {
                out.push(c);
                escaped = false;
            }
            '\'' => quoted = !quoted,
            '\\' if !quoted => escaped = true,
            _ => out.push(c),
        }
    }
    out
}

/// How many letters to change, add or take away.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().take(64).enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, y) in b.iter().enumerate() {
            let changed = diagonal + usize::from(x != *y);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chains_split_at_commas_outside_of_quotes_and_parentheses() {
        let chain = parse_chain("scale=w='min(iw,640)':h=-2, fps=30,crop=max(1,2):9\\,9 ").unwrap();
        let names: Vec<_> = chain.iter().map(|filter| filter.name.as_str()).collect();
        assert_eq!(names, ["scale", "fps", "crop"]);
        assert_eq!(chain[0].values[0], (Some("w".into()), "min(iw,640)".into()));
        assert_eq!(chain[2].values[0], (None, "max(1,2)".into()));
        assert_eq!(chain[2].values[1], (None, "9,9".into()));
    }

    #[test]
    fn what_is_wrong_is_named() {
        let says = |error: Error, words: &str| assert!(error.to_string().contains(words), "{error}");
        says(parse_chain("scale=1:2,,fps=3").unwrap_err(), "without a name");
        says(parse_chain("scale='1:2").unwrap_err(), "quote");
        says(parse_chain("[0:v]scale=1:2[out]").unwrap_err(), "labels");
        says(unknown("scael", &["fps", "scale"]), "did you mean 'scale'?");
        says(unknown("overlay", &["fps", "scale"]), "'overlay' is not supported; supported: fps, scale");
        let filter = &parse_chain("scale=1:2:q=3").unwrap()[0];
        says(filter.bind(&[&["w"], &["h"]]).err().unwrap(), "option 'q' of the filter scale");
    }
}
