//! Whose work is in a program, and under which terms.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::{Platform, Profile};
use crate::shell::{Outcome, cargo};

/// How files of terms are called.
const NAMES: [&str; 5] = ["LICENSE", "LICENCE", "COPYING", "NOTICE", "UNLICENSE"];

/// Every crate in the program with its licence, then each text once, with the crates that it is for.
pub(super) fn text(platform: &Platform, profile: &Profile) -> Outcome<String> {
    let packages = profile.tree(platform, "normal", "{p}|{l}")?;
    let folders = folders()?;
    let mut list = String::from("What is in this program, and under which licence:\n\n");
    let mut texts: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for line in &packages {
        let (package, licence) = line.split_once('|').unwrap_or((line, ""));
        // The project's own has its path behind it, a macro its kind.
        let id = package.split(" (").next().unwrap_or(package);
        list += &format!("  {id}: {licence}\n");
        for text in folders.get(id).map(|folder| terms(folder)).unwrap_or_default() {
            texts.entry(text).or_default().push(id.to_string());
        }
    }
    list += "\nThe standard library of Rust (MIT OR Apache-2.0) is in it too.\n";
    for (text, packages) in &texts {
        list += &format!("\n{}\n{}:\n\n{text}\n", "-".repeat(80), packages.join(", "));
    }
    Ok(list)
}

/// The texts beside a crate's manifest.
fn terms(folder: &Path) -> Vec<String> {
    let files = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let is_terms = |path: &PathBuf| {
        let name = path.file_name().map(|name| name.to_string_lossy().to_uppercase()).unwrap_or_default();
        NAMES.iter().any(|start| name.starts_with(start))
    };
    let mut paths: Vec<PathBuf> = files.map(|entry| entry.path()).filter(is_terms).collect();
    paths.sort();
    let texts = paths.iter().filter_map(|path| std::fs::read_to_string(path).ok());
    texts.map(|text| text.replace("\r\n", "\n").trim().to_string()).collect()
}

/// Where each crate is, by `name vVERSION`.
fn folders() -> Outcome<BTreeMap<String, PathBuf>> {
    let said = cargo(["metadata", "--format-version", "1"]).output();
    let said = said.map_err(|error| format!("cargo metadata: {error}"))?;
    let json = String::from_utf8_lossy(&said.stdout).into_owned();
    let metadata: serde_json::Value =
        serde_json::from_str(&json).map_err(|error| format!("cargo metadata: {error}"))?;
    let packages = metadata["packages"].as_array().map(Vec::as_slice).unwrap_or_default();
    let folder = |package: &serde_json::Value| {
        let id = format!("{} v{}", package["name"].as_str()?, package["version"].as_str()?);
        Some((id, Path::new(package["manifest_path"].as_str()?).parent()?.to_path_buf()))
    };
    Ok(packages.iter().filter_map(folder).collect())
}
