//! The name that was probably meant.

/// The one of `names` that is most like `name`; `None` where none is alike.
pub(super) fn nearest<'a>(name: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    // Longer ones are no slips of the finger, and cost time.
    if name.len() > 64 {
        return None;
    }
    let measured = names.map(|known| (distance(name, known), known));
    let allowed = 1 + name.len() / 4;
    measured.filter(|(distance, _)| *distance <= allowed).min().map(|(_, known)| known)
}

/// How many letters must be put in, taken out or changed to make one of the other (Levenshtein).
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (line, letter) in a.bytes().enumerate() {
        let mut diagonal = line;
        let mut left = line + 1;
        for (cell, other) in row.iter_mut().skip(1).zip(b.bytes()) {
            let changed = diagonal + usize::from(letter != other);
            diagonal = *cell;
            left = changed.min(left + 1).min(*cell + 1);
            *cell = left;
        }
        row[0] = line + 1;
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances() {
        assert_eq!([distance("", "abc"), distance("kitten", "sitting"), distance("flv", "flv")], [3, 3, 0]);
        assert_eq!(nearest("s16el", ["s16le", "s24le", "wav"].into_iter()), Some("s16le"));
        assert_eq!(nearest("matroska", ["flv", "wav"].into_iter()), None);
    }
}
