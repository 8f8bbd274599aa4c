//! Command lines as scripts write them.

mod mistakes;
mod network;
mod play;
mod scripts;
mod verbs;

use brooklet::job::{InputSpec, OutputSpec};

use super::*;

/// Splits as a shell does, as far as these tests need it: at blanks outside of quotes.
fn words(line: &str) -> Vec<OsString> {
    let (mut words, mut word, mut quote, mut any) = (Vec::new(), String::new(), None, false);
    for letter in line.chars() {
        match (quote, letter) {
            (None, '\'' | '"') => (quote, any) = (Some(letter), true),
            (Some(open), _) if open == letter => quote = None,
            (None, ' ') if any => {
                words.push(std::mem::take(&mut word).into());
                any = false;
            }
            (None, ' ') => {}
            _ => {
                word.push(letter);
                any = true;
            }
        }
    }
    if any {
        words.push(word.into());
    }
    words
}

fn read(line: &str) -> Result<Command, UsageError> {
    parse(words(line))
}

/// What the line without the program's name converts.
fn convert(line: &str) -> Convert {
    match read(line) {
        Ok(Command::Convert(convert)) => convert,
        Ok(other) => panic!("{line}\nis {other:?}"),
        Err(error) => panic!("{line}\n{error}"),
    }
}

/// Its only input and only output.
fn one(line: &str) -> (InputSpec, OutputSpec) {
    let job = convert(line).job;
    assert_eq!((job.inputs.len(), job.outputs.len()), (1, 1), "{line}");
    (job.inputs[0].clone(), job.outputs[0].clone())
}

fn error(line: &str) -> String {
    match read(line) {
        Ok(command) => panic!("{line}\nis {command:?}"),
        Err(error) => error.to_string(),
    }
}
