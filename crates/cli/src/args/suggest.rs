//! The known word that looks most like an unknown one.

/// The nearest of `known`, where one is near enough to be a slip of the fingers.
pub(crate) fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word: Vec<char> = word.chars().take(64).collect();
    let allowed = (word.len() / 3).clamp(1, 3);
    known
        .into_iter()
        .map(|candidate| (distance(&word, &candidate.chars().collect::<Vec<_>>()), candidate))
        .filter(|(distance, candidate)| *distance <= allowed && *distance < candidate.chars().count())
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// Insertions, deletions, replacements and swaps of neighbours that turn one word into the other.
fn distance(from: &[char], to: &[char]) -> usize {
    let mut before: Vec<usize> = Vec::new();
    let mut above: Vec<usize> = (0..=to.len()).collect();
    for (row, letter) in from.iter().enumerate() {
        let mut current = vec![row + 1];
        for (column, other) in to.iter().enumerate() {
            let mut best = (above[column] + usize::from(letter != other))
                .min(above[column + 1] + 1)
                .min(current[column] + 1);
            if row > 0 && column > 0 && from[row - 1] == *other && to[column - 1] == *letter {
                best = best.min(before[column - 1] + 1);
            }
            current.push(best);
        }
        before = std::mem::replace(&mut above, current);
    }
    above[to.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn letters(word: &str) -> Vec<char> {
        word.chars().collect()
    }

    #[test]
    fn distances() {
        for (from, to, steps) in
            [("", "abc", 3), ("presset", "preset", 1), ("perset", "preset", 1), ("a", "b", 1)]
        {
            assert_eq!(distance(&letters(from), &letters(to)), steps, "{from} {to}");
            assert_eq!(distance(&letters(to), &letters(from)), steps, "{to} {from}");
        }
    }

    #[test]
    fn the_nearest_and_only_if_near() {
        let known = ["preset", "pix_fmt", "shortest", "t"];
        assert_eq!(nearest("presset", known), Some("preset"));
        assert_eq!(nearest("pixfmt", known), Some("pix_fmt"));
        assert_eq!(nearest("shorttest", known), Some("shortest"));
        assert_eq!(nearest("xyzzy", known), None);
        assert_eq!(nearest("q", known), None, "one letter for another is no slip");
    }
}
