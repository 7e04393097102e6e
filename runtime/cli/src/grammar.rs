//! The command line as clap is told it, with its commands grouped by who uses them.

use std::fmt::Write;

use clap::{Command, CommandFactory, FromArgMatches};

use crate::Arguments;
use crate::terminal::HEADING;

/// Who uses which commands, in the order in which they come to need them.
pub const GROUPS: [(&str, &[&str]); 4] = [
    (
        "Authors",
        &["new", "build", "wit", "test", "run", "inspect", "diff"],
    ),
    (
        "Operators",
        &[
            "serve",
            "config",
            "deploy",
            "bind",
            "invoke",
            "promote",
            "rollback",
            "shadow",
            "canary",
            "withdraw",
            "retire",
            "versions",
            "run-again",
            "pass-over",
            "skip",
            "status",
            "logs",
            "token",
            "key",
            "ls",
            "tx",
            "backup",
            "restore",
            "doctor",
        ],
    ),
    ("Auditors", &["audit", "receipt", "measure", "witness"]),
    ("Everybody", &["check", "completions", "help"]),
];

/// What the exit statuses of all commands mean.
pub const EXIT_STATUS: [(u8, &str); 3] = [
    (0, "all is well"),
    (1, "a check failed, or the work could not be done"),
    (
        2,
        "the command line cannot be followed as it stands, or names what is not there",
    ),
];

/// Reads this process's command line, or says why not and ends.
pub fn arguments() -> Arguments {
    let matches = command().get_matches();
    Arguments::from_arg_matches(&matches).unwrap_or_else(|error| error.exit())
}

/// The whole tree of commands.
pub fn command() -> Command {
    let mut command = Arguments::command().after_help(exit_status());
    // Adds `help`, so that it is listed, too.
    command.build();
    let template = format!(
        "{{about}}\n\n{{usage-heading}} {{usage}}\n\n{}{HEADING}Options:{HEADING:#}\n\
         {{options}}{{after-help}}",
        groups(&command)
    );
    command.help_template(template)
}

fn groups(command: &Command) -> String {
    let width = GROUPS
        .iter()
        .flat_map(|(_, names)| names.iter().map(|name| name.len()))
        .max()
        .unwrap_or_default();
    let mut text = String::new();
    for (title, names) in GROUPS {
        let _ = writeln!(text, "{HEADING}{title}:{HEADING:#}");
        for name in names {
            let about = command
                .find_subcommand(name)
                .and_then(Command::get_about)
                .map(ToString::to_string)
                .unwrap_or_default();
            let _ = writeln!(text, "  {name:width$}  {about}");
        }
        text.push('\n');
    }
    text
}

fn exit_status() -> String {
    let mut text = format!("{HEADING}Exit status:{HEADING:#}");
    for (status, meaning) in EXIT_STATUS {
        let _ = write!(text, "\n  {status}  {meaning}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_grammar_holds_together() {
        command().debug_assert();
    }

    #[test]
    fn every_command_is_in_exactly_one_group() {
        let command = command();
        let mut commands: Vec<&str> = command
            .get_subcommands()
            .filter(|command| !command.is_hide_set())
            .map(Command::get_name)
            .collect();
        let mut grouped: Vec<&str> = GROUPS
            .iter()
            .flat_map(|(_, names)| names.iter().copied())
            .collect();
        commands.sort_unstable();
        grouped.sort_unstable();
        assert_eq!(grouped, commands);
    }

    /// Commands, but not the heads of groups of commands.
    fn without_examples(command: &Command, missing: &mut Vec<String>) {
        let mut below = command
            .get_subcommands()
            .filter(|below| !below.is_hide_set() && below.get_name() != "help")
            .peekable();
        let help = command.get_after_long_help().or(command.get_after_help());
        let help = help.map(ToString::to_string).unwrap_or_default();
        let shown = help.lines().any(|line| line == "Examples:");
        if below.peek().is_none() && !shown {
            missing.push(command.get_bin_name().unwrap_or_default().to_owned());
        }
        below.for_each(|below| without_examples(below, missing));
    }

    #[test]
    fn the_help_of_every_command_has_examples() {
        let mut missing = Vec::new();
        without_examples(&command(), &mut missing);
        assert!(missing.is_empty(), "no examples: {}", missing.join(", "));
    }

    #[test]
    fn the_help_names_groups_and_exit_status() {
        let help = command().render_help().to_string();
        for (title, _) in GROUPS {
            assert!(help.contains(&format!("\n{title}:\n")), "{help}");
        }
        for (status, meaning) in EXIT_STATUS {
            assert!(help.contains(&format!("\n  {status}  {meaning}")), "{help}");
        }
    }
}
