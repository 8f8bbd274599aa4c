//! `brooklet completions`: scripts for shells, made from the table of options.

use brooklet_media::{PixelFormat, SampleFormat};

use crate::args::flag::{Choices, Flag, Section, Streams, Takes};
use crate::args::{flags, values};
use crate::command::{Shell, Verb};
use crate::tables;

/// A script to load into a shell.
pub(crate) fn script(shell: Shell) -> String {
    match shell {
        Shell::Bash => bash(),
        Shell::Zsh => zsh(),
        Shell::Fish => fish(),
    }
}

/// A name that may be written, its option, and the words to offer for its value.
struct Entry {
    name: String,
    flag: &'static Flag,
    words: Vec<&'static str>,
}

/// All names but of what is refused, those with a stream specifier too; each once.
fn entries() -> Vec<Entry> {
    let mut entries: Vec<Entry> = Vec::new();
    for flag in flags::all().filter(|flag| flag.section != Section::Refused) {
        let mut names: Vec<String> =
            flag.names().filter(|name| !name.starts_with('?')).map(String::from).collect();
        if flag.streams == Streams::Any {
            let bare = names.iter().take(1 + flag.aliases.len()).cloned().collect::<Vec<_>>();
            names.extend(bare.iter().flat_map(|name| [format!("{name}:v"), format!("{name}:a")]));
        }
        if flag.takes == Takes::Switch {
            names.push(format!("no{}", flag.name));
        }
        for name in names {
            if !entries.iter().any(|entry| entry.name == name) {
                entries.push(Entry { name, flag, words: words(flag.choices) });
            }
        }
    }
    entries
}

fn words(choices: Choices) -> Vec<&'static str> {
    match choices {
        Choices::None | Choices::Files => Vec::new(),
        Choices::Words(words) => words.to_vec(),
        Choices::Formats => tables::format_names(),
        Choices::Codecs => tables::codec_names(),
        Choices::PixelFormats => PixelFormat::ALL.map(PixelFormat::name).to_vec(),
        Choices::SampleFormats => SampleFormat::ALL.map(SampleFormat::name).to_vec(),
        Choices::Sizes => values::SIZE_NAMES.map(|(name, ..)| name).to_vec(),
        Choices::Rates => values::RATE_NAMES.map(|(name, ..)| name).to_vec(),
    }
}

fn bash() -> String {
    let entries = entries();
    let options: Vec<_> = entries.iter().map(|entry| format!("-{}", entry.name)).collect();
    let verbs = Verb::all().map(Verb::name).collect::<Vec<_>>().join(" ");
    let mut cases = String::new();
    for entry in entries.iter().filter(|entry| entry.flag.placeholder().is_some()) {
        let name = &entry.name;
        cases += &match (entry.words.is_empty(), entry.flag.choices) {
            (false, _) => format!("    -{name}) words='{}' ;;\n", entry.words.join(" ")),
            (true, Choices::Files) => {
                format!("    -{name}) mapfile -t COMPREPLY < <(compgen -f -- \"$current\"); return ;;\n")
            }
            (true, _) if matches!(entry.flag.takes, Takes::Maybe(_)) => String::new(),
            (true, _) => format!("    -{name}) return ;;\n"),
        };
    }
    format!(
        r#"# bash completion of brooklet: brooklet completions bash > /etc/bash_completion.d/brooklet
_brooklet() {{
  local IFS=$' \t\n' current before words=''
  COMPREPLY=()
  _brooklet_word
  case "$before" in
{cases}  esac
  if [[ -n $words ]]; then
    mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
  elif [[ $current == -* ]]; then
    mapfile -t COMPREPLY < <(compgen -W '{options}' -- "$current")
    # bash puts the rest after the last colon only.
    [[ $COMP_WORDBREAKS == *:* ]] && COMPREPLY=("${{COMPREPLY[@]#"${{current%"${{current##*:}}"}}"}}")
  else
    mapfile -t COMPREPLY < <(compgen -f -- "$current")
    [[ $COMP_CWORD -eq 1 ]] && COMPREPLY+=($(compgen -W '{verbs}' -- "$current"))
  fi
}}
# The words as brooklet sees them: bash splits at colons, and -c:v is one word.
_brooklet_word() {{
  local line="${{COMP_LINE:0:COMP_POINT}}" parts
  read -ra parts <<< "$line"
  if [[ $line == *' ' ]]; then
    current='' before="${{parts[-1]}}"
  else
    current="${{parts[-1]}}" before="${{parts[-2]:-}}"
  fi
}}
complete -o filenames -F _brooklet brooklet
"#,
        options = options.join(" ")
    )
}

fn zsh() -> String {
    let mut text = String::from(
        "#compdef brooklet\n# brooklet completions zsh > ~/.zfunc/_brooklet\n_arguments -S \\\n",
    );
    for entry in entries() {
        // An option may be there for each input and output: the star lets it be said again.
        let (name, help) = (entry.name.replace(':', "\\:"), quote_zsh(entry.flag.help));
        text += &match entry.flag.placeholder() {
            None => format!("  '*-{name}[{help}]' \\\n"),
            Some(placeholder) => {
                let placeholder = quote_zsh(placeholder);
                let action = match (entry.words.is_empty(), entry.flag.choices) {
                    (false, _) => format!("({})", entry.words.join(" ")),
                    (true, Choices::Files) => "_files".into(),
                    (true, _) => " ".into(),
                };
                let optional = if matches!(entry.flag.takes, Takes::Maybe(_)) { ":" } else { "" };
                format!("  '*-{name}[{help}]{optional}:{placeholder}:{action}' \\\n")
            }
        };
    }
    let verbs = Verb::all().map(Verb::name).collect::<Vec<_>>().join(" ");
    let first =
        format!("{{_alternative \"verbs:verb:({verbs})\" \"files:output:_files\"}}").replace(':', "\\:");
    text + &format!("  '1:verb or output:{first}' \\\n  '*:file:_files'\n")
}

fn fish() -> String {
    let mut text = String::from("# brooklet completions fish > ~/.config/fish/completions/brooklet.fish\n");
    for verb in Verb::all() {
        let help = quote_fish(verb.help());
        text += &format!("complete -c brooklet -n __fish_use_subcommand -a {} -d '{help}'\n", verb.name());
    }
    for entry in entries() {
        let (name, help) = (quote_fish(&entry.name), quote_fish(entry.flag.help));
        let value = match (entry.flag.takes, entry.words.is_empty(), entry.flag.choices) {
            (Takes::Nothing | Takes::Switch, ..) | (Takes::Maybe(_), true, _) => String::new(),
            (_, false, _) => format!(" -x -a '{}'", entry.words.join(" ")),
            (_, true, Choices::Files) => " -r -F".into(),
            (_, true, _) => " -x".into(),
        };
        text += &format!("complete -c brooklet -o '{name}'{value} -d '{help}'\n");
    }
    text
}

fn quote_zsh(text: &str) -> String {
    let mut quoted = String::new();
    for letter in text.chars() {
        match letter {
            '\'' => quoted += "'\\''",
            '[' | ']' | ':' | '\\' => quoted.extend(['\\', letter]),
            _ => quoted.push(letter),
        }
    }
    quoted
}

fn quote_fish(text: &str) -> String {
    text.replace('\\', "\\\\").replace('\'', "\\'")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_option_is_in_every_script() {
        let (bash, zsh, fish) = (script(Shell::Bash), script(Shell::Zsh), script(Shell::Fish));
        let offered = flags::all().filter(|flag| flag.section != Section::Refused);
        for name in offered.flat_map(Flag::names).filter(|name| *name != "?") {
            assert!(bash.split([' ', '\'']).any(|word| word.strip_prefix('-') == Some(name)), "-{name}");
            assert!(zsh.contains(&format!("'*-{name}[")), "-{name}");
            assert!(fish.contains(&format!(" -o '{name}' ")), "-{name}");
        }
        assert!(bash.contains("-c:v") && zsh.contains("-c\\:v[") && fish.contains("'c:v'"));
    }

    #[test]
    fn quotes_are_closed() {
        for line in script(Shell::Zsh)
            .lines()
            .chain(script(Shell::Fish).lines())
            .filter(|line| !line.starts_with('#'))
        {
            let quotes = line.replace("'\\''", "").replace("\\'", "").matches('\'').count();
            assert_eq!(quotes % 2, 0, "{line}");
        }
    }
}
