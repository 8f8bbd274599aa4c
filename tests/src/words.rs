//! Command lines, short to write.

use std::path::Path;

/// The words of a command line, split at white space; each `{}` stands for the next of `paths`.
///
/// ```
/// use std::path::Path;
/// let words = brooklet_tests::words::words("-i {} -f null -", &[Path::new("a clip.mp4")]);
/// assert_eq!(words, ["-i", "a clip.mp4", "-f", "null", "-"]);
/// ```
#[track_caller]
pub fn words(line: &str, paths: &[&Path]) -> Vec<String> {
    let mut paths = paths.iter();
    let mut fill = |word: &str| match word.split_once("{}") {
        Some((before, after)) => {
            let path = paths.next().unwrap_or_else(|| panic!("a path is missing: {line}"));
            format!("{before}{}{after}", path.display())
        }
        None => word.to_owned(),
    };
    let words = line.split_whitespace().map(&mut fill).collect();
    assert!(paths.next().is_none(), "more paths than places: {line}");
    words
}
