//! Which crate takes how much of a program, by its symbols.

use std::collections::{BTreeMap, HashSet};
use std::path::Path;

use object::{Object, ObjectSymbol};

use crate::shell::Outcome;

/// Crates that are named; the others are added up.
const NAMED: usize = 40;

/// A table of crates and bytes, the largest first, under a head. Code that was inlined counts where it was inlined.
pub(super) fn report(program: &Path, head: &str) -> Outcome<String> {
    let failed = |error: &dyn std::fmt::Display| format!("{}: {error}", program.display());
    let bytes = std::fs::read(program).map_err(|error| failed(&error))?;
    let file = object::File::parse(&*bytes).map_err(|error| failed(&error))?;
    let mut sizes: BTreeMap<String, u64> = BTreeMap::new();
    // Functions that came out alike are one, by several names.
    let mut seen = HashSet::new();
    for symbol in file.symbols().filter(|symbol| symbol.size() > 0 && seen.insert(symbol.address())) {
        *sizes.entry(owner(symbol.name().unwrap_or_default())).or_default() += symbol.size();
    }
    if sizes.is_empty() {
        return Err(format!("{}: no symbols in it", program.display()));
    }
    let mut rows: Vec<(String, u64)> = sizes.into_iter().collect();
    rows.sort_by_key(|(name, size)| (std::cmp::Reverse(*size), name.clone()));
    let rest: u64 = rows.iter().skip(NAMED).map(|(_, size)| size).sum();
    let mut text = format!("{head}\n\nCode and data by crate, bytes, where a symbol says whose it is:\n\n");
    for (name, size) in rows.iter().take(NAMED) {
        text += &format!("{size:>10}  {name}\n");
    }
    if rest > 0 {
        text += &format!("{rest:>10}  {} others\n", rows.len() - NAMED);
    }
    Ok(text)
}

/// The crate that a symbol comes from: the first name in its path.
fn owner(symbol: &str) -> String {
    let Ok(name) = rustc_demangle::try_demangle(symbol) else { return "C library and start-up".into() };
    let name = name.to_string();
    let path = name.trim_start_matches(['<', '&', '*', '(', '[']);
    let path = path.strip_prefix("mut ").or(path.strip_prefix("dyn ")).unwrap_or(path);
    let end = path.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(path.len());
    match &path[..end] {
        "core" | "alloc" | "std" | "compiler_builtins" | "" => "standard library".into(),
        own => own.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn symbols_belong_to_the_first_crate_in_their_path() {
        assert_eq!(owner("_ZN13brooklet_rtmp6client6Client4poll17h0123456789abcdefE"), "brooklet_rtmp");
        assert_eq!(owner("_ZN4core3fmt5Write9write_fmt17h0123456789abcdefE"), "standard library");
        assert_eq!(owner("memcpy"), "C library and start-up");
    }
}
