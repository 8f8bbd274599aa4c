//! Files that exist are replaced only where the user says so, and an input never.

use std::collections::HashSet;
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};

use brooklet::job::{InputSpec, Job, OutputSpec};
use brooklet::{OutputDevice, Url};

use crate::args::{Globals, Overwrite};
use crate::failure::Failure;

/// Marks the outputs that may be replaced; asks where there is someone to ask.
pub(crate) fn settle(job: &mut Job, globals: &Globals) -> Result<(), Failure> {
    refuse_twins(&job.outputs)?;
    for output in job.outputs.iter_mut().filter(|output| !is_device(output)) {
        let Some(path) = existing_file(&output.url) else { continue };
        if output.format.as_deref() == Some("null") {
            continue;
        }
        if let Some(input) = job.inputs.iter().find(|input| same_file(input, &path)) {
            let text = format!("{}: this is the input {} too; write to another file", output.url, input.url);
            return Err(Failure::Said(text));
        }
        output.overwrite = match globals.overwrite {
            Overwrite::Always => true,
            Overwrite::Never => {
                return Err(Failure::Said(format!(
                    "{}: the file exists, and -n forbids to replace it",
                    output.url
                )));
            }
            Overwrite::Ask if globals.stdin && io::stdin().is_terminal() && !reads_stdin(&job.inputs) => {
                ask(&output.url)?
            }
            Overwrite::Ask => false,
        };
        if !output.overwrite {
            return Err(Failure::Said(format!("{}: the file exists; -y replaces it", output.url)));
        }
    }
    Ok(())
}

/// Whether stdin is an input, and not the user's.
pub(crate) fn reads_stdin(inputs: &[InputSpec]) -> bool {
    let stdin = |url: Url| url.scheme == "pipe" && matches!(url.rest.as_str(), "" | "0");
    inputs.iter().any(|input| stdin(Url::parse(&input.url)))
}

/// Two outputs in one file would write over each other.
fn refuse_twins(outputs: &[OutputSpec]) -> Result<(), Failure> {
    let mut seen = HashSet::new();
    let files = outputs
        .iter()
        .filter(|output| !is_device(output))
        .filter_map(|output| Some((&output.url, file_path(&output.url)?)));
    for (url, path) in files.filter(|(_, path)| !path.starts_with("/dev")) {
        if !seen.insert(path) {
            return Err(Failure::Said(format!("{url}: two outputs have this name; give each its own")));
        }
    }
    Ok(())
}

/// Whether its name is no file's.
fn is_device(output: &OutputSpec) -> bool {
    output.format.as_deref().is_some_and(|format| OutputDevice::find(format).is_some())
}

fn ask(url: &str) -> Result<bool, Failure> {
    let _ = write!(io::stderr(), "File '{url}' already exists. Overwrite? [y/N] ");
    let mut answer = String::new();
    io::stdin().read_line(&mut answer).map_err(|reason| Failure::system("stdin", reason))?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}

/// The path of a URL that is a regular file.
fn existing_file(url: &str) -> Option<PathBuf> {
    let path = file_path(url)?;
    std::fs::metadata(&path).is_ok_and(|metadata| metadata.is_file()).then_some(path)
}

fn same_file(input: &InputSpec, path: &Path) -> bool {
    file_path(&input.url)
        .and_then(|input| input.canonicalize().ok())
        .is_some_and(|input| path.canonicalize().is_ok_and(|path| path == input))
}

/// The path of a URL that may be a file.
fn file_path(url: &str) -> Option<PathBuf> {
    let url = Url::parse(url);
    (url.scheme == "file").then(|| url.rest.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(input: &str, output: &str) -> Job {
        Job {
            inputs: vec![InputSpec { url: input.into(), ..InputSpec::default() }],
            outputs: vec![OutputSpec { url: output.into(), ..OutputSpec::default() }],
        }
    }

    fn with(overwrite: Overwrite) -> Globals {
        Globals { overwrite, stdin: false, ..Globals::default() }
    }

    #[test]
    fn a_file_that_exists() {
        let folder = tempfile::tempdir().unwrap();
        let (old, new) = (folder.path().join("old.flv"), folder.path().join("new.flv"));
        std::fs::write(&old, "x").unwrap();
        let (old, new) = (old.to_str().unwrap(), new.to_str().unwrap());
        assert!(settle(&mut job("a.mp4", new), &with(Overwrite::Ask)).is_ok());
        let refused = settle(&mut job("a.mp4", old), &with(Overwrite::Ask)).unwrap_err().line();
        assert!(refused.ends_with("old.flv: the file exists; -y replaces it"), "{refused}");
        let refused = settle(&mut job("a.mp4", old), &with(Overwrite::Never)).unwrap_err().line();
        assert!(refused.contains("-n forbids"), "{refused}");
        let mut replaced = job("a.mp4", &format!("file:{old}"));
        settle(&mut replaced, &with(Overwrite::Always)).unwrap();
        assert!(replaced.outputs[0].overwrite);
        let refused = settle(&mut job(old, old), &with(Overwrite::Always)).unwrap_err().line();
        assert!(refused.contains("this is the input"), "{refused}");
        assert_eq!(std::fs::read(old).unwrap(), b"x");
    }

    #[test]
    fn two_outputs_in_one_file() {
        let mut twins = job("a.mp4", "b.flv");
        twins.outputs.push(OutputSpec { url: "file:b.flv".into(), ..OutputSpec::default() });
        let refused = settle(&mut twins, &with(Overwrite::Always)).unwrap_err().line();
        assert!(refused.contains("two outputs have this name"), "{refused}");
    }

    #[test]
    fn a_device_is_no_file() {
        let folder = tempfile::tempdir().unwrap();
        let named = folder.path().join("default");
        std::fs::write(&named, "x").unwrap();
        let mut job = job("a.mp4", named.to_str().unwrap());
        job.outputs[0].format = Some("pulse".into());
        job.outputs.push(job.outputs[0].clone());
        assert!(settle(&mut job, &with(Overwrite::Ask)).is_ok());
    }

    #[test]
    fn what_is_no_file() {
        for url in ["-", "pipe:1", "rtmp://host/a/b", "/dev/null", "udp://127.0.0.1:1"] {
            assert!(settle(&mut job("a.mp4", url), &with(Overwrite::Ask)).is_ok(), "{url}");
        }
        assert!(reads_stdin(&job("pipe:0", "o").inputs) && !reads_stdin(&job("a", "-").inputs));
    }
}
