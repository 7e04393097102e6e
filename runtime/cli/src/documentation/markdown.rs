//! The book's page on all commands.

use std::fmt::Write;

use clap::{Arg, ArgAction, Command};

use super::schemas;
use crate::grammar::{EXIT_STATUS, GROUPS};

/// All commands that are not hidden, as Markdown.
pub fn reference(command: &Command) -> String {
    let mut page = String::from(
        "<!-- Written by `cryptlet documentation --markdown`; change the code instead. -->\n\n\
         # Commands\n\n",
    );
    page.push_str(
        "`--help` and `--color auto|always|never` belong to every command and are not repeated \
         below. Results go to\nstandard output, everything else to standard error: with `--json`, \
         too, a failure is a sentence there.\nThe HTTP \
         API of `cryptlet serve` is described in [openapi.json](openapi.json).\n\n\
         | exit status | meaning |\n|---|---|\n",
    );
    for (status, meaning) in EXIT_STATUS {
        let _ = writeln!(page, "| {status} | {meaning} |");
    }
    for (title, names) in GROUPS {
        let _ = writeln!(page, "\n## {title}");
        for name in names.iter().filter(|name| **name != "help") {
            if let Some(command) = command.find_subcommand(name) {
                section(command, &mut page);
            }
        }
    }
    page
}

/// A command and those below it.
fn section(command: &Command, page: &mut String) {
    let name = command.get_bin_name().unwrap_or(command.get_name());
    let _ = writeln!(page, "\n### {name}\n");
    if let Some(about) = command.get_long_about().or(command.get_about()) {
        let _ = writeln!(page, "{}\n", full_sentence(&about.to_string()));
    }
    let usage = command.clone().render_usage().to_string();
    let usage = usage.trim_start_matches("Usage: ");
    let _ = writeln!(page, "```text\n{usage}\n```");
    arguments(command, page);
    if let Some(output) = schemas::output_of(name) {
        let file = output.file();
        let _ = writeln!(
            page,
            "\n`--json` prints what [{file}](schemas/{file}) says."
        );
    }
    if let Some(after) = command.get_after_long_help().or(command.get_after_help()) {
        let _ = writeln!(page, "\n```text\n{after}\n```");
    }
    for below in command.get_subcommands() {
        if below.get_name() != "help" && !below.is_hide_set() {
            section(below, page);
        }
    }
}

fn arguments(command: &Command, page: &mut String) {
    let mut shown = command
        .get_arguments()
        .filter(|argument| !of_every_command(argument) && !argument.is_hide_set())
        .peekable();
    if shown.peek().is_none() {
        return;
    }
    page.push_str("\n| argument | meaning |\n|---|---|\n");
    for argument in shown {
        let _ = writeln!(page, "| `{}` | {} |", form(argument), meaning(argument));
    }
}

fn of_every_command(argument: &Arg) -> bool {
    argument.is_global_set()
        || matches!(
            argument.get_action(),
            ArgAction::Help | ArgAction::HelpShort | ArgAction::HelpLong | ArgAction::Version
        )
}

/// As it is typed: `-o, --output <FILE>`.
fn form(argument: &Arg) -> String {
    match (argument.get_short(), argument.get_long()) {
        (Some(short), Some(long)) => format!("-{short}, --{long}{}", values(argument)),
        _ => argument.to_string(),
    }
    .replace('|', "\\|")
}

fn values(argument: &Arg) -> String {
    if !argument.get_action().takes_values() {
        return String::new();
    }
    argument
        .get_value_names()
        .unwrap_or_default()
        .iter()
        .map(|name| format!(" <{name}>"))
        .collect()
}

fn meaning(argument: &Arg) -> String {
    let help = argument.get_long_help().or(argument.get_help());
    let mut meaning = full_sentence(&help.map(ToString::to_string).unwrap_or_default());
    let possible: Vec<String> = argument
        .get_possible_values()
        .iter()
        .filter(|value| !value.is_hide_set())
        .map(|value| format!("`{}`", value.get_name()))
        .collect();
    if argument.get_action().takes_values() && !possible.is_empty() {
        let _ = write!(meaning, " One of {}.", possible.join(", "));
    }
    let defaults: Vec<String> = argument
        .get_default_values()
        .iter()
        .map(|value| format!("`{}`", value.to_string_lossy()))
        .collect();
    if argument.get_action().takes_values() && !defaults.is_empty() {
        let _ = write!(meaning, " By default {}.", defaults.join(", "));
    }
    meaning
        .trim()
        .replace('|', "\\|")
        .replace("\n\n", "<br>")
        .replace('\n', " ")
}

/// clap takes the last full stop away.
fn full_sentence(text: &str) -> String {
    match text.chars().last() {
        Some(last) if !last.is_ascii_punctuation() || last == '`' || last == ')' => {
            format!("{text}.")
        }
        _ => text.to_owned(),
    }
}
